# SPDX-License-Identifier: MIT
# Write the inputs of survival.R: Rscript cases.R FOLDER
suppressPackageStartupMessages(library(survival))
folder <- commandArgs(trailingOnly = TRUE)[1]
script <- sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))

case <- function(name, time, status, group = 0, stratum = 0) {
    data.frame(case = name, group = group, stratum = stratum, time = time, status = status)
}

# Groups and strata of any kind as numbers from 0.
number <- function(x) as.integer(factor(x)) - 1L

waltons <- read.csv(file.path(dirname(script), "waltons.csv"))
myeloma <- head(mgus2, 250)
known <- list(
    case("aml", aml$time, aml$status, number(aml$x)),
    case("veteran", veteran$time, veteran$status, number(veteran$trt), number(veteran$celltype)),
    case("waltons", waltons$T, waltons$E, number(waltons$group)),
    case("myeloma", with(myeloma, ifelse(pstat == 1, ptime, futime)),
         with(myeloma, ifelse(pstat == 1, 1, 2 * death)), number(myeloma$sex))
)

fixed <- list(
    case("all-censored", rep(2000, 20), 0, rep(0:1, each = 10)),
    case("all-tied", rep(161, 20), 1, rep(0:1, each = 10)),
    case("tied-apart", rep(c(161, 240), each = 10), 1, rep(0:1, each = 10)),
    case("one-seed", c(300, 2000), c(1, 0), 0:1),
    case("one-group", c(5, 7, 7, 9, 12), c(1, 1, 0, 1, 0)),
    case("half-stopped", c(161, 165, 165, 180, 200, rep(2000, 5)), rep(1:0, each = 5)),
    case("flat-middle", c(3, 5, 8, 13, 21, 34), c(1, 1, 1, 2, 1, 1)),
    case("event-before-censoring", c(4, 4, 4, 4, 9, 9, 9, 11), c(1, 0, 1, 0, 0, 2, 1, 0)),
    case("at-zero", c(0, 0, 2, 3, 5), c(1, 0, 1, 1, 0)),
    case("crossing", c(10, 20, 30, 40, 900, 950, 980, 2000, 300, 310, 320, 330, 340, 350, 360, 370),
         c(1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1), rep(0:1, each = 8)),
    case("early-censoring", c(50, 60, 70, 80, 500, 600, 700, 800), c(1, 0, 1, 0, 1, 0, 1, 0),
         rep(0:1, 4), rep(0:1, each = 4)),
    case("empty-stratum", c(5, 6, 7, 8, 9, 9, 12, 15), c(1, 1, 0, 1, 0, 0, 0, 0),
         rep(0:1, 4), rep(0:1, each = 4))
)

# Runs as a sweep has them: 3 strata, 4 groups, 10 seeds, nothing stops before 158, ties, a limit.
sweep <- function() {
    cell <- expand.grid(seed = 1:10, group = 0:3, stratum = 0:2)
    time <- 158 + floor(rexp(nrow(cell), 1 / c(10, 100, 3000)[cell$stratum + 1])) + 3 * cell$group
    case("sweep", pmin(time, 2000), ifelse(time < 2000, sample(1:3, nrow(cell), TRUE), 0),
         cell$group, cell$stratum)
}

random <- function(name, n, groups, strata, causes, digits) {
    group <- sample(0:(groups - 1), n, TRUE)
    time <- rexp(n, 1 / (100 + 40 * group))
    end <- runif(n, 0, 400)
    case(name, round(pmin(time, end), digits),
         ifelse(time <= end, sample(1:causes, n, TRUE), 0), group,
         sample(0:(strata - 1), n, TRUE))
}

set.seed(161)
drawn <- list(
    sweep(),
    random("random-1", 30, 2, 1, 1, 0), random("random-2", 60, 3, 2, 2, -1),
    random("random-3", 120, 5, 4, 3, 0), random("random-4", 200, 4, 3, 4, 3),
    random("random-5", 12, 2, 2, 2, -1), random("random-6", 80, 2, 8, 1, -1)
)
write.csv(do.call(rbind, c(known, fixed, drawn)), file.path(folder, "cases.csv"),
          row.names = FALSE, quote = FALSE)

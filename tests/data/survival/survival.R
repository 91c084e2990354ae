# SPDX-License-Identifier: MIT
# Write what R's survival makes of FOLDER/cases.csv beside it: Rscript survival.R FOLDER
suppressPackageStartupMessages(library(survival))
folder <- commandArgs(trailingOnly = TRUE)[1]
cases <- read.csv(file.path(folder, "cases.csv"), stringsAsFactors = FALSE)
cases$case <- factor(cases$case, unique(cases$case))

# What is not finite is an empty cell.
save <- function(name, tables) {
    table <- do.call(rbind, tables)
    for (column in names(table))
        if (is.double(table[[column]]))
            table[[column]] <- ifelse(is.finite(table[[column]]), sprintf("%.17g", table[[column]]),
                                      "")
    write.csv(table, file.path(folder, name), row.names = FALSE, quote = FALSE)
}

# Apply to each group of each case.
by_group <- function(f)
    lapply(split(cases, list(cases$group, cases$case), drop = TRUE),
           function(d) cbind(case = as.character(d$case[1]), group = d$group[1], f(d)))

fit <- function(d, confidence = 0.95)
    survfit(Surv(time, status > 0) ~ 1, data = d, conf.type = "log-log", conf.int = confidence)

save("curves.csv", by_group(function(d) {
    s <- fit(d)
    data.frame(time = s$time, at_risk = s$n.risk, died = s$n.event, censored = s$n.censor,
               survival = s$surv, error = s$surv * s$std.err, lower = s$lower, upper = s$upper)
}))

save("means.csv", by_group(function(d) {
    limits <- sort(unique(c(10, 162, max(d$time) / 2, max(d$time), 1.5 * max(d$time))))
    limits <- limits[limits > 0 & limits >= min(d$time)]
    tables <- lapply(limits, function(limit) summary(fit(d), rmean = limit)$table)
    data.frame(limit = limits, mean = sapply(tables, "[[", "rmean"),
               error = sapply(tables, "[[", "se(rmean)"))
}))

# The median as print.survfit has it. The quartiles are those of quantile.survfit, which has another
# rule for a curve that ends at just the level: such are left out.
quantiles <- function(d, confidence) {
    s <- fit(d, confidence)
    median <- unname(summary(s)$table[c("median", paste0(confidence, c("LCL", "UCL")))])
    rows <- data.frame(confidence, probability = 0.5, value = median[1], lower = median[2],
                       upper = median[3])
    for (p in c(0.25, 0.75)) {
        ends <- sapply(list(s$surv, s$lower, s$upper), function(y) tail(y[!is.na(y)], 1)[1])
        if (any(abs(ends - (1 - p)) < 1e-6, na.rm = TRUE))
            next
        q <- quantile(s, p)
        rows <- rbind(rows, data.frame(confidence, probability = p, value = q$quantile[[1]],
                                       lower = q$lower[[1]], upper = q$upper[[1]]))
    }
    rows
}
save("quantiles.csv", by_group(function(d) rbind(quantiles(d, 0.95), quantiles(d, 0.8))))

save("incidence.csv", by_group(function(d) {
    causes <- max(1, d$status)
    s <- survfit(Surv(time, factor(status, 0:causes)) ~ 1, data = d, conf.type = "log-log")
    do.call(rbind, lapply(seq_len(causes), function(k) {
        at <- match(as.character(k), s$states)
        data.frame(cause = k, time = s$time, share = s$pstate[, at], error = s$std.err[, at],
                   lower = s$lower[, at], upper = s$upper[, at])
    }))
}))

# Where nothing can be tested R stops or says 0 on 0 degrees: no row.
tests <- lapply(split(cases, cases$case), function(d) {
    lapply(c(FALSE, TRUE), function(stratified) {
        formula <- Surv(time, status > 0) ~ group
        if (stratified)
            formula <- Surv(time, status > 0) ~ group + strata(stratum)
        t <- tryCatch(survdiff(formula, data = d), error = function(e) NULL)
        if (is.null(t) || is.na(t$chisq))
            return(NULL)
        sums <- function(x) if (is.matrix(x)) rowSums(x) else x
        expected <- sums(t$exp)
        df <- sum(expected > 0) - 1
        if (df < 1)
            return(NULL)
        data.frame(case = as.character(d$case[1]), stratified = as.integer(stratified),
                   group = sort(unique(d$group)), observed = sums(t$obs), expected = expected,
                   chi2 = t$chisq, df = df, p = pchisq(t$chisq, df, lower.tail = FALSE))
    })
})
save("logrank.csv", unlist(tests, recursive = FALSE))

shares <- expand.grid(hits = 0:50, trials = c(1, 2, 5, 10, 20, 50), confidence = c(0.8, 0.95, 0.99))
shares <- rbind(shares[shares$hits <= shares$trials, ],
                data.frame(hits = c(0, 1, 17, 4999, 9999, 10000), trials = 10000, confidence = 0.95))
ends <- mapply(function(x, n, c) binom.test(x, n, conf.level = c)$conf.int,
               shares$hits, shares$trials, shares$confidence)
save("shares.csv", list(cbind(shares, lower = ends[1, ], upper = ends[2, ])))

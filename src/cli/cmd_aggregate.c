// SPDX-License-Identifier: MIT
/* `ccmsweep aggregate`: options, the checks that need no file, and the order of opening and
 * reading. What is estimated is in query/aggregate, how it looks in report/. */
#include "cli/commands.h"
#include "query/damage.h"
#include "report/aggregate_report.h"
#include "sys/atomic_file.h"
#include "sys/clock.h"
#include "sys/lock.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An upper end against typing errors: so many draws would take longer than anybody waits. */
#define DRAWS_LIMIT 10000000

/* Up to so many bytes of rows are compared with their checksums without being asked: a second or
 * two where the processor has instructions for SHA-256, some seconds where it has not. */
#define VERIFIED_BYTES (INT64_C(1) << 30)

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, FORMAT_LATEX };

/* The choices are kept as int, because options.c stores the place of a name; finish() turns them
 * into the enums and types of the options. */
struct arguments {
    struct aggregate_options options;
    int event, endpoint, format;
    int64_t draw_seed;
    const char *path, *output;
    bool verify;
};

/* The names of choices come from the modules that define them, so that a new event or endpoint is
 * an option, a value of the completion and an error message without a change here. */
static const char *name_event(int place)
{
    return place < EVENT_COUNT ? event_name((enum event)place) : NULL;
}

static const char *name_endpoint(int place)
{
    return place < ENDPOINT_COUNT ? endpoint_name((enum endpoint)place) : NULL;
}

static const char *name_format(int place)
{
    static const char *const formats[] = {[FORMAT_TABLE] = "table",
                                          [FORMAT_CSV] = "csv",
                                          [FORMAT_JSON] = "json",
                                          [FORMAT_LATEX] = "latex",
                                          NULL};
    return formats[place];
}

static const struct option_row options[] = {
    {.name = "event",
     .argument = "EVENT",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct arguments, event),
     .help = "first_still (default), gradient_zero_first, gradient_zero, hard_saturation or "
             "last_change",
     .choice = name_event},
    {.name = "endpoint",
     .argument = "WHICH",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct arguments, endpoint),
     .help = "how many actors must have had the event for the run to have it: all (default), half "
             "of them, or one (first)",
     .choice = name_endpoint},
    {.name = "by",
     .argument = "AXIS,...",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct arguments, options.by),
     .help = "axes that define a configuration; runs that differ only in other axes are pooled "
             "(default: all axes but the seed)",
     .words = WORDS_AXES},
    {.name = "limit",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, options.limit),
     .help = "last episode that is evaluated (default: the smallest limit of any run)",
     .noun = "an episode",
     .low = 1,
     .high = INT32_MAX},
    {.name = "confidence",
     .argument = "C",
     .kind = OPTION_REAL,
     .offset = offsetof(struct arguments, options.confidence),
     .help = "level of the intervals, between 0 and 1 (default 0.95)",
     .noun = "a level of confidence",
     .low = 0,
     .high = 1,
     .open = true},
    {.name = "bootstrap",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, options.bootstrap),
     .help = "number of bootstrap draws of the seeds (default 10000; fewer for more than 1000 "
             "runs, at least 200)",
     .noun = "a number of draws",
     .low = 1,
     .high = DRAWS_LIMIT},
    {.name = "permutations",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, options.permutations),
     .help = "number of permutations of the seeds when not all are tried (default 9999; fewer for "
             "more than 1000 runs, at least 999)",
     .noun = "a number of permutations",
     .low = 1,
     .high = DRAWS_LIMIT},
    {.name = "draw-seed",
     .argument = "S",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, draw_seed),
     .help = "seed of the draws and permutations (default 1)",
     .noun = "a seed",
     .low = 0,
     .high = UINT32_MAX},
    {.name = "reference",
     .argument = "AXIS=VALUE,...",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct arguments, options.reference),
     .help = "the configuration with which the others are compared (default: the one that stops "
             "latest)",
     .words = WORDS_CONDITIONS},
    {.name = "against",
     .argument = "AXIS=VALUE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct arguments, options.against),
     .help = "compare every configuration with the one that has this value and equals it in all "
             "other axes, in when it stops, whether it ever does, and returns; pool over the other "
             "axes; and score the values of this axis",
     .words = WORDS_CONDITIONS},
    {.name = "compare",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, options.compare),
     .help = "compare configurations also when there are more than 100; slow"},
    {.name = "verify",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, verify),
     .help = "compare the rows of all runs with their checksums also when they are more than 1 GB; "
             "1 to 4 s for each GB"},
    {.name = "format",
     .argument = "FORM",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct arguments, format),
     .help = "table (default), csv, json or latex",
     .choice = name_format},
    {.letter = 'o',
     .argument = "FILE",
     .kind = OPTION_FILE,
     .offset = offsetof(struct arguments, output),
     .help = "write the report to FILE, which appears only when it is complete"},
    {0},
};

static const struct option_row operands[] = {
    {.argument = "FILE", .kind = OPTION_FILE, .offset = offsetof(struct arguments, path)},
    {0},
};

static enum status finish(void *arguments, struct fault *fault)
{
    struct arguments *const a = arguments;
    struct aggregate_options *const given = &a->options;
    /* Of the draws, this share lies outside the interval, half of it on each side. */
    const double outside = 1 - given->confidence;
    if (a->path == NULL)
        return fault_set(fault, STATUS_INPUT, "no file, expected the file of a sweep");
    given->event = (enum event)a->event;
    given->endpoint = (enum endpoint)a->endpoint;
    given->draw_seed = (uint32_t)a->draw_seed;
    /* Whoever names a reference asks for the comparison with it. */
    given->compare = given->compare || given->reference != NULL;
    /* The ends of an interval are quantiles of the draws: with less than one draw on each side,
     * they would be the smallest and the largest draw, whatever the level is. 1 - 0.95 is not
     * exactly 0.05, which 1e-9 allows for. */
    if (given->bootstrap > 0 && (double)given->bootstrap * outside < 2 - 1e-9) {
        char percent[TEXT_NUMBER];
        text_write_percent(given->confidence, percent, sizeof percent);
        return fault_set(fault, STATUS_INPUT,
                         "--bootstrap: %" PRId64
                         " draws are too few for intervals of %s %%, expected at least %.0f",
                         given->bootstrap, percent, ceil(2 / outside - 1e-9));
    }
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "shown, whatever the state"},
    {STATUS_FAULT, "the disk fails"},
    {STATUS_INPUT, "an option or the file is wrong: it does not exist, is empty, or is from "
                   "another program or a newer version"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep aggregate demo.h5", "When the actors of each configuration stop."},
    {"ccmsweep aggregate demo.h5 --by actor_lr --reference actor_lr=0.1",
     "By the learning rate of the actors alone, compared with one of them."},
    {"ccmsweep aggregate demo.h5 --against critic_lr=0.01",
     "What other learning rates of the critic change, whatever that of the actors is."},
    {"ccmsweep aggregate demo.h5 --format json -o demo.json", "All figures, for another program."},
    {NULL, NULL},
};

const struct command_line aggregate_line = {
    .name = "ccmsweep aggregate",
    .arguments = "FILE",
    .intro = "Show when the actors of a sweep stop learning, by configuration, with intervals over "
             "seeds, and how configurations differ.",
    .details =
        "A run without the event is censored at the limit; it never counts as an event there. "
        "Runs that diverged, and runs that ended before their limit because no actor changed any "
        "more, "
        "are classes of their own. Runs that failed or are quarantined are missing, and are "
        "listed. A run whose rows are not those that were committed is damaged: it is named on "
        "standard error and left out. The file is only read, also while a sweep is running: cells "
        "in progress are "
        "censored at the episode "
        "that they have reached, with a warning.",
    .options = options,
    .operands = operands,
    .expected = "one file",
    .exits = exits,
    .examples = examples,
    .see_also = "status show export",
    .finish = finish,
};

/* ---- output ---- */

/* Write in the format asked for. \return false when the stream failed, or when there was not enough
 * memory to make the JSON. */
static bool write_report(FILE *file, int format, const struct aggregate *aggregate,
                         const struct aggregate_source *source)
{
    bool written = true;
    if (format == FORMAT_TABLE)
        aggregate_print(file, aggregate, source);
    else if (format == FORMAT_LATEX)
        aggregate_print_latex(file, aggregate, source);
    else if (format == FORMAT_CSV)
        aggregate_print_csv(file, aggregate);
    else
        written = aggregate_print_json(file, aggregate, source);
    return written && !ferror(file);
}

/* What standard output does not take, main.c tells. */
static enum status print(const struct arguments *a, const struct aggregate *aggregate,
                         const struct aggregate_source *source, struct fault *fault)
{
    if (!write_report(stdout, a->format, aggregate, source) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}

static enum status save(const struct arguments *a, const struct aggregate *aggregate,
                        const struct aggregate_source *source, struct fault *fault)
{
    struct atomic_file output;
    enum status status = atomic_file_begin(&output, a->output, fault);
    if (status != STATUS_OK)
        return status;
    const bool made = write_report(output.file, a->format, aggregate, source);
    /* The stream accepted everything that it was given, so the JSON could not be made at all, and
     * lack of memory is the only reason for that. */
    if (!made && !ferror(output.file))
        fault_no_memory(0);
    return atomic_file_end(&output, true, fault);
}

/* The report must not replace the results. This is checked before anything is computed, which may
 * take minutes. */
static enum status check_output(const struct arguments *a, struct fault *fault)
{
    struct stat file, output;
    if (a->output == NULL)
        return STATUS_OK;
    /* Compared by device and inode, since a link or another spelling can name the same file. When
     * either does not exist, they cannot be the same; a FILE that is absent is refused by
     * store_open, in words of its own. */
    if (stat(a->path, &file) != 0 || stat(a->output, &output) != 0 ||
        file.st_dev != output.st_dev || file.st_ino != output.st_ino)
        return atomic_file_check(a->output, fault);
    return fault_set(fault, STATUS_INPUT, "-o %s is the file of the sweep, expected another",
                     a->output);
}

/* ---- input ---- */

/* The common limit is the default because runs are comparable up to there: beyond it some are
 * censored by their own limit. Beyond the last limit of all runs nothing was observed, so that an
 * estimate would say nothing. */
static enum status find_limit(const struct run_table *table, int64_t *limit, struct fault *fault)
{
    const int64_t last = cohort_last_limit(table);
    if (*limit == 0)
        *limit = cohort_common_limit(table);
    if (*limit <= last)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT,
                     "--limit: no run goes beyond episode %" PRId64 ", expected at most that",
                     last);
}

/* From the states of the runs to the written report. The aggregate borrows the table and the
 * cohort, so both stay until it is freed. */
static enum status report(struct arguments *a, const struct run_table *table,
                          const struct aggregate_source *source, struct fault *fault)
{
    struct cohort cohort = {0};
    struct aggregate *aggregate = NULL;
    enum status status = find_limit(table, &a->options.limit, fault);
    if (status == STATUS_OK)
        status = cohort_take(source->store, table, a->options.event, a->options.endpoint,
                             a->options.limit, &cohort, fault);
    if (status == STATUS_OK)
        status = aggregate_new(&aggregate, &a->options, table, &cohort, fault);
    if (status == STATUS_OK)
        status = a->output != NULL ? save(a, aggregate, source, fault)
                                   : print(a, aggregate, source, fault);
    aggregate_free(&aggregate);
    cohort_fini(&cohort);
    return status;
}

/* A file of a thousand runs is compared in about the time that the rest takes; one of ten thousand
 * would need ten times as long as the rest, so there it is done when asked for, and a warning says
 * that it was not. */
static enum damage_depth choose_depth(struct arguments *a, const struct store *store)
{
    a->options.unverified = !a->verify && store_done_bytes(store) > VERIFIED_BYTES;
    return a->options.unverified ? DAMAGE_NUMBERS : DAMAGE_ROWS;
}

enum status cmd_aggregate(int argc, char **argv, struct fault *fault)
{
    struct arguments a = {.options = {.confidence = 0.95}, .draw_seed = 1};
    char holder[256];
    struct store *store = NULL;
    struct run_table table = {0};
    enum status status = options_parse(&aggregate_line, OPTIONS_EXIT, argc, argv, &a);
    struct aggregate_source source = {.path = a.path, .now = clock_utc()};
    if (status == STATUS_OK)
        status = check_output(&a, fault);
    /* The lock is looked at before the file is opened: were it the other way round, a sweep that
     * ends in between would leave runs that look as if they were lost. */
    source.held = status == STATUS_OK && lock_is_held(a.path, holder, sizeof holder);
    if (status == STATUS_OK)
        status = store_open(&store, a.path, STORE_READ, fault);
    source.store = store;
    if (status == STATUS_OK)
        /* Damaged runs are named on standard error and left out of everything below. */
        status = damage_tell(store, a.path, choose_depth(&a, store), NULL, fault);
    if (status == STATUS_OK)
        status = run_table_take(store, source.held, &table, fault);
    if (status == STATUS_OK)
        status = report(&a, &table, &source, fault);
    run_table_fini(&table);
    store_close(&store);
    return status;
}

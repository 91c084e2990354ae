// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "query/damage.h"
#include "report/aggregate_report.h"
#include "sys/atomic_file.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/lock.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    KEY_EVENT = 0x100,
    KEY_ENDPOINT,
    KEY_BY,
    KEY_LIMIT,
    KEY_CONFIDENCE,
    KEY_BOOTSTRAP,
    KEY_DRAW_SEED,
    KEY_PERMUTATIONS,
    KEY_REFERENCE,
    KEY_COMPARE,
    KEY_FORMAT,
    DRAWS_LIMIT = 10000000
};

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, FORMAT_LATEX, FORMAT_COUNT };

static const char *const formats[FORMAT_COUNT] = {"table", "csv", "json", "latex"};

struct arguments {
    struct aggregate_request request;
    enum format format;
    const char *path, *output;
};

static const struct argp_option options[] = {
    {"event", KEY_EVENT, "EVENT", 0,
     "first_still (default), gradient_zero_first, gradient_zero, hard_saturation or last_change",
     0},
    {"endpoint", KEY_ENDPOINT, "WHICH", 0,
     "the event of a run is that of all its actors (the last one; default), of half of them, or "
     "of the first",
     0},
    {"by", KEY_BY, "AXIS,...", 0,
     "axes that make a configuration; others are pooled (default: all but the seed)", 0},
    {"limit", KEY_LIMIT, "N", 0,
     "episode up to which all is looked at (default: the smallest limit of any run)", 0},
    {"confidence", KEY_CONFIDENCE, "C", 0, "of the intervals, between 0 and 1 (default 0.95)", 0},
    {"bootstrap", KEY_BOOTSTRAP, "N", 0,
     "draws of seeds (default 10000; above 1000 runs fewer, at least 200)", 0},
    {"permutations", KEY_PERMUTATIONS, "N", 0,
     "of seeds, where not all are tried (default 9999; above 1000 runs fewer, at least 999)", 0},
    {"draw-seed", KEY_DRAW_SEED, "S", 0, "of draws and permutations (default 1)", 0},
    {"reference", KEY_REFERENCE, "AXIS=VALUE,...", 0,
     "the configuration that others are compared with (default: that which stops latest)", 0},
    {"compare", KEY_COMPARE, NULL, 0, "compare also more than 100 configurations; slow", 0},
    {"format", KEY_FORMAT, "FORM", 0, "table (default), csv, json or latex", 0},
    {NULL, 'o', "FILE", 0, "write it to FILE, whole or not at all", 0},
    {0},
};

static int64_t parse_whole(const char *option, const char *value, int64_t least, int64_t most,
                           const struct argp_state *state)
{
    int64_t number = 0;
    char quoted[TEXT_QUOTED];
    if (!text_parse_integer(value, &number) || number < least || number > most)
        argp_error(state,
                   "--%s: %s is not as expected: a whole number from %" PRId64 " to %" PRId64,
                   option, text_quote(value, quoted), least, most);
    return number;
}

static double parse_confidence(const char *value, const struct argp_state *state)
{
    double number = 0;
    char quoted[TEXT_QUOTED];
    if (!text_parse_real(value, &number) || number <= 0 || number >= 1)
        argp_error(state, "--confidence: %s is not as expected: a number between 0 and 1",
                   text_quote(value, quoted));
    return number;
}

/* The place of a word among `count` names. */
static int parse_choice(const char *option, const char *value, int count, const char *(*name)(int),
                        const struct argp_state *state)
{
    char quoted[TEXT_QUOTED], names[256] = "";
    for (int i = 0; i < count; i++) {
        if (strcmp(value, name(i)) == 0)
            return i;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? ", " : "",
                 name(i));
    }
    argp_error(state, "--%s: %s is not as expected: one of %s", option, text_quote(value, quoted),
               names);
    return 0;
}

static const char *name_event(int i)
{
    return event_name((enum event)i);
}

static const char *name_endpoint(int i)
{
    return endpoint_name((enum endpoint)i);
}

static const char *name_format(int i)
{
    return formats[i];
}

static void parse_file(struct arguments *a, char *value, const struct argp_state *state)
{
    if (a->path != NULL)
        argp_error(state, "too many arguments: '%s', expected one file", value);
    a->path = request_name(value, NULL, state);
}

/* What can be said only when all options are known. */
static void check(const struct arguments *a, const struct argp_state *state)
{
    const double outside = 1 - a->request.confidence;
    if (a->path == NULL)
        argp_error(state, "no file, expected that of a sweep");
    /* On each side of an interval there must be a draw. */
    if (a->request.bootstrap > 0 && (double)a->request.bootstrap * outside < 2 - 1e-9)
        argp_error(state,
                   "--bootstrap: %" PRId64 " draws are too few for intervals of %g %%, expected at "
                   "least %.0f",
                   a->request.bootstrap, 100 * a->request.confidence, ceil(2 / outside - 1e-9));
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const a = state->input;
    struct aggregate_request *const r = &a->request;
    switch (key) {
    case KEY_EVENT:
        r->event = (enum event)parse_choice("event", value, EVENT_COUNT, name_event, state);
        return 0;
    case KEY_ENDPOINT:
        r->endpoint =
            (enum endpoint)parse_choice("endpoint", value, ENDPOINT_COUNT, name_endpoint, state);
        return 0;
    case KEY_BY:
        r->by = value;
        return 0;
    case KEY_LIMIT:
        r->limit = parse_whole("limit", value, 1, INT32_MAX, state);
        return 0;
    case KEY_CONFIDENCE:
        r->confidence = parse_confidence(value, state);
        return 0;
    case KEY_BOOTSTRAP:
        r->bootstrap = parse_whole("bootstrap", value, 1, DRAWS_LIMIT, state);
        return 0;
    case KEY_DRAW_SEED:
        r->draw_seed = (uint32_t)parse_whole("draw-seed", value, 0, UINT32_MAX, state);
        return 0;
    case KEY_PERMUTATIONS:
        r->permutations = parse_whole("permutations", value, 1, DRAWS_LIMIT, state);
        return 0;
    case KEY_REFERENCE:
        r->reference = value;
        r->compare = true;
        return 0;
    case KEY_COMPARE:
        r->compare = true;
        return 0;
    case KEY_FORMAT:
        a->format = (enum format)parse_choice("format", value, FORMAT_COUNT, name_format, state);
        return 0;
    case 'o':
        a->output = request_name(value, "-o", state);
        return 0;
    case ARGP_KEY_ARG:
        parse_file(a, value, state);
        return 0;
    case ARGP_KEY_END:
        check(a, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Say when the actors of a sweep stop learning, by configuration, with intervals\n"
           "over seeds, and what configurations differ by.\v"
           "A run without the event is censored at the limit and never counted as an event\n"
           "there. Runs that diverged, or ended before their limit as all actors were\n"
           "still, are classes of their own; those that failed or are quarantined are gaps,\n"
           "and named. The file is only read, also while a run writes it: cells in progress\n"
           "are censored at the episode that they have reached, with a warning.\n"
           "Exit codes: 0 shown, whatever the state; 1 the disk fails; 2 an option or the\n"
           "file is not good: absent, empty, of another program or of a newer version.",
};

/* ---- output ---- */

static bool write_report(FILE *file, enum format format, const struct aggregate *aggregate,
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

static enum status print(const struct arguments *a, const struct aggregate *aggregate,
                         const struct aggregate_source *source, struct fault *fault)
{
    errno = 0;
    if (!write_report(stdout, a->format, aggregate, source) && errno != EPIPE && errno != 0)
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}

static enum status save(const struct arguments *a, const struct aggregate *aggregate,
                        const struct aggregate_source *source, struct fault *fault)
{
    struct draft draft;
    enum status status = draft_begin(&draft, a->output, fault);
    if (status != STATUS_OK)
        return status;
    const bool made = write_report(draft.file, a->format, aggregate, source);
    /* What cannot be made without a word of the file is not made for want of memory. */
    if (!made && !ferror(draft.file))
        fault_no_memory(0);
    return draft_end(&draft, true, fault);
}

/* What stands beside a sweep and is its own, or would be. */
static bool is_beside(const char *path, const char *output)
{
    static const char *const kinds[] = {"lock", "ckpt", "job"};
    bool is = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !is; i++) {
        char *const name = disk_name("%s.%s", path, kinds[i]);
        is = strcmp(name, output) == 0;
        free(name);
    }
    return is;
}

static enum status check_output(const struct arguments *a, struct fault *fault)
{
    struct stat file, output;
    if (a->output == NULL)
        return STATUS_OK;
    if (is_beside(a->path, a->output))
        return fault_set(fault, STATUS_INPUT, "-o %s belongs to the sweep, expected another name",
                         a->output);
    if (stat(a->path, &file) != 0 || stat(a->output, &output) != 0 ||
        file.st_dev != output.st_dev || file.st_ino != output.st_ino)
        return draft_check(a->output, fault);
    return fault_set(fault, STATUS_INPUT, "-o %s is the file of the sweep, expected another",
                     a->output);
}

/* ---- input ---- */

static enum status find_limit(const struct survey *survey, int64_t *limit, struct fault *fault)
{
    const int64_t last = cohort_last_limit(survey);
    if (*limit == 0)
        *limit = cohort_common_limit(survey);
    if (*limit <= last)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT,
                     "--limit: no run goes beyond episode %" PRId64 ", expected at most that",
                     last);
}

static enum status report(struct arguments *a, const struct survey *survey,
                          const struct aggregate_source *source, struct fault *fault)
{
    struct cohort cohort = {0};
    struct aggregate *aggregate = NULL;
    enum status status = find_limit(survey, &a->request.limit, fault);
    if (status == STATUS_OK)
        status = cohort_take(source->store, survey, a->request.event, a->request.endpoint,
                             a->request.limit, &cohort, fault);
    if (status == STATUS_OK)
        status = aggregate_new(&aggregate, &a->request, survey, &cohort, fault);
    if (status == STATUS_OK)
        status = a->output != NULL ? save(a, aggregate, source, fault)
                                   : print(a, aggregate, source, fault);
    aggregate_free(&aggregate);
    cohort_fini(&cohort);
    return status;
}

enum status cmd_aggregate(int argc, char **argv, struct fault *fault)
{
    struct arguments a = {.request = {.confidence = 0.95, .draw_seed = 1}};
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    char holder[256];
    struct store *store = NULL;
    struct survey survey = {0};
    struct aggregate_source source = {.path = a.path, .now = clock_utc()};
    enum status status = check_output(&a, fault);
    source.held = status == STATUS_OK && lock_is_held(a.path, holder, sizeof holder);
    if (status == STATUS_OK)
        status = store_open(&store, a.path, STORE_READ, fault);
    source.store = store;
    if (status == STATUS_OK)
        status = damage_tell(store, a.path, fault);
    if (status == STATUS_OK)
        status = survey_take(store, source.held, &survey, fault);
    if (status == STATUS_OK)
        status = report(&a, &survey, &source, fault);
    survey_fini(&survey);
    store_close(&store);
    return status;
}

// SPDX-License-Identifier: MIT
#include "cli/commands.h"
#include "cli/options.h"
#include "query/damage.h"
#include "report/export.h"
#include "store/schema.h"
#include "sys/atomic_folder.h"
#include "sys/lock.h"
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_ORIGINAL = 0x100, KEY_TABLES, KEY_WHERE, KEY_FORCE };
enum { CONDITIONS_MOST = 32 };

/* A setting that chosen runs have. */
struct condition {
    const struct setting *row;
    double number;
};

struct arguments {
    const char *path, *folder;
    bool original, force, tables[EXPORT_TABLES];
    struct condition conditions[CONDITIONS_MOST];
    size_t count;
};

static const struct argp_option options[] = {
    {"tables", KEY_TABLES, "LIST", 0,
     "which: runs, actors, logs, episodes, evaluations (these are the default), actor_logs, "
     "histograms; separated by commas, or all",
     0},
    {"original", KEY_ORIGINAL, NULL, 0,
     "write the files of the published study instead: for each run a folder with results.json and "
     "tracking_data.json",
     0},
    {"where", KEY_WHERE, "KEY=VALUE", 0,
     "only runs with this value of a setting, such as seed=42; repeatable", 0},
    {"force", KEY_FORCE, NULL, 0, "write into a folder that holds something already", 0},
    {0},
};

static bool choose_table(struct arguments *a, const char *name, size_t length)
{
    bool found = false;
    for (int t = 0; t < EXPORT_TABLES; t++) {
        const char *const known = export_table_name((enum export_table)t);
        const bool all = length == 3 && strncmp(name, "all", length) == 0;
        if (all || (strlen(known) == length && strncmp(name, known, length) == 0))
            a->tables[t] = found = true;
    }
    return found;
}

static void parse_tables(struct arguments *a, const char *list, const struct argp_state *state)
{
    for (const char *at = list;; at++) {
        const size_t length = strcspn(at, ",");
        if (!choose_table(a, at, length))
            argp_error(state,
                       "--tables: '%.*s' is unknown, expected runs, actors, logs, episodes, "
                       "evaluations, actor_logs, histograms, or all",
                       (int)length, at);
        at += length;
        if (*at == '\0')
            return;
    }
}

static void parse_condition(struct arguments *a, const char *text, const struct argp_state *state)
{
    struct fault fault;
    const char *const value = strchr(text, '=');
    if (value == NULL)
        argp_error(state, "--where: '%s' has no '=', expected KEY=VALUE", text);
    if (a->count == CONDITIONS_MOST)
        argp_error(state, "--where: expected at most %d of them", CONDITIONS_MOST);
    char *const key = strndup(text, (size_t)(value - text));
    struct condition *const c = &a->conditions[a->count++];
    c->row = schema_axis_setting(key);
    if (c->row == NULL) {
        const struct setting *const near = settings_nearest(key);
        argp_error(state, "--where: '%s' is no setting, expected one such as %s", key,
                   near != NULL ? near->key : "training.seed");
    }
    free(key);
    if (settings_read(c->row, value + 1, &c->number, &fault) != STATUS_OK)
        argp_error(state, "--where: %s", fault.text);
}

static void finish_parsing(struct arguments *a, const struct argp_state *state)
{
    bool any = false;
    if (a->folder == NULL)
        argp_error(state, "expected the file of a sweep and a folder");
    for (int t = 0; t < EXPORT_TABLES; t++)
        any = any || a->tables[t];
    if (any && a->original)
        argp_error(state, "expected either --tables or --original");
    for (int t = 0; !any && t <= EXPORT_EVALUATIONS; t++)
        a->tables[t] = true;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const a = state->input;
    switch (key) {
    case KEY_TABLES:
        parse_tables(a, value, state);
        return 0;
    case KEY_ORIGINAL:
        a->original = true;
        return 0;
    case KEY_WHERE:
        parse_condition(a, value, state);
        return 0;
    case KEY_FORCE:
        a->force = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->folder != NULL)
            argp_error(state, "too many arguments: '%s', expected a file and a folder", value);
        *(a->path == NULL ? &a->path : &a->folder) = request_name(value, NULL, state);
        return 0;
    case ARGP_KEY_END:
        finish_parsing(a, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE FOLDER",
    .doc = "Write what a file holds as tables (CSV), or as the published study's files.\v"
           "A table NAME.csv has one row a run (runs), run and actor (actors), logged\n"
           "episode (logs), episode, evaluation, logged episode and actor (actor_logs), or\n"
           "bin (histograms), and the names that the file has. What was not seen or not\n"
           "written is empty. Of runs that are not finished there is a row in runs.csv.\n\n"
           "--original numbers the runs of a pair of learning rates in the order of the\n"
           "plan: actor_0.1_critic_0.01_run_0. The mean of all tanh outputs is not\n"
           "recorded, NaN stands there; gradients are the accumulated ones, as in the\n"
           "study. Its stopping_episode is the number of episodes where the actors did not\n"
           "stop: null in per_actor_stopped tells.\n\n"
           "The folder appears when it is finished; with --force each file of it does.\n"
           "The sweep's file is only read, also while a run writes it. Exit codes:\n"
           "0 exported; 2 there is no such file, it is not one of a sweep, or the folder is\n"
           "not empty; 1 the disk fails.",
};

static bool meets(const struct arguments *a, const struct settings *cell)
{
    for (size_t i = 0; i < a->count; i++) {
        struct settings wanted = *cell;
        settings_put(&wanted, a->conditions[i].row, a->conditions[i].number);
        if (!settings_equal(&wanted, cell, a->conditions[i].row))
            return false;
    }
    return true;
}

/* Which runs, and their places among those of the same learning rates. */
static int64_t choose_runs(const struct arguments *a, const struct store *store,
                           const struct survey *survey, bool *chosen, int64_t *place)
{
    int64_t *const seen = fault_alloc((size_t)survey->groups + 1, sizeof *seen);
    int64_t count = 0;
    for (int64_t run = 0; run < survey->runs; run++) {
        struct settings cell;
        store_cell(store, run, &cell);
        chosen[run] = meets(a, &cell);
        if (chosen[run]) {
            place[run] = seen[survey->run[run].group]++;
            count++;
        }
    }
    free(seen);
    return count;
}

static void tell(const struct arguments *a, const struct export *e, int64_t count)
{
    int64_t rows = 0;
    for (int64_t run = 0; run < e->survey->runs; run++)
        rows += e->chosen[run] && export_has_rows(e, run);
    printf("%s: %" PRId64 " runs exported", a->folder, rows);
    if (rows < count)
        printf(", %" PRId64 " left out, which are not finished or have failed", count - rows);
    putchar('\n');
}

static enum status export_all(const struct arguments *a, const struct store *store,
                              const struct survey *survey, struct fault *fault)
{
    bool *const chosen = fault_alloc((size_t)survey->runs, sizeof *chosen);
    int64_t *const place = fault_alloc((size_t)survey->runs, sizeof *place);
    struct staging staging = {.fd = -1};
    struct export e = {.store = store, .survey = survey, .chosen = chosen, .place = place};
    const int64_t count = choose_runs(a, store, survey, chosen, place);
    enum status status = STATUS_OK;
    if (count == 0)
        status = fault_set(fault, STATUS_INPUT, "--where: no run of %s is like that", a->path);
    if (status == STATUS_OK)
        status = staging_begin(&staging, a->folder, a->force, fault);
    e.folder = staging.aside;
    if (status == STATUS_OK)
        status = a->original ? export_study(&e, fault) : export_tables(&e, a->tables, fault);
    struct fault trouble;
    const enum status ends = staging_end(&staging, status == STATUS_OK, &trouble);
    if (status == STATUS_OK && ends != STATUS_OK)
        status = fault_set(fault, ends, "%s", trouble.text);
    if (status == STATUS_OK)
        tell(a, &e, count);
    free(place);
    free(chosen);
    return status;
}

enum status cmd_export(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.path = NULL};
    struct store *store = NULL;
    struct survey survey;
    char holder[256];
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    const bool held = lock_is_held(arguments.path, holder, sizeof holder);
    enum status status = store_open(&store, arguments.path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = damage_tell(store, arguments.path, fault);
    if (status == STATUS_OK) {
        status = survey_take(store, held, &survey, fault);
        if (status == STATUS_OK) {
            status = export_all(&arguments, store, &survey, fault);
            survey_fini(&survey);
        }
    }
    store_close(&store);
    return status;
}

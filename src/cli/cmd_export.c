// SPDX-License-Identifier: MIT
/* `ccmsweep export`: which runs and tables are written, and the folder that appears as a whole. The
 * formats are in report/export_tables and report/export_study. */
#include "cli/commands.h"
#include "cli/conditions.h"
#include "query/damage.h"
#include "report/export.h"
#include "sys/atomic_folder.h"
#include "sys/disk.h"
#include "sys/lock.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "all" is one more name in the list of tables, with the place behind the last table. */
enum { TABLES_ALL = EXPORT_TABLES };

struct arguments {
    const char *path, *folder;
    bool original, force;
    bool tables[EXPORT_TABLES + 1]; /* the last one stands for all */
    struct option_names where;
};

static const char *name_table(int place)
{
    if (place < EXPORT_TABLES)
        return export_table_name((enum export_table)place);
    return place == TABLES_ALL ? "all" : NULL;
}

static const struct option_row options[] = {
    {.name = "tables",
     .argument = "LIST",
     .kind = OPTION_LIST,
     .offset = offsetof(struct arguments, tables),
     .help = "tables to write, separated by commas: runs, actors, logs, episodes, evaluations "
             "(these are the default), actor_logs, histograms; or all",
     .choice = name_table},
    {.name = "original",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, original),
     .help = "write the files of the published study instead: for each run a folder with "
             "results.json and tracking_data.json"},
    {.name = "where",
     .argument = "KEY=VALUE,...",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct arguments, where),
     .help = "only runs with this value of a setting, such as seed=42 or label=clip-1; repeatable. "
             "Several values of a setting: runs with any of them",
     .words = WORDS_CONDITIONS},
    {.name = "force",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, force),
     .help = "write into a folder that is not empty"},
    {0},
};

static const struct option_row operands[] = {
    {.argument = "FILE", .kind = OPTION_FILE, .offset = offsetof(struct arguments, path)},
    {.argument = "FOLDER", .kind = OPTION_FOLDER, .offset = offsetof(struct arguments, folder)},
    {0},
};

/* The tables without --tables are those from runs to evaluations in the order of the enum; the two
 * behind them have a row for each actor or bin of a log, and must be asked for. */
static enum status finish(void *arguments, struct fault *fault)
{
    struct arguments *const a = arguments;
    bool any = a->tables[TABLES_ALL];
    if (a->folder == NULL)
        return fault_set(fault, STATUS_INPUT, "expected the file of a sweep and a folder");
    for (int t = 0; t < EXPORT_TABLES; t++) {
        a->tables[t] = a->tables[t] || a->tables[TABLES_ALL];
        any = any || a->tables[t];
    }
    if (any && a->original)
        return fault_set(fault, STATUS_INPUT, "expected either --tables or --original");
    for (int t = 0; !any && t <= EXPORT_EVALUATIONS; t++)
        a->tables[t] = true;
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "exported"},
    {STATUS_INPUT,
     "the file does not exist or is not the file of a sweep, or the folder is not empty"},
    {STATUS_FAULT, "the disk fails"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep export demo.h5 tables", "Runs, actors, logs, episodes and evaluations as CSV."},
    {"ccmsweep export demo.h5 study --original --where actor_lr=0.1",
     "The files of the published study, of the runs with one learning rate."},
    {NULL, NULL},
};

const struct command_line export_line = {
    .name = "ccmsweep export",
    .arguments = "FILE FOLDER",
    .intro = "Write what a file holds as tables (CSV), or as the files of the published study.",
    .details =
        "A table NAME.csv has one row for each run (runs), run and actor (actors), logged episode "
        "(logs), episode, evaluation, logged episode and actor (actor_logs), or bin (histograms). "
        "Its columns are named as in the file. A value that was not observed or not written is "
        "empty. Runs "
        "that "
        "are not finished have a row in runs.csv as well. A run whose rows are not those that were "
        "committed is named on standard error and not exported.\n\n"
        "--original numbers the runs of a pair of learning rates in the order of the plan: "
        "actor_0.1_critic_0.01_run_0. The mean of all outputs is not recorded; it is written "
        "as NaN. Gradients are the accumulated ones, as in the study. When the actors did not "
        "stop, stopping_episode is the number of episodes; such a run has null in "
        "per_actor_stopped.\n\nThe folder appears when it is complete; with --force, each file "
        "does. The sweep's file is only read, also while a sweep is running.",
    .options = options,
    .operands = operands,
    .expected = "a file and a folder",
    .exits = exits,
    .examples = examples,
    .see_also = "aggregate show",
    .finish = finish,
};

static enum status choose_runs(const struct arguments *a, const struct store *store, bool **chosen,
                               struct fault *fault)
{
    char *const what = disk_name("run of %s", a->path);
    const enum status status =
        conditions_choose(&a->where, store_spec(store), "--where", what, chosen, fault);
    free(what);
    return status;
}

/* Number the chosen runs among those of the same pair of learning rates, in the order of the plan:
 * the published study named its folders so. \return how many are chosen */
static int64_t number_runs(const struct run_table *table, const bool *chosen, int64_t *place)
{
    int64_t *const seen = fault_alloc((size_t)table->pairs + 1, sizeof *seen);
    int64_t count = 0;
    for (int64_t run = 0; run < table->runs; run++) {
        if (!chosen[run])
            continue;
        place[run] = seen[table->run[run].pair]++;
        count++;
    }
    free(seen);
    return count;
}

/* Both numbers are printed: a user who finds fewer runs than expected should know why. */
static void tell(const struct arguments *a, const struct export *e, int64_t count)
{
    int64_t rows = 0;
    for (int64_t run = 0; run < e->table->runs; run++)
        rows += e->chosen[run] && export_has_rows(e, run);
    printf("%s: %" PRId64 " run%s exported", a->folder, rows, rows == 1 ? "" : "s");
    if (rows < count)
        printf(", %" PRId64 " left out, which are not finished or have failed", count - rows);
    putchar('\n');
}

/* The study's names have the learning rates alone, and its scripts would take runs of two labels
 * for seeds of one. */
static void warn_of_labels(const struct arguments *a, const struct export *e)
{
    const struct run_axis *const label = e->table->label;
    double first = 0;
    bool several = false;
    for (int64_t run = 0; label != NULL && run < e->table->runs; run++) {
        if (!e->chosen[run])
            continue;
        first = first > 0 ? first : label->values[run];
        several = several || label->values[run] > first || label->values[run] < first;
    }
    if (a->original && several)
        fputs("ccmsweep: warning: the names of the study do not tell labels apart; --where "
              "label=NAME exports those of one\n",
              stderr);
}

static enum status export_all(const struct arguments *a, const struct store *store,
                              const struct run_table *table, const bool *chosen,
                              struct fault *fault)
{
    int64_t *const place = fault_alloc((size_t)table->runs, sizeof *place);
    /* The files are written into a folder aside, which gets its name at the end: an export that
     * fails or is killed leaves no folder that looks complete. */
    struct atomic_folder folder = {.fd = -1};
    struct export e = {.store = store, .table = table, .chosen = chosen, .place = place};
    const int64_t count = number_runs(table, chosen, place);
    enum status status = atomic_folder_begin(&folder, a->folder, a->force, fault);
    e.folder = folder.aside;
    if (status == STATUS_OK)
        status = a->original ? export_study(&e, fault) : export_tables(&e, a->tables, fault);
    /* The folder is ended in any case, to remove what was written when the export failed. Its own
     * failure must not hide the first one, which is the cause. */
    struct fault ending;
    const enum status ends = atomic_folder_end(&folder, status == STATUS_OK, &ending);
    if (status == STATUS_OK && ends != STATUS_OK)
        status = fault_set(fault, ends, "%s", ending.text);
    if (status == STATUS_OK) {
        warn_of_labels(a, &e);
        tell(a, &e, count);
    }
    free(place);
    return status;
}

enum status cmd_export(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.path = NULL};
    struct store *store = NULL;
    struct run_table table;
    char holder[256];
    bool held = false, *chosen = NULL;
    enum status status = options_parse(&export_line, OPTIONS_EXIT, argc, argv, &arguments);
    if (status == STATUS_OK)
        held = lock_is_held(arguments.path, holder, sizeof holder);
    if (status == STATUS_OK)
        status = store_open(&store, arguments.path, STORE_READ, fault);
    /* Damaged runs are named on standard error; they are not exported. The rows are compared with
     * their checksums however many there are: writing them as text takes much longer. */
    if (status == STATUS_OK)
        status = choose_runs(&arguments, store, &chosen, fault);
    if (status == STATUS_OK) {
        status = damage_tell(store, arguments.path, DAMAGE_ROWS, chosen, fault);
    }
    if (status == STATUS_OK) {
        status = run_table_take(store, held, &table, fault);
        if (status == STATUS_OK) {
            status = export_all(&arguments, store, &table, chosen, fault);
            run_table_fini(&table);
        }
    }
    free(chosen);
    store_close(&store);
    options_names_fini(&arguments.where);
    return status;
}

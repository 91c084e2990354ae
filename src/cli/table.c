// SPDX-License-Identifier: MIT
#include <ccmsweep/fault.h>
#include <ccmsweep/table.h>
#include <inttypes.h>
#include <stdlib.h>

/* Runs of one pair of learning rates. */
struct group {
    double actor_lr, critic_lr;
    int64_t first; /* in the plan */
    int64_t runs, done, outcomes[OUTCOME_COUNT];
    int64_t timed; /* stopped or censored */
    struct time {
        int64_t episode; /* of the stop, or the limit */
        bool censored;
    } * times; /* (timed) sorted; into one array of the table */
};

struct table {
    size_t count;
    struct group *groups;
    struct time *times;
};

struct keyed {
    double actor_lr, critic_lr;
    int64_t run;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct keyed *const x = a;
    const struct keyed *const y = b;
    if (x->actor_lr != y->actor_lr)
        return x->actor_lr < y->actor_lr ? -1 : 1;
    if (x->critic_lr != y->critic_lr)
        return x->critic_lr < y->critic_lr ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

static int compare_places(const void *a, const void *b)
{
    const struct group *const x = a;
    const struct group *const y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* A censored time is later than an equal one that was seen. */
static int compare_times(const void *a, const void *b)
{
    const struct time *const x = a;
    const struct time *const y = b;
    if (x->censored != y->censored)
        return x->censored ? 1 : -1;
    return (x->episode > y->episode) - (x->episode < y->episode);
}

static void add_run(struct group *group, const struct surveyed *run, struct time **next)
{
    group->runs++;
    if (run->standing != STANDING_DONE)
        return;
    group->done++;
    group->outcomes[run->outcome]++;
    const bool stopped = run->outcome == OUTCOME_STOPPED;
    if (!stopped && run->outcome != OUTCOME_CENSORED)
        return;
    *(*next)++ =
        (struct time){.episode = stopped ? run->stopping : run->limit, .censored = !stopped};
    group->timed++;
}

static struct table make_table(const struct survey *survey)
{
    const size_t runs = (size_t)survey->runs;
    struct keyed *const keyed = fault_alloc(runs, sizeof *keyed);
    struct table table = {.groups = fault_alloc(runs, sizeof *table.groups),
                          .times = fault_alloc(runs, sizeof *table.times)};
    struct time *next = table.times;
    for (size_t i = 0; i < runs; i++)
        keyed[i] = (struct keyed){survey->run[i].actor_lr, survey->run[i].critic_lr, (int64_t)i};
    qsort(keyed, runs, sizeof *keyed, compare_pairs);
    for (size_t i = 0; i < runs; i++) {
        if (i == 0 || keyed[i].actor_lr != keyed[i - 1].actor_lr ||
            keyed[i].critic_lr != keyed[i - 1].critic_lr)
            table.groups[table.count++] = (struct group){.actor_lr = keyed[i].actor_lr,
                                                         .critic_lr = keyed[i].critic_lr,
                                                         .first = keyed[i].run,
                                                         .times = next};
        add_run(&table.groups[table.count - 1], &survey->run[keyed[i].run], &next);
    }
    for (size_t g = 0; g < table.count; g++)
        qsort(table.groups[g].times, (size_t)table.groups[g].timed, sizeof(struct time),
              compare_times);
    qsort(table.groups, table.count, sizeof *table.groups, compare_places);
    free(keyed);
    return table;
}

static void free_table(struct table *table)
{
    free(table->groups);
    free(table->times);
}

/* The times that are shown: the first, the one by which half have stopped, and the last. */
static struct time time_at(const struct group *group, int which)
{
    const int64_t places[] = {0, (group->timed - 1) / 2, group->timed - 1};
    return group->times[places[which]];
}

static void write_time(const struct group *group, int which, char *text, size_t size)
{
    if (group->timed == 0) {
        snprintf(text, size, "-");
        return;
    }
    const struct time time = time_at(group, which);
    snprintf(text, size, "%s%" PRId64, time.censored ? "> " : "", time.episode);
}

/* Columns of outcomes, some of which are shown only when there is something in them. */
static const struct {
    enum outcome outcome;
    bool always;
} shown[] = {
    {OUTCOME_STOPPED, true}, {OUTCOME_CENSORED, true},     {OUTCOME_DIVERGED, false},
    {OUTCOME_FAILED, false}, {OUTCOME_QUARANTINED, false},
};
enum { SHOWN = sizeof shown / sizeof *shown };

void table_print(FILE *file, const struct survey *survey)
{
    static const char *const times[] = {"first", "median", "last"};
    struct table table = make_table(survey);
    fprintf(file, "%9s  %9s  %5s  %5s", "actor_lr", "critic_lr", "runs", "done");
    for (int i = 0; i < SHOWN; i++) {
        if (shown[i].always || survey->outcomes[shown[i].outcome] > 0)
            fprintf(file, "  %8s", outcome_name(shown[i].outcome));
    }
    fputs("  stopping episode:", file);
    for (int i = 0; i < 3; i++)
        fprintf(file, " %7s", times[i]);
    fputc('\n', file);
    for (size_t g = 0; g < table.count; g++) {
        const struct group *const group = &table.groups[g];
        fprintf(file, "%9.6g  %9.6g  %5" PRId64 "  %5" PRId64, group->actor_lr, group->critic_lr,
                group->runs, group->done);
        for (int i = 0; i < SHOWN; i++) {
            if (shown[i].always || survey->outcomes[shown[i].outcome] > 0)
                fprintf(file, "  %*" PRId64, shown[i].outcome == OUTCOME_QUARANTINED ? 11 : 8,
                        group->outcomes[shown[i].outcome]);
        }
        fprintf(file, "  %17s", "");
        for (int i = 0; i < 3; i++) {
            char text[32];
            write_time(group, i, text, sizeof text);
            fprintf(file, " %7s", text);
        }
        fputc('\n', file);
    }
    free_table(&table);
}

static json_t *time_json(const struct group *group, int which)
{
    if (group->timed == 0 || time_at(group, which).censored)
        return json_null();
    return json_integer(time_at(group, which).episode);
}

json_t *table_json(const struct survey *survey)
{
    struct table table = make_table(survey);
    json_t *const array = json_array();
    for (size_t g = 0; g < table.count; g++) {
        const struct group *const group = &table.groups[g];
        json_t *const row = json_pack("{s:f, s:f, s:I, s:I}", "actor_lr", group->actor_lr,
                                      "critic_lr", group->critic_lr, "runs",
                                      (json_int_t)group->runs, "done", (json_int_t)group->done);
        for (int i = 0; i < SHOWN; i++)
            json_object_set_new(row, outcome_name(shown[i].outcome),
                                json_integer(group->outcomes[shown[i].outcome]));
        json_object_set_new(row, "first", time_json(group, 0));
        json_object_set_new(row, "median", time_json(group, 1));
        json_object_set_new(row, "last", time_json(group, 2));
        json_array_append_new(array, row);
    }
    free_table(&table);
    return array;
}

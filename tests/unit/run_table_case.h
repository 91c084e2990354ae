// SPDX-License-Identifier: MIT
/** What the tests of the run table and of what is made of it share: a file, its spec, its runs. */
#ifndef CCMSWEEP_TESTS_RUN_TABLE_CASE_H
#define CCMSWEEP_TESTS_RUN_TABLE_CASE_H

#include "own_folder.h"
#include "query/run_table.h"
#include "store_case.h"

static struct spec *spec;
static struct store *store;
static struct run_table table;
static struct fault fault;

static inline int end(void **state)
{
    run_table_fini(&table);
    store_close(&store);
    spec_free(&spec);
    return folder_end(state);
}

static inline void make_of(struct spec *made)
{
    spec = made;
    store = store_made(folder.path, spec);
}

static inline void make(const char *grid)
{
    make_of(spec_small(grid));
}

static inline void take(bool held)
{
    run_table_fini(&table);
    assert_ok(run_table_take(store, held, &table, &fault));
}

/* A run begun on host h, `episode` episodes and `wall_s` seconds ago. */
static inline void work(int64_t run, int64_t episode, double wall_s)
{
    const struct store_host host = {"h", "c", "avx2", "r", 3};
    assert_ok(store_note_start(store, run, &host, 50, &fault));
    assert_ok(store_note_progress(store, run, episode, 4, 60, &fault));
    assert_ok(store_note_end(store, run, wall_s, 60, &fault));
}

/* A run that ended in this way after `total` episodes, stopped by that time if it did, and took
 * `wall_s`. */
static inline void finish(int64_t run, enum outcome outcome, int total, double wall_s)
{
    static const struct store_failures none = {0};
    struct settings cell;
    struct filled filled;
    work(run, total, wall_s);
    assert_ok(store_note_failures(store, run, &none, &fault));
    store_cell(store, run, &cell);
    filled_clear(&filled, &cell);
    *filled.record.outcome = (int32_t)outcome;
    *filled.record.total_episodes = total;
    *filled.record.stopping_episode = outcome == OUTCOME_STOPPED ? total : -1;
    assert_ok(store_commit(store, run, &filled.record, &fault));
    filled_fini(&filled);
}

#endif

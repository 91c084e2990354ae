// SPDX-License-Identifier: MIT
#include "bench/bench.h"
#include "model/trainer_view.h"
#include "sys/clock.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_ORDINARY, KIND_LOG, KIND_OTHER };

/* Time by phase of the present episode. */
struct stopwatch {
    enum phase phase;
    double since;
    double spent[PHASE_COUNT];
};

/* What the ordinary episodes add up to, and what is kept of each. */
struct sums {
    size_t ordinary, logs;
    double *time, *speed; /* (ordinary) */
    double *log_time;     /* (logs) */
    double phase[PHASE_COUNT];
    double flop;
    struct response_tally tally;
};

static int compare_reals(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(size_t count, double *values)
{
    qsort(values, count, sizeof *values, compare_reals);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static struct episode_times sum_up(size_t count, double *seconds)
{
    if (count == 0)
        return (struct episode_times){.median_ms = NAN, .min_ms = NAN};
    const double median = bench_median(count, seconds);
    return (struct episode_times){
        .episodes = (int64_t)count, .median_ms = 1e3 * median, .min_ms = 1e3 * seconds[0]};
}

static void enter_phase(void *context, enum phase phase)
{
    struct stopwatch *const watch = context;
    const double now = clock_cpu();
    watch->spent[watch->phase] += now - watch->since;
    watch->since = now;
    watch->phase = phase;
}

static bool is_due(int64_t episode, int64_t every)
{
    return every > 0 && episode % every == 0;
}

static enum kind kind_of(const struct settings *cell, int64_t episode)
{
    if (episode == 1 || is_due(episode, cell->evaluation.every))
        return KIND_OTHER;
    if (is_due(episode, cell->tracking.log_every))
        return KIND_LOG;
    return is_due(episode, cell->tracking.snapshot_every) ? KIND_OTHER : KIND_ORDINARY;
}

static void add_tally(struct response_tally *sum, const struct response_tally *before,
                      const struct response_tally *after)
{
    sum->passes += after->passes - before->passes;
    sum->rows += after->rows - before->rows;
    sum->challengers += after->challengers - before->challengers;
    sum->layouts += after->layouts - before->layouts;
    sum->renewals += after->renewals - before->renewals;
    sum->flips += after->flips - before->flips;
}

/* Play one episode and add what it took. */
static void measure_episode(struct trainer *t, struct sums *sums)
{
    const struct trainer_view view = trainer_view(t);
    const double flop_before = view.networks->compute.flop;
    const struct response_tally tally_before = view.step->br.tally;
    const enum kind kind = kind_of(trainer_settings(t), trainer_episode(t) + 1);
    const double start = clock_cpu();
    struct stopwatch watch = {.phase = PHASE_REST, .since = start};
    trainer_probe(t, (struct probe){.enter = enter_phase, .context = &watch});
    trainer_advance(t, 1);
    enter_phase(&watch, PHASE_REST);
    trainer_probe(t, (struct probe){.enter = NULL});
    const double seconds = watch.since - start;
    if (kind == KIND_LOG)
        sums->log_time[sums->logs++] = seconds;
    if (kind != KIND_ORDINARY)
        return;
    const double flop = view.networks->compute.flop - flop_before;
    sums->time[sums->ordinary] = seconds;
    sums->speed[sums->ordinary++] = flop / seconds;
    sums->flop += flop;
    for (int p = 0; p < PHASE_COUNT; p++)
        sums->phase[p] += watch.spent[p];
    add_tally(&sums->tally, &tally_before, &view.step->br.tally);
}

/* 0/0, a mean of nothing, is NaN. */
static void form_means(struct bench_train *m, const struct sums *sums)
{
    const double episodes = (double)sums->ordinary;
    const struct response_tally *tally = &sums->tally;
    for (int p = 0; p < PHASE_COUNT; p++)
        m->phase_ms[p] = 1e3 * sums->phase[p] / episodes;
    m->gflop = 1e-9 * sums->flop / episodes;
    m->gflop_per_s = sums->ordinary > 0 ? 1e-9 * bench_median(sums->ordinary, sums->speed) : NAN;
    m->passes = tally->passes / episodes;
    m->layouts = tally->layouts / episodes;
    m->rows = tally->rows / tally->passes;
    m->challengers = tally->challengers / tally->passes;
    m->renewals = tally->renewals / tally->passes;
    m->flips = tally->flips / tally->passes;
}

static void measure(struct trainer *t, int64_t count, struct bench_train *m)
{
    double *const room = fault_alloc(3 * (size_t)count, sizeof *room);
    struct sums sums = {.time = room, .speed = room + count, .log_time = room + 2 * count};
    m->first = trainer_episode(t) + 1;
    for (int64_t k = 0; k < count && !trainer_done(t); k++)
        measure_episode(t, &sums);
    m->last = trainer_episode(t);
    m->ordinary = sum_up(sums.ordinary, sums.time);
    m->log = sum_up(sums.logs, sums.log_time);
    form_means(m, &sums);
    free(room);
}

enum status bench_train_measure(const struct settings *cell, int64_t skip, int64_t count,
                                struct bench_train *train, struct fault *fault)
{
    enum status status = STATUS_OK;
    struct trainer *t = trainer_new(cell);
    *train = (struct bench_train){.memory_mb = 1e-6 * (double)trainer_memory(t)};
    trainer_advance(t, skip);
    if (trainer_done(t))
        status =
            fault_set(fault, STATUS_INPUT,
                      "the training ended with episode %" PRId64 ", expected a --skip below that",
                      trainer_episode(t));
    else
        measure(t, count, train);
    trainer_free(&t);
    return status;
}

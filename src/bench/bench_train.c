// SPDX-License-Identifier: MIT
/* `bench train`: episodes measured one by one, through the same calls as a real training. The
 * trainer reports its phases to a probe; nothing else in it knows that it is measured. */
#include "bench/bench.h"
#include "model/trainer_view.h"
#include "sys/clock.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Episodes of different kinds must not share a median: a log episode costs almost twice an ordinary
 * one, and evaluations are episodes of their own. */
enum kind { KIND_ORDINARY, KIND_LOG, KIND_OTHER };

/* CPU time by phase of the present episode. The probe says only which phase begins; the one before
 * ends with it, so no time is lost between them. */
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

/* The mean of the two values in the middle, which are one value when `count` is odd. */
double bench_median(size_t count, double *values)
{
    qsort(values, count, sizeof *values, compare_reals);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* The median, because others use the machine and a mean would follow their bursts; and the least
 * time, which is nearest to what the program itself needs. bench_median has sorted the times. */
static struct episode_times sum_up(size_t count, double *seconds)
{
    if (count == 0)
        return (struct episode_times){.median_ms = NAN, .min_ms = NAN};
    const double median = bench_median(count, seconds);
    return (struct episode_times){
        .episodes = (int64_t)count, .median_ms = 1e3 * median, .min_ms = 1e3 * seconds[0]};
}

/* Called by the trainer at the beginning of each phase. */
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

/* The first episode does not train (training begins in episode 2), and one with a snapshot does
 * more than an ordinary one: neither is counted anywhere. */
static enum kind kind_of(const struct settings *cell, int64_t episode)
{
    if (episode == 1 || is_due(episode, cell->evaluation.every))
        return KIND_OTHER;
    if (is_due(episode, cell->tracking.log_every))
        return KIND_LOG;
    return is_due(episode, cell->tracking.snapshot_every) ? KIND_OTHER : KIND_ORDINARY;
}

/* The trainer's tally runs over all episodes; only the differences of ordinary ones are added. */
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
    const struct response_tally tally_before = view.step->frozen.br.tally;
    const enum kind kind = kind_of(trainer_settings(t), trainer_episode(t) + 1);
    const double start = clock_cpu();
    struct stopwatch watch = {.phase = PHASE_REST, .since = start};
    trainer_probe(t, (struct probe){.enter = enter_phase, .context = &watch});
    trainer_advance(t, 1);
    enter_phase(&watch, PHASE_REST);
    trainer_probe(t, (struct probe){.enter = NULL});
    /* The last call of enter_phase has set `since`, so the phases add up to exactly this time. */
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
    add_tally(&sums->tally, &tally_before, &view.step->frozen.br.tally);
}

/* Means of the ordinary episodes. When there were none, 0/0 is NaN, which is what bench.h
 * promises. */
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
    /* A critic without activations has no passes to count: its responses are known. */
    const double passes = sums->ordinary > 0 ? fmax(1.0, tally->passes) : 0.0;
    m->rows = tally->rows / passes;
    m->challengers = tally->challengers / passes;
    m->renewals = tally->renewals / passes;
    m->flips = tally->flips / passes;
}

static void measure(struct trainer *t, int64_t count, struct bench_train *m)
{
    /* All episodes may be of one kind, so each of the three arrays has room for all. Nothing is
     * allocated while episodes are measured. */
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
    /* Not measured: the first episodes cost more than later ones. */
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

// SPDX-License-Identifier: MIT
/* The report of `bench train`: a text of at most 80 columns, and JSON. Both have the same figures;
 * what does not exist, because no episode of that kind was measured, is left out or null. */
#include "base/text.h"
#include "bench/bench.h"
#include "model/kernels.h"
#include "sys/host.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

enum { NAME_SIZE = 128 };

/* The same words in the text and as keys of the JSON. */
static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_ACTING] = "acting", [PHASE_PRIORITIES] = "priorities", [PHASE_TARGETS] = "targets",
    [PHASE_CRITIC] = "critic", [PHASE_ACTORS] = "actors",         [PHASE_REST] = "rest",
};

/* ---- for people ---- */

/* What OpenBLAS reaches at the shapes of a training: the scale for "% of sgemm" below. */
static void print_reference(FILE *file, const struct sgemm_reference *reference)
{
    fprintf(file, "\nsgemm of OpenBLAS, kernel %s, one thread, median GFLOP/s\n",
            reference->kernel);
    for (int i = 0; i < SGEMM_SHAPES; i++) {
        const struct sgemm_shape *const s = &reference->shape[i];
        char name[TEXT_NUMBER];
        snprintf(name, sizeof name, "%dx%dx%d", s->m, s->n, s->k);
        fprintf(file, "  %-16s %8.1f  %s\n", name, s->gflop_per_s, s->where);
    }
    fputs("  The fastest of these is what \"of sgemm\" refers to.\n", file);
}

/* The cell and the episodes that were measured, so that a report can be repeated. */
static void print_headline(FILE *file, const struct bench_regime *regime)
{
    char actor_lr[TEXT_NUMBER];
    char critic_lr[TEXT_NUMBER];
    text_write_real(regime->cell.training.actor_lr, actor_lr, sizeof actor_lr);
    text_write_real(regime->cell.training.critic_lr, critic_lr, sizeof critic_lr);
    fprintf(file, "\n%s: actor_lr %s, critic_lr %s, seed %" PRId64 "\n", regime->name, actor_lr,
            critic_lr, regime->cell.training.seed);
    fprintf(file, "  measured     episodes %" PRId64 " to %" PRId64 ", CPU time\n",
            regime->train.first, regime->train.last);
}

/* A log episode, and how much more it costs than an ordinary one: spec/cost has that ratio in its
 * heuristic. */
static void print_log(FILE *file, const struct bench_train *m)
{
    if (m->log.episodes == 0) {
        fputs("  log          no such episode\n", file);
        return;
    }
    fprintf(file, "  log          %.2f ms, median of %" PRId64, m->log.median_ms, m->log.episodes);
    if (m->ordinary.episodes > 0)
        fprintf(file, "; %.2f times an ordinary one", m->log.median_ms / m->ordinary.median_ms);
    fputc('\n', file);
}

/* Where the time of an ordinary episode goes; percentages are of the sum of the phases. */
static void print_phases(FILE *file, const struct bench_train *m)
{
    double sum = 0;
    for (int p = 0; p < PHASE_COUNT; p++)
        sum += m->phase_ms[p];
    for (int p = 0; p < PHASE_COUNT; p++)
        fprintf(file, "    %-10s %7.2f ms, mean; %4.1f %%\n", phase_names[p], m->phase_ms[p],
                100 * m->phase_ms[p] / sum);
}

/* How much work the search for best responses had (model/best_response): few challengers and
 * renewals for each pass are what makes a training step fast. */
static void print_responses(FILE *file, const struct bench_train *m)
{
    /* Saturated actors ask for none, and a normalised critic has no such search
     * (model/normed_response). */
    if (m->passes <= 0)
        return;
    fprintf(file, "  responses    %.4g samples laid out, %.4g passes of (sample, actor)\n",
            m->layouts, m->passes);
    fprintf(file,
            "    by pass    %.4g rows evaluated, %.4g challengers,\n"
            "               %.4g renewals, %.4g flips\n",
            m->rows, m->challengers, m->renewals, m->flips);
}

static void print_regime(FILE *file, const struct sgemm_reference *reference,
                         const struct bench_regime *regime)
{
    const struct bench_train *const m = &regime->train;
    print_headline(file, regime);
    if (m->ordinary.episodes == 0)
        fputs("  ordinary     no such episode\n", file);
    else
        fprintf(file, "  ordinary     %.2f ms, median of %" PRId64 "; %.2f at least\n",
                m->ordinary.median_ms, m->ordinary.episodes, m->ordinary.min_ms);
    print_log(file, m);
    if (m->ordinary.episodes > 0) {
        fputs("  an ordinary episode\n", file);
        print_phases(file, m);
        fprintf(file, "  arithmetic   %.4g GFLOP, %.4g GFLOP/s, %.3g %% of sgemm\n", m->gflop,
                m->gflop_per_s, 100 * m->gflop_per_s / reference->best);
        print_responses(file, m);
    }
    fprintf(file, "  memory       %.1f MB\n", m->memory_mb);
}

void bench_print(FILE *file, const struct sgemm_reference *reference, size_t count,
                 const struct bench_regime *regimes)
{
    char cpu[NAME_SIZE];
    host_cpu(cpu, sizeof cpu);
    const struct settings *const cell = &regimes[0].cell;
    /* The name of the CPU is cut, for the line to fit into 80 columns. */
    fprintf(file, "%.56s, level %s\n", cpu, kernels_best()->level);
    fprintf(file, "%" PRId64 " agents, batch %" PRId64 "\n", cell->environment.agents,
            cell->training.batch);
    print_reference(file, reference);
    for (size_t i = 0; i < count; i++)
        print_regime(file, reference, &regimes[i]);
}

/* ---- JSON ---- */

/* JSON has no NaN, and jansson refuses to make a number of it. */
static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *pack_reference(const struct sgemm_reference *reference)
{
    json_t *const shapes = json_array();
    for (int i = 0; i < SGEMM_SHAPES; i++) {
        const struct sgemm_shape *const s = &reference->shape[i];
        json_array_append_new(shapes, json_pack("{s:i, s:i, s:i, s:o, s:s}", "m", s->m, "n", s->n,
                                                "k", s->k, "gflop_per_s",
                                                real_or_null(s->gflop_per_s), "where", s->where));
    }
    return json_pack("{s:s, s:o, s:o}", "kernel", reference->kernel, "best_gflop_per_s",
                     real_or_null(reference->best), "shapes", shapes);
}

static json_t *pack_times(const struct episode_times *times)
{
    return json_pack("{s:I, s:o, s:o}", "episodes", (json_int_t)times->episodes, "median_ms",
                     real_or_null(times->median_ms), "min_ms", real_or_null(times->min_ms));
}

static json_t *pack_phases(const struct bench_train *m)
{
    json_t *const object = json_object();
    for (int p = 0; p < PHASE_COUNT; p++)
        json_object_set_new(object, phase_names[p], real_or_null(m->phase_ms[p]));
    return object;
}

static json_t *pack_responses(const struct bench_train *m)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "passes", real_or_null(m->passes), "layouts",
                     real_or_null(m->layouts), "rows_per_pass", real_or_null(m->rows),
                     "challengers_per_pass", real_or_null(m->challengers), "renewals_per_pass",
                     real_or_null(m->renewals), "flips_per_pass", real_or_null(m->flips));
}

/* A NULL inside, from a lack of memory, makes json_pack fail as a whole: bench_print_json then says
 * so. */
static json_t *pack_regime(const struct sgemm_reference *reference,
                           const struct bench_regime *regime)
{
    const struct bench_train *const m = &regime->train;
    const struct settings *const cell = &regime->cell;
    return json_pack("{s:s, s:f, s:f, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "regime", regime->name, "actor_lr", cell->training.actor_lr, "critic_lr",
                     cell->training.critic_lr, "seed", (json_int_t)cell->training.seed,
                     "first_episode", (json_int_t)m->first, "last_episode", (json_int_t)m->last,
                     "ordinary", pack_times(&m->ordinary), "log", pack_times(&m->log), "log_ratio",
                     real_or_null(m->log.median_ms / m->ordinary.median_ms), "phases_ms",
                     pack_phases(m), "gflop", real_or_null(m->gflop), "gflop_per_s",
                     real_or_null(m->gflop_per_s), "share_of_sgemm",
                     real_or_null(m->gflop_per_s / reference->best), "responses", pack_responses(m),
                     "memory_mb", real_or_null(m->memory_mb));
}

bool bench_print_json(FILE *file, const struct sgemm_reference *reference, size_t count,
                      const struct bench_regime *regimes)
{
    char cpu[NAME_SIZE];
    host_cpu(cpu, sizeof cpu);
    const struct settings *const cell = &regimes[0].cell;
    json_t *const list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, pack_regime(reference, &regimes[i]));
    json_t *const object = json_pack(
        "{s:i, s:s, s:s, s:I, s:I, s:o, s:o}", "schema_version", BENCH_SCHEMA_VERSION, "cpu", cpu,
        "level", kernels_best()->level, "agents", (json_int_t)cell->environment.agents, "batch",
        (json_int_t)cell->training.batch, "sgemm", pack_reference(reference), "regimes", list);
    /* 8 digits: more than a measured time has, and short enough to be read. */
    const bool written = object != NULL &&
                         json_dumpf(object, file, JSON_INDENT(2) | JSON_REAL_PRECISION(8)) == 0 &&
                         fputc('\n', file) != EOF;
    json_decref(object);
    return written;
}

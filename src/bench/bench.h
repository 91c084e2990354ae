// SPDX-License-Identifier: MIT
/**
 * What a training costs on this machine: CPU time by episode and phase, arithmetic, memory, and
 * the speed of a BLAS on the same shapes to compare with.
 *
 * Times are CPU time of the one thread that trains: others who use the machine do not add to them,
 * though its caches, memory and clock rate are shared all the same. Numbers that do not exist,
 * because there was no such episode, are NaN. All calls are local.
 */
#ifndef CCMSWEEP_BENCH_H
#define CCMSWEEP_BENCH_H

#include "model/phase.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or is removed. */
enum { BENCH_SCHEMA_VERSION = 1 };

/** One product C (m, n) = A (m, k) · B (k, n). */
struct sgemm_shape {
    const char *where; /**< in a training */
    int m, n, k;
    double gflop_per_s; /**< median */
};

enum { SGEMM_SHAPES = 3 };

/** What OpenBLAS' sgemm reaches on one thread at the largest products of a training. */
struct sgemm_reference {
    char kernel[32]; /**< OpenBLAS' name for it */
    struct sgemm_shape shape[SGEMM_SHAPES];
    double best; /**< GFLOP/s of the fastest shape: what a training is compared with */
};

/** Load OpenBLAS and measure its sgemm, on one thread, at the shapes that trainings of `cell` have.
 *  Takes about half a second. \return STATUS_FAULT with a sentence when it cannot be loaded */
enum status sgemm_reference_measure(struct sgemm_reference *reference, const struct settings *cell,
                                    struct fault *fault) MUST_USE;

/** CPU time of episodes of one kind. */
struct episode_times {
    int64_t episodes;
    double median_ms, min_ms;
};

/**
 * One measured training. An *ordinary* episode trains, and neither logs, takes a snapshot nor
 * evaluates; a *log* episode logs and does not evaluate. Whatever has no kind of its own in its
 * name is of the ordinary ones.
 */
struct bench_train {
    int64_t first, last; /**< episodes that were measured */
    struct episode_times ordinary, log;
    double phase_ms[PHASE_COUNT]; /**< mean */
    double gflop;                 /**< mean; see compute.flop in kernels.h */
    double gflop_per_s;           /**< median */
    double passes;                /**< mean; this and the next are those of struct response_tally */
    double layouts;               /**< mean */
    double rows, challengers, renewals, flips; /**< by pass */
    double memory_mb;                          /**< 1e6 bytes that the trainer holds */
};

/** Train `cell`, `skip` episodes unmeasured and then up to `count` (1 or more) measured ones.
 *  \return STATUS_INPUT with a sentence when it ended before it had measured one */
enum status bench_train_measure(const struct settings *cell, int64_t skip, int64_t count,
                                struct bench_train *train, struct fault *fault) MUST_USE;

/** Median of `count` (1 or more) values, which are sorted on the way. */
double bench_median(size_t count, double *values);

/** A training that was measured: what the report says of it. */
struct bench_regime {
    const char *name;
    struct settings cell;
    struct bench_train train;
};

/** Write the report in at most 80 columns. */
void bench_print(FILE *file, const struct sgemm_reference *reference, size_t count,
                 const struct bench_regime *regimes);

/** Write the same as one JSON object; NaN is null. \return false when the stream did not take all
 *  of it.
 *
 *  Keys of bench train:
 *  - `schema_version`: raised when a key is removed or changes its meaning
 *  - `cpu`, `level`: name of the CPU; level of the kernels
 *  - `agents`, `batch`: size of the training
 *  - `sgemm`: of OpenBLAS: its `kernel`, `best_gflop_per_s`, and by shape (`shapes`) `m`, `n`, `k`,
 *    `gflop_per_s`, `where` such a product occurs
 *  - `regimes`: each training: `regime`, `actor_lr`, `critic_lr`, `seed`, `first_episode`,
 *    `last_episode`; `ordinary` and `log` episodes (`episodes`, `median_ms`, `min_ms`) and their
 *    ratio `log_ratio`; `phases_ms`, the time of `acting`, `priorities`, `targets`, `critic`,
 *    `actors` and the `rest`; `gflop`, `gflop_per_s`, `share_of_sgemm`; `responses`; `memory_mb`
 */
bool bench_print_json(FILE *file, const struct sgemm_reference *reference, size_t count,
                      const struct bench_regime *regimes) MUST_USE;

#endif

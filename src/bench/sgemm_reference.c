// SPDX-License-Identifier: MIT
/* The speed of OpenBLAS' sgemm, as a scale for our own kernels: GFLOP/s alone say little without
 * what the same core reaches with a good library at the same shapes. */
#include "bench/bench.h"
#include "model/mec.h"
#include "openblas_path.h"
#include "sys/clock.h"
#include <cblas.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* OpenBLAS, loaded when it is asked for: linked, it would give each rank of a sweep idle threads.
 */
struct blas {
    __typeof__(&cblas_sgemm) sgemm;
    __typeof__(&openblas_get_corename) get_corename;
};

/* Rows that are evaluated side by side, at most. */
enum { ROWS = 2048, SAMPLES = 25 };

/* CPU time that one sample should take at least, for the clock to be exact enough. */
static const double sample_s = 2e-3;

/* The operands of one shape. They are filled with ordinary numbers: zeros or tiny numbers could be
 * faster than what a training multiplies. */
struct operands {
    float *a, *b, *c;
};

static float *fill(int rows, int columns)
{
    const size_t count = (size_t)rows * (size_t)columns;
    float *const x = fault_alloc(count, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(i % 17) / 17.0F - 0.4F;
    return x;
}

/* CPU time, and not time of day: bench.h says why. */
static double time_products(const struct blas *blas, const struct sgemm_shape *s,
                            const struct operands *o, int64_t calls)
{
    const double start = clock_cpu();
    for (int64_t i = 0; i < calls; i++)
        blas->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->m, s->n, s->k, 1.0F, o->a, s->k,
                    o->b, s->n, 0.0F, o->c, s->n);
    return clock_cpu() - start;
}

/* The number of calls doubles until one sample is long enough, which also warms the caches; then
 * the median of 25 samples is taken. */
static double measure_shape(const struct blas *blas, const struct sgemm_shape *s)
{
    const struct operands o = {fill(s->m, s->k), fill(s->k, s->n), fill(s->m, s->n)};
    int64_t calls = 1;
    while (time_products(blas, s, &o, calls) < sample_s)
        calls *= 2;
    const double gflop = 2e-9 * s->m * s->n * s->k * (double)calls;
    double speed[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        speed[i] = gflop / time_products(blas, s, &o, calls);
    free(o.a);
    free(o.b);
    free(o.c);
    return bench_median(SAMPLES, speed);
}

static int at_most_rows(int64_t rows)
{
    return rows < ROWS ? (int)rows : ROWS;
}

/* memcpy, because C has no conversion from the void * of dlsym to a pointer to a function. */
static bool find(void *library, const char *name, void *function)
{
    void *const symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* OpenBLAS reads the number of threads when it is loaded, so the variable is set before, whatever
 * the user has set. The library found by Meson comes first; the other names are for a program that
 * was copied to another machine. */
static enum status load(struct blas *blas, struct fault *fault)
{
    static const char *const names[] = {OPENBLAS_PATH, "libopenblas.so.0", "libopenblas.so"};
    void *library = NULL;
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || !find(library, "cblas_sgemm", &blas->sgemm) ||
        !find(library, "openblas_get_corename", &blas->get_corename))
        return fault_set(fault, STATUS_FAULT, "OpenBLAS cannot be loaded to compare with: %s",
                         dlerror());
    return STATUS_OK;
}

enum status sgemm_reference_measure(struct sgemm_reference *reference, const struct settings *cell,
                                    struct fault *fault)
{
    struct blas blas = {NULL, NULL};
    const enum status status = load(&blas, fault);
    if (status != STATUS_OK)
        return status;
    const int64_t batch = cell->training.batch;
    const int64_t agents = cell->environment.agents;
    const int h1 = (int)cell->networks.critic_hidden1;
    const int h2 = (int)cell->networks.critic_hidden2;
    /* The largest products of a training, in the sizes of this cell. */
    *reference = (struct sgemm_reference){
        .shape = {{.where = "critic, layer 1: joint inputs of the batch",
                   .m = (int)batch,
                   .n = h1,
                   .k = (int)agents * (MEC_STATE + MEC_ACTION)},
                  {.where = "critic, layer 2: agents that propose",
                   .m = at_most_rows(batch * agents),
                   .n = h2,
                   .k = h1},
                  {.where = "critic, layer 2: agents accepted",
                   .m = at_most_rows(batch * cell->environment.channels),
                   .n = h2,
                   .k = h1}},
    };
    snprintf(reference->kernel, sizeof reference->kernel, "%s", blas.get_corename());
    for (int i = 0; i < SGEMM_SHAPES; i++) {
        struct sgemm_shape *shape = &reference->shape[i];
        shape->gflop_per_s = measure_shape(&blas, shape);
        if (shape->gflop_per_s > reference->best)
            reference->best = shape->gflop_per_s;
    }
    return STATUS_OK;
}

// SPDX-License-Identifier: MIT
#include <cblas.h>
#include <ccmsweep/bench.h>
#include <ccmsweep/clock.h>
#include <ccmsweep/mec.h>
#include <stdlib.h>

/* Rows that are evaluated side by side, at most. */
enum { ROWS = 2048, SAMPLES = 25 };

/* CPU time that one timing should take, for the clock to be exact enough. */
static const double sample_s = 2e-3;

/* Operands of one shape: zeros or tiny numbers could be faster than what a training multiplies. */
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

static double time_products(const struct yardstick_shape *s, const struct operands *o,
                            int64_t calls)
{
    const double start = clock_cpu();
    for (int64_t i = 0; i < calls; i++)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->m, s->n, s->k, 1.0F, o->a, s->k,
                    o->b, s->n, 0.0F, o->c, s->n);
    return clock_cpu() - start;
}

static double measure_shape(const struct yardstick_shape *s)
{
    const struct operands o = {fill(s->m, s->k), fill(s->k, s->n), fill(s->m, s->n)};
    int64_t calls = 1;
    while (time_products(s, &o, calls) < sample_s)
        calls *= 2;
    const double gflop = 2e-9 * s->m * s->n * s->k * (double)calls;
    double speed[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        speed[i] = gflop / time_products(s, &o, calls);
    free(o.a);
    free(o.b);
    free(o.c);
    return bench_median(SAMPLES, speed);
}

static int at_most_rows(int64_t rows)
{
    return rows < ROWS ? (int)rows : ROWS;
}

void yardstick_measure(struct yardstick *yardstick, const struct settings *cell)
{
    const int64_t batch = cell->training.batch;
    const int64_t agents = cell->environment.agents;
    const int h1 = (int)cell->networks.critic_hidden1;
    const int h2 = (int)cell->networks.critic_hidden2;
    openblas_set_num_threads(1);
    *yardstick = (struct yardstick){
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
    snprintf(yardstick->kernel, sizeof yardstick->kernel, "%s", openblas_get_corename());
    for (int i = 0; i < YARDSTICK_SHAPES; i++) {
        struct yardstick_shape *shape = &yardstick->shape[i];
        shape->gflop_per_s = measure_shape(shape);
        if (shape->gflop_per_s > yardstick->best)
            yardstick->best = shape->gflop_per_s;
    }
}

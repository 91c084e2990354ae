// SPDX-License-Identifier: MIT
/*
 * The plain step's pass against central differences of itself, with a layer norm behind any of its
 * layers: what faster ways are held to must be right without them.
 */
#include "base/rng.h"
#include "check.h"
#include "model/plain/pass.h"
#include <stdlib.h>

enum { ROWS = 4, IN = 5, OUT = 3, MOST = 256 };
static const double STEP = 1e-6;

/* Σ over rows and outputs of c·output. */
static double loss(const struct pass *p, const double *c)
{
    double sum = 0.0;
    for (int k = 0; k < ROWS * OUT; k++)
        sum += c[k] * p->value[MLP_LAYERS][k];
    return sum;
}

/* The parameters behind net_take, as the pass has them. */
static double *parameter(struct net *net, size_t k)
{
    const struct mlp *mlp = &net->mlp;
    for (int l = 0; l < MLP_LAYERS; l++) {
        for (int o = 0; o < mlp->out[l]; o++) {
            for (int i = 0; i < mlp->in[l]; i++)
                if (mlp_at(mlp, l, o, i) == k)
                    return &net->weight[l][o * mlp->in[l] + i];
            if (mlp->bias[l] + (size_t)o == k)
                return &net->bias[l][o];
            if (mlp->normed[l] && mlp->gamma[l] + (size_t)o == k)
                return &net->gamma[l][o];
            if (mlp->normed[l] && mlp->beta[l] + (size_t)o == k)
                return &net->beta[l][o];
        }
    }
    return NULL;
}

static void compare(struct pass *p, double *place, const double *c, double got, const char *what)
{
    const double kept = *place;
    *place = kept + STEP;
    pass_forward(p);
    const double up = loss(p, c);
    *place = kept - STEP;
    pass_forward(p);
    const double down = loss(p, c);
    *place = kept;
    pass_forward(p);
    const double want = (up - down) / (2.0 * STEP);
    if (fabs(got - want) > 1e-7 * (1.0 + fabs(want)))
        fail_msg("%s: %.9g, want %.9g", what, got, want);
}

static double *copy(const double *x, size_t count)
{
    double *y = pass_reals(count);
    return memcpy(y, x, count * sizeof *y);
}

/* \param layers bit l: a normalisation behind layer l */
static void check_pass(int layers)
{
    struct numpy_rng rng;
    struct net net = {.mlp = mlp_make(IN, 8, 6, OUT, ACTIVATION_RELU)};
    float theta[MOST];
    double c[ROWS * OUT], gradient[MOST], e[ROWS * OUT] = {0};
    numpy_seed(&rng, (uint32_t)layers);
    for (int l = 0; l < MLP_LAYERS; l++)
        if (layers >> l & 1)
            mlp_normalise(&net.mlp, l);
    assert_true(net.mlp.size <= MOST);
    for (size_t k = 0; k < net.mlp.size; k++)
        theta[k] = (float)(0.7 * numpy_gaussian(&rng));
    net_take(&net, (struct reals){.f32 = theta});
    struct pass p = pass_new(&net, ROWS);
    for (int k = 0; k < ROWS * IN; k++)
        p.value[0][k] = numpy_gaussian(&rng);
    for (int k = 0; k < ROWS * OUT; k++)
        c[k] = numpy_gaussian(&rng);
    pass_forward(&p);
    for (int once = 0; once < 2; once++) {
        double *d = copy(c, ROWS * OUT);
        double *doubt = copy(e, ROWS * OUT);
        const double square = pass_backward(&p, &d, &doubt, once ? NULL : gradient);
        assert_true(square >= 0.0 && square < 1e-6);
        for (int k = 0; once && k < ROWS * IN; k++)
            compare(&p, &p.value[0][k], c, d[k], "input");
        for (size_t k = 0; !once && k < net.mlp.size; k++)
            compare(&p, parameter(&net, k), c, gradient[k], "parameter");
        free(d);
        free(doubt);
    }
    pass_free(&p);
    net_free(&net);
}

static void test_gradients(void **state)
{
    (void)state;
    for (int layers = 0; layers < 1 << MLP_LAYERS; layers++)
        check_pass(layers);
}

/* The error beside a value holds what a change of the inputs within theirs does to it. */
static void test_errors_hold(void **state)
{
    (void)state;
    struct numpy_rng rng;
    for (int layers = 0; layers < 1 << MLP_LAYERS; layers++) {
        struct net net = {.mlp = mlp_make(IN, 8, 6, OUT, ACTIVATION_RELU)};
        float theta[MOST];
        double before[ROWS * OUT];
        numpy_seed(&rng, (uint32_t)layers);
        for (int l = 0; l < MLP_LAYERS; l++)
            if (layers >> l & 1)
                mlp_normalise(&net.mlp, l);
        for (size_t k = 0; k < net.mlp.size; k++)
            theta[k] = (float)(0.7 * numpy_gaussian(&rng));
        net_take(&net, (struct reals){.f32 = theta});
        struct pass p = pass_new(&net, ROWS);
        for (int k = 0; k < ROWS * IN; k++)
            p.value[0][k] = numpy_gaussian(&rng);
        pass_forward(&p);
        memcpy(before, p.value[MLP_LAYERS], sizeof before);
        for (int k = 0; k < ROWS * IN; k++) {
            p.error[0][k] = 1e-5;
            p.value[0][k] += 1e-5 * numpy_gaussian(&rng);
        }
        pass_forward(&p);
        for (int k = 0; k < ROWS * OUT; k++) {
            const double off = fabs(p.value[MLP_LAYERS][k] - before[k]);
            assert_true(off <= 4.0 * p.error[MLP_LAYERS][k]);
        }
        pass_free(&p);
        net_free(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_errors_hold),
    };
    return cmocka_run_group_tests_name("plain_pass", tests, NULL, NULL);
}

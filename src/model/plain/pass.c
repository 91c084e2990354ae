// SPDX-License-Identifier: MIT
#include "model/plain/pass.h"
#include <ccmsweep/fault.h>
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

double *pass_reals(size_t count)
{
    return fault_alloc(count + 1, sizeof(double));
}

void pass_product(int rows, int out, int in, const double *x, const double *w, double *y)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, out, in, 1.0, x, in, w, in, 0.0, y,
                out);
}

/* x (rows, in) = y (rows, out) · w (out, in) */
static void back(int rows, int out, int in, const double *y, const double *w, double *x)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, in, out, 1.0, y, out, w, in, 0.0,
                x, in);
}

static double *squares(const double *x, size_t count)
{
    double *y = pass_reals(count);
    for (size_t k = 0; k < count; k++)
        y[k] = x[k] * x[k];
    return y;
}

static double *magnitudes(const double *x, size_t count)
{
    double *y = pass_reals(count);
    for (size_t k = 0; k < count; k++)
        y[k] = fabs(x[k]);
    return y;
}

void net_free(struct net *net)
{
    for (int l = 0; l < MLP_LAYERS; l++) {
        free(net->weight[l]);
        free(net->size[l]);
        free(net->square[l]);
        free(net->bias[l]);
        free(net->gamma[l]);
        free(net->beta[l]);
        net->weight[l] = net->size[l] = net->square[l] = net->bias[l] = NULL;
        net->gamma[l] = net->beta[l] = NULL;
    }
}

void net_take(struct net *net, struct reals theta)
{
    const struct mlp *mlp = &net->mlp;
    net->rounding = theta.f64 != NULL ? PASS_ROUNDING_F64 : PASS_ROUNDING;
    net_free(net);
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t in = (size_t)mlp->in[l];
        const size_t count = in * (size_t)mlp->out[l];
        net->weight[l] = pass_reals(count);
        net->bias[l] = pass_reals((size_t)mlp->out[l]);
        for (int o = 0; o < mlp->out[l]; o++) {
            net->bias[l][o] = reals_value(theta, mlp->bias[l] + (size_t)o);
            for (int i = 0; i < mlp->in[l]; i++)
                net->weight[l][(size_t)o * in + (size_t)i] =
                    reals_value(theta, mlp_at(mlp, l, o, i));
        }
        net->gamma[l] = pass_reals((size_t)mlp->out[l]);
        net->beta[l] = pass_reals((size_t)mlp->out[l]);
        for (int o = 0; mlp->normed[l] && o < mlp->out[l]; o++) {
            net->gamma[l][o] = reals_value(theta, mlp->gamma[l] + (size_t)o);
            net->beta[l][o] = reals_value(theta, mlp->beta[l] + (size_t)o);
        }
        net->size[l] = magnitudes(net->weight[l], count);
        net->square[l] = squares(net->weight[l], count);
    }
}

struct pass pass_new(const struct net *net, int rows)
{
    struct pass p = {.net = net, .rows = rows};
    const size_t r = (size_t)rows;
    for (int l = 0; l <= MLP_LAYERS; l++) {
        const size_t width = (size_t)(l < MLP_LAYERS ? net->mlp.in[l] : net->mlp.out[l - 1]);
        p.value[l] = pass_reals(r * width);
        p.error[l] = pass_reals(r * width);
    }
    for (int l = 0; l + 1 < MLP_LAYERS; l++) {
        p.on[l] = fault_alloc(r * (size_t)net->mlp.out[l] + 1, sizeof(bool));
        p.near[l] = fault_alloc(r * (size_t)net->mlp.out[l] + 1, sizeof(bool));
    }
    for (int l = 0; l < MLP_LAYERS; l++) {
        if (net->mlp.normed[l])
            p.norm[l] = (struct pass_norm){.unit = pass_reals(r * (size_t)net->mlp.out[l]),
                                           .unit_error = pass_reals(r * (size_t)net->mlp.out[l]),
                                           .scale = pass_reals(r),
                                           .scale_error = pass_reals(r)};
    }
    return p;
}

void pass_free(struct pass *p)
{
    for (int l = 0; l <= MLP_LAYERS; l++) {
        free(p->value[l]);
        free(p->error[l]);
    }
    for (int l = 0; l < MLP_LAYERS; l++) {
        free(p->on[l]);
        free(p->near[l]);
        free(p->norm[l].unit);
        free(p->norm[l].unit_error);
        free(p->norm[l].scale);
        free(p->norm[l].scale_error);
    }
    *p = (struct pass){0};
}

/* A hidden unit from its sum. One that is its sum is always on, and has no kink. */
static void activate(struct pass *p, int l, size_t k)
{
    double *value = &p->value[l + 1][k];
    double *error = &p->error[l + 1][k];
    if (p->net->mlp.activation == ACTIVATION_LINEAR) {
        p->on[l][k] = true;
        return;
    }
    p->on[l][k] = *value > 0.0;
    p->near[l][k] = fabs(*value) <= PASS_KINK * *error && *error > 0.0;
    if (!p->on[l][k])
        *value = 0.0;
    if (!p->on[l][k] && !p->near[l][k])
        *error = 0.0;
}

/* û of one row x (n), with its error. By first order δû = (δ - mean(δ) - û·mean(û∘δ))·scale, and
 * errors e of x are added in quadrature: each its own, and 1 + û_i·û_k of each of the n by 1/n. */
static void unit_of(int n, double rounding, const double *x, const double *e, double *unit,
                    double *unit_error, double *scale, double *scale_error)
{
    double mean = 0.0, variance = 0.0, plain = 0.0, once = 0.0, twice = 0.0;
    for (int k = 0; k < n; k++)
        mean += x[k] / n;
    for (int k = 0; k < n; k++)
        variance += (x[k] - mean) * (x[k] - mean) / n;
    *scale = 1.0 / sqrt(variance + 1e-5);
    for (int k = 0; k < n; k++) {
        unit[k] = (x[k] - mean) * *scale;
        plain += e[k] * e[k];
        once += unit[k] * e[k] * e[k];
        twice += unit[k] * unit[k] * e[k] * e[k];
    }
    for (int k = 0; k < n; k++) {
        const double others = plain + 2.0 * unit[k] * once + unit[k] * unit[k] * twice;
        unit_error[k] = *scale * sqrt(e[k] * e[k] + fmax(0.0, others) / ((double)n * n)) +
                        rounding * fabs(unit[k]);
    }
    *scale_error = *scale * sqrt(twice) / n + rounding;
}

/* The normalisation behind layer l, in place. */
static void normalise(struct pass *p, int l)
{
    const struct net *net = p->net;
    const struct pass_norm *norm = &p->norm[l];
    const int n = net->mlp.out[l];
    for (int r = 0; r < p->rows; r++) {
        double *value = p->value[l + 1] + (size_t)r * (size_t)n;
        double *error = p->error[l + 1] + (size_t)r * (size_t)n;
        double *unit = norm->unit + (size_t)r * (size_t)n;
        double *unit_error = norm->unit_error + (size_t)r * (size_t)n;
        unit_of(n, net->rounding, value, error, unit, unit_error, &norm->scale[r],
                &norm->scale_error[r]);
        for (int k = 0; k < n; k++) {
            const double scaled = net->gamma[l][k] * unit[k];
            value[k] = scaled + net->beta[l][k];
            error[k] = fabs(net->gamma[l][k]) * unit_error[k] +
                       net->rounding * (fabs(scaled) + fabs(net->beta[l][k]));
        }
    }
}

static void pass_layer(struct pass *p, int l)
{
    const struct net *net = p->net;
    const int in = net->mlp.in[l];
    const int out = net->mlp.out[l];
    const size_t inputs = (size_t)p->rows * (size_t)in;
    const size_t outputs = (size_t)p->rows * (size_t)out;
    double *size_in = magnitudes(p->value[l], inputs);
    double *square_in = squares(p->error[l], inputs);
    double *size = pass_reals(outputs);
    pass_product(p->rows, out, in, p->value[l], net->weight[l], p->value[l + 1]);
    pass_product(p->rows, out, in, size_in, net->size[l], size);
    pass_product(p->rows, out, in, square_in, net->square[l], p->error[l + 1]);
    for (size_t k = 0; k < outputs; k++) {
        const double bias = net->bias[l][k % (size_t)out];
        p->value[l + 1][k] += bias;
        p->error[l + 1][k] = sqrt(p->error[l + 1][k]) + net->rounding * (size[k] + fabs(bias));
        if (l + 1 < MLP_LAYERS)
            activate(p, l, k);
    }
    if (net->mlp.normed[l])
        normalise(p, l);
    free(size_in);
    free(square_in);
    free(size);
}

void pass_forward(struct pass *p)
{
    for (int l = 0; l < MLP_LAYERS; l++)
        pass_layer(p, l);
}

double pass_squared_norm(const double *x, size_t count)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++)
        sum += x[k] * x[k];
    return sum;
}

/* Gradient by layer l's parameters from d (rows, out) by its sums. Returns the square of what
 * errors e of d, of the inputs and of the sum over the rows may do to its norm. */
static double layer_gradient(const struct pass *p, int l, const double *d, const double *e,
                             double *gradient)
{
    const struct mlp *mlp = &p->net->mlp;
    const int in = mlp->in[l];
    const int out = mlp->out[l];
    double *weight = pass_reals((size_t)in * (size_t)out);
    double doubt = 0.0;
    double terms = 0.0;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, p->rows, 1.0, d, out, p->value[l],
                in, 0.0, weight, in);
    for (int o = 0; o < out; o++) {
        double bias = 0.0;
        for (int r = 0; r < p->rows; r++)
            bias += d[(size_t)r * (size_t)out + (size_t)o];
        gradient[mlp->bias[l] + (size_t)o] = bias;
        for (int i = 0; i < in; i++)
            gradient[mlp_at(mlp, l, o, i)] = weight[(size_t)o * (size_t)in + (size_t)i];
    }
    for (int r = 0; r < p->rows; r++) {
        const size_t to = (size_t)r * (size_t)out;
        const size_t from = (size_t)r * (size_t)in;
        const double x = pass_squared_norm(p->value[l] + from, (size_t)in) + 1.0;
        const double d_d = pass_squared_norm(d + to, (size_t)out);
        doubt += pass_squared_norm(e + to, (size_t)out) * x;
        doubt += d_d * pass_squared_norm(p->error[l] + from, (size_t)in);
        terms += sqrt(d_d * x);
    }
    free(weight);
    return doubt + p->net->rounding * p->net->rounding * terms * terms;
}

/* From d, e (rows, out) by layer l's sums to those by its inputs: new arrays in their places. */
static void layer_back(const struct pass *p, int l, double **d, double **e)
{
    const struct net *net = p->net;
    const int in = net->mlp.in[l];
    const int out = net->mlp.out[l];
    const size_t inputs = (size_t)p->rows * (size_t)in;
    const size_t outputs = (size_t)p->rows * (size_t)out;
    double *size_out = magnitudes(*d, outputs);
    double *square_out = squares(*e, outputs);
    double *size = pass_reals(inputs);
    double *d_in = pass_reals(inputs);
    double *e_in = pass_reals(inputs);
    back(p->rows, out, in, *d, net->weight[l], d_in);
    back(p->rows, out, in, size_out, net->size[l], size);
    back(p->rows, out, in, square_out, net->square[l], e_in);
    for (size_t k = 0; k < inputs; k++)
        e_in[k] = sqrt(e_in[k]) + net->rounding * size[k];
    free(size_out);
    free(square_out);
    free(size);
    free(*d);
    free(*e);
    *d = d_in;
    *e = e_in;
}

/* Gradient by γ and β of layer l from d, e (rows, out) by its outputs; returns its doubt. */
static double norm_gradient(const struct pass *p, int l, const double *d, const double *e,
                            double *gradient)
{
    const struct mlp *mlp = &p->net->mlp;
    const struct pass_norm *norm = &p->norm[l];
    double doubt = 0.0;
    for (int k = 0; k < mlp->out[l]; k++) {
        double gamma = 0.0, beta = 0.0, terms = 0.0;
        for (int r = 0; r < p->rows; r++) {
            const size_t at = (size_t)r * (size_t)mlp->out[l] + (size_t)k;
            gamma += d[at] * norm->unit[at];
            beta += d[at];
            terms += fabs(d[at]) * hypot(norm->unit[at], 1.0);
            doubt += e[at] * e[at] * (norm->unit[at] * norm->unit[at] + 1.0) +
                     d[at] * d[at] * norm->unit_error[at] * norm->unit_error[at];
        }
        gradient[mlp->gamma[l] + (size_t)k] = gamma;
        gradient[mlp->beta[l] + (size_t)k] = beta;
        doubt += p->net->rounding * p->net->rounding * terms * terms;
    }
    return doubt;
}

/* One row of n: from d, e by the outputs to those by the inputs, (D - mean(D) - û·mean(D∘û))·scale
 * with D = γ∘d. Errors as in unit_of, and those of û and of the scale. */
static void norm_back_row(int n, double rounding, const double *gamma, const double *unit,
                          const double *unit_error, double scale, double scale_error, double *d,
                          double *e)
{
    double mean = 0.0, along = 0.0, plain = 0.0, once = 0.0, twice = 0.0, turned = 0.0;
    for (int k = 0; k < n; k++) {
        d[k] *= gamma[k];
        e[k] = fabs(gamma[k]) * e[k] + rounding * fabs(d[k]);
        mean += d[k] / n;
        along += d[k] * unit[k] / n;
        plain += e[k] * e[k];
        once += unit[k] * e[k] * e[k];
        twice += unit[k] * unit[k] * e[k] * e[k];
        turned += d[k] * d[k] * unit_error[k] * unit_error[k];
    }
    for (int k = 0; k < n; k++) {
        const double others = plain + 2.0 * unit[k] * once + unit[k] * unit[k] * (twice + turned);
        const double own = unit_error[k] * along;
        const double size = fabs(d[k]) + fabs(mean) + fabs(unit[k] * along);
        d[k] = (d[k] - mean - unit[k] * along) * scale;
        e[k] = scale * sqrt(e[k] * e[k] + own * own + fmax(0.0, others) / ((double)n * n)) +
               scale_error * fabs(d[k]) + rounding * scale * size;
    }
}

static void norm_back(const struct pass *p, int l, double *d, double *e)
{
    const size_t n = (size_t)p->net->mlp.out[l];
    const struct pass_norm *norm = &p->norm[l];
    for (size_t r = 0; r < (size_t)p->rows; r++)
        norm_back_row((int)n, p->net->rounding, p->net->gamma[l], norm->unit + r * n,
                      norm->unit_error + r * n, norm->scale[r], norm->scale_error[r], d + r * n,
                      e + r * n);
}

/* From d, e (rows, out) by what comes out of layer l to those by its sums, in place; to `gradient`,
 * unless it is NULL, that by its normalisation. Returns the doubt of that. */
static double back_to_sums(const struct pass *p, int l, double *d, double *e, double *gradient)
{
    const size_t outputs = (size_t)p->rows * (size_t)p->net->mlp.out[l];
    double doubt = 0.0;
    if (p->net->mlp.normed[l]) {
        doubt = gradient != NULL ? norm_gradient(p, l, d, e, gradient) : 0.0;
        norm_back(p, l, d, e);
    }
    for (size_t k = 0; l + 1 < MLP_LAYERS && k < outputs; k++)
        if (!p->on[l][k])
            d[k] = e[k] = 0.0;
    return doubt;
}

double pass_backward(const struct pass *p, double **d, double **e, double *gradient)
{
    double doubt = 0.0;
    for (int l = MLP_LAYERS - 1; l >= 0; l--) {
        doubt += back_to_sums(p, l, *d, *e, gradient);
        if (gradient != NULL)
            doubt += layer_gradient(p, l, *d, *e, gradient);
        if (gradient == NULL || l > 0)
            layer_back(p, l, d, e);
    }
    return doubt;
}

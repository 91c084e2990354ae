// SPDX-License-Identifier: MIT
/* The gradients of the plain step, and how those of the model compare with them. */
#include "model/mec.h"
#include "model/plain/plain_internal.h"
#include <ccmsweep/fault.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, KINKS_MAX = 128 };

/* A gradient agrees within this of its norm and so many of its errors. */
static const double RELATIVE = 1e-5, FLOOR = 2.0;

/* A gradient to form: the critic's from the rows singled out, or through them an actor's. */
struct form {
    struct plain *o;
    struct pass *actor; /* NULL: the critic's */
    int i;
    const double *d_q, *e_q; /* (R) */
    double *gradient;
    size_t size;
};

/* From dL/dy = d with error e to dL/dz = *d_z with error *e_z. */
static void through_squash(const struct plain *o, int at, double d, double e, double *d_z,
                           double *e_z)
{
    const double z = o->z[at];
    if (o->squash != SQUASH_INVERTING) {
        const double slope = plain_slope_of(o, plain_squashed(o, z));
        *d_z = d * slope;
        *e_z = e * slope + fabs(d) * plain_slope_error(o, z, o->z_error[at]);
        return;
    }
    /* A step that would raise y is the weaker the nearer z is to 1, and turned round beyond. */
    const double factor = d < 0.0 ? (1.0 - z) / 2.0 : (1.0 + z) / 2.0;
    /* The sign of d itself may be rounding: then either factor is right. */
    const double most = fabs(d) > PASS_KINK * e ? fabs(factor) : (1.0 + fabs(z)) / 2.0;
    *d_z = d * factor;
    *e_z = e * most + fabs(d) * (0.5 * o->z_error[at] + o->actor.rounding * (1.0 + fabs(z)));
}

/* dL/dz of actor i from dL/dx (B, J + O) of the rows singled out. */
static void actor_outputs(const struct form *f, const double *d_x, const double *e_x, double *d_z,
                          double *e_z)
{
    const struct plain *o = f->o;
    const int n = o->agents;
    for (int b = 0; b < o->samples; b++) {
        const int in = b * (n * O + O);
        const int own = in + n * O + S;
        for (int k = 0; k < A; k++) {
            const int joint = in + n * S + f->i * A + k;
            const int at = (b * n + f->i) * A + k;
            const double self = o->agent[b] == f->i ? 1.0 : 0.0;
            const double d = d_x[joint] + self * d_x[own + k];
            const double e = hypot(e_x[joint], self * e_x[own + k]);
            const double pull = 2.0 * o->penalty / ((double)o->samples * A);
            through_squash(o, at, d, e, &d_z[b * A + k], &e_z[b * A + k]);
            d_z[b * A + k] += pull * o->z[at];
            e_z[b * A + k] += pull * (o->z_error[at] + o->actor.rounding * fabs(o->z[at]));
        }
    }
}

/* Returns the square of its doubt. */
static double form_gradient(const struct form *f)
{
    struct pass *rows = &f->o->rows;
    const size_t count = (size_t)rows->rows;
    double *d = pass_reals(count);
    double *e = pass_reals(count);
    memcpy(d, f->d_q, count * sizeof *d);
    memcpy(e, f->e_q, count * sizeof *e);
    double doubt = pass_backward(rows, &d, &e, f->actor == NULL ? f->gradient : NULL);
    if (f->actor != NULL) {
        double *d_z = pass_reals(count * A);
        double *e_z = pass_reals(count * A);
        actor_outputs(f, d, e, d_z, e_z);
        doubt = pass_backward(f->actor, &d_z, &e_z, f->gradient);
        free(d_z);
        free(e_z);
    }
    free(d);
    free(e);
    return doubt;
}

static double distance(const struct form *f, const double *got)
{
    double sum = 0.0;
    for (size_t k = 0; k < f->size; k++)
        sum += (got[k] - f->gradient[k]) * (got[k] - f->gradient[k]);
    return sqrt(sum);
}

/* ReLUs on their kinks, and by what the gradient changes when each is taken on the other side. */
struct kinks {
    int count;
    bool *on[KINKS_MAX];
    double *change[KINKS_MAX];
    double share[KINKS_MAX]; /* how much of each change is found in the difference, 0 to 1 */
};

/* form->gradient is the one to start from and stays. */
static void find_kinks(const struct form *form, const struct pass *p, struct kinks *kinks)
{
    for (int l = 0; l + 1 < MLP_LAYERS; l++) {
        const size_t count = (size_t)p->rows * (size_t)p->net->mlp.out[l];
        for (size_t k = 0; k < count; k++) {
            if (!p->near[l][k] || kinks->count == KINKS_MAX)
                continue;
            struct form other = *form;
            bool *on = &p->on[l][k];
            other.gradient = pass_reals(form->size);
            *on = !*on;
            form_gradient(&other);
            *on = !*on;
            for (size_t g = 0; g < form->size; g++)
                other.gradient[g] -= form->gradient[g];
            kinks->on[kinks->count] = on;
            kinks->change[kinks->count++] = other.gradient;
        }
    }
}

static double dot(const double *x, const double *y, size_t count)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++)
        sum += x[k] * y[k];
    return sum;
}

/* Least squares of `difference` by the changes, shares from 0 to 1, one after the other until they
 * stay. */
static void share_out(struct kinks *kinks, const double *difference, size_t size)
{
    const int n = kinks->count;
    double *gram = pass_reals((size_t)n * (size_t)n);
    double *wish = pass_reals((size_t)n);
    for (int k = 0; k < n; k++) {
        wish[k] = dot(kinks->change[k], difference, size);
        for (int j = 0; j <= k; j++)
            gram[k * n + j] = gram[j * n + k] = dot(kinks->change[k], kinks->change[j], size);
    }
    double most = 1.0;
    for (int sweep = 0; sweep < 20000 && most > 1e-6; sweep++) {
        most = 0.0;
        for (int k = 0; k < n; k++) {
            if (gram[k * n + k] == 0.0)
                continue;
            const double left = wish[k] - dot(gram + k * n, kinks->share, (size_t)n);
            const double before = kinks->share[k];
            kinks->share[k] = fmin(1.0, fmax(0.0, before + left / gram[k * n + k]));
            most = fmax(most, fabs(kinks->share[k] - before));
        }
    }
    free(gram);
    free(wish);
}

/* Take those ReLUs on the other side that make the difference, and compare again. Once is enough
 * but for those whose changes depend on each other. */
static void settle_kinks(const struct form *f, const double *got, struct plain_match *m)
{
    struct kinks kinks = {0};
    double *difference = pass_reals(f->size);
    find_kinks(f, &f->o->rows, &kinks);
    if (f->actor != NULL)
        find_kinks(f, f->actor, &kinks);
    for (size_t g = 0; g < f->size; g++)
        difference[g] = got[g] - f->gradient[g];
    share_out(&kinks, difference, f->size);
    for (int k = 0; k < kinks.count; k++) {
        if (kinks.share[k] > 0.5) {
            *kinks.on[k] = !*kinks.on[k];
            m->flipped++;
        }
        free(kinks.change[k]);
    }
    m->kinks = kinks.count;
    form_gradient(f);
    m->distance = distance(f, got);
    free(difference);
}

static struct plain_match match(struct form *f, const double *got)
{
    struct plain_match m = {0};
    f->gradient = pass_reals(f->size);
    const double doubt = sqrt(form_gradient(f));
    m.norm = sqrt(pass_squared_norm(f->gradient, f->size));
    m.allowed = RELATIVE * m.norm + FLOOR * doubt;
    m.distance = distance(f, got);
    for (int again = 0; again < 4 && m.distance > m.allowed; again++)
        settle_kinks(f, got, &m);
    m.agrees = m.distance <= m.allowed;
    free(f->gradient);
    return m;
}

struct plain_match plain_match_actor(struct plain *o, int i, struct reals theta,
                                     const double *weight, const double *got)
{
    double *d_q = pass_reals((size_t)o->samples);
    double *e_q = pass_reals((size_t)o->samples);
    CHECK(o->rows.rows == o->samples);
    for (int b = 0; b < o->samples; b++) {
        CHECK(o->sample[b] == b);
        d_q[b] = -weight[b] / o->samples;
        e_q[b] = PASS_ROUNDING * fabs(d_q[b]);
    }
    struct pass actor = plain_actor_pass(o, i, theta);
    struct form f = {.o = o, .actor = &actor, .i = i, .d_q = d_q, .e_q = e_q};
    f.size = o->actor.mlp.size;
    const struct plain_match m = match(&f, got);
    pass_free(&actor);
    free(d_q);
    free(e_q);
    return m;
}

/* Rows singled out of sample b. */
static int rows_of(const struct plain *o, int b)
{
    int count = 0;
    for (int r = 0; r < o->rows.rows; r++)
        count += o->sample[r] == b;
    return count;
}

struct plain_match plain_match_critic(struct plain *o, const double *weight, const float *target,
                                      const double *got)
{
    const int rows = o->rows.rows;
    double *d_q = pass_reals((size_t)rows);
    double *e_q = pass_reals((size_t)rows);
    double loss = 0.0;
    for (int r = 0; r < rows; r++) {
        const int b = o->sample[r];
        const double w = weight[b];
        double error;
        const double q = plain_row(o, r, &error);
        /* loss = Σ over rows of factor·(q - t)² */
        const double parts = o->by_row ? rows : rows_of(o, b) * (double)o->samples;
        const double factor = (o->squared ? w * w : w) / parts;
        const double difference = q - (double)target[b];
        loss += factor * difference * difference;
        d_q[r] = 2.0 * factor * difference;
        e_q[r] = 2.0 * factor * (error + PASS_ROUNDING * (fabs(q) + fabs((double)target[b])));
    }
    struct form f = {.o = o, .d_q = d_q, .e_q = e_q, .size = o->critic.mlp.size};
    struct plain_match m = match(&f, got);
    m.loss = loss;
    free(d_q);
    free(e_q);
    return m;
}

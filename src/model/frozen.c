// SPDX-License-Identifier: MIT
#include "model/frozen.h"

/* What each kind of critic does when it is asked. */
struct frozen_kind {
    void (*bind)(struct frozen *f, struct critic *critic, struct actors *actors,
                 struct values *values, int samples, struct arena *scratch);
    void (*start)(struct frozen *f, const float *theta, const float *state, const float *action);
    void (*find)(struct frozen *f, int count, const int32_t *list);
    void (*gradient)(struct frozen *f, int i, int count, const int32_t *list, const float *d_q,
                     float *d_y);
    void (*moved)(struct frozen *f, int i, const float *before, const float *after);
    struct choice (*choice)(const struct frozen *f, int b);
    void (*log_begin)(struct frozen *f, const float *critic, const float *d_q);
    void (*log_pass)(struct frozen *f, int i, struct reals gradient);
    void (*log_moved)(struct frozen *f, int i, const float *before, const float *after);
    void (*log_end)(struct frozen *f, struct reals theta, const struct activations *x,
                    struct reals *actor, const float **critic);
};

/* ---- ReLUs: a piecewise linear critic ---- */

static void piecewise_bind(struct frozen *f, struct critic *critic, struct actors *actors,
                           struct values *values, int samples, struct arena *scratch)
{
    best_response_bind(&f->br, critic, &values->region, samples, scratch);
    accumulated_bind(&f->sums, actors, &f->br, scratch);
}

static void piecewise_start(struct frozen *f, const float *theta, const float *state,
                            const float *action)
{
    best_response_start(&f->br, theta, state, action);
}

static void piecewise_find(struct frozen *f, int count, const int32_t *list)
{
    best_response_find(&f->br, count, list);
}

static void piecewise_gradient(struct frozen *f, int i, int count, const int32_t *list,
                               const float *d_q, float *d_y)
{
    best_response_gradient(&f->br, i, count, list, d_q, d_y);
}

static void piecewise_moved(struct frozen *f, int i, const float *before, const float *after)
{
    best_response_moved(&f->br, i, before, after);
}

static struct choice piecewise_choice(const struct frozen *f, int b)
{
    return (struct choice){.agent = f->br.at[b].agent,
                           .value = best_response_value(&f->br, b),
                           .slack = f->br.at[b].slack};
}

static void piecewise_log_begin(struct frozen *f, const float *critic, const float *d_q)
{
    accumulated_begin(&f->sums, critic, d_q);
}

static void piecewise_log_pass(struct frozen *f, int i, struct reals gradient)
{
    accumulated_pass(&f->sums, i, gradient);
}

static void piecewise_log_moved(struct frozen *f, int i, const float *before, const float *after)
{
    joint_sums_moved(&f->sums.joint, i, before, after);
}

static void piecewise_log_end(struct frozen *f, struct reals theta, const struct activations *x,
                              struct reals *actor, const float **critic)
{
    accumulated_end(&f->sums, theta, x);
    *actor = f->sums.joint.actor;
    *critic = f->sums.joint.gradient;
}

static const struct frozen_kind piecewise = {
    .bind = piecewise_bind,
    .start = piecewise_start,
    .find = piecewise_find,
    .gradient = piecewise_gradient,
    .moved = piecewise_moved,
    .choice = piecewise_choice,
    .log_begin = piecewise_log_begin,
    .log_pass = piecewise_log_pass,
    .log_moved = piecewise_log_moved,
    .log_end = piecewise_log_end,
};

/* ---- normalised hidden layers ---- */

static void normed_bind(struct frozen *f, struct critic *critic, struct actors *actors,
                        struct values *values, int samples, struct arena *scratch)
{
    (void)values;
    normed_response_bind(&f->normed, critic, samples, scratch);
    normed_sums_bind(&f->normed_sums, actors, &f->normed, scratch);
}

static void normed_start(struct frozen *f, const float *theta, const float *state,
                         const float *action)
{
    normed_response_start(&f->normed, theta, state, action);
}

static void normed_find(struct frozen *f, int count, const int32_t *list)
{
    normed_response_find(&f->normed, count, list);
}

static void normed_gradient(struct frozen *f, int i, int count, const int32_t *list,
                            const float *d_q, float *d_y)
{
    normed_response_gradient(&f->normed, i, count, list, d_q, d_y);
}

static void normed_moved(struct frozen *f, int i, const float *before, const float *after)
{
    normed_response_moved(&f->normed, i, before, after);
}

static struct choice normed_choice(const struct frozen *f, int b)
{
    const struct normed_sample *at = &f->normed.at[b];
    return (struct choice){.agent = at->agent, .value = at->value, .slack = at->slack};
}

static void normed_log_begin(struct frozen *f, const float *critic, const float *d_q)
{
    normed_sums_begin(&f->normed_sums, critic, d_q);
}

static void normed_log_pass(struct frozen *f, int i, struct reals gradient)
{
    normed_sums_pass(&f->normed_sums, i, gradient);
}

static void normed_log_moved(struct frozen *f, int i, const float *before, const float *after)
{
    joint_sums_moved(&f->normed_sums.joint, i, before, after);
}

static void normed_log_end(struct frozen *f, struct reals theta, const struct activations *x,
                           struct reals *actor, const float **critic)
{
    normed_sums_end(&f->normed_sums, theta, x);
    *actor = f->normed_sums.joint.actor;
    *critic = f->normed_sums.critic;
}

static const struct frozen_kind normed = {
    .bind = normed_bind,
    .start = normed_start,
    .find = normed_find,
    .gradient = normed_gradient,
    .moved = normed_moved,
    .choice = normed_choice,
    .log_begin = normed_log_begin,
    .log_pass = normed_log_pass,
    .log_moved = normed_log_moved,
    .log_end = normed_log_end,
};

/* ---- no activations: an affine critic ---- */

static void affine_kind_bind(struct frozen *f, struct critic *critic, struct actors *actors,
                             struct values *values, int samples, struct arena *scratch)
{
    (void)values;
    affine_response_bind(&f->ar, critic, actors, samples, scratch);
}

static void affine_kind_start(struct frozen *f, const float *theta, const float *state,
                              const float *action)
{
    (void)theta; /* the map was formed of it when the critic was turned */
    affine_response_start(&f->ar, state, action);
}

/* The rows are known from the start and follow every move. */
static void affine_kind_find(struct frozen *f, int count, const int32_t *list)
{
    (void)f;
    (void)count;
    (void)list;
}

static void affine_kind_gradient(struct frozen *f, int i, int count, const int32_t *list,
                                 const float *d_q, float *d_y)
{
    affine_response_gradient(&f->ar, i, count, list, d_q, d_y);
}

static void affine_kind_moved(struct frozen *f, int i, const float *before, const float *after)
{
    affine_response_moved(&f->ar, i, before, after);
}

static struct choice affine_kind_choice(const struct frozen *f, int b)
{
    return (struct choice){.agent = f->ar.agent[b],
                           .value = affine_response_value(&f->ar, b),
                           .slack = f->ar.slack[b]};
}

static void affine_kind_log_begin(struct frozen *f, const float *critic, const float *d_q)
{
    affine_response_log_begin(&f->ar, critic, d_q);
}

static void affine_kind_log_pass(struct frozen *f, int i, struct reals gradient)
{
    affine_response_log_pass(&f->ar, i, gradient);
}

static void affine_kind_log_moved(struct frozen *f, int i, const float *before, const float *after)
{
    affine_response_log_moved(&f->ar, i, before, after);
}

static void affine_kind_log_end(struct frozen *f, struct reals theta, const struct activations *x,
                                struct reals *actor, const float **critic)
{
    affine_response_log_end(&f->ar, theta, x);
    *actor = f->ar.actor_sum;
    *critic = f->ar.critic_sum;
}

static const struct frozen_kind affine_kind = {
    .bind = affine_kind_bind,
    .start = affine_kind_start,
    .find = affine_kind_find,
    .gradient = affine_kind_gradient,
    .moved = affine_kind_moved,
    .choice = affine_kind_choice,
    .log_begin = affine_kind_log_begin,
    .log_pass = affine_kind_log_pass,
    .log_moved = affine_kind_log_moved,
    .log_end = affine_kind_log_end,
};

void frozen_bind(struct frozen *frozen, struct critic *critic, struct actors *actors,
                 struct values *values, int samples, struct arena *scratch)
{
    *frozen = (struct frozen){.kind = critic_normed(critic)     ? &normed
                                      : affine_is(&critic->mlp) ? &affine_kind
                                                                : &piecewise};
    frozen->kind->bind(frozen, critic, actors, values, samples, scratch);
}

void frozen_start(struct frozen *frozen, const float *theta, const float *state,
                  const float *action)
{
    frozen->kind->start(frozen, theta, state, action);
}

void frozen_find(struct frozen *frozen, int count, const int32_t *list)
{
    frozen->kind->find(frozen, count, list);
}

void frozen_gradient(struct frozen *frozen, int i, int count, const int32_t *list, const float *d_q,
                     float *d_y)
{
    frozen->kind->gradient(frozen, i, count, list, d_q, d_y);
}

void frozen_moved(struct frozen *frozen, int i, const float *before, const float *after)
{
    frozen->kind->moved(frozen, i, before, after);
}

struct choice frozen_choice(const struct frozen *frozen, int b)
{
    return frozen->kind->choice(frozen, b);
}

void frozen_log_begin(struct frozen *frozen, const float *critic, const float *d_q)
{
    frozen->kind->log_begin(frozen, critic, d_q);
}

void frozen_log_pass(struct frozen *frozen, int i, struct reals gradient)
{
    frozen->kind->log_pass(frozen, i, gradient);
}

void frozen_log_moved(struct frozen *frozen, int i, const float *before, const float *after)
{
    frozen->kind->log_moved(frozen, i, before, after);
}

void frozen_log_end(struct frozen *frozen, struct reals theta, const struct activations *x,
                    struct reals *actor, const float **critic)
{
    frozen->kind->log_end(frozen, theta, x, actor, critic);
}

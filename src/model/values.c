// SPDX-License-Identifier: MIT
#include "model/values.h"
#include "model/mec.h"

enum { O = MEC_STATE + MEC_ACTION };

/* What each kind of critic does when it is asked. */
struct values_kind {
    void (*bind)(struct values *v, struct arena *scratch);
    void (*find)(struct values *v, const float *theta, const float *joint,
                 struct critic_rows *rows);
};

/* ---- ReLUs: a piecewise linear critic ---- */

static void piecewise_bind(struct values *v, struct arena *scratch)
{
    linear_region_bind(&v->region, v->critic, scratch);
}

static void piecewise_find(struct values *v, const float *theta, const float *joint,
                           struct critic_rows *rows)
{
    linear_region_evaluate(&v->region, theta, joint, rows);
}

static const struct values_kind piecewise = {piecewise_bind, piecewise_find};

/* ---- no activations: an affine critic ---- */

static void affine_kind_bind(struct values *v, struct arena *scratch)
{
    affine_bind(&v->affine, &v->critic->mlp, v->critic->compute, v->critic->joint, false, scratch);
}

/* The joint part is that of the first layer, f32 as everywhere; from there on in f64. */
static void affine_kind_find(struct values *v, const float *theta, const float *joint,
                             struct critic_rows *rows)
{
    const int h1 = v->critic->mlp.out[0];
    affine_form(&v->affine, theta);
    for (int r = 0, next; r < rows->count; r = next) {
        const double shared =
            v->affine.offset +
            affine_dot(h1, joint + (size_t)rows->sample[r] * (size_t)h1, v->affine.head);
        next = r + critic_rows_group(rows, r);
        for (int k = r; k < next; k++)
            rows->q[k] =
                (float)(shared + affine_dot(O, rows->own + (size_t)k * O, v->affine.slope));
    }
}

static const struct values_kind affine_kind = {affine_kind_bind, affine_kind_find};

/* ---- normalised hidden layers ---- */

static void normed_bind(struct values *v, struct arena *scratch)
{
    normed_region_bind(&v->normed, v->critic, 1, scratch);
}

static void normed_find(struct values *v, const float *theta, const float *joint,
                        struct critic_rows *rows)
{
    normed_region_evaluate(&v->normed, theta, joint, rows);
}

static const struct values_kind normed = {normed_bind, normed_find};

void values_bind(struct values *values, const struct critic *critic, struct arena *scratch)
{
    *values = (struct values){
        .critic = critic,
        .kind = critic_normed(critic)     ? &normed
                : affine_is(&critic->mlp) ? &affine_kind
                                          : &piecewise,
    };
    values->kind->bind(values, scratch);
}

void values_find(struct values *values, const float *theta, const float *joint,
                 struct critic_rows *rows)
{
    values->kind->find(values, theta, joint, rows);
}

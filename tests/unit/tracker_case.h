// SPDX-License-Identifier: MIT
/**
 * A tracker and what is fed to it by hand. Every piece of data beyond what a pass covers is filled
 * with JUNK, so that a read in the wrong place shows.
 *
 * Letters: N agents, B rows of a pass, A actions, P parameters of an actor.
 */
#ifndef CCMSWEEP_TESTS_TRACKER_CASE_H
#define CCMSWEEP_TESTS_TRACKER_CASE_H

#include "check.h"
#include "model/tracker.h"
#include <math.h>
#include <stdlib.h>

enum { A = MEC_ACTION, B = 4, CAPACITY = 8, H1 = 8, H2 = 6, C1 = 16, C2 = 12 };
static const float JUNK = 9.0F;
static const struct adam_effect MOVED = {.changed = true, .finite = true};
static const struct adam_effect STILL = {.changed = false, .finite = true};

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct compute compute;
    struct tracker tracker;
    struct actors actors;
    struct activations x;
    struct critic critic;
    struct critic_rows rows;
    float *d_y, *gradient, *critic_gradient; /* (B, A), (N, P), (Pc) */
};

static inline void fill(float *x, size_t count, float value)
{
    for (size_t k = 0; k < count; k++)
        x[k] = value;
}

static inline void bind(struct world *w)
{
    const int agents = (int)w->settings.environment.agents;
    w->state.used = w->scratch.used = 0;
    w->compute.kernels = kernels_best();
    tracker_bind(&w->tracker, &w->settings, &w->state);
    actors_bind(&w->actors, &w->settings, &w->compute, CAPACITY, &w->scratch);
    activations_bind(&w->x, &w->actors, CAPACITY, &w->scratch);
    critic_bind(&w->critic, &w->settings, &w->compute, CAPACITY, agents, &w->scratch);
    critic_rows_bind(&w->rows, &w->critic, CAPACITY, true, &w->scratch);
    w->d_y = arena_take(&w->scratch, CAPACITY * A, sizeof(float));
    w->gradient = arena_take(&w->scratch, (size_t)agents * w->actors.mlp.size, sizeof(float));
    w->critic_gradient = arena_take(&w->scratch, w->critic.mlp.size, sizeof(float));
}

/* Everything alive and every gradient zero: rows of a pass that has no reason of its own. */
static inline void set_plain(struct world *w)
{
    fill((float *)(void *)w->scratch.base, w->scratch.used / sizeof(float), JUNK);
    fill(w->x.y, (size_t)w->actors.agents * CAPACITY * A, 0.5F);
    fill(w->gradient, (size_t)w->actors.agents * w->actors.mlp.size, 0.0F);
    fill(w->critic_gradient, w->critic.mlp.size, 0.0F);
    w->rows.count = B;
}

static inline struct world *open_with(const char *words)
{
    struct world *w = calloc(1, sizeof *w);
    w->settings = settings_with(SMALL "tracking.absorb=4 tracking.window=2 tracking.saturated_z=2 "
                                      "tracking.saturated_share=0.5 tracking.vanished_norm=0.5");
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    tracker_clear(&w->tracker);
    set_plain(w);
    return w;
}

static inline int open_world(void **state)
{
    *state = open_with("");
    return 0;
}

static inline int close_world(void **state)
{
    struct world *w = *state;
    free(w->state.base);
    free(w->scratch.base);
    free(w);
    return 0;
}

static inline void begin(struct world *w, int64_t episode)
{
    tracker_begin(&w->tracker, episode, true);
}

static inline void end(struct world *w)
{
    const struct mec_step sums = {0};
    float one = 1.0F;
    tracker_end(&w->tracker, &sums, 1, (struct reals){.f32 = &one}, 1, &one);
}

/* The effect of a step with this gradient. */
static inline struct adam_effect with_gradient(struct adam_effect effect, const float *gradient,
                                               size_t count)
{
    effect.gradient_zero = effect.gradient_finite = true;
    for (size_t k = 0; k < count; k++) {
        effect.gradient_zero &= gradient[k] == 0.0F;
        effect.gradient_finite &= isfinite(gradient[k]) != 0;
    }
    return effect;
}

static inline void act(struct world *w, int actor, struct adam_effect effect)
{
    const size_t size = w->actors.mlp.size;
    float *gradient = w->gradient + (size_t)actor * size;
    for (int k = actor * B * A; k < (actor + 1) * B * A; k++)
        w->x.slope[k] = 1.0F - w->x.y[k] * w->x.y[k];
    const struct actor_pass pass = {
        .actor = actor,
        .rows = B,
        .actors = &w->actors,
        .x = &w->x,
        .d_y = w->d_y,
        .gradient = {.f32 = gradient},
        .effect = with_gradient(effect, gradient, size),
    };
    tracker_actor(&w->tracker, &pass);
}

static inline void judge(struct world *w, struct adam_effect effect)
{
    tracker_critic(&w->tracker, &w->critic, 0.5, &w->rows, w->critic_gradient, NAN,
                   with_gradient(effect, w->critic_gradient, w->critic.mlp.size));
}

/* Parts of the activations that belong to a pass of `actor`. */
static inline float *y_of(struct world *w, int actor)
{
    return w->x.y + actor * B * A;
}

#endif

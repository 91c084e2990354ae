// SPDX-License-Identifier: MIT
/* Events and logs of a training. Every function reads what the training step hands it and writes
 * rows of the record; none changes a parameter or draws a number. The training asks two things
 * only: whether it has ended (stopping episode, diverged), and tracker_needs_cause, which decides
 * what is computed for the record alone. */
#include "model/tracker.h"
#include "model/norm_log.h"
#include <math.h>
#include <string.h>

enum { A = MEC_ACTION };

void tracker_bind(struct tracker *tracker, const struct settings *settings, struct arena *state)
{
    tracker->settings = settings;
    tracker->kernels = kernels_best();
    tracker->extents = record_extents(settings);
    /* The record is part of the state that a checkpoint saves. An arena that only measures has
     * none. */
    void *block = arena_take(state, record_size(&tracker->extents), 1);
    if (block != NULL)
        record_bind(&tracker->record, &tracker->extents, block);
    tracker->at = arena_take(state, 1, sizeof *tracker->at);
    tracker->last_change =
        arena_take(state, (size_t)tracker->extents.of[DIM_ACTOR], sizeof(int64_t));
    /* Not laid out where it is not asked for, so that other states stay what they were. */
    tracker->squash_input = settings->networks.actor_norm == ACTOR_NORM_OUTPUT
                                ? arena_take(state, A, sizeof *tracker->squash_input)
                                : NULL;
}

static void clear_preactivations(struct tracker *tracker)
{
    preactivations_clear(tracker->at->since_log);
    if (tracker->squash_input != NULL)
        preactivations_clear(tracker->squash_input);
}

void tracker_clear(struct tracker *tracker)
{
    record_clear(&tracker->record, &tracker->extents);
    memset(tracker->at, 0, sizeof *tracker->at);
    /* -1 is "not seen", in memory as in the file. */
    tracker->at->critic_change = -1;
    for (int64_t i = 0; i < tracker->extents.of[DIM_ACTOR]; i++)
        tracker->last_change[i] = -1;
    clear_preactivations(tracker);
}

static int64_t row_of(int64_t episode, int64_t every)
{
    /* Logs fall on multiples of `every`; the row of the first is 0. */
    return every > 0 && episode % every == 0 ? episode / every - 1 : -1;
}

void tracker_begin(struct tracker *tracker, int64_t episode, bool training)
{
    tracker->at->episode = episode;
    tracker->training = training;
    tracker->log = row_of(episode, tracker->settings->tracking.log_every);
    tracker->snapshot = row_of(episode, tracker->settings->tracking.snapshot_every);
    if (training)
        tracker->at->steps++;
    tracker->resting = training && optimizer_rests(tracker->settings, tracker->at->steps);
    /* While they rest, those that moved last count as moving still. */
    if (!tracker->resting)
        tracker->at->moving = 0;
}

void tracker_forward(struct tracker *tracker, int rows, const float *z, const float *y,
                     double times)
{
    preactivations_count(tracker->at->since_log, (float)tracker->settings->tracking.saturated_z,
                         rows, z, y, times);
}

void tracker_pass(struct tracker *tracker, const struct actors *actors, const struct activations *x,
                  int i, int rows, double times)
{
    const size_t count = (size_t)rows * A;
    const size_t at = (size_t)i * count;
    const float limit = (float)tracker->settings->tracking.saturated_z;
    const float *before = x->before[MLP_LAYERS - 1] + at;
    const float *y = x->y + at;
    if (tracker->squash_input != NULL) {
        preactivations_count(tracker->squash_input, limit, rows, x->z + at, y, times);
        /* What the study logged as saturation: the squash of numbers that it never sees. */
        actors_squash(actors, count, before, x->squashed);
        y = x->squashed;
    }
    tracker_forward(tracker, rows, before, y, times);
}

/* Last bin whose lower edge is not above `value`. */
static int find_bin(const double edges[RECORD_BINS], double value)
{
    /* The edges are not equally wide, so the bin is searched, not computed. */
    int low = 0;
    int high = RECORD_BINS;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (value >= edges[middle])
            low = middle;
        else
            high = middle;
    }
    return low;
}

void tracker_snapshot(struct tracker *tracker, int64_t rows, const float *z)
{
    /* One call has the outputs of all actors before their updates: an episode's state as it
     * began. */
    if (tracker->snapshot < 0)
        return;
    double edges[RECORD_BINS];
    record_bin_edges(edges);
    int32_t *counts =
        tracker->record.preactivation_histogram + tracker->snapshot * (A * RECORD_BINS);
    memset(counts, 0, A * RECORD_BINS * sizeof *counts);
    for (int64_t r = 0; r < rows; r++)
        for (int k = 0; k < A; k++)
            if (!isnan(z[r * A + k]))
                counts[k * RECORD_BINS + find_bin(edges, (double)z[r * A + k])]++;
}

/* In f64: the square of a gradient below 1e-23 is 0 in f32, and logs follow gradients down to 0. */
static double norm(const struct tracker *tracker, const float *x, size_t count)
{
    return sqrt(tracker->kernels->squares(count, x));
}

/* Of numbers of either precision. */
static double norm_of(const struct tracker *tracker, struct reals x, size_t count)
{
    return sqrt(reals_squares(tracker->kernels, x, count));
}

/* What is of the critic: f32, and only read. */
static struct reals critic_reals(const float *x)
{
    return (struct reals){.f32 = (float *)x};
}

static float dead_share(const float *h, int rows, int width)
{
    /* A unit is dead on a batch when it is 0 in every row: no gradient passes through it then,
     * but it may live again on the next batch. */
    int dead = 0;
    for (int k = 0; k < width; k++) {
        int live = 0;
        for (int r = 0; r < rows && !live; r++)
            live = h[(size_t)r * (size_t)width + (size_t)k] != 0.0F;
        dead += !live;
    }
    return (float)dead / (float)width;
}

static void log_critic(struct tracker *tracker, const struct critic *critic,
                       const struct critic_rows *rows, const float *gradient)
{
    struct record *r = &tracker->record;
    const int64_t log = tracker->log;
    r->critic_grad_own[log] = norm(tracker, gradient, critic->mlp.size);
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t begin = mlp_layer_begin(&critic->mlp, l);
        r->critic_layer_grad_own[log * MLP_LAYERS + l] =
            norm(tracker, gradient + begin, mlp_layer_end(&critic->mlp, l) - begin);
    }
    norm_log_add(r, tracker->kernels, log, &critic->mlp, NORM_LOG_CRITIC, critic_reals(gradient),
                 true);
    r->critic_dead[log * 2] = dead_share(rows->h1, rows->count, critic->mlp.out[0]);
    r->critic_dead[log * 2 + 1] = dead_share(rows->h2, rows->count, critic->mlp.out[1]);
}

void tracker_critic(struct tracker *tracker, const struct critic *critic, double loss,
                    const struct critic_rows *rows, const float *gradient, double norm,
                    struct adam_effect effect)
{
    struct record *r = &tracker->record;
    const int64_t e = tracker->at->episode;
    r->critic_loss[e - 1] = (float)loss;
    r->n_selected[e - 1] = rows->count;
    r->critic_moving[e - 1] = effect.changed;
    /* Bit for bit: an update below half a unit in the last place changes nothing, and that is
     * still. */
    if (effect.changed)
        tracker->at->critic_change = e;
    else if (*r->critic_first_still < 0)
        *r->critic_first_still = (int32_t)e;
    if (!effect.gradient_zero)
        *r->critic_gradient_zero = -1;
    else if (*r->critic_gradient_zero < 0)
        *r->critic_gradient_zero = (int32_t)e;
    if (!effect.finite)
        tracker->at->diverged = 1;
    if (tracker->log >= 0)
        log_critic(tracker, critic, rows, gradient);
    if (tracker->log >= 0 && r->critic_grad_before_clip != NULL)
        r->critic_grad_before_clip[tracker->log] = norm;
}

/* Share of the pass's slopes that are exactly 0, and their mean. */
static double slope_zero_share(const struct actor_pass *pass, double *mean)
{
    const int count = pass->rows * A;
    const float *slope = pass->x->slope + (size_t)pass->actor * (size_t)count;
    double sum = 0.0;
    int zero = 0;
    for (int k = 0; k < count; k++) {
        sum += (double)slope[k];
        zero += slope[k] == 0.0F;
    }
    *mean = sum / count;
    return (double)zero / count;
}

static enum cause find_cause(const struct actor_pass *pass)
{
    const size_t rows = (size_t)pass->rows;
    const size_t at = (size_t)pass->actor * rows;
    const size_t width1 = (size_t)pass->actors->mlp.out[0];
    const size_t width2 = (size_t)pass->actors->mlp.out[1];
    double mean;
    /* From the critic backwards: the first factor of the chain that is 0 on every row is the
     * cause. Slopes are those that the pass used: in f32, 1 - y² is exactly 0 from |z| of about 9
     * on, in f64 from 19. The name is tanh's, whatever the squash: the numbers of causes are in the
     * files. */
    if (real_all_zero(rows * A, pass->d_y))
        return CAUSE_CRITIC_DEAD;
    if (slope_zero_share(pass, &mean) == 1.0)
        return CAUSE_TANH_HARD;
    if (real_all_zero(rows * width1, pass->x->before[0] + at * width1) ||
        real_all_zero(rows * width2, pass->x->before[1] + at * width2))
        return CAUSE_ACTOR_DEAD;
    return CAUSE_MIXED;
}

bool tracker_needs_cause(const struct tracker *tracker, int actor)
{
    /* Only the step in which a stretch of zeros begins is asked for its cause. */
    return tracker->record.gradient_zero[actor] < 0;
}

static void track_gradient(struct tracker *tracker, const struct actor_pass *pass)
{
    struct record *r = &tracker->record;
    const int i = pass->actor;
    const int32_t e = (int32_t)tracker->at->episode;
    /* A gradient that comes back ends the stretch: what is left at the end of the training is
     * the stretch that lasted, and gradient_zero_first is the first there ever was. */
    if (!pass->effect.gradient_zero) {
        r->gradient_zero[i] = -1;
        r->cause[i] = pass->effect.gradient_finite ? CAUSE_NONE : CAUSE_NAN;
    } else if (r->gradient_zero[i] < 0) {
        r->gradient_zero[i] = e;
        r->cause[i] = (int32_t)find_cause(pass);
        if (r->gradient_zero_first[i] < 0)
            r->gradient_zero_first[i] = e;
    }
    double mean;
    /* Looked at even when the gradient is not asked: saturation may come long before the end. */
    if (r->hard_saturation[i] < 0 && slope_zero_share(pass, &mean) == 1.0)
        r->hard_saturation[i] = e;
}

static void track_change(struct tracker *tracker, const struct actor_pass *pass)
{
    struct record *r = &tracker->record;
    const int i = pass->actor;
    const int64_t e = tracker->at->episode;
    /* Adam's first moment decays as 0.9^k: after the last gradient an actor moves on for some
     * 158 steps. That tail is why last_change and gradient_zero are two figures. */
    if (pass->effect.changed) {
        const int64_t bytes = tracker->extents.of[DIM_ACTOR_BYTE];
        uint8_t *byte = r->actor_moving + (e - 1) * bytes + i / 8;
        *byte = (uint8_t)(*byte | 1U << (i % 8));
        tracker->last_change[i] = e;
        tracker->at->moving++;
    } else if (r->first_still[i] < 0) {
        r->first_still[i] = (int32_t)e;
    }
    if (!pass->effect.finite)
        tracker->at->diverged = 1;
}

static void log_actor(struct tracker *tracker, const struct actor_pass *pass)
{
    struct record *r = &tracker->record;
    const struct mlp *mlp = &pass->actors->mlp;
    const int rows = pass->rows;
    const size_t count = (size_t)rows;
    const size_t width1 = (size_t)mlp->out[0];
    const size_t width2 = (size_t)mlp->out[1];
    const size_t at = (size_t)pass->actor * count;
    /* Norms along the chain, from the output to the first layer: they show at which factor a
     * gradient is lost. */
    const int64_t row = tracker->log * tracker->extents.of[DIM_ACTOR] + pass->actor;
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t begin = mlp_layer_begin(mlp, l);
        r->actor_layer_grad_own[row * MLP_LAYERS + l] =
            (float)norm_of(tracker, reals_at(pass->gradient, begin), mlp_layer_end(mlp, l) - begin);
    }
    r->grad_norm_y[row] = (float)norm(tracker, pass->d_y, count * A);
    r->grad_norm_z[row] = (float)norm(tracker, pass->actors->d_z, count * A);
    r->grad_norm_h2[row] = (float)norm(tracker, pass->actors->d_h2, count * width2);
    r->grad_norm_h1[row] = (float)norm(tracker, pass->actors->d_h1, count * width1);
    double mean;
    r->tanh_slope_zero[row] = (float)slope_zero_share(pass, &mean);
    r->tanh_slope_mean[row] = (float)mean;
    r->actor_dead[row * 2] = dead_share(pass->x->before[0] + at * width1, rows, mlp->out[0]);
    r->actor_dead[row * 2 + 1] = dead_share(pass->x->before[1] + at * width2, rows, mlp->out[1]);
}

/* Adds the square of an actor's gradient norm to the log's figure, which tracker_end takes the root
 * of. The figure is NaN before the first actor, so a norm that is NaN is lost when a later actor's
 * is not. That needs a gradient that is not finite, as a run that diverges has: every bit of its
 * rows is a promise too, so it stays. */
static void add_square(double *figure, double norm)
{
    *figure = (isnan(*figure) ? 0.0 : *figure) + norm * norm;
}

/* Sums over actors, of which log_gradients makes means. */
static void log_clipping(struct tracker *tracker, int actor, double before, double after)
{
    struct record *r = &tracker->record;
    const int64_t log = tracker->log;
    if (r->actors_clipped == NULL)
        return;
    double *const sums[] = {&r->actor_grad_before_clip[log], &r->actor_grad_after_clip[log],
                            &r->actors_clipped[log]};
    const bool first = actor == 0;
    const double terms[] = {before, after, before > tracker->settings->training.clip_actor};
    for (int k = 0; k < 3; k++)
        *sums[k] = (first ? 0.0 : *sums[k]) + terms[k];
}

/* An event needs every episode, so gradients and changes are looked at always; norms and shares
 * only in log episodes, which cost twice as much as others (README.md, "What it costs"). */
void tracker_actor(struct tracker *tracker, const struct actor_pass *pass)
{
    /* An actor that rests is neither still nor moving. */
    if (!tracker->resting) {
        track_gradient(tracker, pass);
        track_change(tracker, pass);
    }
    if (tracker->log < 0)
        return;
    log_actor(tracker, pass);
    const double own = norm_of(tracker, pass->gradient, pass->actors->mlp.size);
    add_square(&tracker->record.actor_grad_own[tracker->log], own);
    norm_log_add(&tracker->record, tracker->kernels, tracker->log, &pass->actors->mlp, pass->actor,
                 pass->gradient, true);
    log_clipping(tracker, pass->actor, pass->norm, own);
}

void tracker_update(struct tracker *tracker, int actor, size_t count, struct reals before,
                    struct reals after)
{
    struct record *r = &tracker->record;
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        const double change = reals_value(after, k) - reals_value(before, k);
        sum += change * change;
    }
    /* Relative to the parameters before the update: what they can hold depends on their size. */
    const double update = sqrt(sum);
    const double relative = update / norm_of(tracker, before, count);
    if (actor < 0) {
        r->critic_update[tracker->log] = update;
        r->critic_update_relative[tracker->log] = relative;
        return;
    }
    const int64_t row = tracker->log * tracker->extents.of[DIM_ACTOR] + actor;
    r->actor_update[row] = (float)update;
    r->actor_update_relative[row] = (float)relative;
}

void tracker_accumulated(struct tracker *tracker, const struct mlp *actor, struct reals actors,
                         const struct mlp *critic_mlp, const float *critic)
{
    struct record *r = &tracker->record;
    const int64_t log = tracker->log;
    for (int64_t i = 0; i < tracker->extents.of[DIM_ACTOR]; i++) {
        const struct reals gradient = reals_at(actors, (size_t)i * actor->size);
        const int64_t row = log * tracker->extents.of[DIM_ACTOR] + i;
        for (int l = 0; l < MLP_LAYERS; l++) {
            const size_t begin = mlp_layer_begin(actor, l);
            r->actor_layer_grad_accumulated[row * MLP_LAYERS + l] =
                (float)norm_of(tracker, reals_at(gradient, begin), mlp_layer_end(actor, l) - begin);
        }
        add_square(&r->actor_grad_accumulated[log], norm_of(tracker, gradient, actor->size));
        norm_log_add(r, tracker->kernels, log, actor, i, gradient, false);
    }
    r->critic_grad_accumulated[log] = norm(tracker, critic, critic_mlp->size);
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t begin = mlp_layer_begin(critic_mlp, l);
        r->critic_layer_grad_accumulated[log * MLP_LAYERS + l] =
            norm(tracker, critic + begin, mlp_layer_end(critic_mlp, l) - begin);
    }
    norm_log_add(r, tracker->kernels, log, critic_mlp, NORM_LOG_CRITIC, critic_reals(critic),
                 false);
}

void tracker_inputs(struct tracker *tracker, const struct input_norm *norm)
{
    struct record *r = &tracker->record;
    if (tracker->log < 0 || r->input_mean == NULL)
        return;
    for (int k = 0; k < MEC_STATE; k++) {
        r->input_mean[tracker->log * MEC_STATE + k] = norm->at->mean[k];
        r->input_std[tracker->log * MEC_STATE + k] = sqrt(input_norm_variance(norm, k));
    }
}

/* Overall figures of a log: mean over actors under the root, and the ratios. */
static void log_gradients(struct tracker *tracker)
{
    struct record *r = &tracker->record;
    const int64_t log = tracker->log;
    const double agents = (double)tracker->extents.of[DIM_ACTOR];
    r->actor_grad_own[log] = sqrt(r->actor_grad_own[log] / agents);
    r->actor_grad_accumulated[log] = sqrt(r->actor_grad_accumulated[log] / agents);
    if (r->actors_clipped != NULL) {
        r->actor_grad_before_clip[log] /= agents;
        r->actor_grad_after_clip[log] /= agents;
        r->actors_clipped[log] /= agents;
    }
    r->gradient_ratio_own[log] = r->actor_grad_own[log] / r->critic_grad_own[log];
    r->gradient_ratio_accumulated[log] =
        r->actor_grad_accumulated[log] / r->critic_grad_accumulated[log];
}

/* The detections of the original tools: means over the last `window` logs. Saturated is what the
 * squash sees, where outputs are normalised too. */
static void detect(struct tracker *tracker)
{
    struct record *r = &tracker->record;
    const bool normed = tracker->squash_input != NULL;
    const double *above = normed ? r->squash_input_above : r->preactivation_above;
    const double *below = normed ? r->squash_input_below : r->preactivation_below;
    const struct settings *s = tracker->settings;
    const int64_t window = s->tracking.window;
    /* Before there are `window` logs the original tools say nothing either. */
    const int64_t first = tracker->log + 1 - window;
    if (first < 0)
        return;
    double saturated = 0.0;
    double actor = 0.0;
    double critic = 0.0;
    for (int64_t k = first; k <= tracker->log; k++) {
        saturated += above[k] + below[k];
        actor += r->actor_grad_own[k];
        critic += r->critic_grad_own[k];
    }
    const double limit = s->tracking.vanished_norm * (double)window;
    const bool holds[DETECTION_COUNT] = {
        [DETECTION_SATURATED] = saturated > s->tracking.saturated_share * (double)window,
        [DETECTION_VANISHED] = actor < limit,
        [DETECTION_ASYMMETRY] = actor < limit && critic >= limit,
    };
    for (int d = 0; d < DETECTION_COUNT; d++)
        if (holds[d] && r->detection_episode[d] < 0)
            r->detection_episode[d] = (int32_t)tracker->at->episode;
}

void tracker_end(struct tracker *tracker, const struct mec_step *sums, size_t actor_count,
                 struct reals actors, size_t critic_count, const float *critic)
{
    struct record *r = &tracker->record;
    const int64_t row = tracker->at->episode - 1;
    const double steps = (double)tracker->settings->training.steps;
    /* Counted anew each time: an actor that is still and moves again stays stopped by
     * definition. */
    int32_t stopped = 0;
    for (int64_t i = 0; i < tracker->extents.of[DIM_ACTOR]; i++)
        stopped += r->first_still[i] >= 0;
    r->reward[row] = sums->reward;
    r->energy_violation[row] = sums->energy_violation / steps;
    r->deadline_violation[row] = sums->deadline_violation / steps;
    r->actors_stopped[row] = stopped;
    if (tracker->log < 0)
        return;
    r->actor_param_norm[tracker->log] = norm_of(tracker, actors, actor_count);
    r->critic_param_norm[tracker->log] = norm(tracker, critic, critic_count);
    const struct mlp actor = actors_shape(tracker->settings);
    norm_log_end(r, tracker->kernels, tracker->log, &actor, tracker->extents.of[DIM_ACTOR], actors,
                 tracker->training);
    const struct mlp critic_mlp = critic_shape(tracker->settings);
    norm_log_end(r, tracker->kernels, tracker->log, &critic_mlp, NORM_LOG_CRITIC,
                 critic_reals(critic), tracker->training);
    preactivations_log(r, tracker->log, tracker->at->since_log);
    if (tracker->squash_input != NULL)
        preactivations_log_squash(r, tracker->log, tracker->squash_input);
    clear_preactivations(tracker);
    /* A log episode may have no training step (episode 1 with log_every 1): its gradients stay
     * NaN. */
    if (tracker->training)
        log_gradients(tracker);
    detect(tracker);
}

int64_t tracker_stopping_episode(const struct tracker *tracker)
{
    int64_t last = -1;
    for (int64_t i = 0; i < tracker->extents.of[DIM_ACTOR]; i++) {
        const int64_t still = tracker->record.first_still[i];
        if (still < 0)
            return -1;
        last = still > last ? still : last;
    }
    return last;
}

int64_t tracker_episodes_after_stop(const struct settings *settings)
{
    /* Whether an actor moves again is seen in its updates only. */
    return settings->training.episodes_after_stop * settings->training.actor_every;
}

void tracker_finish(struct tracker *tracker)
{
    struct record *r = &tracker->record;
    const int64_t episode = tracker->at->episode;
    const int64_t absorb = tracker->settings->tracking.absorb;
    const int64_t every = tracker->settings->training.actor_every;
    const int64_t stop = tracker_stopping_episode(tracker);
    *r->total_episodes = (int32_t)episode;
    *r->stopping_episode = (int32_t)stop;
    *r->outcome = tracker->at->diverged ? OUTCOME_DIVERGED
                  : stop >= 0           ? OUTCOME_STOPPED
                                        : OUTCOME_CENSORED;
    *r->run_cause = tracker->at->diverged ? CAUSE_NAN : CAUSE_NONE;
    for (int64_t i = 0; i < tracker->extents.of[DIM_ACTOR]; i++) {
        const int64_t last = tracker->last_change[i];
        /* Known only afterwards: a change that was not followed by enough still episodes may not
         * have been the last, and counts as not seen. Episodes of rest are not still ones. */
        r->last_change[i] = last >= 0 && (episode - last) / every >= absorb ? (int32_t)last : -1;
        if (r->cause[i] < 0) /* no training step at all */
            r->cause[i] = CAUSE_NONE;
    }
    const bool stopped = *r->outcome == OUTCOME_STOPPED;
    /* The run stops with its last actor, so its cause is that of this actor; among equals the
     * lowest number, so that a run has one. */
    for (int64_t i = 0; stopped && i < tracker->extents.of[DIM_ACTOR]; i++) {
        if (r->first_still[i] == stop) {
            *r->run_cause = r->cause[i];
            break;
        }
    }
    const int64_t last = tracker->at->critic_change;
    *r->critic_last_change = last >= 0 && episode - last >= absorb ? (int32_t)last : -1;
}

/* All that tracker_finish writes, but for the cause of an actor that was never updated: what it has
 * now is what a second end would give it. */
void tracker_extend(struct tracker *tracker, const struct tracker *shorter)
{
    struct record *r = &tracker->record;
    record_widen(&shorter->record, &shorter->extents, r, &tracker->extents);
    *r->outcome = OUTCOME_PENDING;
    *r->total_episodes = *r->stopping_episode = *r->run_cause = *r->critic_last_change = -1;
    for (int64_t i = 0; i < tracker->extents.of[DIM_ACTOR]; i++)
        r->last_change[i] = -1;
}

bool tracker_ended_by_limit(const struct settings *settings, int32_t outcome, int32_t total,
                            int32_t stopping)
{
    return outcome == OUTCOME_CENSORED ||
           (outcome == OUTCOME_STOPPED && total < stopping + tracker_episodes_after_stop(settings));
}

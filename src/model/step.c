// SPDX-License-Identifier: MIT
/* The training step: who is evaluated when, and on which networks. The order is the published one
 * and decides the result: the batch is drawn, the critic learns from it, the critic is frozen, the
 * actors climb it one after the other, and the priorities are written last. What saves work is in
 * files of its own (values, frozen and what they use); this file only decides which
 * samples need them. */
#include "model/step.h"
#include <math.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION };

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

void batch_bind(struct batch *batch, const struct settings *settings, int count,
                struct arena *scratch)
{
    const size_t b = (size_t)count;
    const size_t n = (size_t)settings->environment.agents;
    *batch = (struct batch){
        .count = count,
        .state = arena_take(scratch, b * n * S, sizeof(float)),
        .action = arena_take(scratch, b * n * A, sizeof(float)),
        .next_state = arena_take(scratch, b * n * S, sizeof(float)),
        .reward = arena_take(scratch, b, sizeof(float)),
        .done = arena_take(scratch, b, sizeof(float)),
        .accepted = arena_take(scratch, b * n, sizeof(uint8_t)),
    };
}

void step_bind(struct step *step, const struct settings *settings, struct networks *nets,
               struct arena *scratch)
{
    struct critic *critic = &nets->critic;
    const int batch = (int)settings->training.batch;
    /* The same scratch serves the batch of a training step and the transitions of a whole
     * episode, whose errors are their first priorities. */
    const int samples = (int)max_size((size_t)batch, (size_t)settings->training.steps);
    const int channels = (int)settings->environment.channels;
    const size_t b = (size_t)samples;
    const size_t n = (size_t)nets->actors.agents;
    step->settings = settings;
    step->nets = nets;
    batch_bind(&step->batch, settings, batch, scratch);
    step->slot = arena_take(scratch, b, sizeof(int64_t));
    step->weight = arena_take(scratch, b, sizeof(double));
    step->error = arena_take(scratch, b, sizeof(double));
    step->target = arena_take(scratch, b, sizeof(float));
    activations_bind(&step->x, &nets->actors, samples, scratch);
    activations_bind(&step->target_x, &nets->actors, samples, scratch);
    step->action = arena_take(scratch, b * n * A, sizeof(float));
    step->joint = arena_take(scratch, b * (size_t)critic->mlp.out[0], sizeof(float));
    critic_rows_bind(&step->proposers, critic, samples * (int)n, false, scratch);
    critic_rows_bind(&step->selected, critic, samples * channels, true, scratch);
    values_bind(&step->values, critic, scratch);
    frozen_bind(&step->frozen, critic, &nets->actors, &step->values, batch, scratch);
    step->d_q = arena_take(scratch, b * (size_t)channels, sizeof(float));
    step->d_y = arena_take(scratch, b * A, sizeof(float));
    step->y_before = arena_take(scratch, b * A, sizeof(float));
    /* Which samples a pass needs, and what it chose there: kept for the log's sums and for the
     * tests. */
    step->list = arena_take(scratch, b, sizeof(int32_t));
    step->critic_gradient = arena_take(scratch, critic->mlp.size, sizeof(float));
    step->gradient = reals_take(scratch, nets->actor.size, nets->actors.f64);
    step->norm = arena_take(scratch, n + 1, sizeof(double));
    step->chosen = arena_take(scratch, n * b, sizeof(int32_t));
    step->chosen_q = arena_take(scratch, n * b, sizeof(float));
    step->slack = arena_take(scratch, n * b, sizeof(float));
    step->before = arena_take(scratch, critic->mlp.size, sizeof(float));
    step->before_actor = reals_take(scratch, nets->actors.mlp.size, nets->actors.f64);
}

/* c·r + γ·(1 - done)·max Q over the agents that propose, all by the target networks. */
static void find_targets(struct step *step, const struct batch *batch)
{
    const struct networks *nets = step->nets;
    const struct critic *critic = &nets->critic;
    const float *theta = nets->critic_family.target;
    const size_t n = (size_t)critic->agents;
    const float gamma = (float)step->settings->training.gamma;
    const float scale = (float)step->settings->training.reward_scale;
    const bool terminal = step->settings->training.time_limit == TIME_LIMIT_TERMINAL;
    struct critic_rows *rows = &step->proposers;
    /* The next actions of all agents come first: a row of the critic holds the joint action. */
    for (int i = 0; i < nets->actors.agents; i++)
        actors_act(&nets->actors, family_target(&nets->actor), i, batch->count, batch->next_state,
                   &step->target_x, step->action);
    critic_joint_state(critic, theta, batch->count, NULL, batch->next_state, step->joint);
    critic_joint(critic, theta, batch->count, NULL, step->joint, step->action, step->joint);
    critic_rows_clear(rows);
    for (size_t b = 0; b < (size_t)batch->count; b++)
        critic_rows_add_proposers(rows, critic, (int)b, batch->next_state + b * n * S,
                                  step->action + b * n * A);
    values_find(&step->values, theta, step->joint, rows);
    for (int r = 0; r < rows->count;) {
        const int count = critic_rows_group(rows, r);
        const int b = rows->sample[r];
        const float best = rows->q[r + critic_best(rows->q + r, count)];
        /* In f32 and in this order: the published program rounds so. */
        const float goes_on = terminal ? 1.0F - batch->done[b] : 1.0F;
        step->target[b] = scale * batch->reward[b] + gamma * best * goes_on;
        r += count;
    }
}

/* Rows of the accepted agents of all samples, with the critic as it is now: their values and
 * hidden units, for the errors and for the critic's backward pass. */
static void evaluate_accepted(struct step *step, const struct batch *batch)
{
    const struct critic *critic = &step->nets->critic;
    const float *theta = step->nets->critic_family.theta;
    const size_t n = (size_t)critic->agents;
    critic_joint_state(critic, theta, batch->count, NULL, batch->state, step->joint);
    critic_joint(critic, theta, batch->count, NULL, step->joint, batch->action, step->joint);
    critic_rows_clear(&step->selected);
    for (int b = 0; b < batch->count; b++) {
        const float *state = batch->state + (size_t)b * n * S;
        const float *action = batch->action + (size_t)b * n * A;
        /* The master may have accepted nobody. The published program then trains the critic on a
         * row of its own, and so the number of rows changes from batch to batch. */
        const int before = step->selected.count;
        for (int j = 0; j < critic->agents; j++)
            if (batch->accepted[(size_t)b * n + (size_t)j])
                critic_rows_add(&step->selected, critic, b, j, state, action);
        if (step->selected.count == before)
            critic_rows_add(&step->selected, critic, b, CRITIC_NOBODY, state, action);
    }
    critic_evaluate(critic, theta, step->joint, &step->selected);
}

/* What a transition's priority is made of: by the published rule a sum of squares over its rows, so
 * that one with many accepted agents is drawn more often. */
static void find_errors(struct step *step, const struct batch *batch)
{
    const bool squares = step->settings->replay.priority == PRIORITY_SQUARED_SUM;
    const struct critic_rows *rows = &step->selected;
    for (int b = 0; b < batch->count; b++)
        step->error[b] = 0.0;
    for (int r = 0; r < rows->count; r++) {
        const int b = rows->sample[r];
        /* The square is f32 and the sum f64, as in the published program: priorities decide
         * which transitions are drawn, and a draw that differs once differs for ever. */
        const float difference = step->target[b] - rows->q[r];
        step->error[b] += (double)(squares ? difference * difference : fabsf(difference));
    }
    for (int r = 0, count; !squares && r < rows->count; r += count) {
        count = critic_rows_group(rows, r);
        step->error[rows->sample[r]] /= count;
    }
}

void step_errors(struct step *step, const struct batch *batch)
{
    find_targets(step, batch);
    evaluate_accepted(step, batch);
    find_errors(step, batch);
}

/* Copy the transitions that were drawn side by side: a product reads a batch as one matrix. A
 * transition that was drawn twice is copied twice, and counts twice. */
static void gather(struct step *step, const struct replay *replay)
{
    struct batch *batch = &step->batch;
    const size_t n = (size_t)replay->agents;
    for (int k = 0; k < batch->count; k++) {
        const size_t b = (size_t)k;
        const int64_t slot = step->slot[b];
        const size_t at = (size_t)slot * n;
        memcpy(batch->state + b * n * S, replay_state(replay, slot), n * S * sizeof(float));
        memcpy(batch->action + b * n * A, replay->action + at * A, n * A * sizeof(float));
        memcpy(batch->next_state + b * n * S, replay_next_state(replay, slot),
               n * S * sizeof(float));
        memcpy(batch->accepted + b * n, replay->accepted + at, n);
        batch->reward[b] = replay->reward[slot];
        batch->done[b] = replay->done[slot];
    }
    /* As the networks see it, once for all of them: they see the same in the whole step. */
    const size_t rows = (size_t)batch->count * n;
    input_norm_apply(&step->nets->input, rows, batch->state, batch->state);
    input_norm_apply(&step->nets->input, rows, batch->next_state, batch->next_state);
}

/* loss = mean over all rows of (w·q - w·t)², as published; or of w·(q - t)²; or the mean over
 * transitions of the means over their rows. Writes d_q. */
static double critic_loss(struct step *step)
{
    const struct critic_rows *rows = &step->selected;
    const bool squared = step->settings->replay.weighting == WEIGHTING_SQUARED;
    const bool by_row = step->settings->training.critic_mean == MEAN_OF_ROWS;
    double sum = 0.0;
    for (int r = 0, group = 0, next = 0; r < rows->count; r++) {
        const int b = rows->sample[r];
        if (r == next) {
            group = critic_rows_group(rows, r);
            next = r + group;
        }
        /* Of how many equal parts of the loss this row is one. */
        const float parts = by_row ? (float)rows->count : (float)group * (float)step->batch.count;
        const float w = (float)step->weight[b];
        /* As published, the weight goes into both terms before the difference, not in front of the
         * square: so it acts squared, and it rounds as in the published logs. */
        const float difference =
            squared ? w * rows->q[r] - w * step->target[b] : rows->q[r] - step->target[b];
        step->d_q[r] = 2.0F * difference / parts * w;
        const double square = (double)(difference * difference) * (squared ? 1.0 : (double)w);
        sum += by_row ? square : square / group;
    }
    return sum / (by_row ? rows->count : step->batch.count);
}

/* The critic learns: errors, loss and gradient by its present parameters, then the optimiser, then
 * the copy to its target. The tracker is told after the update, with the activations from before
 * it. */
static void update_critic(struct step *step, struct tracker *tracker, int64_t t)
{
    struct networks *nets = step->nets;
    struct critic *critic = &nets->critic;
    struct family *f = &nets->critic_family;
    const struct batch *batch = &step->batch;
    const struct optimizer optimizer = optimizer_of_critic(step->settings, t);
    const bool log = tracker->log >= 0;
    /* The new priorities are the errors of the critic before its update. */
    evaluate_accepted(step, batch);
    find_errors(step, batch);
    const double loss = critic_loss(step);
    critic_turn(critic, f->theta);
    critic_backward(critic, f->theta, &step->selected, step->d_q);
    critic_parameter_gradient(critic, f->theta, batch->count, &step->selected, step->d_q,
                              batch->state, batch->action, step->critic_gradient);
    step->norm[nets->actors.agents] =
        optimizer_clip(&optimizer, nets->compute.kernels, &critic->mlp, step->critic_gradient);
    /* Only a log episode pays for a copy of the parameters, and for the sums of all passes. */
    if (log) {
        memcpy(step->before, f->theta, f->size * sizeof(float));
        frozen_log_begin(&step->frozen, step->critic_gradient, step->d_q);
    }
    const struct adam_effect effect =
        optimizer_step(&optimizer, nets->compute.kernels, &critic->mlp, f->theta, f->m, f->v,
                       step->critic_gradient, step->before);
    adam_soft_update(step->settings->training.tau, f->size, f->target, f->theta);
    tracker_critic(tracker, critic, loss, &step->selected, step->critic_gradient,
                   step->norm[nets->actors.agents], effect);
    if (log)
        tracker_update(tracker, -1, f->size, (struct reals){.f32 = step->before},
                       (struct reals){.f32 = f->theta});
    /* From here on the critic is frozen: the actors climb this one. */
    critic_turn(critic, f->theta);
}

static void forward_actor(struct step *step, int i)
{
    actors_act(&step->nets->actors, family_theta(&step->nets->actor), i, step->batch.count,
               step->batch.state, &step->x, step->action);
}

static void count_forward(const struct step *step, int i, struct tracker *tracker, double times)
{
    /* The published program passes all actors forward in every one of the n passes of a step: an
     * actor's old output counts i + 1 times and its new one n - 1 - i times. It is computed once
     * each. */
    if (times > 0.0)
        tracker_pass(tracker, &step->nets->actors, &step->x, i, step->batch.count, times);
}

/* Which rows pass i used. */
static void note_choice(struct step *step, int i, int count)
{
    const size_t samples = (size_t)step->batch.count;
    int32_t *chosen = step->chosen + (size_t)i * samples;
    for (size_t b = 0; b < samples; b++)
        chosen[b] = STEP_NOT_NEEDED;
    for (int r = 0; r < count; r++) {
        const int b = step->list[r];
        const size_t at = (size_t)i * samples + (size_t)b;
        const struct choice choice = frozen_choice(&step->frozen, b);
        step->chosen[at] = choice.agent;
        step->chosen_q[at] = choice.value;
        step->slack[at] = choice.slack;
    }
}

static int all_samples(struct step *step)
{
    for (int b = 0; b < step->batch.count; b++)
        step->list[b] = b;
    return step->batch.count;
}

/* dL/dy of actor i on the listed samples, zeros elsewhere. */
static void find_slopes(struct step *step, int i, int count)
{
    memset(step->d_y, 0, (size_t)step->batch.count * A * sizeof(float));
    frozen_find(&step->frozen, count, step->list);
    frozen_gradient(&step->frozen, i, count, step->list, step->d_q, step->d_y);
    note_choice(step, i, count);
}

/* The gradient of actor i's own pass as the optimiser gets it, and what a log has of it. `count`
 * samples have a slope, those in step->list. */
static void find_gradient(struct step *step, int i, int count, const struct optimizer *optimizer,
                          bool log)
{
    struct networks *nets = step->nets;
    const int rows = step->batch.count;
    const struct reals theta = family_theta(&nets->actor);
    const struct reals gradient = reals_at(step->gradient, (size_t)i * nets->actors.mlp.size);
    /* λ·mean of z² over batch and actions has the slope 2λz/(B·A). */
    const double pull = 2.0 * step->settings->training.preactivation_penalty / ((double)rows * A);
    find_slopes(step, i, count);
    actors_back(&nets->actors, theta, i, rows, step->batch.state, &step->x, step->d_y, pull,
                gradient);
    step->norm[i] = networks_clip_actor(nets, optimizer, gradient);
    if (log) {
        actors_log_chain(&nets->actors, theta, i, rows);
        frozen_log_pass(&step->frozen, i, gradient);
    }
}

/* Pass i. Returns whether a parameter changed. */
static bool update_actor(struct step *step, int i, const struct optimizer *optimizer,
                         struct tracker *tracker)
{
    struct networks *nets = step->nets;
    const int rows = step->batch.count;
    const size_t size = nets->actors.mlp.size;
    const struct reals theta = reals_at(family_theta(&nets->actor), (size_t)i * size);
    const struct reals gradient = reals_at(step->gradient, (size_t)i * size);
    const bool log = tracker->log >= 0;
    /* Where every slope is exactly 0 in f32 nothing reaches the actor, so the critic need not
     * be asked. Late in a training of large learning rates that is nearly every sample. A log
     * has the gradient by the actions of all of them. */
    const int count = log ? all_samples(step) : actors_sloping(&step->x, i, rows, step->list);
    find_gradient(step, i, count, optimizer, log);
    if (log)
        reals_copy(step->before_actor, theta, size);
    struct adam_effect effect = {0};
    if (!optimizer->rests)
        effect = networks_update_actor(nets, i, optimizer, gradient, step->before_actor);
    /* Why it is 0 is asked once, when a stretch of zeros begins: then dL/dy of all samples is
     * wanted. */
    const bool begins = effect.gradient_zero && tracker_needs_cause(tracker, i);
    if (begins && count < rows)
        find_slopes(step, i, all_samples(step));
    if (begins || log)
        actors_show(&nets->actors, i, rows, &step->x);
    const struct actor_pass pass = {
        .actor = i,
        .rows = rows,
        .actors = &nets->actors,
        .x = &step->x,
        .d_y = step->d_y,
        .gradient = gradient,
        .norm = step->norm[i],
        .effect = effect,
    };
    tracker_actor(tracker, &pass);
    if (log)
        tracker_update(tracker, i, size, step->before_actor, theta);
    return effect.changed;
}

/* Actor i acts anew on the batch, if it has changed at all. */
static void renew_actions(struct step *step, int i, bool changed, bool log)
{
    /* The actors after this one see its new actions: the passes are one after the other, not at
     * once. */
    const size_t count = (size_t)step->batch.count * A;
    const float *y = step->x.y + (size_t)i * count;
    memcpy(step->y_before, y, count * sizeof *y);
    if (changed) {
        forward_actor(step, i);
        frozen_moved(&step->frozen, i, step->y_before, y);
    }
    if (log)
        frozen_log_moved(&step->frozen, i, step->y_before, y);
}

/* All passes. In a step in which the actors rest, only a log looks at their gradients; what is
 * computed for it alone is not counted as a pass. */
static void update_actors(struct step *step, struct tracker *tracker, int64_t t)
{
    struct networks *nets = step->nets;
    const int n = nets->actors.agents;
    const int rows = step->batch.count;
    const bool log = tracker->log >= 0;
    const struct optimizer optimizer = optimizer_of_actors(step->settings, t);
    const double counts = optimizer.rests ? 0.0 : 1.0;
    if (optimizer.rests && !log && tracker->snapshot < 0)
        return;
    for (int i = 0; i < n; i++) {
        forward_actor(step, i);
        count_forward(step, i, tracker, counts * (i + 1));
    }
    tracker_snapshot(tracker, (int64_t)n * rows, step->x.before[MLP_LAYERS - 1]);
    if (optimizer.rests && !log)
        return;
    /* The critic does not change any more in this step, and from pass to pass one agent's
     * actions do: that is what frozen makes use of. */
    frozen_start(&step->frozen, nets->critic_family.theta, step->batch.state, step->action);
    for (int b = 0; b < rows; b++)
        step->d_q[b] = -(float)step->weight[b] / (float)rows;
    for (int i = 0; i < n; i++) {
        const bool changed = update_actor(step, i, &optimizer, tracker);
        renew_actions(step, i, changed, log);
        count_forward(step, i, tracker, counts * (n - 1 - i));
    }
    if (log) {
        struct reals actor_sums;
        const float *critic_sums;
        frozen_log_end(&step->frozen, family_theta(&nets->actor), &step->x, &actor_sums,
                       &critic_sums);
        tracker_accumulated(tracker, &nets->actors.mlp, actor_sums, &nets->critic.mlp, critic_sums);
    }
}

void step_run(struct step *step, struct replay *replay, struct python_rng *rng,
              struct tracker *tracker, int64_t t)
{
    probe_enter(&step->probe, PHASE_TARGETS);
    replay_sample(replay, rng, step->batch.count, step->slot, step->weight);
    gather(step, replay);
    find_targets(step, &step->batch);
    probe_enter(&step->probe, PHASE_CRITIC);
    update_critic(step, tracker, t);
    probe_enter(&step->probe, PHASE_ACTORS);
    update_actors(step, tracker, t);
    /* Last, as published: the errors are those from before the update, in the order of draws. */
    probe_enter(&step->probe, PHASE_PRIORITIES);
    for (int b = 0; b < step->batch.count; b++)
        replay_update(replay, step->slot[b], step->error[b]);
}

// SPDX-License-Identifier: MIT
#include <ccmsweep/step.h>
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
    const struct critic *critic = &nets->critic;
    const int samples =
        (int)max_size((size_t)settings->training.batch, (size_t)settings->training.steps);
    const int channels = (int)settings->environment.channels;
    const size_t b = (size_t)samples;
    const size_t n = (size_t)nets->actors.agents;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t largest = max_size(nets->actors.mlp.size, critic->mlp.size);
    step->settings = settings;
    step->nets = nets;
    batch_bind(&step->batch, settings, (int)settings->training.batch, scratch);
    step->slot = arena_take(scratch, b, sizeof(int64_t));
    step->weight = arena_take(scratch, b, sizeof(double));
    step->error = arena_take(scratch, b, sizeof(double));
    step->target = arena_take(scratch, b, sizeof(float));
    activations_bind(&step->x, &nets->actors, samples, scratch);
    activations_bind(&step->target_x, &nets->actors, samples, scratch);
    step->action = arena_take(scratch, b * n * A, sizeof(float));
    step->state_part = arena_take(scratch, b * h1, sizeof(float));
    step->joint = arena_take(scratch, b * h1, sizeof(float));
    critic_rows_bind(&step->candidates, critic, samples * (int)n, scratch);
    critic_rows_bind(&step->best, critic, samples, scratch);
    critic_rows_bind(&step->selected, critic, samples * channels, scratch);
    step->d_q = arena_take(scratch, b * (size_t)channels, sizeof(float));
    step->d_y = arena_take(scratch, b * A, sizeof(float));
    step->gradient = arena_take(scratch, largest, sizeof(float));
    step->before = arena_take(scratch, largest, sizeof(float));
    step->extra = arena_take(scratch, largest, sizeof(float));
    step->sum_actors = arena_take(scratch, nets->actor.size, sizeof(float));
    step->sum_critic = arena_take(scratch, nets->critic_family.size, sizeof(float));
}

/* Evaluate all proposers of all samples and keep the best row of each. */
static void evaluate_proposers(struct step *step, const float *theta, int samples,
                               const float *state, const float *action)
{
    const struct critic *critic = &step->nets->critic;
    const size_t n = (size_t)critic->agents;
    critic_joint(critic, theta, samples, step->state_part, action, step->joint);
    critic_rows_clear(&step->candidates);
    for (int b = 0; b < samples; b++)
        critic_rows_add_proposers(&step->candidates, critic, b, state + (size_t)b * n * S,
                                  action + (size_t)b * n * A);
    critic_evaluate(critic, theta, step->joint, &step->candidates);
    critic_best(critic, &step->candidates, &step->best);
}

static void find_targets(struct step *step, const struct batch *batch)
{
    const struct networks *nets = step->nets;
    const float gamma = (float)step->settings->training.gamma;
    for (int i = 0; i < nets->actors.agents; i++)
        actors_forward(&nets->actors, nets->actor.target, i, batch->count, batch->next_state,
                       &step->target_x, step->action);
    critic_joint_state(&nets->critic, nets->critic_family.target, batch->count, batch->next_state,
                       step->state_part);
    evaluate_proposers(step, nets->critic_family.target, batch->count, batch->next_state,
                       step->action);
    for (int b = 0; b < batch->count; b++)
        step->target[b] = batch->reward[b] + gamma * step->best.q[b] * (1.0F - batch->done[b]);
}

static void evaluate_accepted(struct step *step, const struct batch *batch)
{
    const struct critic *critic = &step->nets->critic;
    const float *theta = step->nets->critic_family.theta;
    const size_t n = (size_t)critic->agents;
    critic_joint_state(critic, theta, batch->count, batch->state, step->state_part);
    critic_joint(critic, theta, batch->count, step->state_part, batch->action, step->joint);
    critic_rows_clear(&step->selected);
    for (int b = 0; b < batch->count; b++) {
        const float *state = batch->state + (size_t)b * n * S;
        const float *action = batch->action + (size_t)b * n * A;
        const int before = step->selected.count;
        for (int j = 0; j < critic->agents; j++)
            if (batch->accepted[(size_t)b * n + (size_t)j])
                critic_rows_add(&step->selected, critic, b, j, state, action);
        if (step->selected.count == before)
            critic_rows_add(&step->selected, critic, b, CRITIC_NOBODY, state, action);
    }
    critic_evaluate(critic, theta, step->joint, &step->selected);
}

void step_errors(struct step *step, const struct batch *batch)
{
    find_targets(step, batch);
    evaluate_accepted(step, batch);
    for (int b = 0; b < batch->count; b++)
        step->error[b] = 0.0;
    for (int r = 0; r < step->selected.count; r++) {
        const int b = step->selected.sample[r];
        const float difference = step->target[b] - step->selected.q[r];
        step->error[b] += (double)(difference * difference);
    }
}

static void gather(struct step *step, const struct replay *replay)
{
    struct batch *batch = &step->batch;
    const size_t n = (size_t)replay->agents;
    for (int k = 0; k < batch->count; k++) {
        const size_t b = (size_t)k;
        const size_t slot = (size_t)step->slot[b];
        memcpy(batch->state + b * n * S, replay->state + slot * n * S, n * S * sizeof(float));
        memcpy(batch->action + b * n * A, replay->action + slot * n * A, n * A * sizeof(float));
        memcpy(batch->next_state + b * n * S, replay->next_state + slot * n * S,
               n * S * sizeof(float));
        memcpy(batch->accepted + b * n, replay->accepted + slot * n, n);
        batch->reward[b] = replay->reward[slot];
        batch->done[b] = replay->done[slot];
    }
}

/* loss = mean over all rows of (w·q - w·t)²; writes d_q. */
static double critic_loss(struct step *step)
{
    const struct critic_rows *rows = &step->selected;
    double sum = 0.0;
    for (int r = 0; r < rows->count; r++) {
        const int b = rows->sample[r];
        const float w = (float)step->weight[b];
        const float difference = w * rows->q[r] - w * step->target[b];
        step->d_q[r] = 2.0F * difference / (float)rows->count * w;
        sum += (double)(difference * difference);
    }
    return sum / rows->count;
}

static void update_critic(struct step *step, struct tracker *tracker, int64_t t)
{
    struct networks *nets = step->nets;
    struct critic *critic = &nets->critic;
    struct family *f = &nets->critic_family;
    const struct batch *batch = &step->batch;
    const struct adam adam = networks_adam(nets, step->settings->training.critic_lr, t);
    const bool log = tracker->log >= 0;
    const double loss = critic_loss(step);
    critic_backward(critic, f->theta, &step->selected, step->d_q);
    critic_parameter_gradient(critic, batch->count, &step->selected, step->d_q, batch->state,
                              batch->action, step->gradient);
    if (log) {
        memcpy(step->before, f->theta, f->size * sizeof(float));
        memcpy(step->sum_critic, step->gradient, f->size * sizeof(float));
    }
    const struct adam_effect effect =
        adam_step(&adam, f->size, f->theta, f->m, f->v, step->gradient);
    adam_soft_update(step->settings->training.tau, f->size, f->target, f->theta);
    tracker_critic(tracker, critic, loss, &step->selected, step->gradient, effect);
    if (log)
        tracker_update(tracker, -1, f->size, step->before, f->theta);
}

static void forward_actor(struct step *step, int i, struct tracker *tracker, double times)
{
    const struct networks *nets = step->nets;
    const int count = step->batch.count;
    const size_t at = (size_t)i * (size_t)(count * A);
    actors_forward(&nets->actors, nets->actor.theta, i, count, step->batch.state, &step->x,
                   step->action);
    if (times > 0.0)
        tracker_forward(tracker, count, step->x.z + at, step->x.y + at, times);
}

/* Gradient of -mean_b(w_b·max_j Q_bj) back to the first layer's sums of the maximising rows. */
static void backward_best(struct step *step)
{
    struct networks *nets = step->nets;
    const int count = step->batch.count;
    evaluate_proposers(step, nets->critic_family.theta, count, step->batch.state, step->action);
    for (int b = 0; b < count; b++)
        step->d_q[b] = -(float)step->weight[b] / (float)count;
    critic_backward(&nets->critic, nets->critic_family.theta, &step->best, step->d_q);
}

/* What the reference's gradients hold after pass i: every actor a ≤ i and the critic gain the
 * pass's gradient, formed on its own and then added in f32. */
static void accumulate(struct step *step, int i)
{
    struct networks *nets = step->nets;
    const struct batch *batch = &step->batch;
    const size_t size = nets->actors.mlp.size;
    critic_parameter_gradient(&nets->critic, batch->count, &step->best, step->d_q, batch->state,
                              step->action, step->extra);
    for (size_t k = 0; k < nets->critic_family.size; k++)
        step->sum_critic[k] += step->extra[k];
    memcpy(step->sum_actors + (size_t)i * size, step->gradient, size * sizeof(float));
    for (int a = 0; a < i; a++) {
        float *sum = step->sum_actors + (size_t)a * size;
        critic_action_gradient(&nets->critic, nets->critic_family.theta, &step->best, a, step->d_y);
        actors_backward(&nets->actors, nets->actor.theta, a, batch->count, batch->state, &step->x,
                        step->d_y, step->extra);
        for (size_t k = 0; k < size; k++)
            sum[k] += step->extra[k];
    }
}

static void update_actor(struct step *step, int i, const struct adam *adam, struct tracker *tracker)
{
    struct networks *nets = step->nets;
    const size_t size = nets->actors.mlp.size;
    const size_t at = (size_t)i * size;
    struct family *f = &nets->actor;
    const bool log = tracker->log >= 0;
    backward_best(step);
    critic_action_gradient(&nets->critic, nets->critic_family.theta, &step->best, i, step->d_y);
    actors_backward(&nets->actors, f->theta, i, step->batch.count, step->batch.state, &step->x,
                    step->d_y, step->gradient);
    struct actor_pass pass = {
        .actor = i,
        .rows = step->batch.count,
        .actors = &nets->actors,
        .x = &step->x,
        .d_y = step->d_y,
        .gradient = step->gradient,
    };
    if (log)
        memcpy(step->before, f->theta + at, size * sizeof(float));
    pass.effect = adam_step(adam, size, f->theta + at, f->m + at, f->v + at, step->gradient);
    adam_soft_update(step->settings->training.tau, size, f->target + at, f->theta + at);
    tracker_actor(tracker, &pass);
    if (log)
        tracker_update(tracker, i, size, step->before, f->theta + at);
}

static void update_actors(struct step *step, struct tracker *tracker, int64_t t)
{
    struct networks *nets = step->nets;
    const int n = nets->actors.agents;
    const struct adam adam = networks_adam(nets, step->settings->training.actor_lr, t);
    for (int i = 0; i < n; i++)
        forward_actor(step, i, tracker, i + 1);
    tracker_snapshot(tracker, (int64_t)n * step->batch.count, step->x.z);
    critic_joint_state(&nets->critic, nets->critic_family.theta, step->batch.count,
                       step->batch.state, step->state_part);
    for (int i = 0; i < n; i++) {
        update_actor(step, i, &adam, tracker);
        if (tracker->log >= 0)
            accumulate(step, i);
        forward_actor(step, i, tracker, n - 1 - i);
    }
    if (tracker->log >= 0)
        tracker_accumulated(tracker, &nets->actors.mlp, step->sum_actors, &nets->critic.mlp,
                            step->sum_critic);
}

void step_run(struct step *step, struct replay *replay, struct python_rng *rng,
              struct tracker *tracker, int64_t t)
{
    replay_sample(replay, rng, step->batch.count, step->slot, step->weight);
    gather(step, replay);
    step_errors(step, &step->batch);
    update_critic(step, tracker, t);
    update_actors(step, tracker, t);
    for (int b = 0; b < step->batch.count; b++)
        replay_update(replay, step->slot[b], step->error[b]);
}

// SPDX-License-Identifier: MIT
#include "step_check.h"
#include "model/mec.h"
#include "model/plain/plain.h"
#include <stdlib.h>

enum { A = MEC_ACTION, NONE = PLAIN_NOBODY - 1 };

/* Gaps are given to f64 values of f32 networks: RELATIVE, and so many errors of the plain step. */
static const double RELATIVE = 1e-5, ERRORS = 2.0;

static void *copy(const void *x, size_t count, size_t size)
{
    return x == NULL ? NULL : memcpy(malloc(count * size), x, count * size);
}

static struct family copy_family(const struct family *f)
{
    return (struct family){
        .size = f->size,
        .theta = copy(f->theta, f->size, sizeof(float)),
        .target = copy(f->target, f->size, sizeof(float)),
        .m = copy(f->m, f->size, sizeof(float)),
        .v = copy(f->v, f->size, sizeof(float)),
        .theta_f64 = copy(f->theta_f64, f->size, sizeof(double)),
        .target_f64 = copy(f->target_f64, f->size, sizeof(double)),
        .m_f64 = copy(f->m_f64, f->size, sizeof(double)),
        .v_f64 = copy(f->v_f64, f->size, sizeof(double)),
    };
}

static void free_family(struct family *f)
{
    void *const all[] = {f->theta,     f->target,     f->m,     f->v,
                         f->theta_f64, f->target_f64, f->m_f64, f->v_f64};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        free(all[k]);
}

struct snapshot snapshot_take(const struct networks *nets)
{
    return (struct snapshot){copy_family(&nets->actor), copy_family(&nets->critic_family)};
}

void snapshot_free(struct snapshot *s)
{
    free_family(&s->actor);
    free_family(&s->critic);
}

static int agents(const struct stepped *s)
{
    return (int)s->settings->environment.agents;
}

static size_t actor_size(const struct stepped *s)
{
    return s->before->actor.size / (size_t)agents(s);
}

/* The part of actor i of what all actors have. */
static struct reals of_actor(const struct stepped *s, struct reals all, int i)
{
    return reals_at(all, (size_t)i * actor_size(s));
}

static void fail_unless_near(double got, double want, double allowed, const char *what, int b)
{
    if (!(fabs(got - want) <= allowed))
        fail_msg("%s of sample %d: %.9g, want %.9g ± %.2g", what, b, got, want, allowed);
}

/* Of the next state's value. */
static double discount(const struct stepped *s, int b)
{
    const bool last = (double)s->step->batch.done[b] > 0.0 &&
                      s->settings->training.time_limit == TIME_LIMIT_TERMINAL;
    return last ? 0.0 : s->settings->training.gamma;
}

/* The target, of the maximum without the agents that may propose or with one of them: whichever is
 * nearest. \param agent written */
static double find_target(const struct stepped *s, const struct plain *o, int b, int32_t *agent)
{
    const struct batch *batch = &s->step->batch;
    const double reward = s->settings->training.reward_scale * (double)batch->reward[b];
    const double factor = discount(s, b);
    double target = NAN;
    for (int j = NONE; j < agents(s); j++) {
        if (j > NONE && plain_proposal(o, b, j) != PLAIN_MAYBE)
            continue;
        const int best = plain_best(o, b, j);
        if (best == NONE)
            continue;
        const double other = reward + factor * plain_q(o, b, best);
        const double got = (double)s->step->target[b];
        if (!(fabs(target - got) <= fabs(other - got))) {
            target = other;
            *agent = best;
        }
    }
    return target;
}

static void check_targets(const struct stepped *s, struct plain *o, struct counts *counts)
{
    const struct batch *batch = &s->step->batch;
    double *target = calloc((size_t)batch->count, sizeof *target);
    int32_t *sample = calloc((size_t)batch->count, sizeof *sample);
    int32_t *agent = calloc((size_t)batch->count, sizeof *agent);
    plain_set_critic(o, s->before->critic.target);
    plain_set_state(o, batch->next_state);
    for (int i = 0; i < agents(s); i++)
        plain_act(o, i, of_actor(s, family_target(&s->before->actor), i));
    plain_evaluate(o);
    for (int b = 0; b < batch->count; b++) {
        sample[b] = b;
        target[b] = find_target(s, o, b, &agent[b]);
        counts->doubtful += agent[b] != plain_best(o, b, NONE);
    }
    plain_set_rows(o, batch->count, sample, agent);
    for (int b = 0; b < batch->count; b++) {
        double error;
        plain_row(o, b, &error);
        error *= discount(s, b);
        fail_unless_near((double)s->step->target[b], target[b],
                         RELATIVE * fabs(target[b]) + ERRORS * error, "target", b);
    }
    free(target);
    free(sample);
    free(agent);
}

static int accepted_rows(const struct stepped *s, int32_t *sample, int32_t *agent)
{
    const struct batch *batch = &s->step->batch;
    int rows = 0;
    for (int b = 0; b < batch->count; b++) {
        const int before = rows;
        for (int j = 0; j < agents(s); j++) {
            if (batch->accepted[b * agents(s) + j]) {
                sample[rows] = b;
                agent[rows++] = j;
            }
        }
        if (rows == before) {
            sample[rows] = b;
            agent[rows++] = PLAIN_NOBODY;
        }
    }
    return rows;
}

/* Errors of the transitions, on the model's own targets. */
static void check_errors(const struct stepped *s, const struct plain *o, int rows,
                         const int32_t *sample)
{
    const bool squares = s->settings->replay.priority == PRIORITY_SQUARED_SUM;
    double error = 0.0, allowed = 0.0;
    int count = 0;
    for (int r = 0; r < rows; r++) {
        const int b = sample[r];
        double doubt;
        const double difference = (double)s->step->target[b] - plain_row(o, r, &doubt);
        error += squares ? difference * difference : fabs(difference);
        allowed += ERRORS * (squares ? 2.0 * fabs(difference) * doubt + doubt * doubt : doubt);
        count++;
        if (r + 1 < rows && sample[r + 1] == b)
            continue;
        error /= squares ? 1 : count;
        allowed /= squares ? 1 : count;
        fail_unless_near(s->step->error[b], error, RELATIVE * error + allowed, "error", b);
        error = allowed = 0.0;
        count = 0;
    }
}

/* A gradient as it was before it was clipped: of that of the plain step, only the direction is
 * known to be f32's. The factor follows from the norm, which is compared in judge. */
static double *before_clip(struct reals gradient, size_t size, double clip, double norm)
{
    double *got = calloc(size, sizeof *got);
    const double factor = isnan(clip) ? 1.0 : fmin(1.0, clip / (norm + 1e-6));
    for (size_t k = 0; k < size; k++)
        got[k] = reals_value(gradient, k) / factor;
    return got;
}

static void judge_norm(const struct plain_match *m, double clip, double norm, const char *what)
{
    if (isnan(clip) ? !isnan(norm) : !(fabs(norm - m->norm) <= m->allowed + 1e-5 * m->norm))
        fail_msg("norm of %s before clipping: %.9g, want %.9g ± %.2g", what, norm, m->norm,
                 m->allowed);
}

static void judge(const struct plain_match *m, struct counts *counts, const char *what, int i)
{
    if (!m->agrees)
        fail_msg("gradient of %s %d: off by %.3g of %.3g, allowed %.3g (%d kinks, %d flipped)",
                 what, i, m->distance, m->norm, m->allowed, m->kinks, m->flipped);
    counts->flipped += m->flipped > 0;
    if (m->allowed > 0.0)
        counts->worst = fmax(counts->worst, m->distance / m->allowed);
}

static void check_critic(const struct stepped *s, struct plain *o, struct counts *counts)
{
    const struct batch *batch = &s->step->batch;
    const size_t most = (size_t)batch->count * (size_t)(agents(s) + 1);
    int32_t *sample = calloc(most, sizeof *sample);
    int32_t *agent = calloc(most, sizeof *agent);
    plain_set_critic(o, s->before->critic.theta);
    plain_set_state(o, batch->state);
    plain_set_action(o, batch->action);
    const int rows = accepted_rows(s, sample, agent);
    plain_set_rows(o, rows, sample, agent);
    check_errors(s, o, rows, sample);
    const double clip = s->settings->training.clip_critic;
    const double norm = s->step->norm[agents(s)];
    double *got = before_clip((struct reals){.f32 = s->step->critic_gradient},
                              s->before->critic.size, clip, norm);
    const struct plain_match m = plain_match_critic(o, s->step->weight, s->step->target, got);
    judge(&m, counts, "critic", -1);
    judge_norm(&m, clip, norm, "critic");
    free(got);
    assert_close(s->loss, m.loss, 2e-5, "loss of the critic");
    free(sample);
    free(agent);
}

/* What the roundings of the actions may do to the values of two rows. The two steps' actions differ
 * by them, which a normalisation of nearly equal units enlarges up to 316 times, while slack is of
 * the critic's sums alone: so this is asked only of normalised actors. Twice as many errors as
 * elsewhere, for what comes of one row's scale is not independent, as the plain step takes it to
 * be. (Measured: inputs of the squash 1.3 errors apart, and a value 2.1.) */
static double action_doubt(const struct stepped *s, struct plain *o, int b, int j, int k)
{
    const int32_t sample[] = {b, b}, agent[] = {j, k};
    double error[2];
    if (s->settings->networks.actor_norm == ACTOR_NORM_NONE)
        return 0.0;
    plain_set_rows(o, 2, sample, agent);
    for (int r = 0; r < 2; r++)
        plain_row(o, r, &error[r]);
    return 2.0 * ERRORS * (error[0] + error[1]);
}

/* The row chosen for sample b in pass i, agent j. */
static void check_choice(const struct stepped *s, struct plain *o, int i, int b, int j,
                         struct counts *counts)
{
    const size_t at = (size_t)i * (size_t)s->step->batch.count + (size_t)b;
    const double slack = (double)s->step->slack[at];
    if (plain_proposal(o, b, j) == PLAIN_NO)
        fail_msg("pass %d, sample %d: %d chosen, which does not propose", i, b, j);
    const int best = plain_best(o, b, j);
    const double q = plain_q(o, b, j);
    const double most = plain_q(o, b, best);
    if (!(most - q <= slack) && !(most - q <= slack + action_doubt(s, o, b, j, best)))
        fail_msg("pass %d, sample %d: %d chosen, Q %.9g; %d has %.9g, slack %.2g", i, b, j, q, best,
                 most, slack);
    bool tie = false;
    for (int k = 0; k < agents(s); k++) {
        if (k == j || plain_proposal(o, b, k) != PLAIN_YES || !plain_same(o, b, k, j))
            continue;
        if (k < j)
            fail_msg("pass %d, sample %d: %d chosen, but %d is equal", i, b, j, k);
        tie = true;
    }
    counts->rows++;
    counts->ties += tie;
    counts->exchanged += best != j && !plain_same(o, b, best, j);
}

/* The value of the row chosen, within slack (see action_doubt); and slack is rounding, no more: of
 * the errors an evaluation in f32 may make. */
static void check_value(const struct stepped *s, const struct plain *o, int i, int b,
                        struct counts *counts)
{
    const size_t at = (size_t)i * (size_t)s->step->batch.count + (size_t)b;
    double error;
    const double q = plain_row(o, b, &error);
    const double slack = (double)s->step->slack[at];
    const double off = fabs((double)s->step->chosen_q[at] - q);
    const bool normed = s->settings->networks.actor_norm != ACTOR_NORM_NONE;
    const double allowed = slack + (normed ? 2.0 * ERRORS * error : 0.0);
    counts->slack = fmax(counts->slack, off / slack);
    if (!(off <= allowed))
        fail_msg("pass %d, sample %d: Q %.9g, want %.9g ± %.2g", i, b,
                 (double)s->step->chosen_q[at], q, allowed);
    if (!(slack <= 2e-4 * (1.0 + fabs(q)) + 1e3 * error))
        fail_msg("pass %d, sample %d: slack %.2g for Q %.9g ± %.2g", i, b, slack, q, error);
}

static void check_pass(const struct stepped *s, struct plain *o, int i, struct counts *counts)
{
    const int count = s->step->batch.count;
    const int32_t *chosen = s->step->chosen + (size_t)i * (size_t)count;
    int32_t *sample = calloc((size_t)count, sizeof *sample);
    int32_t *agent = calloc((size_t)count, sizeof *agent);
    double *weight = calloc((size_t)count, sizeof *weight);
    plain_evaluate(o);
    for (int b = 0; b < count; b++) {
        sample[b] = b;
        agent[b] = PLAIN_NOBODY;
        if (chosen[b] == STEP_NOT_NEEDED) {
            if (!plain_flat(o, b, i))
                fail_msg("pass %d, sample %d: no row, but a slope is not 0", i, b);
            counts->not_needed++;
            continue;
        }
        check_choice(s, o, i, b, chosen[b], counts);
        agent[b] = chosen[b];
        weight[b] = s->step->weight[b];
    }
    plain_set_rows(o, count, sample, agent);
    for (int b = 0; b < count; b++)
        if (chosen[b] != STEP_NOT_NEEDED)
            check_value(s, o, i, b, counts);
    const double clip = s->settings->training.clip_actor;
    double *got =
        before_clip(of_actor(s, s->step->gradient, i), actor_size(s), clip, s->step->norm[i]);
    const struct reals theta = of_actor(s, family_theta(&s->before->actor), i);
    const struct plain_match m = plain_match_actor(o, i, theta, weight, got);
    judge(&m, counts, "actor", i);
    judge_norm(&m, clip, s->step->norm[i], "actor");
    free(got);
    counts->passes++;
    free(sample);
    free(agent);
    free(weight);
}

static void check_passes(const struct stepped *s, struct plain *o, struct counts *counts)
{
    const int n = agents(s);
    plain_set_critic(o, s->nets->critic_family.theta);
    plain_set_state(o, s->step->batch.state);
    for (int i = 0; i < n; i++)
        plain_act(o, i, of_actor(s, family_theta(&s->before->actor), i));
    for (int i = 0; i < n; i++) {
        if (i % s->every == 0 || i == n - 1)
            check_pass(s, o, i, counts);
        plain_act(o, i, of_actor(s, family_theta(&s->nets->actor), i));
    }
}

static void assert_same(struct reals got, double want, const char *what, size_t k)
{
    const double value = reals_value(got, k);
    if (memcmp(&value, &want, sizeof want) != 0 && !(isnan(value) && isnan(want)))
        fail_msg("%s %zu: %.17g, want %.17g", what, k, value, want);
}

/* Values of either precision; every operation is in f64, and what comes out is rounded to the
 * precision at hand. In f32 that gives the bits of the operation in f32: f64 has more than twice as
 * many digits. */
struct parameter {
    bool f64;
    double theta, m, v;
};

static double rounded(bool f64, double x)
{
    return f64 ? x : (double)(float)x;
}
#define R(x) rounded(p.f64, (x))

/* One parameter after the optimiser, in its order of operations; `decay` is the learning rate times
 * the weight decay. */
static struct parameter updated(const struct settings *s, double lr, int64_t t, double decay,
                                struct parameter p, double g)
{
    const double beta1 = s->training.adam_beta1, beta2 = s->training.adam_beta2;
    const double step = R(lr / (1.0 - pow(beta1, (double)t)));
    const double root = R(sqrt(1.0 - pow(beta2, (double)t)));
    const double shrunk = R(p.theta - R(R(decay) * p.theta));
    p.theta = R(decay) == 0.0 ? p.theta : shrunk;
    switch (s->training.optimizer) {
    case OPTIMIZER_RMSPROP:
        p.v = R(R(R(0.99) * p.v) + R(R(R(0.01) * g) * g));
        p.theta = R(p.theta - R(R(R(lr) * g) / R(R(sqrt(p.v)) + R(1e-8))));
        break;
    case OPTIMIZER_SGD:
        p.m = R(R(R(s->training.momentum) * p.m) + g);
        p.theta = R(p.theta - R(R(lr) * p.m));
        break;
    case OPTIMIZER_ADAM:
    default:
        p.m = R(R(R(beta1) * p.m) + R(R(1.0 - beta1) * g));
        p.v = R(R(R(beta2) * p.v) + R(R(R(1.0 - beta2) * g) * g));
        p.theta =
            R(p.theta - R(R(step * p.m) / R(R(R(sqrt(p.v)) / root) + R(s->training.adam_eps))));
    }
    return p;
}

static bool all_zero(struct reals g, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (reals_value(g, k) != 0.0)
            return false;
    return true;
}

/* How a network is updated. */
struct update {
    double lr;
    int64_t t;  /* number of the update */
    bool still; /* neither parameters nor targets change */
    enum zero_gradient zero;
    const char *what;
};

static bool is_weight(const struct mlp *mlp, size_t k)
{
    bool weight = false;
    for (int l = 0; l < MLP_LAYERS; l++)
        weight |= k >= mlp->weight[l] && k < mlp->bias[l];
    return weight;
}

static struct reals family_m(const struct family *f)
{
    return (struct reals){.f32 = f->m, .f64 = f->m_f64};
}

static struct reals family_v(const struct family *f)
{
    return (struct reals){.f32 = f->v, .f64 = f->v_f64};
}

/* Optimiser and soft update of one network, whose parameters begin at `at`, bit for bit on the
 * model's own gradient. */
static void check_network(const struct stepped *s, const struct update *u, const struct mlp *mlp,
                          size_t at, const struct family *before, const struct family *after,
                          struct reals gradient)
{
    const double tau = s->settings->training.tau;
    const bool skip = u->zero != ZERO_KEEP && all_zero(reals_at(gradient, at), mlp->size);
    const bool f64 = gradient.f64 != NULL;
    for (size_t k = at; k < at + mlp->size; k++) {
        struct parameter p = {f64, reals_value(family_theta(before), k),
                              reals_value(family_m(before), k), reals_value(family_v(before), k)};
        const double decay =
            is_weight(mlp, k - at) ? u->lr * s->settings->training.weight_decay : 0.0;
        const double target = reals_value(family_target(before), k);
        if (skip)
            p.m = u->zero == ZERO_RESET_MOMENTS && !u->still ? 0.0 : p.m;
        else if (!u->still)
            p = updated(s->settings, u->lr, u->t, decay, p, reals_value(gradient, k));
        const double soft = R(R(R(1.0 - tau) * target) + R(R(tau) * p.theta));
        assert_same(family_m(after), p.m, u->what, k);
        assert_same(family_v(after), p.v, u->what, k);
        assert_same(family_theta(after), p.theta, u->what, k);
        assert_same(family_target(after),
                    u->still     ? target
                    : tau == 1.0 ? p.theta
                                 : soft,
                    u->what, k);
    }
}

static void check_updates(const struct stepped *s)
{
    const struct update critic = {
        .lr = s->settings->training.critic_lr, .t = s->t, .what = "critic"};
    const int64_t every = s->settings->training.actor_every;
    const struct update actor = {
        .lr = s->settings->training.actor_lr,
        .t = (s->t - 1) / every + 1,
        .still = (s->t - 1) % every != 0,
        .zero = s->settings->training.zero_gradient,
        .what = "actor",
    };
    check_network(s, &critic, &s->nets->critic.mlp, 0, &s->before->critic, &s->nets->critic_family,
                  (struct reals){.f32 = s->step->critic_gradient});
    for (int i = 0; i < agents(s); i++)
        check_network(s, &actor, &s->nets->actors.mlp, (size_t)i * actor_size(s), &s->before->actor,
                      &s->nets->actor, s->step->gradient);
}

void check_step(const struct stepped *s, struct counts *counts)
{
    struct plain *o = plain_new(s->settings, s->step->batch.count);
    const bool resting = (s->t - 1) % s->settings->training.actor_every != 0;
    check_targets(s, o, counts);
    check_critic(s, o, counts);
    /* Passes of a step in which the actors rest are those of a log, if there is one. */
    if (!resting || s->log)
        check_passes(s, o, counts);
    check_updates(s);
    plain_free(&o);
}

/* One value of a state as the networks see it. */
static double seen_value(const struct stepped *s, double x, int k)
{
    const struct input_norm *norm = &s->nets->input;
    const struct interval range = input_norm_interval(s->settings, k);
    if (!input_norm_is_on(norm))
        return x;
    if (norm->at == NULL)
        return 2.0 * (x - range.low) / (range.high - range.low) - 1.0;
    return (x - norm->at->mean[k]) / sqrt(norm->at->squares[k] / (double)norm->at->count + 1e-5);
}

void check_seen(const struct stepped *s, const struct replay *replay)
{
    const struct batch *batch = &s->step->batch;
    const size_t size = (size_t)agents(s) * MEC_STATE;
    for (size_t b = 0; b < (size_t)batch->count; b++) {
        const int64_t slot = s->step->slot[b];
        const float *const stored[] = {replay_state(replay, slot), replay_next_state(replay, slot)};
        const float *const seen[] = {batch->state, batch->next_state};
        for (size_t k = 0; k < 2 * size; k++) {
            const double x = (double)stored[k / size][k % size];
            const double want = seen_value(s, x, (int)(k % MEC_STATE));
            fail_unless_near((double)seen[k / size][b * size + k % size], want,
                             want == x ? 0.0 : 1e-6 * (1.0 + fabs(want)), "a state", (int)b);
        }
    }
}

void check_next(struct trainer *t, int every, struct counts *counts)
{
    const struct trainer_view view = trainer_view(t);
    const int64_t episode = trainer_episode(t) + 1;
    struct snapshot before = snapshot_take(view.networks);
    trainer_advance(t, 1);
    const struct stepped stepped = {
        .settings = trainer_settings(t),
        .before = &before,
        .nets = view.networks,
        .step = view.step,
        .t = episode - 1,
        .loss = (double)trainer_record(t)->critic_loss[episode - 1],
        .every = every,
    };
    check_step(&stepped, counts);
    check_seen(&stepped, view.replay);
    snapshot_free(&before);
}

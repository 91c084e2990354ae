// SPDX-License-Identifier: MIT
/* Passes of the critic over lists of rows (the header has the letters, and why the joint part is
 * apart). Everything here has a shape that suits small products: rows of a sample are neighbours
 * in a list, so that a group of them shares its joint part and its list of units that are on. */
#include "model/critic.h"
#include "model/mec.h"
#include <ccmsweep/fault.h>
#include <math.h>
#include <string.h>

/* O: own inputs of a row. BLOCK: rows of one product of second_layer_gradient. */
enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, BLOCK = 64 };

struct mlp critic_shape(const struct settings *settings)
{
    const int n = (int)settings->environment.agents;
    struct mlp mlp =
        mlp_make(n * O + O, (int)settings->networks.critic_hidden1,
                 (int)settings->networks.critic_hidden2, 1, settings->networks.critic_activation);
    for (int l = 0; settings->networks.critic_norm == CRITIC_NORM_HIDDEN && l < MLP_LAYERS - 1; l++)
        mlp_normalise(&mlp, l);
    return mlp;
}

static void bind_affine(struct critic *critic, int samples, struct arena *scratch)
{
    const size_t b = (size_t)samples;
    const size_t h2 = (size_t)critic->mlp.out[1];
    affine_bind(&critic->affine, &critic->mlp, critic->compute, 0, true, scratch);
    critic->joint_h2 = arena_take(scratch, b * h2, sizeof(float));
    critic->own_h2 = arena_take(scratch, O * h2, sizeof(float));
    critic->d_sample = arena_take(scratch, b, sizeof(float));
    critic->x = arena_take(scratch, (size_t)critic->mlp.in[0], sizeof(float));
    critic->list = arena_take(scratch, b, sizeof(int32_t));
}

void critic_bind(struct critic *critic, const struct settings *settings, struct compute *compute,
                 int samples, int per_sample, struct arena *scratch)
{
    const int n = (int)settings->environment.agents;
    const size_t h1 = (size_t)settings->networks.critic_hidden1;
    const size_t h2 = (size_t)settings->networks.critic_hidden2;
    const size_t rows = (size_t)samples * (size_t)per_sample;
    *critic = (struct critic){
        .mlp = critic_shape(settings),
        .compute = compute,
        .agents = n,
        .joint = n * O,
    };
    if (affine_is(&critic->mlp)) {
        bind_affine(critic, samples, scratch);
    } else {
        critic->d_a2 = arena_take(scratch, rows * h2, sizeof(float));
        critic->d_a1 = arena_take(scratch, rows * h1, sizeof(float));
        critic->d_joint = arena_take(scratch, (size_t)samples * h1, sizeof(float));
        critic->w2 = arena_take(scratch, h1 * h2, sizeof(float));
        critic->on = arena_take(scratch, h1 > h2 ? h1 : h2, sizeof(int32_t));
    }
    critic->exact = arena_take(scratch, h1 + h2, sizeof(double));
    if (!critic_normed(critic))
        return;
    folded_bind(&critic->folded, &critic->mlp, scratch);
    critic->along = arena_take(scratch, rows, sizeof(float));
    critic->scaled = arena_take(scratch, rows * h2, sizeof(float));
    critic->sums = arena_take(scratch, h2, sizeof(float));
}

void critic_rows_bind(struct critic_rows *rows, const struct critic *critic, int capacity,
                      bool hidden, struct arena *scratch)
{
    const size_t r = (size_t)capacity;
    *rows = (struct critic_rows){
        .capacity = capacity,
        .sample = arena_take(scratch, r, sizeof(int32_t)),
        .agent = arena_take(scratch, r, sizeof(int32_t)),
        .own = arena_take(scratch, r * O, sizeof(float)),
        .q = arena_take(scratch, r, sizeof(float)),
    };
    if (hidden) {
        rows->h1 = arena_take(scratch, r * (size_t)critic->mlp.out[0], sizeof(float));
        rows->h2 = arena_take(scratch, r * (size_t)critic->mlp.out[1], sizeof(float));
        if (critic_normed(critic))
            row_norms_bind(&rows->norms, r, scratch);
    }
}

/* Where the weights of a first-layer input to all units lie. */
static size_t input_at(const struct critic *critic, int input)
{
    return critic->mlp.weight[0] + (size_t)input * (size_t)critic->mlp.out[0];
}

size_t critic_joint_actions(const struct critic *critic, int i)
{
    return input_at(critic, critic->agents * S + i * A);
}

size_t critic_own_inputs(const struct critic *critic)
{
    return input_at(critic, critic->joint);
}

size_t critic_own_actions(const struct critic *critic)
{
    return input_at(critic, critic->joint + S);
}

/* out = start + x (samples, k) · W1[first : first + k] on some samples. States and actions are
 * apart because states stay the same while the actors of a step change one by one. */
static void joint_part(const struct critic *critic, const float *theta, int count,
                       const int32_t *list, int first, int k, const float *x, const float *start,
                       size_t start_row, float *out)
{
    const int h1 = critic->mlp.out[0];
    struct product p = product_of(count, h1, k, x, theta + input_at(critic, first), out);
    p.start = start;
    p.start_row = start_row;
    p.outer = list;
    compute_product(critic->compute, &p);
}

void critic_joint_state(const struct critic *critic, const float *theta, int count,
                        const int32_t *list, const float *state, float *out)
{
    joint_part(critic, theta, count, list, 0, critic->agents * S, state,
               theta + critic->mlp.bias[0], 0, out);
}

void critic_joint(const struct critic *critic, const float *theta, int count, const int32_t *list,
                  const float *state_part, const float *action, float *out)
{
    joint_part(critic, theta, count, list, critic->agents * S, critic->agents * A, action,
               state_part, (size_t)critic->mlp.out[0], out);
}

void critic_rows_clear(struct critic_rows *rows)
{
    rows->count = 0;
}

/* The "nobody" row is a row like the others with zeros for its own inputs, as published: the
 * critic values it, and it trains the critic, when no agent proposes or none was accepted. */
void critic_own(const struct critic *critic, int agent, const float *state, const float *action,
                float *own)
{
    CHECK(agent < critic->agents);
    if (agent == CRITIC_NOBODY) {
        memset(own, 0, O * sizeof *own);
        return;
    }
    memcpy(own, state + (size_t)agent * S, S * sizeof *own);
    memcpy(own + S, action + (size_t)agent * A, A * sizeof *own);
}

void critic_rows_add(struct critic_rows *rows, const struct critic *critic, int sample, int agent,
                     const float *state, const float *action)
{
    CHECK(rows->count < rows->capacity);
    const int r = rows->count++;
    rows->sample[r] = sample;
    rows->agent[r] = agent;
    critic_own(critic, agent, state, action, rows->own + (size_t)r * O);
}

void critic_rows_add_proposers(struct critic_rows *rows, const struct critic *critic, int sample,
                               const float *state, const float *action)
{
    /* In ascending order of the agents: critic_best takes the first among equals, which must be
     * the lowest. */
    const int before = rows->count;
    for (int j = 0; j < critic->agents; j++)
        if (action[(size_t)j * A] >= 0.0F)
            critic_rows_add(rows, critic, sample, j, state, action);
    if (rows->count == before)
        critic_rows_add(rows, critic, sample, CRITIC_NOBODY, state, action);
}

int critic_rows_group(const struct critic_rows *rows, int r)
{
    int next = r + 1;
    while (next < rows->count && rows->sample[next] == rows->sample[r])
        next++;
    return next - r;
}

/* Units of x (rows, n) that are not 0 in every row: of a ReLU layer some, else all. Returns how
 * many `critic->on` lists. */
static int list_units(const struct critic *critic, int rows, int n, const float *x)
{
    if (critic->mlp.activation == ACTIVATION_RELU)
        return critic->compute->kernels->positive(rows, n, x, critic->on);
    for (int k = 0; k < n; k++)
        critic->on[k] = k;
    return n;
}

/* h (R, n) = joint (B, n) + own inputs · w (O, n), on `count` rows of one sample from row r on. */
static struct product own_product(const struct critic_rows *rows, int r, int count, int n,
                                  const float *joint, const float *w, float *h)
{
    const size_t width = (size_t)n;
    struct product p = product_of(count, n, O, rows->own + (size_t)r * O, w, h + (size_t)r * width);
    p.start = joint + (size_t)rows->sample[r] * width;
    return p;
}

/* Hidden layers of `count` rows of one sample from row r on. The units that are on in any of these
 * rows take the place of all H1 as the inner index: the rest are 0 in every row. */
static void evaluate_group(const struct critic *critic, const float *theta, const float *joint,
                           const struct critic_rows *rows, int r, int count)
{
    const struct mlp *mlp = &critic->mlp;
    const size_t width1 = (size_t)mlp->out[0];
    const size_t width2 = (size_t)mlp->out[1];
    float *h1 = rows->h1 + (size_t)r * width1;
    struct product p = own_product(rows, r, count, mlp->out[0], joint,
                                   theta + critic_own_inputs(critic), rows->h1);
    p.finish = mlp_finish(mlp);
    compute_product(critic->compute, &p);
    p = product_of(count, mlp->out[1], mlp->out[0], h1, theta + mlp->weight[1],
                   rows->h2 + (size_t)r * width2);
    p.k = list_units(critic, count, mlp->out[0], h1);
    p.inner = critic->on;
    p.start = theta + mlp->bias[1];
    p.finish = mlp_finish(mlp);
    if (critic_normed(critic)) {
        p.b = critic->folded.w2;
        p.start = NULL;
        p.finish = FINISH_PLAIN;
    }
    compute_product(critic->compute, &p);
}

/* Of rows with normalisations: scales of the first layer, then the rest of the row. */
static void evaluate_normed(const struct critic *critic, const struct critic_rows *rows)
{
    const size_t h1 = (size_t)critic->mlp.out[0];
    const struct kernels *kernels = critic->compute->kernels;
    for (int r = 0; r < rows->count; r++)
        kernels->spread(h1, rows->h1 + (size_t)r * h1, &rows->norms.mean1[r],
                        &rows->norms.scale1[r]);
    folded_heads(&critic->folded, &critic->mlp, kernels, 0, rows->count, rows->h2, rows->h2,
                 &rows->norms, rows->q);
}

void critic_fold(const struct critic *critic, const float *theta)
{
    if (critic_normed(critic))
        folded_take(&critic->folded, &critic->mlp, theta);
}

/* Without activations the second layer's sums are affine in a row's own inputs, as the first's are:
 * what the joint inputs decide is formed once for each sample, the weights of the own ones once. */
static void evaluate_affine(const struct critic *critic, const float *theta, const float *joint,
                            const struct critic_rows *rows)
{
    const struct mlp *mlp = &critic->mlp;
    const int h1 = mlp->out[0];
    const int h2 = mlp->out[1];
    const float *own = theta + critic_own_inputs(critic);
    const float *w2 = theta + mlp->weight[1];
    int samples = 0;
    for (int r = 0; r < rows->count; r += critic_rows_group(rows, r))
        critic->list[samples++] = rows->sample[r];
    struct product p = product_of(O, h2, h1, own, w2, critic->own_h2);
    compute_product(critic->compute, &p);
    p = product_of(samples, h2, h1, joint, w2, critic->joint_h2);
    p.outer = critic->list;
    p.start = theta + mlp->bias[1];
    compute_product(critic->compute, &p);
    for (int r = 0, count; r < rows->count; r += count) {
        count = critic_rows_group(rows, r);
        p = own_product(rows, r, count, h1, joint, own, rows->h1);
        compute_product(critic->compute, &p);
        p = own_product(rows, r, count, h2, critic->joint_h2, critic->own_h2, rows->h2);
        compute_product(critic->compute, &p);
    }
}

void critic_evaluate(const struct critic *critic, const float *theta, const float *joint,
                     struct critic_rows *rows)
{
    const bool affine = affine_is(&critic->mlp);
    critic_fold(critic, theta);
    if (affine)
        evaluate_affine(critic, theta, joint, rows);
    for (int r = 0; r < rows->count && !affine;) {
        const int count = critic_rows_group(rows, r);
        evaluate_group(critic, theta, joint, rows, r, count);
        r += count;
    }
    if (critic_normed(critic)) {
        evaluate_normed(critic, rows);
        return;
    }
    /* The output layer of all samples at once: it has no list to share. */
    mlp_output(critic->compute, &critic->mlp, theta, rows->count, rows->h2, rows->q);
}

/* q[top] != q[top]: a NaN that came first gives way to any number. */
int critic_best(const float *q, int count)
{
    int top = 0;
    for (int r = 1; r < count; r++)
        if (q[r] > q[top] || q[top] != q[top])
            top = r;
    return top;
}

/* y (n) += a·x (n) in f64. */
static void add_scaled(int n, double a, const float *x, double *y)
{
    for (int k = 0; k < n; k++)
        y[k] += a * (double)x[k];
}

void critic_joint_f64(const struct critic *critic, const float *theta, const float *state,
                      const float *action, double *out)
{
    const struct mlp *mlp = &critic->mlp;
    const int states = critic->agents * S;
    /* Input by input, as its weights to all units lie side by side. The order of the sums is not
     * that of f32, which does not matter: f64 has 29 bits to spare. */
    const float *w1 = theta + mlp->weight[0];
    for (int k = 0; k < mlp->out[0]; k++)
        out[k] = (double)theta[mlp->bias[0] + (size_t)k];
    for (int x = 0; x < critic->joint; x++)
        add_scaled(mlp->out[0], (double)(x < states ? state[x] : action[x - states]),
                   w1 + (size_t)x * (size_t)mlp->out[0], out);
}

/* h (n) to what the next layer takes in: through the activation, and normalised. */
static void finish_f64(const struct critic *critic, const float *theta, int layer, double *h)
{
    const struct mlp *mlp = &critic->mlp;
    const int n = mlp->out[layer];
    double mean = 0.0;
    double variance = 0.0;
    for (int k = 0; k < n; k++) {
        if (mlp->activation == ACTIVATION_RELU && !(h[k] > 0.0))
            h[k] = 0.0;
        mean += h[k] / n;
    }
    if (!mlp->normed[layer])
        return;
    for (int k = 0; k < n; k++)
        variance += (h[k] - mean) * (h[k] - mean) / n;
    const double scale = 1.0 / sqrt(variance + NORM_EPS);
    for (int k = 0; k < n; k++)
        h[k] = (double)theta[mlp->gamma[layer] + (size_t)k] * (h[k] - mean) * scale +
               (double)theta[mlp->beta[layer] + (size_t)k];
}

double critic_value_f64(const struct critic *critic, const float *theta, const double *joint,
                        const float *own)
{
    const struct mlp *mlp = &critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    double *first = critic->exact;
    double *second = critic->exact + h1;
    memcpy(first, joint, h1 * sizeof *first);
    for (size_t x = 0; x < O; x++)
        add_scaled(mlp->out[0], (double)own[x], theta + critic_own_inputs(critic) + x * h1, first);
    for (size_t k = 0; k < h2; k++)
        second[k] = (double)theta[mlp->bias[1] + k];
    finish_f64(critic, theta, 0, first);
    for (size_t k = 0; k < h1; k++)
        if (first[k] != 0.0)
            add_scaled(mlp->out[1], first[k], theta + mlp->weight[1] + k * h2, second);
    finish_f64(critic, theta, 1, second);
    double value = (double)theta[mlp->bias[2]];
    for (size_t k = 0; k < h2; k++)
        value += second[k] * (double)theta[mlp->weight[2] + k];
    return value;
}

/* Backward products run over the units of the second layer as their inner index, and a product
 * reads the rows of its second factor: the forward weight has them as columns. */
void critic_turn(struct critic *critic, const float *theta)
{
    if (affine_is(&critic->mlp)) {
        affine_form(&critic->affine, theta);
        return;
    }
    critic_fold(critic, theta);
    mlp_transpose(critic->mlp.out[0], critic->mlp.out[1],
                  critic_normed(critic) ? critic->folded.w2 : theta + critic->mlp.weight[1],
                  critic->w2);
}

/* From the output to the sums of the second layer. */
static void back_heads(struct critic *critic, const float *theta, const struct critic_rows *rows,
                       const float *d_q)
{
    const size_t h2 = (size_t)critic->mlp.out[1];
    const float *w3 = theta + critic->mlp.weight[2];
    const bool all = critic->mlp.activation == ACTIVATION_LINEAR;
    for (int r = 0; r < rows->count; r++) {
        const float *h = rows->h2 + (size_t)r * h2;
        float *d = critic->d_a2 + (size_t)r * h2;
        if (critic_normed(critic)) {
            critic->along[r] = folded_back_heads(&critic->folded, &critic->mlp, h, d_q[r], d);
            continue;
        }
        for (size_t k = 0; k < h2; k++)
            d[k] = all || h[k] > 0.0F ? d_q[r] * w3[k] : 0.0F;
    }
}

void critic_backward(struct critic *critic, const float *theta, const struct critic_rows *rows,
                     const float *d_q)
{
    if (affine_is(&critic->mlp))
        return;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    back_heads(critic, theta, rows, d_q);
    /* Then back through the second layer and the first one's activation, sample by sample, over the
     * units of the second layer that are on in any of the sample's rows. */
    for (int r = 0; r < rows->count;) {
        const int count = critic_rows_group(rows, r);
        const size_t at = (size_t)r;
        struct product p = product_of(count, (int)h1, (int)h2, critic->d_a2 + at * h2, critic->w2,
                                      critic->d_a1 + at * h1);
        p.k = list_units(critic, count, (int)h2, rows->h2 + at * h2);
        p.inner = critic->on;
        p.finish = mlp_finish_back(&critic->mlp);
        p.mask = rows->h1 + at * h1;
        compute_product(critic->compute, &p);
        r += count;
    }
    for (int r = 0; critic_normed(critic) && r < rows->count; r++)
        folded_back_first(&critic->mlp, &rows->norms, r, rows->h1 + (size_t)r * h1,
                          critic->along[r], critic->d_a1 + (size_t)r * h1);
}

/* gradient (m, n) = x (rows, m)ᵀ · d (rows, n). */
static void weight_gradient(const struct critic *critic, int rows, int m, const float *x, int n,
                            const float *d, float *gradient)
{
    const struct product p = product_of_transposed(m, n, rows, x, d, gradient);
    compute_product(critic->compute, &p);
}

/* gradient (H1, H2) = h1ᵀ · d (R, H2) of the second layer: only the units that are on, block by
 * block of the rows. It starts from zeros and adds to itself, since each block has other units. A
 * sample alone, of some ten rows, would read and write all of the gradient for little work; many
 * more rows would no longer lie in the first cache. */
static void second_layer_gradient(const struct critic *critic, const struct critic_rows *rows,
                                  const float *d, float *gradient)
{
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    memset(gradient, 0, h1 * h2 * sizeof *gradient);
    for (int r = 0; r < rows->count; r += BLOCK) {
        const int count = rows->count - r < BLOCK ? rows->count - r : BLOCK;
        const float *h = rows->h1 + (size_t)r * h1;
        struct product p =
            product_of_transposed((int)h1, (int)h2, count, h, d + (size_t)r * h2, gradient);
        p.m = list_units(critic, count, (int)h1, h);
        p.outer = critic->on;
        p.start = gradient;
        p.start_row = h2;
        compute_product(critic->compute, &p);
    }
}

/* Second layer, output and both normalisations. Biases are known: their gradients are the sums over
 * rows that γ, β and the weights need. */
static void normed_gradient(struct critic *critic, const float *theta,
                            const struct critic_rows *rows, const float *d_q, float *gradient)
{
    const struct mlp *mlp = &critic->mlp;
    const struct row_norms *norms = &rows->norms;
    const size_t h2 = (size_t)mlp->out[1];
    float *back2 = critic->sums;
    float *d3 = gradient + mlp->weight[2];
    memset(back2, 0, h2 * sizeof *back2);
    memset(d3, 0, h2 * sizeof *d3);
    for (int r = 0; r < rows->count; r++) {
        const float *e = critic->d_a2 + (size_t)r * h2;
        const float *h = rows->h2 + (size_t)r * h2;
        float *scaled = critic->scaled + (size_t)r * h2;
        for (size_t m = 0; m < h2; m++) {
            scaled[m] = norms->scale1[r] * e[m];
            back2[m] += norms->mean1[r] * scaled[m];
            d3[m] += d_q[r] * ((h[m] - norms->mean2[r]) * norms->scale2[r]);
        }
    }
    second_layer_gradient(critic, rows, critic->scaled, gradient + mlp->weight[1]);
    folded_gradient(mlp, theta, back2, gradient + mlp->bias[1], gradient[mlp->bias[2]], gradient);
}

/* sum (n) = Σ d·x (rows, n) */
static void weighted_sum(const struct critic *critic, int rows, int n, const float *d,
                         const float *x, float *sum)
{
    weight_gradient(critic, rows, 1, d, n, x, sum);
}

/* Without activations: from the inputs alone, summed over rows with their d_q. */
static void affine_parameter_gradient(struct critic *critic, int samples,
                                      const struct critic_rows *rows, const float *d_q,
                                      const float *state, const float *action, float *gradient)
{
    const int states = critic->agents * S;
    float total;
    memset(critic->d_sample, 0, (size_t)samples * sizeof(float));
    for (int r = 0; r < rows->count; r++)
        critic->d_sample[rows->sample[r]] += d_q[r];
    weighted_sum(critic, samples, states, critic->d_sample, state, critic->x);
    weighted_sum(critic, samples, critic->agents * A, critic->d_sample, action, critic->x + states);
    weighted_sum(critic, rows->count, O, d_q, rows->own, critic->x + critic->joint);
    mlp_column_sums(critic->compute, rows->count, 1, d_q, &total);
    affine_gradient(&critic->affine, critic->x, total, NULL, gradient);
}

void critic_parameter_gradient(struct critic *critic, const float *theta, int samples,
                               const struct critic_rows *rows, const float *d_q, const float *state,
                               const float *action, float *gradient)
{
    if (affine_is(&critic->mlp)) {
        affine_parameter_gradient(critic, samples, rows, d_q, state, action, gradient);
        return;
    }
    const struct mlp *mlp = &critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    /* Rows of a sample have the same joint inputs, so their gradients are summed first: 500 of the
     * 510 inputs of a row of the published size then cost once per sample and not once per row. */
    memset(critic->d_joint, 0, (size_t)samples * h1 * sizeof(float));
    for (int r = 0; r < rows->count; r++) {
        float *sum = critic->d_joint + (size_t)rows->sample[r] * h1;
        for (size_t k = 0; k < h1; k++)
            sum[k] += critic->d_a1[(size_t)r * h1 + k];
    }
    const int states = critic->agents * S;
    const int actions = critic->agents * A;
    const int width = mlp->out[0];
    weight_gradient(critic, samples, states, state, width, critic->d_joint,
                    gradient + mlp->weight[0]);
    weight_gradient(critic, samples, actions, action, width, critic->d_joint,
                    gradient + critic_joint_actions(critic, 0));
    weight_gradient(critic, rows->count, O, rows->own, width, critic->d_a1,
                    gradient + critic_own_inputs(critic));
    mlp_column_sums(critic->compute, samples, width, critic->d_joint, gradient + mlp->bias[0]);
    mlp_column_sums(critic->compute, rows->count, mlp->out[1], critic->d_a2,
                    gradient + mlp->bias[1]);
    mlp_column_sums(critic->compute, rows->count, 1, d_q, gradient + mlp->bias[2]);
    if (critic_normed(critic)) {
        normed_gradient(critic, theta, rows, d_q, gradient);
        return;
    }
    second_layer_gradient(critic, rows, critic->d_a2, gradient + mlp->weight[1]);
    weight_gradient(critic, rows->count, 1, d_q, mlp->out[1], rows->h2, gradient + mlp->weight[2]);
}

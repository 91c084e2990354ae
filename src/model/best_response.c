// SPDX-License-Identifier: MIT
/* The maximising row of the frozen critic, kept up to date by bounds. The header derives what is
 * used here; this file follows its letters. In the order of the file: measures of the critic once
 * for each step (best_response_start), one sample laid out at a reference (lay_out), what is done
 * when an action has moved (refresh, from best_response_find), and the bookkeeping of a move
 * (best_response_moved), which only adds up and never evaluates.
 *
 * It must never return a row that the plain step would not: every comparison that decides to leave
 * a row alone is written so that a NaN leads to an evaluation. */
#include "model/best_response.h"
#include "model/mec.h"
#include <math.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

/* First guess of κ for one agent (it grows with √N): how far the joint action of a sample moves
 * while the critic is frozen. A sample that moves further is laid out again with a κ larger by the
 * factor. Both decide the cost only: a small κ means many layouts, a large one many mixed units. */
static const float KAPPA = 0.15F;
static const float KAPPA_GROWTH = 4.0F;
/* A few roundings of f32, the factor of the slack (header, "Rounding"). */
static const float ROUNDING = 0x1p-21F;

void best_response_bind(struct best_response *br, struct critic *critic,
                        struct linear_region *region, int samples, struct arena *scratch)
{
    const size_t b = (size_t)samples;
    const size_t n = (size_t)critic->agents;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    *br = (struct best_response){.critic = critic, .region = region, .samples = samples};
    br->at = arena_take(scratch, b, sizeof *br->at);
    /* All arrays of one length in a loop: a list is easier to check than ten lines that differ in
     * one word. */
    float **wide[] = {&br->state_part, &br->z, &br->shift,  &br->u,
                      &br->h,          &br->t, &br->common, &br->bound};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        *wide[i] = arena_take(scratch, b * h1, sizeof(float));
    br->z2 = arena_take(scratch, b * h2, sizeof(float));
    br->common_own = arena_take(scratch, b * A, sizeof(float));
    br->bound_own = arena_take(scratch, b * A, sizeof(float));
    br->q = arena_take(scratch, b * n, sizeof(float));
    br->e = arena_take(scratch, b * n, sizeof(float));
    br->inside = arena_take(scratch, b * n, sizeof(uint8_t));
    br->abs_w2 = arena_take(scratch, h1 * h2, sizeof(float));
    br->abs_w3 = arena_take(scratch, h2, sizeof(float));
    br->abs_own = arena_take(scratch, A * h1, sizeof(float));
    br->reach = arena_take(scratch, h1, sizeof(float));
    br->norm2 = arena_take(scratch, h2, sizeof(float));
    br->spare = arena_take(scratch, h1, sizeof(float));
    br->margin1 = arena_take(scratch, h1, sizeof(float));
    br->margin2 = arena_take(scratch, h2, sizeof(float));
    br->row_own = arena_take(scratch, n * O, sizeof(float));
    /* Two rows at least: form_bounds borrows them for c and v. */
    br->row_h = arena_take(scratch, (n > 2 ? n : 2) * h1, sizeof(float));
    br->row_z2 = arena_take(scratch, n * h2, sizeof(float));
    br->row_q = arena_take(scratch, n, sizeof(float));
    br->row_agent = arena_take(scratch, n, sizeof(int32_t));
    br->on = arena_take(scratch, h1 > h2 ? h1 : h2, sizeof(int32_t));
    br->fresh = arena_take(scratch, b, sizeof(int32_t));
}

static const struct kernels *kernels_of(const struct best_response *br)
{
    return br->critic->compute->kernels;
}

static int width1(const struct best_response *br)
{
    return br->critic->mlp.out[0];
}

static int width2(const struct best_response *br)
{
    return br->critic->mlp.out[1];
}

static float norm(const struct best_response *br, size_t count, const float *x)
{
    return (float)sqrt(kernels_of(br)->squares(count, x));
}

/* out (n) = Σ_p a[list[p]]·w[list[p]] (·, n): a combination of some rows of w. */
static void combine(const struct best_response *br, int count, const int32_t *list, const float *a,
                    const float *w, int n, float *out)
{
    struct product p = product_of(1, n, count, a, w, out);
    p.inner = list;
    compute_product(br->critic->compute, &p);
}

static void absolute(size_t count, const float *x, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = fabsf(x[i]);
}

/* How far an action can move the sums of the first layer: `reach` of each unit for the margins of
 * the first layer (‖Δa‖ ≤ κ moves unit k by at most κ·reach[k], by Cauchy and Schwarz), and
 * `spread` for those of the second. The latter is an estimate, not a bound: four times the root
 * mean square over directions. refresh compares the true ‖δ‖ with ρ, so a guess that is too small
 * costs a new layout and no wrong row. */
static void measure_first_layer(struct best_response *br)
{
    const size_t h1 = (size_t)width1(br);
    const size_t actions = (size_t)br->critic->agents * A;
    const float *joint = br->theta + critic_joint_actions(br->critic, 0);
    const float *own = br->theta + critic_own_actions(br->critic);
    float *joint2 = br->spare;
    memset(joint2, 0, h1 * sizeof *joint2);
    memset(br->reach, 0, h1 * sizeof *br->reach);
    for (size_t a = 0; a < actions; a++)
        for (size_t k = 0; k < h1; k++)
            joint2[k] += joint[a * h1 + k] * joint[a * h1 + k];
    for (size_t a = 0; a < A; a++)
        for (size_t k = 0; k < h1; k++)
            br->reach[k] += own[a * h1 + k] * own[a * h1 + k];
    float sum = 0.0F;
    for (size_t k = 0; k < h1; k++) {
        sum += joint2[k];
        br->reach[k] = sqrtf(br->reach[k]) + sqrtf(joint2[k]);
    }
    br->own_reach = norm(br, A * h1, own);
    br->spread = 4.0F * sqrtf(sum / (float)actions) + br->own_reach;
}

void best_response_start(struct best_response *br, const float *theta, const float *state,
                         const float *action)
{
    const struct mlp *mlp = &br->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    br->theta = theta;
    br->state = state;
    br->action = action;
    /* Nothing is known of any sample: laying one out waits until an actor needs it. */
    memset(br->at, 0, (size_t)br->samples * sizeof *br->at);
    critic_joint_state(br->critic, theta, br->samples, NULL, state, br->state_part);
    linear_region_begin(br->region, theta);
    measure_first_layer(br);
    absolute(h1 * h2, br->critic->w2, br->abs_w2);
    absolute(h2, theta + mlp->weight[2], br->abs_w3);
    absolute(A * h1, br->theta + critic_own_actions(br->critic), br->abs_own);
    /* ‖W1‖ over all its weights is √H1 times the root mean square over units. */
    br->first_norm = norm(br, (size_t)mlp->in[0] * h1, theta) / sqrtf((float)h1);
    for (size_t m = 0; m < h2; m++)
        br->norm2[m] = norm(br, h1, br->critic->w2 + m * h1);
}

/* u (rows, H1) = z + own (rows, O) · W°: first-layer sums of rows at the reference. δ is not in
 * them: it is the same for all rows and is added where they are used. */
static void reference_sums(const struct best_response *br, int b, int rows, const float *own,
                           float *u)
{
    const struct critic *critic = br->critic;
    const size_t h1 = (size_t)width1(br);
    struct product p = product_of(rows, (int)h1, O, own, br->theta + critic_own_inputs(critic), u);
    p.start = br->z + (size_t)b * h1;
    compute_product(critic->compute, &p);
}

/* Put a row, with its present own inputs, on the list of those to be evaluated. */
static void add_row(struct best_response *br, int b, int *rows, int agent)
{
    const size_t n = (size_t)br->critic->agents;
    const int r = (*rows)++;
    br->row_agent[r] = agent;
    critic_own(br->critic, agent, br->state + (size_t)b * n * S, br->action + (size_t)b * n * A,
               br->row_own + (size_t)r * O);
}

/* Evaluate the rows that were added, at the present actions: row_h, row_z2 and row_q. A list of
 * units that are on in any of the rows serves all: a zero adds nothing. */
static void evaluate_rows(struct best_response *br, int b, int rows)
{
    const struct critic *critic = br->critic;
    const struct mlp *mlp = &critic->mlp;
    const size_t h1 = (size_t)width1(br);
    const size_t h2 = (size_t)width2(br);
    const float *shift = br->shift + (size_t)b * h1;
    br->tally.rows += rows;
    reference_sums(br, b, rows, br->row_own, br->row_h);
    for (int r = 0; r < rows; r++) {
        float *row = br->row_h + (size_t)r * h1;
        for (size_t k = 0; k < h1; k++)
            row[k] = row[k] + shift[k] < 0.0F ? 0.0F : row[k] + shift[k];
    }
    struct product p =
        product_of(rows, (int)h2, (int)h1, br->row_h, br->theta + mlp->weight[1], br->row_z2);
    p.k = kernels_of(br)->positive(rows, (int)h1, br->row_h, br->on);
    p.inner = br->on;
    p.start = br->theta + mlp->bias[1];
    compute_product(critic->compute, &p);
    kernels_of(br)->heads(rows, (int)h2, br->row_z2, br->theta + mlp->weight[2],
                          br->theta[mlp->bias[2]], NULL, NULL, br->row_q);
}

/* Certificate (the radius: distance to the nearest change of sign in the second layer) and slack of
 * a row with hidden units h (H1), second-layer sums z2 (H2) and dQ/dh. Units of the second layer
 * that are off by more than rounding do not add to the slack: their sums reach no value. */
static void measure_row(const struct best_response *br, struct response *at, const float *h,
                        const float *z2, const float *t)
{
    const struct mlp *mlp = &br->critic->mlp;
    const float *b2 = br->theta + mlp->bias[1];
    const float length = norm(br, (size_t)width1(br), h);
    float scale = fabsf(br->theta[mlp->bias[2]]);
    at->radius = INFINITY;
    for (int m = 0; m < width2(br); m++) {
        const float terms = fabsf(b2[m]) + br->norm2[m] * length;
        at->radius = fminf(at->radius, fabsf(z2[m]) / br->norm2[m]);
        if (!(z2[m] < -ROUNDING * terms))
            scale += br->abs_w3[m] * terms;
    }
    for (int k = 0; k < width1(br); k++)
        br->spare[k] = h[k] > 0.0F ? t[k] : 0.0F;
    const float slope = norm(br, (size_t)width1(br), br->spare);
    at->slack = ROUNDING * scale + ROUNDING / 8.0F * slope * br->first_norm * at->inputs;
}

/* Row r of those just evaluated is the sample's maximising row: keep what its certificate and its
 * slopes are made of. From here on `change` and `distance` count from this evaluation, but u and δ
 * still from the reference. The version tells accumulated.c that a stretch has ended. */
static void take_row(struct best_response *br, int b, int r)
{
    const size_t h1 = (size_t)width1(br);
    const size_t h2 = (size_t)width2(br);
    struct response *at = &br->at[b];
    float *h = br->h + (size_t)b * h1;
    float *t = br->t + (size_t)b * h1;
    float *z2 = br->z2 + (size_t)b * h2;
    reference_sums(br, b, 1, br->row_own + (size_t)r * O, br->u + (size_t)b * h1);
    memcpy(h, br->row_h + (size_t)r * h1, h1 * sizeof *h);
    memcpy(z2, br->row_z2 + (size_t)r * h2, h2 * sizeof *z2);
    const int on = kernels_of(br)->positive(1, (int)h2, z2, br->on);
    combine(br, on, br->on, br->theta + br->critic->mlp.weight[2], br->critic->w2, (int)h1, t);
    measure_row(br, at, h, z2, t);
    at->rounding = ((float)h1 / 16.0F + 8.0F) * 0x1p-24F *
                   (norm(br, h1, br->common + (size_t)b * h1) +
                    norm(br, h1, br->bound + (size_t)b * h1) + norm(br, h1, t));
    at->agent = br->row_agent[r];
    at->value = br->row_q[r];
    at->change = 0.0F;
    at->distance = 0.0F;
    at->row_moved = false;
    at->version++;
}

/* c and v of the sample whose region was just found, and their products with the weights of the own
 * actions, so that a row's own move costs three multiply-adds in place of a sum over H1 units. */
static void form_bounds(struct best_response *br, int b)
{
    const size_t h1 = (size_t)width1(br);
    const struct signs *first = &br->region->first;
    const struct signs *second = &br->region->second;
    float *common = br->common + (size_t)b * h1;
    float *bound = br->bound + (size_t)b * h1;
    float *c = br->row_h; /* two rows, free here */
    float *v = br->row_h + h1;
    combine(br, second->on_count, second->on, br->theta + br->critic->mlp.weight[2], br->critic->w2,
            (int)h1, c);
    combine(br, second->mixed_count, second->mixed, br->abs_w3, br->abs_w2, (int)h1, v);
    memset(common, 0, h1 * sizeof *common);
    memset(bound, 0, h1 * sizeof *bound);
    for (int i = 0; i < first->on_count; i++) {
        const int k = first->on[i];
        common[k] = c[k];
        bound[k] = v[k];
    }
    for (int i = 0; i < first->mixed_count; i++) {
        const int k = first->mixed[i];
        bound[k] = v[k] + fabsf(c[k]);
    }
    struct dots own = {.m = 1,
                       .n = A,
                       .k = (int)h1,
                       .a = common,
                       .b = br->theta + critic_own_actions(br->critic),
                       .b_row = h1,
                       .c = br->common_own + (size_t)b * A};
    compute_dots(br->critic->compute, &own);
    own.a = bound;
    own.b = br->abs_own;
    own.c = br->bound_own + (size_t)b * A;
    compute_dots(br->critic->compute, &own);
}

static bool proposes(const struct best_response *br, int b, int agent)
{
    const size_t n = (size_t)br->critic->agents;
    return br->action[((size_t)b * n + (size_t)agent) * A] >= 0.0F;
}

/* Agents that propose, else "nobody", into the rows. Returns how many rows. */
static int add_proposers(struct best_response *br, int b)
{
    int rows = 0;
    for (int j = 0; j < br->critic->agents; j++)
        if (proposes(br, b, j))
            add_row(br, b, &rows, j);
    if (rows == 0)
        add_row(br, b, &rows, CRITIC_NOBODY);
    return rows;
}

/* Largest bound of a row other than the maximising one, at δ = 0. The sums C and E are added when
 * it is used, so that one number stands for all rivals as long as nothing rises above it. */
static void find_rival(struct best_response *br, int b)
{
    const size_t first = (size_t)b * (size_t)br->critic->agents;
    struct response *at = &br->at[b];
    at->rival = -INFINITY;
    for (int j = 0; j < br->critic->agents; j++)
        if (j != at->agent && proposes(br, b, j))
            at->rival = fmaxf(at->rival, br->q[first + (size_t)j] + br->e[first + (size_t)j]);
}

/* What a row just evaluated says of its agent's value at the reference. The row was evaluated at
 * the present δ: taking C off leaves q_j within E of the truth, which becomes its e_j. At the
 * reference itself C and E are 0. */
static void note_value(struct best_response *br, int b, int r)
{
    const int32_t agent = br->row_agent[r];
    const size_t j = (size_t)b * (size_t)br->critic->agents + (size_t)agent;
    if (agent == CRITIC_NOBODY)
        return;
    br->q[j] = br->row_q[r] - br->at[b].together;
    br->e[j] = br->at[b].apart;
    br->inside[j] = 1;
}

/* Make the present actions the reference: evaluate all rows, sort the units, keep the best row. `z`
 * must be the joint part at these actions. The best row is evaluated once more by evaluate_rows, so
 * that its value and those of later challengers come from the same sums. */
static void lay_out(struct best_response *br, int b, float kappa)
{
    const size_t n = (size_t)br->critic->agents;
    const size_t h1 = (size_t)width1(br);
    const size_t h2 = (size_t)width2(br);
    struct response *at = &br->at[b];
    *at = (struct response){
        .known = true,
        .kappa = kappa,
        .rho = kappa * br->spread,
        .inputs =
            2.0F * norm(br, n * S, br->state + (size_t)b * n * S) + sqrtf((float)((n + 1) * A)),
        .version = at->version,
    };
    for (size_t k = 0; k < h1; k++)
        br->margin1[k] = kappa * br->reach[k];
    for (size_t m = 0; m < h2; m++)
        br->margin2[m] = at->rho * br->norm2[m];
    const int rows = add_proposers(br, b);
    linear_region_values(br->region, br->theta, br->z + (size_t)b * h1, rows, br->row_own,
                         br->margin1, br->margin2, br->row_q);
    br->tally.layouts++;
    br->tally.rows += rows;
    memset(br->shift + (size_t)b * h1, 0, h1 * sizeof(float));
    memset(br->inside + (size_t)b * n, 0, n);
    for (int r = 0; r < rows; r++)
        note_value(br, b, r);
    const int32_t best = br->row_agent[critic_best(br->row_q, rows)];
    form_bounds(br, b);
    int one = 0;
    add_row(br, b, &one, best);
    evaluate_rows(br, b, one);
    take_row(br, b, 0);
    find_rival(br, b);
}

/* Lay out a sample that has left the neighbourhood of its reference, or has other rows. */
static void lay_out_again(struct best_response *br, int b, float kappa)
{
    const int32_t list = b;
    critic_joint(br->critic, br->theta, 1, &list, br->state_part, br->action, br->z);
    lay_out(br, b, kappa);
}

static void renew_row(struct best_response *br, int b)
{
    const size_t h2 = (size_t)width2(br);
    /* z2 before take_row replaces it: flips are counted for bench only, to show how tight the
     * certificate is. */
    const float *z2 = br->z2 + (size_t)b * h2;
    int one = 0;
    bool flipped = false;
    add_row(br, b, &one, br->at[b].agent);
    evaluate_rows(br, b, one);
    for (size_t m = 0; m < h2; m++)
        flipped |= (z2[m] > 0.0F) != (br->row_z2[m] > 0.0F);
    br->tally.renewals++;
    br->tally.flips += flipped;
    take_row(br, b, 0);
}

/* How far a row may have risen above q_j + e_j, rounding included. Where nothing that reaches a
 * value has moved, values are what they were to the last bit. */
static float largest_gain(const struct response *at)
{
    if (at->together == 0.0F && at->apart == 0.0F && at->change == 0.0F)
        return 0.0F;
    return at->together + at->apart + at->rounding * sqrtf(at->shift2) + at->slack;
}

/* Rows whose bound lets them beat the maximum. An equal bound counts for lower agents only: among
 * equal rows the lowest agent is the one that is wanted. The negation lets a NaN challenge. */
static int add_challengers(struct best_response *br, int b, float best)
{
    const size_t n = (size_t)br->critic->agents;
    const struct response *at = &br->at[b];
    const float gain = largest_gain(at);
    int rows = 0;
    for (int j = 0; j < (int)n; j++) {
        const size_t row = (size_t)b * n + (size_t)j;
        const float top = br->q[row] + br->e[row] + gain;
        if (j != at->agent && proposes(br, b, j) && !(top < best || (top == best && j > at->agent)))
            add_row(br, b, &rows, j);
    }
    return rows;
}

/* Evaluate the challengers beside the row itself, so that equal rows have equal bits, and take the
 * best. */
static void challenge(struct best_response *br, int b)
{
    const struct response *at = &br->at[b];
    int rows = add_challengers(br, b, best_response_value(br, b));
    if (rows > 0) {
        int top = 0;
        br->tally.challengers += rows;
        add_row(br, b, &rows, at->agent);
        evaluate_rows(br, b, rows);
        for (int r = 0; r < rows; r++) {
            note_value(br, b, r);
            if (br->row_q[r] > br->row_q[top] || br->row_q[top] != br->row_q[top] ||
                (br->row_q[r] == br->row_q[top] && br->row_agent[r] < br->row_agent[top]))
                top = r;
        }
        take_row(br, b, top);
    }
    find_rival(br, b);
}

/* Bring a sample that has moved up to date, at the least cost that is safe, in this order:
 * - outside the neighbourhood of its reference, or with other rows than were laid out, the sorted
 *   units say nothing any more: lay out again;
 * - the row's own inputs have moved, or its certificate fails: evaluate that row again;
 * - a rival's bound reaches the maximum: evaluate those rivals.
 * Mostly none of these holds. Comparisons with NaN lead to an evaluation. */
static void refresh(struct best_response *br, int b)
{
    struct response *at = &br->at[b];
    const bool near = at->travelled < at->kappa * at->kappa &&
                      sqrtf(at->shift2) + br->own_reach * at->own < at->rho;
    at->moved = false;
    if (!near || at->outdated) {
        lay_out_again(br, b, near ? at->kappa : at->kappa * KAPPA_GROWTH);
        return;
    }
    if (at->row_moved || !(sqrtf(at->distance) < at->radius))
        renew_row(br, b);
    if (!(at->rival + largest_gain(at) < best_response_value(br, b)))
        challenge(br, b);
}

void best_response_find(struct best_response *br, int count, const int32_t *list)
{
    int fresh = 0;
    for (int i = 0; i < count; i++)
        if (!br->at[list[i]].known)
            br->fresh[fresh++] = list[i];
    critic_joint(br->critic, br->theta, fresh, br->fresh, br->state_part, br->action, br->z);
    /* A first κ that grows with √N: with each agent's action moving on its own, that is how ‖Δa‖
     * grows. */
    for (int i = 0; i < fresh; i++)
        lay_out(br, br->fresh[i], KAPPA * sqrtf((float)br->critic->agents));
    br->tally.passes += count;
    for (int i = 0; i < count; i++)
        if (br->at[list[i]].moved)
            refresh(br, list[i]);
}

void best_response_gradient(const struct best_response *br, int i, int count, const int32_t *list,
                            const float *d_q, float *d_y)
{
    const size_t h1 = (size_t)width1(br);
    for (int r = 0; r < count; r++) {
        const int b = list[r];
        const size_t at = (size_t)b * h1;
        float joint[A];
        /* Actor i is in every row by the joint action, and in its own row a second time. */
        float own[A] = {0};
        kernels_of(br)->slopes((int)h1, br->theta + critic_joint_actions(br->critic, i), br->u + at,
                               br->shift + at, br->t + at, joint);
        if (br->at[b].agent == i)
            kernels_of(br)->slopes((int)h1, br->theta + critic_own_actions(br->critic), br->u + at,
                                   br->shift + at, br->t + at, own);
        for (int k = 0; k < A; k++)
            d_y[b * A + k] = d_q[b] * (joint[k] + own[k]);
    }
}

/* What actor i's own row gains from its own part. A row that begins to propose was not sorted for,
 * and a maximising row that no longer proposes is gone: either makes the sample outdated. A row
 * other than the maximum that no longer proposes needs nothing; its bound is not asked any more. */
static void move_row(struct best_response *br, int i, int b, const float by[A])
{
    const size_t row = (size_t)b * (size_t)br->critic->agents + (size_t)i;
    struct response *at = &br->at[b];
    const bool inside = proposes(br, b, i);
    at->row_moved |= at->agent == i;
    at->outdated |= inside ? br->inside[row] == 0 : at->agent == i;
    if (!inside || br->inside[row] == 0)
        return;
    for (int k = 0; k < A; k++) {
        br->q[row] += br->common_own[b * A + k] * by[k];
        br->e[row] += br->bound_own[b * A + k] * fabsf(by[k]);
    }
    if (at->agent != i)
        at->rival = fmaxf(at->rival, br->q[row] + br->e[row]);
}

void best_response_moved(struct best_response *br, int i, const float *before, const float *after)
{
    const size_t h1 = (size_t)width1(br);
    for (int b = 0; b < br->samples; b++) {
        struct response *at = &br->at[b];
        struct move m = {.n = (int)h1, .w = br->theta + critic_joint_actions(br->critic, i)};
        float length2 = 0.0F;
        bool some = false;
        for (int k = 0; k < A; k++) {
            m.by[k] = after[b * A + k] - before[b * A + k];
            length2 += m.by[k] * m.by[k];
            some |= m.by[k] != 0.0F;
        }
        /* A saturated actor often does not move at all on a sample: then every figure stays as it
         * is. */
        if (!at->known || !some)
            continue;
        const size_t first = (size_t)b * h1;
        m.shift = br->shift + first;
        m.u = br->u + first;
        m.h = br->h + first;
        m.t = br->t + first;
        m.common = br->common + first;
        m.bound = br->bound + first;
        kernels_of(br)->move(&m);
        at->moved = true;
        /* Each actor moves once in a step, so the squares of the moves add up to ‖Δa‖² of the
         * joint action. */
        at->travelled += length2;
        at->own = fmaxf(at->own, sqrtf(length2));
        at->change = m.value;
        at->distance = m.distance;
        at->shift2 = m.moved;
        at->together = m.together;
        at->apart = m.apart;
        move_row(br, i, b, m.by);
    }
}

float best_response_value(const struct best_response *br, int b)
{
    return br->at[b].value + br->at[b].change;
}

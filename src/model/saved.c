// SPDX-License-Identifier: MIT
/* Every part of a saved state is held against what a training can leave. The checks go by what
 * would go wrong otherwise: a place outside an array, a loop that does not end, a choice without a
 * name, a NaN that would be taken for a divergence of this training. Order matters at one point
 * only: the number of episodes first, as the others count by it. */
#include "model/saved.h"
#include <math.h>
#include <string.h>

enum { MT_WORDS = 624 };

static bool within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

/* A generator whose words are all 0 yields 0 for ever, and draws that are repeated until they are
 * not 0 would never end. Of the first word only the highest bit takes part. */
static bool mt_is_fine(const struct mt19937 *mt)
{
    uint32_t any = mt->word[0] >> 31;
    for (int i = 1; i < MT_WORDS; i++)
        any |= mt->word[i];
    return mt->next <= MT_WORDS && any != 0;
}

static bool numpy_is_fine(const struct numpy_rng *rng)
{
    return mt_is_fine(&rng->mt) && rng->cached <= 1 && isfinite(rng->gaussian);
}

static bool generators_are_fine(const struct saved *s)
{
    return numpy_is_fine(s->numpy) && mt_is_fine(&s->python->mt) && mt_is_fine(&s->torch->mt) &&
           (s->noise == NULL || numpy_is_fine(s->noise)) &&
           (s->selection == NULL || mt_is_fine(&s->selection->mt));
}

/* Drawn from an interval, but for rounding; what is drawn anew in each episode is 0 before the
 * first. */
static bool drawn(const double *values, int count, struct interval range, bool before)
{
    const double rounding = 1e-12 * fmax(fabs(range.low), fabs(range.high));
    for (int i = 0; i < count; i++) {
        const bool inside = values[i] >= range.low - rounding && values[i] <= range.high + rounding;
        if (!inside && !(before && values[i] == 0.0))
            return false;
    }
    return true;
}

static bool devices_are_fine(const struct saved *s)
{
    const struct mec *const mec = s->mec;
    const int n = mec->agents;
    const bool first = s->episode == 0;
    const struct interval energy = {0.0, s->settings->environment.max_energy_mj};
    return drawn(mec->power_dbm, n, s->settings->environment.power_dbm, false) &&
           drawn(mec->gain_db, n, s->settings->environment.gain_db, false) &&
           drawn(mec->resource_ghz, n, s->settings->environment.resource_ghz, false) &&
           drawn(mec->initial_energy_mj, n, s->settings->environment.initial_energy_mj, false) &&
           drawn(mec->energy_mj, n, energy, first) &&
           drawn(mec->size_mb, n, s->settings->environment.size_mb, first) &&
           drawn(mec->cycles_per_bit, n, s->settings->environment.cycles_per_bit, first) &&
           drawn(mec->deadline_s, n, s->settings->environment.deadline_s, first);
}

/* Counters and places of the ring follow from the number of episodes, so they are compared and not
 * only bounded. */
static bool ring_is_fine(const struct saved *s)
{
    const struct replay *const r = s->replay;
    const int64_t added = s->episode * r->steps;
    const double start = s->settings->replay.beta_start;
    return r->at->added == added && r->at->stored == (added < r->capacity ? added : r->capacity) &&
           r->at->next == added % r->capacity && r->at->beta >= start && r->at->beta <= 1.0;
}

static bool all_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return false;
    }
    return true;
}

/* What is stored of a transition is used as flags, as inputs of networks and as a place in an
 * episode (replay_add checks that `done` falls on each T-th). */
static bool transition_is_fine(const struct saved *s, int64_t slot)
{
    const struct replay *const r = s->replay;
    const size_t n = (size_t)r->agents, at = (size_t)slot;
    const int64_t last = r->at->added - 1;
    const int64_t number = last - (last - slot) % r->capacity;
    int64_t accepted = 0;
    for (size_t i = 0; i < n; i++) {
        if (r->accepted[at * n + i] > 1)
            return false;
        accepted += r->accepted[at * n + i];
    }
    for (size_t k = 0; k < n * MEC_ACTION; k++) {
        const float action = r->action[at * n * MEC_ACTION + k];
        if (!(action >= -1.0F && action <= 1.0F))
            return false;
    }
    const float done = number % r->steps == r->steps - 1 ? 1.0F : 0.0F;
    return accepted <= s->settings->environment.channels && r->done[at] == done &&
           !isnan(r->reward[at]);
}

static bool transitions_are_fine(const struct saved *s)
{
    const struct replay *const r = s->replay;
    const size_t leaves = (size_t)(r->capacity - 1);
    /* Where the square of a scaled reward is beyond f32, priorities are infinite, until the next
     * training step diverges. */
    const double scale = s->settings->training.reward_scale;
    bool bounded = true;
    for (int64_t slot = 0; slot < r->capacity; slot++)
        bounded = bounded && fabs(scale * (double)r->reward[slot]) < 1e18;
    for (size_t node = 0; node < leaves + (size_t)r->capacity; node++) {
        if (bounded && !isfinite(r->tree[node]))
            return false;
    }
    for (int64_t slot = 0; slot < r->capacity; slot++) {
        const double priority = r->tree[leaves + (size_t)slot];
        if (slot < r->at->stored ? priority < 0.0 || !transition_is_fine(s, slot) : priority != 0.0)
            return false;
    }
    return all_finite(r->observation, (size_t)r->observations * (size_t)r->agents * MEC_STATE);
}

/* Of every observation so far, by the number of episodes; no value lies outside its interval, but
 * for the rounding to f32. */
static bool inputs_are_fine(const struct saved *s)
{
    const struct input_statistics *const at = s->networks->input.at;
    if (at == NULL)
        return true;
    const int64_t rows = s->settings->environment.agents * (s->settings->training.steps + 1);
    if (at->count != s->episode * rows)
        return false;
    for (int k = 0; k < MEC_STATE; k++) {
        const struct interval range = input_norm_interval(s->settings, k);
        const double low = at->count > 0 ? range.low - 1e-6 * fabs(range.low) : 0.0;
        const double high = at->count > 0 ? range.high + 1e-6 * fabs(range.high) : 0.0;
        const double most = (double)at->count * 0.25 * (high - low) * (high - low);
        if (!(at->mean[k] >= low && at->mean[k] <= high) ||
            !(at->squares[k] >= 0.0 && at->squares[k] <= most))
            return false;
    }
    return true;
}

/* m may be infinite where a gradient was; v is a sum of squares. */
static bool family_is_fine(const struct family *f)
{
    for (size_t i = 0; i < f->size && f->theta_f64 != NULL; i++) {
        if (!isfinite(f->theta_f64[i]) || !isfinite(f->target_f64[i]) || isnan(f->m_f64[i]) ||
            !(f->v_f64[i] >= 0.0))
            return false;
    }
    for (size_t i = 0; i < f->size && f->theta != NULL; i++) {
        if (!isfinite(f->theta[i]) || !isfinite(f->target[i]) || isnan(f->m[i]) ||
            !(f->v[i] >= 0.0F))
            return false;
    }
    return true;
}

/* Shares are quotients of these counts. */
static bool counts_are_fine(const struct preactivations counts[MEC_ACTION])
{
    for (int k = 0; k < MEC_ACTION; k++) {
        const struct preactivations *const p = &counts[k];
        if (!(p->count >= 0.0 && isfinite(p->count)) ||
            !(p->saturated >= 0.0 && p->saturated <= p->count) ||
            !(p->above >= 0.0 && p->above <= p->count) ||
            !(p->below >= 0.0 && p->below <= p->count))
            return false;
    }
    return true;
}

/* last_change is compared with episodes. */
static bool tracker_is_fine(const struct saved *s)
{
    const struct tracker_state *const at = s->tracker->at;
    if (!counts_are_fine(at->since_log) ||
        (s->tracker->squash_input != NULL && !counts_are_fine(s->tracker->squash_input)))
        return false;
    for (int64_t i = 0; i < s->settings->environment.agents; i++) {
        if (!within(s->tracker->last_change[i], -1, s->episode))
            return false;
    }
    return at->episode == s->episode && at->steps == (s->episode > 0 ? s->episode - 1 : 0) &&
           within(at->moving, 0, s->settings->environment.agents) &&
           within(at->diverged, 0, s->done) && within(at->critic_change, -1, s->episode);
}

/* ---- the record ---- */

/* Rows of a field's first dimension that are written by now. */
static int64_t written_rows(const struct saved *s, const struct field *field)
{
    const struct settings *const settings = s->settings;
    switch (field->dims[0]) {
    case DIM_EPISODE:
        return s->episode;
    case DIM_LOG:
        return s->episode / settings->tracking.log_every;
    case DIM_SNAPSHOT:
        return settings->tracking.snapshot_every > 0
                   ? s->episode / settings->tracking.snapshot_every
                   : 0;
    case DIM_EVALUATION:
        return settings->evaluation.every > 0 ? s->episode / settings->evaluation.every : 0;
    default:
        return s->tracker->extents.of[field->dims[0]];
    }
}

static const void *values_of(const struct record *record, const struct field *field)
{
    const void *values = NULL;
    memcpy(&values, (const char *)record + field->offset, sizeof values);
    return values;
}

static bool is_fill(const struct field *field, const void *values, int64_t i)
{
    switch (field->type) {
    case FIELD_F64:
        return isnan(((const double *)values)[i]);
    case FIELD_F32:
        return isnan(((const float *)values)[i]);
    case FIELD_I32:
        return ((const int32_t *)values)[i] == -1;
    case FIELD_U8:
        return ((const uint8_t *)values)[i] == 0;
    }
    return false;
}

/* Largest whole number that can be in a field; what is not named here is an episode. */
static int64_t largest(const struct saved *s, const struct field *field)
{
    const struct record *const r = &s->tracker->record;
    const void *const values = values_of(r, field);
    const int64_t agents = s->settings->environment.agents;
    if (values == r->outcome)
        return OUTCOME_DIVERGED;
    if (values == r->run_cause || values == r->cause)
        return CAUSE_MIXED;
    if (values == r->actors_stopped)
        return agents;
    if (values == r->n_selected)
        return s->settings->training.batch * s->settings->environment.channels;
    if (values == r->preactivation_histogram)
        return agents * s->settings->training.batch;
    return s->episode;
}

/* Rows that are not written yet have their fill, all others a number within limits: a training
 * writes its rows in order and reads some of them again (detections). */
static bool field_is_fine(const struct saved *s, const struct field *field)
{
    const void *const values = values_of(&s->tracker->record, field);
    const int64_t count = record_count(field, &s->tracker->extents);
    const int64_t rows = s->tracker->extents.of[field->dims[0]];
    const int64_t written = rows > 0 ? written_rows(s, field) * (count / rows) : 0;
    const int64_t limit = largest(s, field);
    for (int64_t i = 0; i < count; i++) {
        if (i >= written && !is_fill(field, values, i))
            return false;
        if (field->type == FIELD_I32 && !within(((const int32_t *)values)[i], -1, limit))
            return false;
    }
    return true;
}

static bool is_share(double value)
{
    return value >= 0.0 && value <= 1.0;
}

/* Reals and bytes of each episode. Bits of actor_moving beyond the last actor must be 0. */
static bool episodes_are_fine(const struct saved *s)
{
    const struct record *const r = &s->tracker->record;
    const int64_t agents = s->settings->environment.agents;
    const int64_t bytes = (agents + 7) / 8;
    const unsigned last = agents % 8 > 0 ? 0xFFU << (agents % 8) & 0xFFU : 0;
    for (int64_t e = 0; e < s->episode; e++) {
        if (isnan(r->reward[e]) || !is_share(r->energy_violation[e]) ||
            !is_share(r->deadline_violation[e]) || r->critic_moving[e] > 1 ||
            (r->actor_moving[e * bytes + bytes - 1] & last) != 0)
            return false;
    }
    return true;
}

/* What is written when a training ends, and not before. */
static bool end_is_fine(const struct saved *s)
{
    const struct record *const r = &s->tracker->record;
    const int64_t stop = tracker_stopping_episode(s->tracker);
    const bool ended = s->tracker->at->diverged != 0 ||
                       s->episode >= s->settings->training.episodes ||
                       (stop >= 0 && s->episode >= stop + tracker_episodes_after_stop(s->settings));
    if (ended != (s->done != 0))
        return false;
    if (s->done == 0)
        return *r->outcome == OUTCOME_PENDING && *r->total_episodes == -1 &&
               *r->stopping_episode == -1 && *r->run_cause == -1;
    const enum outcome outcome = s->tracker->at->diverged ? OUTCOME_DIVERGED
                                 : stop >= 0              ? OUTCOME_STOPPED
                                                          : OUTCOME_CENSORED;
    return *r->outcome == (int32_t)outcome && *r->total_episodes == (int32_t)s->episode &&
           *r->stopping_episode == (int32_t)stop && *r->run_cause >= 0;
}

static bool record_is_fine(const struct saved *s)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    for (size_t f = 0; f < count; f++) {
        if (!field_is_fine(s, &fields[f]))
            return false;
    }
    return episodes_are_fine(s) && end_is_fine(s);
}

const char *saved_flaw(const struct saved *s)
{
    if (!within(s->episode, 0, s->settings->training.episodes) || !within(s->done, 0, 1))
        return "the number of episodes";
    if (!generators_are_fine(s))
        return "the generators";
    if (!devices_are_fine(s))
        return "the devices";
    if (!tracker_is_fine(s))
        return "the counts of the tracker";
    if (!record_is_fine(s))
        return "the record";
    if (!ring_is_fine(s))
        return "the places of the replay";
    if (!inputs_are_fine(s))
        return "the statistics of the inputs";
    /* A training that has diverged has numbers of all kinds, and is not continued. */
    if (s->tracker->at->diverged != 0)
        return NULL;
    if (!transitions_are_fine(s))
        return "the transitions";
    if (!family_is_fine(&s->networks->actor) || !family_is_fine(&s->networks->critic_family))
        return "the networks";
    return NULL;
}

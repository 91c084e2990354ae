// SPDX-License-Identifier: MIT
/* The environment. Formulas, their order and their constants are the published ones, mistakes
 * included (see serve): rewards must agree to the last digits, or priorities and draws would not.
 * Hence f64, logarithms as a quotient log(x)/log(2) and not log2, and no common factor taken out
 * of a formula. */
#include "model/mec.h"
#include <math.h>
#include <string.h>

void mec_bind(struct mec *mec, const struct settings *settings, struct arena *state,
              struct arena *scratch)
{
    const size_t n = (size_t)settings->environment.agents;
    /* What lasts from step to step is state; what a step computes anew is scratch. */
    double **const kept[] = {
        &mec->power_dbm, &mec->gain_db, &mec->resource_ghz,   &mec->initial_energy_mj,
        &mec->energy_mj, &mec->size_mb, &mec->cycles_per_bit, &mec->deadline_s,
    };
    mec->settings = settings;
    mec->agents = (int)n;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        *kept[i] = arena_take(state, n, sizeof(double));
    mec->time_off = arena_take(scratch, n, sizeof(double));
    mec->time_proc = arena_take(scratch, n, sizeof(double));
    mec->finish = arena_take(scratch, n, sizeof(double));
    mec->unit_free_s = arena_take(scratch, (size_t)settings->environment.units, sizeof(double));
    mec->queue = arena_take(scratch, n, sizeof(int32_t));
}

static double draw(struct numpy_rng *rng, struct interval range)
{
    return numpy_uniform(rng, range.low, range.high);
}

static double clip(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

void mec_seed(const struct mec *mec, struct numpy_rng *rng, uint32_t seed)
{
    if (mec->settings->training.streams == STREAMS_SEPARATE)
        numpy_seed_stream(rng, seed, STREAM_ENVIRONMENT);
    else
        numpy_seed(rng, seed);
}

/* An interval of equal ends still draws. */
void mec_construct(struct mec *mec, struct numpy_rng *rng)
{
    for (int i = 0; i < mec->agents; i++) {
        mec->power_dbm[i] = draw(rng, mec->settings->environment.power_dbm);
        mec->initial_energy_mj[i] = draw(rng, mec->settings->environment.initial_energy_mj);
        mec->gain_db[i] = draw(rng, mec->settings->environment.gain_db);
        mec->resource_ghz[i] = draw(rng, mec->settings->environment.resource_ghz);
    }
}

void mec_copy_devices(struct mec *mec, const struct mec *other)
{
    const size_t size = (size_t)mec->agents * sizeof(double);
    memcpy(mec->power_dbm, other->power_dbm, size);
    memcpy(mec->initial_energy_mj, other->initial_energy_mj, size);
    memcpy(mec->gain_db, other->gain_db, size);
    memcpy(mec->resource_ghz, other->resource_ghz, size);
}

static void draw_tasks(struct mec *mec, struct numpy_rng *rng)
{
    for (int i = 0; i < mec->agents; i++) {
        mec->size_mb[i] = draw(rng, mec->settings->environment.size_mb);
        mec->cycles_per_bit[i] = draw(rng, mec->settings->environment.cycles_per_bit);
        mec->deadline_s[i] = draw(rng, mec->settings->environment.deadline_s);
    }
}

void mec_reset(struct mec *mec, struct numpy_rng *rng)
{
    for (int i = 0; i < mec->agents; i++)
        mec->energy_mj[i] =
            clip(mec->initial_energy_mj[i], mec->settings->environment.min_energy_mj,
                 mec->settings->environment.max_energy_mj);
    draw_tasks(mec, rng);
}

void mec_state(const struct mec *mec, double *state)
{
    for (int i = 0; i < mec->agents; i++, state += MEC_STATE) {
        state[0] = mec->power_dbm[i];
        state[1] = mec->gain_db[i];
        state[2] = mec->energy_mj[i];
        state[3] = mec->size_mb[i];
        state[4] = mec->cycles_per_bit[i];
        state[5] = mec->deadline_s[i];
        state[6] = mec->resource_ghz[i];
    }
}

static int smallest(const double *unit, int units)
{
    int at = 0;
    for (int u = 1; u < units; u++)
        if (unit[u] < unit[at])
            at = u;
    return at;
}

/* Offloaders by ascending arrival, ties by agent. Insertion, as there are at most K of them. */
static int sort_queue(struct mec *mec, const uint8_t *offload)
{
    int length = 0;
    for (int i = 0; i < mec->agents; i++) {
        if (!offload[i])
            continue;
        int at = length++;
        for (; at > 0 && mec->time_off[mec->queue[at - 1]] > mec->time_off[i]; at--)
            mec->queue[at] = mec->queue[at - 1];
        mec->queue[at] = i;
    }
    return length;
}

/* The published queue charges every later arrival with all tasks that came before it once more;
 * kept as published (the time is cut at max_time_s anyway). */
static void serve(struct mec *mec, const uint8_t *offload)
{
    double *unit = mec->unit_free_s;
    const int units = (int)mec->settings->environment.units;
    memset(unit, 0, (size_t)units * sizeof *unit);
    const int length = sort_queue(mec, offload);
    for (int k = 0; k < length; k++) {
        const int i = mec->queue[k];
        if (k < units) {
            mec->finish[i] = mec->time_off[i] + mec->time_proc[i];
        } else {
            for (int j = 0; j < k; j++)
                unit[smallest(unit, units)] += mec->time_proc[mec->queue[j]];
            mec->finish[i] =
                fmax(mec->time_off[i], unit[smallest(unit, units)]) + mec->time_proc[i];
        }
        unit[smallest(unit, units)] = mec->finish[i];
    }
}

/* Two loops: the queue needs the arrival of every task before any of them is served. One gaussian
 * is drawn for each agent although the variance of the harvest is 0: the published program draws
 * it, and the tasks come from the same generator. */
struct mec_step mec_step(struct mec *mec, struct numpy_rng *rng, const uint8_t *offload,
                         const double *compute, const double *transmit)
{
    const struct settings *s = mec->settings;
    struct mec_step step = {0};
    for (int i = 0; i < mec->agents; i++) {
        const double watt = pow(10.0, (mec->power_dbm[i] - 30.0) / 10.0) * transmit[i];
        const double rate = s->environment.bandwidth_hz *
                            log(1.0 + watt * pow(10.0, mec->gain_db[i] / 10.0)) / log(2.0) /
                            s->environment.bandwidth_parts;
        const double bits = mec->size_mb[i] * 8.0 * 1024.0 * s->environment.size_unit;
        mec->time_proc[i] = bits * mec->cycles_per_bit[i] / s->environment.server_hz;
        mec->time_off[i] = bits / rate;
    }
    serve(mec, offload);
    for (int i = 0; i < mec->agents; i++) {
        const double clock = mec->resource_ghz[i] * 1e9 * compute[i];
        const double watt = pow(10.0, (mec->power_dbm[i] - 30.0) / 10.0) * transmit[i];
        const double bits = mec->size_mb[i] * 8.0 * 1024.0 * s->environment.size_unit;
        const double work = bits * mec->cycles_per_bit[i];
        const double power = s->environment.energy_law == ENERGY_SQUARE ? clock * clock : clock;
        const double time_s =
            fmin(offload[i] ? mec->finish[i] : work / clock, s->environment.max_time_s);
        const double used_j =
            offload[i] ? watt * mec->time_off[i] : s->environment.energy_factor * work * power;
        const double harvest_j = s->environment.harvest_j + 0.0 * numpy_gaussian(rng);
        mec->energy_mj[i] = clip(mec->energy_mj[i] - used_j * 1e-6 + harvest_j * 1e-6, 0.0,
                                 s->environment.max_energy_mj);
        /* An empty battery loses the task, whatever time it would have taken. */
        const double spent_s = mec->energy_mj[i] <= 0.0 ? s->environment.max_time_s : time_s;
        const double late = fmax(spent_s - mec->deadline_s[i], 0.0);
        const double missing = fmax(s->environment.min_energy_mj - mec->energy_mj[i], 0.0) * 1e6;
        const double le = s->environment.lambda_energy;
        const double lt = s->environment.lambda_time;
        step.reward += -(le * used_j + lt * spent_s) - (le * missing + lt * late);
        step.energy_violation += missing != 0.0 ? 1.0 : 0.0;
        step.deadline_violation += late != 0.0 ? 1.0 : 0.0;
    }
    step.energy_violation /= mec->agents;
    step.deadline_violation /= mec->agents;
    draw_tasks(mec, rng);
    return step;
}

// SPDX-License-Identifier: MIT
/**
 * Cost: how long every cell of a spec is expected to take, better known with each that finishes.
 *
 * Cells form groups: runs of neighbours that are equal in everything but training.seed. The
 * expected time of a cell is the first of these that exists:
 *
 * 1. the mean time of the finished cells of its group;
 * 2. its units (cost_units) times the seconds per unit of all finished cells;
 * 3. its units times the seconds per unit of a calibration, or 0.007.
 *
 * It knows no clock, file, rank or trainer: the scheduler and `plan` tell it what cells took. Every
 * function but cost_new and cost_free takes a constant time. All calls are local.
 */
#ifndef CCMSWEEP_COST_H
#define CCMSWEEP_COST_H

#include "spec/spec.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stdint.h>

struct cost;

/** The cost of a spec's cells, nothing learnt yet. Takes one spec_cell for each cell; holds 4 bytes
 *  for a cell and 24 for a group, and nothing of the spec. Never NULL. The caller owns it:
 *  cost_free. */
struct cost *cost_new(const struct spec *spec) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void cost_free(struct cost **cost);

/** Learn that `cell` has finished, whatever its outcome, and took `seconds`. Once for each cell.
 *  Seconds that are not finite or not above 0 teach nothing. */
void cost_learn(struct cost *cost, int64_t cell, double seconds);

/** Seconds that `cell` (0 … spec_cells-1) is expected to take; finite and above 0. */
double cost_expect(const struct cost *cost, int64_t cell) MUST_USE;

/** How far off expectations are: the standard deviation of actual / expected time divided by its
 *  mean, over the cells learnt so far, each with what was expected just before it was learnt. The
 *  first cell does not count, as nothing was known before it. 0.5 until three were learnt. */
double cost_spread(const struct cost *cost) MUST_USE;

/** Give the seconds that a unit takes on this machine (finite, above 0), for as long as no cell has
 *  been learnt. 0.007 until then. */
void cost_calibrate(struct cost *cost, double seconds_per_unit);

/**
 * The heuristic: work of a training in units. A unit is an ordinary episode of the published size
 * (50 agents, batch 64, 10 steps, actors 64/32, critic 512/128, a log every 10 episodes) while
 * actors move; so is the training of 2000 episodes at actor_lr 0.0001 2000 units.
 *
 *     units    = L x (E x (1 + 0.8 / log_every) / 1.08 + P) + V x 0.04 n s
 *     L        = min(episodes, l + episodes_after_stop x actor_every), the sooner of
 *     l        = actor_every x (m + 35 with actor_lr >= 0.03, m + 95 with actor_lr >= 0.005, or
 *                m = 0: 3 and 20; 350 more with actor_norm hidden, 50 with a linear critic; with
 *                input_norm range 770, and 1500 with any input_norm where critic_lr >= 0.03; SGD
 *                without momentum and clip_actor: 3, at any rate, with any squash or penalty);
 *                else never with a lower actor_lr, a penalty, a squash or an actor_norm output that
 *                keeps saturated actors moving, weight_decay, or, below 0.03, actors of f64 or of
 *                actor_norm hidden, or 0 < m < 100; and
 *     l        = 1190 with critic_lr >= 0.03, when the critic is dead; 1500 with input_norm
 *                running; never with clip_critic, input_norm range, corrected rules, a penalty,
 *                weight_decay, or a critic that is linear or normalised
 *     m        = 24 ln 2 / -ln adam_beta1 (or SGD's momentum), with actors of f64 53 for 24; 0
 *                without any and unless zero_gradient is keep: how long momentum moves actors
 *     E        = 0.04 n s + b x ((0.38 + 0.4 n + 0.015 n^2) x (0.1 + 0.45 c1 + 0.45 c1 c2)
 *                + 0.165 n a + n d), times 0.65 where actors saturate: actor_lr >= 0.005;
 *                0.9 there where they are never still, 0.75 with input_norm; 0.8 where they do not
 *                saturate and the critic dies
 *     P        = 0 without networks.critic_norm, else b x (2.1 n + 0.9 n^2)
 *                x (0.35 + 0.42 c1 + 0.23 c1 c2) / actor_every, times 0.1 where they saturate
 *     V        = L / evaluation.every x evaluation.episodes
 *
 * and with linear hidden units of the critic (without critic_norm) or of the actors, in their
 * places
 *
 *     (0.06 + 0.11 b) n c1 for b x (...) x (...), 0.95 for 0.65;  0.115 n a for 0.165 n a ,
 *
 * with sizes in terms of the published ones: n = agents / 50, s = steps / 10, b = batch / 64,
 * c1, c2 = critic_hidden1 / 512, critic_hidden2 / 128, a = actor_hidden1 x actor_hidden2 / 2048,
 * d = 0.27 (actor_hidden1 + actor_hidden2) / 96 with actor_norm hidden, else 0 (measured: 1.27
 * times an episode; normalised outputs cost nothing that can be measured). With actors of f64 the
 * part with a is 2.8 times that (measured: 1.25 times an episode). With input_norm the part with c1
 * is 1.4 times that (measured: 1.22 times an episode at first, 1.4 later) and P, where actors move,
 * 1.45 times (5.7 times an episode with all of them).
 *
 * Lengths are those of sweeps: with a limit of 2000 all of sweeps/RESULTS.md, interventions
 * included; with one of 4000, and critic_lr 0.01, those with adam_beta1 0.5 and 0.99, actors of f64
 * and zero_gradient. L is within 30 % of their means for most; not where some seeds stop early and
 * others never (input_norm at high rates), and a critic dies much sooner than that with
 * reward_scale 1e-4 or adam_beta1 0.5. SGD can diverge within some episodes, which is not foreseen.
 * Of 240 cells of sweeps/interventions.yaml (six labels, seeds 5 to 9) the time on a machine with
 * other work was 1.16 times the one that `plan` said, and that of a label 0.86 to 1.17 of this.
 *
 * From the tables of sweeps/RESULTS.md: 4.6, 9.6, 27.6 and 75.5 ms an episode with 10, 50, 200 and
 * 500 agents, which E meets within 6 %; a log episode is 1.8 ordinary ones. The shares of batch and
 * networks are fitted to `ccmsweep bench train` with 16 to 256 in a batch and networks of a quarter
 * to twice the size, those of linear networks with 10 to 200 agents and actors of up to 128 times
 * the published product of widths.
 */
double cost_units(const struct settings *cell) MUST_USE;

/** True once a finished cell has taught something: expectations are then of kind 1 or 2. */
bool cost_known(const struct cost *cost) MUST_USE;

#endif

// SPDX-License-Identifier: MIT
/**
 * The scheduler: which cell a worker gets next. Rank 0's, and nothing but bookkeeping.
 *
 * Cells wait in an order that the caller gives (longest first, usually). A cell that was in flight
 * when a job was lost may be the one that lost it: a suspect. Suspects come first, but one at a
 * time and beside innocent cells only, so that the next loss is told by the one that was running.
 * Numbers of cells go in and out; what a cell computes, how workers are reached and what time it is
 * it does not know. Local. At most 8 bytes a waiting cell.
 */
#ifndef CCMSWEEP_SCHEDULER_H
#define CCMSWEEP_SCHEDULER_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stdint.h>

struct scheduler;

/** A scheduler with nothing to do. Never NULL. The caller owns it: scheduler_free.
 *  \param workers that may ask, numbered from 0
 *  \param room    cells it can hold */
struct scheduler *scheduler_new(int workers, int64_t room) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void scheduler_free(struct scheduler **scheduler);

/** Let a cell wait behind those that wait already. */
void scheduler_add(struct scheduler *scheduler, int64_t cell, bool suspect);

/** Put the innocent cells that wait into another order: those of larger key first, of equal keys
 * the one added first. \param key (room) by cell number */
void scheduler_sort(struct scheduler *scheduler, const float *key);

/** Give a worker without a cell the next one. \return -1 when there is none for it now: nothing
 * waits, or what waits are suspects and one of those is being tried */
int64_t scheduler_next(struct scheduler *scheduler, int worker) MUST_USE;

/** The cell that a worker has, -1 for none. */
int64_t scheduler_cell(const struct scheduler *scheduler, int worker) MUST_USE;

/** A worker has ended its cell, for good or for now: it has none. */
void scheduler_end(struct scheduler *scheduler, int worker);

/** The cell of a worker is not a suspect any more: the next suspect may be tried. */
void scheduler_trust(struct scheduler *scheduler, int worker);

/** Cells that wait, and cells that workers have. */
int64_t scheduler_waiting(const struct scheduler *scheduler) MUST_USE;
int64_t scheduler_running(const struct scheduler *scheduler) MUST_USE;

/** Cell number `i` of those that wait, 0 being the next one. For a look at all of them. */
int64_t scheduler_peek(const struct scheduler *scheduler, int64_t i) MUST_USE;

#endif

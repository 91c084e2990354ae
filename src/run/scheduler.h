// SPDX-License-Identifier: MIT
/**
 * The scheduler: which cell a worker gets next. Only rank 0 has one, and it only keeps lists.
 *
 * Cells wait in an order that the caller decides (usually the longest first). A cell that was in
 * flight when a job was lost may be the one that caused the loss: a suspect. Suspects come first,
 * but only one at a time, while all other workers have innocent cells. If the job is lost again,
 * the suspect that was running is known. The scheduler knows cells by their numbers only: it does
 * not know what they compute, how workers are reached, or the time. Local. At most 8 bytes for each
 * waiting cell.
 */
#ifndef CCMSWEEP_SCHEDULER_H
#define CCMSWEEP_SCHEDULER_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stdint.h>

struct scheduler;

/** Make a scheduler without cells. Never NULL. The caller owns it: scheduler_free.
 *  \param workers number of workers that may ask; they are numbered from 0
 *  \param room    number of cells that may be added; their numbers may be larger */
struct scheduler *scheduler_new(int workers, int64_t room) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void scheduler_free(struct scheduler **scheduler);

/** Add a cell at the end of those that wait. */
void scheduler_add(struct scheduler *scheduler, int64_t cell, bool suspect);

/** Sort the innocent cells that wait: larger keys come first, and among equal keys the cell that
 *  was added first. \param key by cell number, of all that wait */
void scheduler_sort(struct scheduler *scheduler, const float *key);

/** Forget all cells that wait but the first `count`, suspects first. */
void scheduler_limit(struct scheduler *scheduler, int64_t count);

/** Give a worker without a cell the next one. \return -1 when there is no cell for it now: no cell
 *  waits, or only suspects wait and another one is being tried */
int64_t scheduler_next(struct scheduler *scheduler, int worker) MUST_USE;

/** The cell that a worker has; -1: it has no cell. */
int64_t scheduler_cell(const struct scheduler *scheduler, int worker) MUST_USE;

/** A worker has ended its cell, finished or not, and no longer has one. */
void scheduler_end(struct scheduler *scheduler, int worker);

/** The cell of a worker is no longer a suspect, so the next suspect may be tried. */
void scheduler_trust(struct scheduler *scheduler, int worker);

/** Number of cells that wait, and number of cells that workers have. */
int64_t scheduler_waiting(const struct scheduler *scheduler) MUST_USE;
int64_t scheduler_running(const struct scheduler *scheduler) MUST_USE;

/** The cell at place `i` of those that wait; 0 is the next one. Used to look at all of them. */
int64_t scheduler_peek(const struct scheduler *scheduler, int64_t i) MUST_USE;

#endif

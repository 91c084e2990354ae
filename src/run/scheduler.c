// SPDX-License-Identifier: MIT
/*
 * Two queues and one rule: at most one suspect is with the workers. Then, when a job is lost
 * without a mark, the suspect that was in flight is known, and the innocent cells beside it stay
 * innocent.
 */
#include "run/scheduler.h"
#include <stdlib.h>

/* Cells in the order in which they are given out: `items[head]` to `items[tail-1]`. Each cell is
 * added once, so the tail never comes round. */
struct queue {
    int32_t *items;
    int64_t head, tail;
};

struct scheduler {
    int workers;
    int64_t room;
    struct queue innocents, suspects;
    int64_t *cells; /* (workers) -1: none */
    int tries;      /* worker that tries a suspect, -1: none */
    int64_t running;
};

struct scheduler *scheduler_new(int workers, int64_t room)
{
    CHECK(workers > 0 && room >= 0 && room <= INT32_MAX);
    struct scheduler *const s = fault_alloc(1, sizeof *s);
    *s = (struct scheduler){.workers = workers, .room = room, .tries = -1};
    s->innocents.items = fault_alloc((size_t)room, sizeof *s->innocents.items);
    s->cells = fault_alloc((size_t)workers, sizeof *s->cells);
    for (int i = 0; i < workers; i++)
        s->cells[i] = -1;
    return s;
}

void scheduler_free(struct scheduler **scheduler)
{
    if (scheduler == NULL || *scheduler == NULL)
        return;
    free((*scheduler)->innocents.items);
    free((*scheduler)->suspects.items);
    free((*scheduler)->cells);
    free(*scheduler);
    *scheduler = NULL;
}

static int64_t length(const struct queue *queue)
{
    return queue->tail - queue->head;
}

void scheduler_add(struct scheduler *s, int64_t cell, bool suspect)
{
    struct queue *const queue = suspect ? &s->suspects : &s->innocents;
    CHECK(cell >= 0 && cell <= INT32_MAX && queue->tail < s->room);
    if (queue->items == NULL) /* there are seldom any suspects */
        queue->items = fault_alloc((size_t)s->room, sizeof *queue->items);
    queue->items[queue->tail++] = (int32_t)cell;
}

/* `place` makes qsort stable: cells of equal cost stay in the order of the plan, and two sweeps of
 * one spec start alike. */
struct keyed {
    float key;
    int32_t cell;
    int64_t place;
};

static int compare(const void *a, const void *b)
{
    const struct keyed *const x = a;
    const struct keyed *const y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Suspects are not sorted: there are few, and their order decides nothing. The keys are looked up
 * once, so that a comparison stays within one array. */
void scheduler_sort(struct scheduler *s, const float *key)
{
    struct queue *const queue = &s->innocents;
    const size_t count = (size_t)length(queue);
    struct keyed *const keyed = fault_alloc(count, sizeof *keyed);
    for (size_t i = 0; i < count; i++) {
        const int32_t cell = queue->items[queue->head + (int64_t)i];
        keyed[i] = (struct keyed){.key = key[cell], .cell = cell, .place = (int64_t)i};
    }
    qsort(keyed, count, sizeof *keyed, compare);
    for (size_t i = 0; i < count; i++)
        queue->items[queue->head + (int64_t)i] = keyed[i].cell;
    free(keyed);
}

/* How many are left of the room. */
static int64_t cut(struct queue *queue, int64_t room)
{
    const int64_t kept = length(queue) < room ? length(queue) : room;
    queue->tail = queue->head + kept;
    return room - kept;
}

void scheduler_limit(struct scheduler *s, int64_t count)
{
    cut(&s->innocents, cut(&s->suspects, count > 0 ? count : 0));
}

static int64_t take(struct queue *queue)
{
    return length(queue) > 0 ? queue->items[queue->head++] : -1;
}

/* Suspects come first: what is wrong with them is to be known early, while there are innocent cells
 * left to be trained beside them. */
int64_t scheduler_next(struct scheduler *s, int worker)
{
    CHECK(worker >= 0 && worker < s->workers && s->cells[worker] == -1);
    int64_t cell = -1;
    if (s->tries == -1) {
        cell = take(&s->suspects);
        if (cell >= 0)
            s->tries = worker;
    }
    if (cell < 0)
        cell = take(&s->innocents);
    s->cells[worker] = cell;
    s->running += cell >= 0;
    return cell;
}

int64_t scheduler_cell(const struct scheduler *s, int worker)
{
    CHECK(worker >= 0 && worker < s->workers);
    return s->cells[worker];
}

void scheduler_end(struct scheduler *s, int worker)
{
    CHECK(worker >= 0 && worker < s->workers && s->cells[worker] >= 0);
    s->cells[worker] = -1;
    s->running--;
    scheduler_trust(s, worker);
}

/* Called for every cell that ends, so the worker need not be the one that tries the suspect. */
void scheduler_trust(struct scheduler *s, int worker)
{
    if (s->tries == worker)
        s->tries = -1;
}

int64_t scheduler_waiting(const struct scheduler *s)
{
    return length(&s->suspects) + length(&s->innocents);
}

int64_t scheduler_running(const struct scheduler *s)
{
    return s->running;
}

int64_t scheduler_peek(const struct scheduler *s, int64_t i)
{
    CHECK(i >= 0 && i < scheduler_waiting(s));
    const int64_t suspects = length(&s->suspects);
    return i < suspects ? s->suspects.items[s->suspects.head + i]
                        : s->innocents.items[s->innocents.head + i - suspects];
}

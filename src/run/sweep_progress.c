// SPDX-License-Identifier: MIT
#include "run/sweep_progress.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The cells that wait are summed up again when that takes no time worth mentioning. */
static const double sums_every_s = 1;
static const double sums_every_s_per_cell = 1e-5;

void board_start(struct board *b, double now_s)
{
    b->began_s = now_s;
    b->summed_s = -INFINITY;
    b->last.cell = -1;
    b->seats = fault_alloc((size_t)b->workers, sizeof *b->seats);
    for (int w = 0; w < b->workers; w++)
        b->seats[w].cell = -1;
    progress_start(b->progress, 0, now_s);
}

void board_fini(struct board *b)
{
    free(b->seats);
    b->seats = NULL;
}

void board_count(struct board *b, const struct message *done)
{
    b->outcomes[done->outcome]++;
    b->finished++;
    b->last = *done;
}

int64_t board_done(const struct board *b)
{
    int64_t done = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        done += b->outcomes[i];
    return done;
}

int64_t board_failed(const struct board *b)
{
    return b->outcomes[OUTCOME_FAILED] + b->outcomes[OUTCOME_QUARANTINED];
}

static void sum_waiting(struct board *b, double now_s)
{
    const int64_t waiting = scheduler_waiting(b->scheduler);
    if (now_s - b->summed_s < sums_every_s + sums_every_s_per_cell * (double)waiting)
        return;
    b->summed_s = now_s;
    b->waiting_s = b->squares_s2 = 0;
    for (int64_t i = 0; i < waiting; i++) {
        const double expected_s = cost_expect(b->cost, scheduler_peek(b->scheduler, i));
        b->waiting_s += expected_s;
        b->squares_s2 += expected_s * expected_s;
    }
}

static void look_at_seats(struct board *b, double now_s)
{
    for (int w = 0; w < b->workers; w++) {
        const int64_t cell = scheduler_cell(b->scheduler, w);
        if (cell != b->seats[w].cell) {
            b->seats[w].cell = cell;
            b->seats[w].since_s = now_s;
        }
    }
}

double board_left(struct board *b, double now_s, double *uncertainty_s)
{
    look_at_seats(b, now_s);
    sum_waiting(b, now_s);
    *uncertainty_s = NAN;
    if (!cost_known(b->cost))
        return NAN;
    double sum = b->waiting_s, squares = b->squares_s2, longest = 0;
    for (int w = 0; w < b->workers; w++) {
        if (b->seats[w].cell < 0)
            continue;
        const double expected_s = cost_expect(b->cost, b->seats[w].cell);
        const double rest_s = fmax(expected_s - (now_s - b->seats[w].since_s), 0);
        sum += rest_s;
        squares += expected_s * expected_s;
        longest = fmax(longest, rest_s);
    }
    *uncertainty_s = 2 * cost_spread(b->cost) * sqrt(squares) / b->workers;
    return fmax(longest, sum / b->workers);
}

/* "0.1/0.01/42" or "actor_lr 0.1, critic_lr 0.01, seed 42". */
static void name_cell(const struct board *b, int64_t cell, bool brief, char *text, size_t size)
{
    struct settings settings;
    spec_cell(b->spec, cell, &settings);
    snprintf(text, size, brief ? "%g/%g/%lld" : "actor_lr %g, critic_lr %g, seed %lld",
             settings.training.actor_lr, settings.training.critic_lr,
             (long long)settings.training.seed);
}

static void describe_last(const struct board *b, bool brief, char *text, size_t size)
{
    char name[96];
    *text = '\0';
    if (b->last.cell < 0)
        return;
    name_cell(b, b->last.cell, brief, name, sizeof name);
    if (b->last.outcome == OUTCOME_STOPPED)
        snprintf(text, size, brief ? " last %s stop %d" : "; last: %s stopped at episode %d", name,
                 b->last.stopping);
    else
        snprintf(text, size, brief ? " last %s %s" : "; last: %s %s", name,
                 outcome_name((enum outcome)b->last.outcome));
}

static void describe_trouble(const struct board *b, bool brief, char *text, size_t size)
{
    static const enum outcome kinds[] = {OUTCOME_DIVERGED, OUTCOME_FAILED, OUTCOME_QUARANTINED};
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && used < size; i++) {
        if (b->outcomes[kinds[i]] > 0)
            used +=
                (size_t)snprintf(text + used, size - used, brief ? " %s %" PRId64 : ", %s %" PRId64,
                                 outcome_name(kinds[i]), b->outcomes[kinds[i]]);
    }
}

/* "12:30 +- 1:10", "?" while nothing is known. */
static void describe_left(struct board *b, double now_s, char *text, size_t size)
{
    char left[24], give[24];
    double uncertainty_s = NAN;
    const double left_s = board_left(b, now_s, &uncertainty_s);
    text_duration(left_s, left, sizeof left);
    text_duration(uncertainty_s, give, sizeof give);
    if (isnan(left_s))
        snprintf(text, size, "?");
    else
        snprintf(text, size, "%s +- %s", left, give);
}

void board_show(struct board *b, double now_s)
{
    if (!progress_due(b->progress, now_s)) {
        look_at_seats(b, now_s);
        return;
    }
    const bool brief = b->progress->mode == PROGRESS_BAR;
    char left[64], last[160], trouble[96], figures[512];
    const double per_hour = (double)b->finished * 3600 / (now_s - b->began_s);
    describe_left(b, now_s, left, sizeof left);
    describe_last(b, brief, last, sizeof last);
    describe_trouble(b, brief, trouble, sizeof trouble);
    snprintf(figures, sizeof figures,
             brief ? "%" PRId64 "/%" PRId64 " run %" PRId64 " left %" PRId64 "%s %.*f/h eta %s%s"
                   : "%" PRId64 " of %" PRId64 " cells done, %" PRId64 " running, %" PRId64
                     " waiting%s; %.*f an hour, %s to go%s",
             board_done(b), b->runs, scheduler_running(b->scheduler),
             scheduler_waiting(b->scheduler), trouble, per_hour < 10, per_hour, left, last);
    const double share = b->runs > 0 ? (double)board_done(b) / (double)b->runs : 1;
    progress_draw(b->progress, share, figures, now_s);
}

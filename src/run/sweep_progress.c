// SPDX-License-Identifier: MIT
/*
 * The display of rank 0. It must not slow the scheduling down: with a hundred thousand waiting
 * cells their sum takes milliseconds, so it is kept and made anew less often the more cells wait.
 */
#include "run/sweep_progress.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The cells that wait are summed up again when that takes no time worth mentioning. */
static const double sums_every_s = 1;
static const double sums_every_s_per_cell = 1e-5;

void sweep_progress_start(struct sweep_progress *p, double now_s)
{
    p->began_s = now_s;
    p->summed_s = -INFINITY;
    p->last.cell = -1;
    p->seats = fault_alloc((size_t)p->workers, sizeof *p->seats);
    for (int w = 0; w < p->workers; w++)
        p->seats[w].cell = -1;
    progress_start(p->progress, 0, now_s);
}

void sweep_progress_fini(struct sweep_progress *p)
{
    free(p->seats);
    p->seats = NULL;
}

void sweep_progress_count(struct sweep_progress *p, const struct message *done)
{
    p->outcomes[done->outcome]++;
    p->finished++;
    p->last = *done;
}

int64_t sweep_progress_done(const struct sweep_progress *p)
{
    int64_t done = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        done += p->outcomes[i];
    return done;
}

int64_t sweep_progress_failed(const struct sweep_progress *p)
{
    return p->outcomes[OUTCOME_FAILED] + p->outcomes[OUTCOME_QUARANTINED];
}

static void sum_waiting(struct sweep_progress *p, double now_s)
{
    const int64_t waiting = scheduler_waiting(p->scheduler);
    if (now_s - p->summed_s < sums_every_s + sums_every_s_per_cell * (double)waiting)
        return;
    p->summed_s = now_s;
    p->waiting_s = p->squares_s2 = 0;
    for (int64_t i = 0; i < waiting; i++) {
        const double expected_s = cost_expect(p->cost, scheduler_peek(p->scheduler, i));
        p->waiting_s += expected_s;
        p->squares_s2 += expected_s * expected_s;
    }
}

/* The scheduler knows no time, so this looks who has which cell, as often as it is asked to show:
 * a cell's beginning is off by a moment, which no estimate would notice. */
static void look_at_seats(struct sweep_progress *p, double now_s)
{
    for (int w = 0; w < p->workers; w++) {
        const int64_t cell = scheduler_cell(p->scheduler, w);
        if (cell != p->seats[w].cell) {
            p->seats[w].cell = cell;
            p->seats[w].since_s = now_s;
        }
    }
}

/* List scheduling ends at the earliest when the longest cell does, and when the work is shared out
 * evenly; whichever is later is close, for the longest cells are given out first. Expectations of
 * cells err independently, so their variances add up. A cell that takes longer than expected is due
 * any moment. */
double sweep_progress_left(struct sweep_progress *p, double now_s, double *uncertainty_s)
{
    look_at_seats(p, now_s);
    sum_waiting(p, now_s);
    *uncertainty_s = NAN;
    if (!cost_known(p->cost))
        return NAN;
    double sum = p->waiting_s, squares = p->squares_s2, longest = 0;
    for (int w = 0; w < p->workers; w++) {
        if (p->seats[w].cell < 0)
            continue;
        const double expected_s = cost_expect(p->cost, p->seats[w].cell);
        const double rest_s = fmax(expected_s - (now_s - p->seats[w].since_s), 0);
        sum += rest_s;
        squares += expected_s * expected_s;
        longest = fmax(longest, rest_s);
    }
    *uncertainty_s = 2 * cost_spread(p->cost) * sqrt(squares) / p->workers;
    return fmax(longest, sum / p->workers);
}

/* "clip-1/0.1/0.01/42" or "label clip-1, actor_lr 0.1, critic_lr 0.01, seed 42". */
static void name_cell(const struct sweep_progress *p, int64_t cell, bool brief, char *text,
                      size_t size)
{
    struct settings settings;
    char label[SETTING_TEXT], actor[TEXT_NUMBER], critic[TEXT_NUMBER];
    spec_cell(p->spec, cell, &settings);
    if (!brief) {
        settings_name_cell(&settings, text, size);
        return;
    }
    settings_get(&settings, settings_label(), label, sizeof label);
    text_write_real(settings.training.actor_lr, actor, sizeof actor);
    text_write_real(settings.training.critic_lr, critic, sizeof critic);
    text[0] = '\0';
    text_add(text, size, "%s%s%s/%s/%lld", settings.label > 0 ? label : "",
             settings.label > 0 ? "/" : "", actor, critic, (long long)settings.training.seed);
}

static void describe_last(const struct sweep_progress *p, bool brief, char *text, size_t size)
{
    char name[SETTING_TEXT];
    *text = '\0';
    if (p->last.cell < 0)
        return;
    name_cell(p, p->last.cell, brief, name, sizeof name);
    if (p->last.outcome == OUTCOME_STOPPED)
        snprintf(text, size, brief ? " last %s stop %d" : "; last: %s stopped at episode %d", name,
                 p->last.stopping);
    else
        snprintf(text, size, brief ? " last %s %s" : "; last: %s %s", name,
                 outcome_name((enum outcome)p->last.outcome));
}

static void describe_failures(const struct sweep_progress *p, bool brief, char *text, size_t size)
{
    static const enum outcome kinds[] = {OUTCOME_DIVERGED, OUTCOME_FAILED, OUTCOME_QUARANTINED};
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && used < size; i++) {
        if (p->outcomes[kinds[i]] > 0)
            used +=
                (size_t)snprintf(text + used, size - used, brief ? " %s %" PRId64 : ", %s %" PRId64,
                                 outcome_name(kinds[i]), p->outcomes[kinds[i]]);
    }
}

/* "12:30 +- 1:10", "?" while nothing is known. */
static void describe_left(struct sweep_progress *p, double now_s, char *text, size_t size)
{
    char left[24], margin[24];
    double uncertainty_s = NAN;
    const double left_s = sweep_progress_left(p, now_s, &uncertainty_s);
    text_duration(left_s, left, sizeof left);
    text_duration(uncertainty_s, margin, sizeof margin);
    if (isnan(left_s))
        snprintf(text, size, "?");
    else
        snprintf(text, size, "%s +- %s", left, margin);
}

/* Also when nothing is drawn the seats must be looked at, or cells would seem to begin late. */
void sweep_progress_show(struct sweep_progress *p, double now_s)
{
    if (!progress_due(p->progress, now_s)) {
        look_at_seats(p, now_s);
        return;
    }
    const bool brief = p->progress->mode == PROGRESS_BAR;
    char left[64], last[SETTING_TEXT + 64], failures[96], figures[640];
    const double per_hour = (double)p->finished * 3600 / (now_s - p->began_s);
    describe_left(p, now_s, left, sizeof left);
    describe_last(p, brief, last, sizeof last);
    describe_failures(p, brief, failures, sizeof failures);
    snprintf(figures, sizeof figures,
             brief ? "%" PRId64 "/%" PRId64 " run %" PRId64 " left %" PRId64 "%s %.*f/h eta %s%s"
                   : "%" PRId64 " of %" PRId64 " cells done, %" PRId64 " running, %" PRId64
                     " waiting%s; %.*f an hour, %s to go%s",
             sweep_progress_done(p), p->runs, scheduler_running(p->scheduler),
             scheduler_waiting(p->scheduler), failures, per_hour < 10, per_hour, left, last);
    const double share = p->runs > 0 ? (double)sweep_progress_done(p) / (double)p->runs : 1;
    progress_draw(p->progress, share, figures, now_s);
}

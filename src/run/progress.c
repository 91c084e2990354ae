// SPDX-License-Identifier: MIT
#include "run/progress.h"
#include "base/text.h"
#include "sys/launcher.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_CELLS = 10, COLUMNS = 80, FIGURES = 160 };

static const double bar_every_s = 0.1;
static const double line_every_s = 10;
static const double later_every_s = 60; /* after ten minutes */

const char *const progress_modes[] = {"auto", "bar", "lines", "none", NULL};

/* A dumb terminal (the shell of an editor) cannot rewrite a line, and would show each bar below the
 * last. */
static bool can_rewrite(FILE *file)
{
    const char *const terminal = getenv("TERM");
    return isatty(fileno(file)) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

void progress_init(struct progress *p, enum progress_mode mode, FILE *file)
{
    if (mode == PROGRESS_AUTO)
        mode = can_rewrite(file) && !launcher_is_there() ? PROGRESS_BAR : PROGRESS_LINES;
    *p = (struct progress){.file = file, .mode = mode, .who = ""};
}

void progress_start(struct progress *p, int64_t episode, double now_s)
{
    p->began_episode = episode;
    p->began_s = now_s;
    p->shown_s = now_s;
}

static void write_share(double share, char *text, size_t size)
{
    if (isnan(share))
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%.2f", share);
}

/* Behind the pipe of a launcher there is no terminal to ask: COLUMNS is what the shell of the user
 * said. */
static int columns_of(FILE *file)
{
    struct winsize window = {0};
    if (ioctl(fileno(file), TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        return window.ws_col;
    const char *const said = getenv("COLUMNS");
    const long columns = said != NULL ? strtol(said, NULL, 10) : 0;
    return columns > 0 && columns < 10000 ? (int)columns : COLUMNS;
}

/* What does not fit is cut: a bar that wraps cannot be rewritten in place. The last column stays
 * empty, for some terminals wrap as soon as it is filled. Blanks wipe what was longer before. */
static void draw_bar(struct progress *p, double share, const char *figures)
{
    const int room = columns_of(p->file) - BAR_CELLS - 4; /* brackets, a blank, the last column */
    const int wanted = (int)strlen(figures);
    const int shown = wanted < room ? wanted : room > 0 ? room : 0;
    const int full = (int)(BAR_CELLS * share);
    const int drawn = BAR_CELLS + 3 + shown;
    fprintf(p->file, "\r[%.*s%.*s] %.*s%*s", full, "##########", BAR_CELLS - full, "..........",
            shown, figures, p->drawn > drawn ? p->drawn - drawn : 0, "");
    fflush(p->file);
    p->drawn = drawn;
}

bool progress_due(const struct progress *p, double now_s)
{
    const double every_s = p->mode == PROGRESS_BAR        ? bar_every_s
                           : now_s - p->began_s > 10 * 60 ? later_every_s
                                                          : line_every_s;
    return p->mode != PROGRESS_NONE && now_s - p->shown_s >= every_s;
}

/* A pipe to a file or a launcher gets whole lines, which are seldom (progress_due). */
void progress_draw(struct progress *p, double share, const char *figures, double now_s)
{
    p->shown_s = now_s;
    if (p->mode == PROGRESS_BAR) {
        draw_bar(p, share, figures);
    } else if (p->mode == PROGRESS_LINES) {
        fprintf(p->file, "ccmsweep: %s\n", figures);
        fflush(p->file);
    }
}

void progress_show(struct progress *p, const struct trainer_progress *at, double now_s)
{
    if (!progress_due(p, now_s))
        return;
    const double rate = (double)(at->episode - p->began_episode) / (now_s - p->began_s);
    char left[32];
    char saturation[16];
    char figures[FIGURES];
    text_duration((double)(at->episodes - at->episode) / rate, left, sizeof left);
    write_share(at->saturation, saturation, sizeof saturation);
    snprintf(figures, sizeof figures,
             p->mode == PROGRESS_BAR
                 ? "%lld/%lld %.3g/s eta <%s reward %.4g sat %s moving %lld"
                 : "episode %lld/%lld, %.3g/s, at most %s left, reward %.4g, saturation %s, actors "
                   "moving "
                   "%lld",
             (long long)at->episode, (long long)at->episodes, rate, left, at->reward, saturation,
             (long long)at->actors_moving);
    const double share = at->episodes > 0 ? (double)at->episode / (double)at->episodes : 0;
    progress_draw(p, share, figures, now_s);
}

void progress_count(struct progress *p, const char *what, int64_t count, int64_t all, double now_s)
{
    char figures[FIGURES];
    if (!progress_due(p, now_s))
        return;
    snprintf(figures, sizeof figures, "%s %lld of %lld runs", what, (long long)count,
             (long long)all);
    progress_draw(p, all > 0 ? (double)count / (double)all : 0, figures, now_s);
}

/* A sentence would be written on the line of the bar, behind it. */
static void clear_bar(struct progress *p)
{
    if (p->drawn > 0)
        fprintf(p->file, "\r%*s\r", p->drawn, "");
    p->drawn = 0;
}

/* Flushed at once, since other ranks write to the same terminal. Sentences contain names from
 * outside, so control characters are made visible (text_make_plain). */
void progress_say(struct progress *p, const char *format, ...)
{
    struct fault sentence = {""};
    clear_bar(p);
    va_list args;
    va_start(args, format);
    text_add_list(sentence.text, sizeof sentence.text, format, args);
    va_end(args);
    fprintf(p->file, "ccmsweep: %s%s\n", p->who, text_make_plain(sentence.text));
    fflush(p->file);
}

void progress_fini(struct progress *p)
{
    clear_bar(p);
    fflush(p->file);
}

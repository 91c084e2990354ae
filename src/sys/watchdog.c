// SPDX-License-Identifier: MIT
/*
 * A thread that ends the process when a collective call does not return.
 *
 * No other way exists: MPI has no timeouts, a signal handler may not call MPI, and MPI_Abort from a
 * second thread is not allowed in the thread mode that the program asks for. _exit is enough: the
 * launcher notices that a rank has left and ends the others.
 */
#include "sys/watchdog.h"
#include "sys/host.h"
#include "sys/inject.h"
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { STAGE_SIZE = 512 };

struct watchdog {
    int rank;
    double patience_s;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all members below */
    pthread_cond_t ended;
    bool over;
    time_t since;
    char stage[STAGE_SIZE];
};

static struct timespec after(double seconds)
{
    struct timespec end;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &end) == 0);
    end.tv_sec += (time_t)seconds;
    end.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return end;
}

/* Written with write and not through stdio, because the thread that hangs may hold the lock of
 * stderr. The stage is read under the mutex. */
static void complain(const struct watchdog *w)
{
    char host[64], since[32] = "?", text[STAGE_SIZE + 512];
    struct tm utc;
    host_name(host, sizeof host);
    if (gmtime_r(&w->since, &utc) != NULL)
        strftime(since, sizeof since, "%H:%M:%S UTC", &utc);
    const int length =
        snprintf(text, sizeof text,
                 "ccmsweep: rank %d on %s: giving up after %g s: since %s %s; a rank that reports "
                 "another step than the others, or none, is the one they wait for\n",
                 w->rank, host, w->patience_s, since, w->stage);
    const size_t size = length < (int)sizeof text ? (size_t)length : sizeof text - 1;
    if (write(STDERR_FILENO, text, size) < 0)
        return;
}

/* Waits until the work is over or the time is up, on a clock that setting the date does not
 * move. */
static void *watch(void *argument)
{
    struct watchdog *const w = argument;
    const struct timespec end = after(w->patience_s);
    pthread_mutex_lock(&w->mutex);
    int error = 0;
    while (!w->over && error == 0)
        error = pthread_cond_timedwait(&w->ended, &w->mutex, &end);
    if (!w->over) {
        complain(w);
        /* The launcher kills all ranks when the first one ends. Two seconds let the others, whose
         * time is up at about the same moment, print their stage too: the stages together show
         * which rank is missing. */
        nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
        _exit(STATUS_FAULT);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* Blocks all signals in the new thread, so that the handlers of the polite stop and of crashes run
 * in the thread that works. */
static bool begin_thread(struct watchdog *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool made = pthread_create(&w->thread, NULL, watch, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return made;
}

struct watchdog *watchdog_new(int rank, double patience_s, const char *stage)
{
    pthread_condattr_t steady;
    struct watchdog *w = fault_alloc(1, sizeof *w);
    w->rank = rank;
    w->patience_s = inject_patience(patience_s);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&w->ended, &steady);
    pthread_condattr_destroy(&steady);
    watchdog_stage(w, "%s", stage);
    /* Without a thread (a limit of the system) the run works as it would without a watchdog. */
    if (!begin_thread(w)) {
        free(w);
        w = NULL;
    }
    return w;
}

void watchdog_stage(struct watchdog *w, const char *format, ...)
{
    if (w == NULL)
        return;
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&w->mutex);
    vsnprintf(w->stage, sizeof w->stage, format, args);
    w->since = time(NULL);
    pthread_mutex_unlock(&w->mutex);
    va_end(args);
}

void watchdog_free(struct watchdog **watchdog)
{
    if (watchdog == NULL || *watchdog == NULL)
        return;
    struct watchdog *const w = *watchdog;
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    *watchdog = NULL;
}

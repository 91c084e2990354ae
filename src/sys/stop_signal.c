// SPDX-License-Identifier: MIT
/*
 * The flag of the polite stop and its handlers. A handler may do very little (signal-safety(7)), so
 * it only sets the flag; the loops of the program look at it where they can stop in order.
 */
#include "sys/stop_signal.h"
#include <ccmsweep/fault.h>
#include <signal.h>
#include <stddef.h>

/* Sorted for stop_install: it catches the first one under any launcher, the first two when the
 * launcher leaves time after SIGTERM, and all of them without a launcher. */
static const int caught[] = {SIGUSR1, SIGTERM, SIGINT, SIGHUP};
enum { CAUGHT = sizeof caught / sizeof *caught };
static volatile sig_atomic_t requested;

static void request(int number)
{
    (void)number;
    requested = 1;
}

/* Without a launcher a second signal kills: the user presses Ctrl-C again when the polite stop
 * takes too long. */
static void request_once(int number)
{
    request(number);
    for (size_t i = 0; i < CAUGHT; i++)
        signal(caught[i], SIG_DFL);
}

void stop_install(bool launched, bool given_time)
{
    const size_t count = !launched ? CAUGHT : given_time ? 2 : 1;
    /* SA_RESTART: a read or write inside of a library that a signal interrupts is continued. Only
     * our own loops need to know. */
    struct sigaction action = {.sa_handler = launched ? request : request_once,
                               .sa_flags = SA_RESTART};
    for (size_t i = 0; i < CAUGHT; i++)
        sigaddset(&action.sa_mask, caught[i]);
    for (size_t i = 0; i < count; i++) {
        struct sigaction before;
        CHECK(sigaction(caught[i], NULL, &before) == 0);
        /* nohup has set SIGHUP to be ignored, and the user wants it to stay so. */
        if (caught[i] != SIGHUP || before.sa_handler != SIG_IGN)
            CHECK(sigaction(caught[i], &action, NULL) == 0);
    }
    /* The kernel sends SIGXCPU every second from the soft limit of CPU time on, and SIGKILL at the
     * hard one. So it only asks: the second one must not kill. */
    action.sa_handler = request;
    CHECK(sigaction(SIGXCPU, &action, NULL) == 0);
}

bool stop_requested(void)
{
    return requested != 0;
}

// SPDX-License-Identifier: MIT
#include "sys/stop_signal.h"
#include <ccmsweep/fault.h>
#include <signal.h>
#include <stddef.h>

/* In the order of stop_install: the first one under any launcher, the first two when it gives time.
 */
static const int caught[] = {SIGUSR1, SIGTERM, SIGINT, SIGHUP};
enum { CAUGHT = sizeof caught / sizeof *caught };
static volatile sig_atomic_t requested;

static void request(int number)
{
    (void)number;
    requested = 1;
}

static void request_once(int number)
{
    request(number);
    for (size_t i = 0; i < CAUGHT; i++)
        signal(caught[i], SIG_DFL);
}

void stop_install(bool launched, bool given_time)
{
    const size_t count = !launched ? CAUGHT : given_time ? 2 : 1;
    struct sigaction action = {.sa_handler = launched ? request : request_once,
                               .sa_flags = SA_RESTART};
    for (size_t i = 0; i < CAUGHT; i++)
        sigaddset(&action.sa_mask, caught[i]);
    for (size_t i = 0; i < count; i++) {
        struct sigaction before;
        CHECK(sigaction(caught[i], NULL, &before) == 0);
        /* nohup ignores it for us. */
        if (caught[i] != SIGHUP || before.sa_handler != SIG_IGN)
            CHECK(sigaction(caught[i], &action, NULL) == 0);
    }
    /* The soft limit is told every second, until the hard one kills. */
    action.sa_handler = request;
    CHECK(sigaction(SIGXCPU, &action, NULL) == 0);
}

bool stop_requested(void)
{
    return requested != 0;
}

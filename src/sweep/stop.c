// SPDX-License-Identifier: MIT
#include <ccmsweep/fault.h>
#include <ccmsweep/stop.h>
#include <signal.h>
#include <stddef.h>

static const int caught[] = {SIGINT, SIGTERM, SIGUSR1};
static volatile sig_atomic_t requested;

static void restore_default(void)
{
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        signal(caught[i], SIG_DFL);
}

static void request(int number)
{
    (void)number;
    requested = 1;
    restore_default();
}

void stop_install(void)
{
    struct sigaction action = {.sa_handler = request, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaddset(&action.sa_mask, caught[i]);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        CHECK(sigaction(caught[i], &action, NULL) == 0);
}

bool stop_requested(void)
{
    return requested != 0;
}

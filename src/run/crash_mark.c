// SPDX-License-Identifier: MIT
#include "run/crash_mark.h"
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* A handler can be told in no other way. */
static struct store_place blamed;
static volatile sig_atomic_t armed;

enum { STACK_SIZE = 64 * 1024 };

static void leave_mark(void)
{
    int32_t crashes = 0;
    const int32_t flight = FLIGHT_CRASHED;
    if (pread(blamed.fd, &crashes, sizeof crashes, blamed.crashes_at) != (ssize_t)sizeof crashes)
        crashes = 0;
    crashes++;
    if (pwrite(blamed.fd, &crashes, sizeof crashes, blamed.crashes_at) == (ssize_t)sizeof crashes &&
        pwrite(blamed.fd, &flight, sizeof flight, blamed.flight_at) == (ssize_t)sizeof flight)
        fsync(blamed.fd);
}

/* The default action was restored when the handler was entered. */
static void crash(int number)
{
    if (armed) {
        armed = 0;
        leave_mark();
    }
    raise(number);
}

void crash_install(void)
{
    const stack_t stack = {.ss_sp = fault_alloc(STACK_SIZE, 1), .ss_size = STACK_SIZE};
    CHECK(sigaltstack(&stack, NULL) == 0);
    const struct sigaction action = {.sa_handler = crash,
                                     .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND)};
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        CHECK(sigaction(caught[i], &action, NULL) == 0);
}

void crash_blame(const struct store_place *place)
{
    armed = 0;
    if (place == NULL)
        return;
    atomic_signal_fence(memory_order_seq_cst);
    blamed = *place;
    atomic_signal_fence(memory_order_seq_cst);
    armed = 1;
}

// SPDX-License-Identifier: MIT
#include "run/crash_mark.h"
#include "store/schema.h"
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* A handler can be told in no other way than by variables of the file. */
static struct store_place target;
static volatile sig_atomic_t armed;
static int32_t count_limit; /* the largest count that readers of the file believe */

/* A handler that runs on the stack that has just overflowed would crash at once. */
enum { STACK_SIZE = 64 * 1024 };

/* HDF5 may be in the middle of anything when the signal comes, so the file is written beside it.
 * The count is read raw: the file may be damaged. As everywhere else, a value that the program
 * never writes counts as 0; and the largest count stays, because one more would be such a value. */
static void leave_mark(void)
{
    int32_t crashes = 0;
    const int32_t flight = FLIGHT_CRASHED;
    if (pread(target.fd, &crashes, sizeof crashes, target.crashes_at) != (ssize_t)sizeof crashes ||
        crashes < 0 || crashes > count_limit)
        crashes = 0;
    if (crashes < count_limit)
        crashes++;
    if (pwrite(target.fd, &crashes, sizeof crashes, target.crashes_at) == (ssize_t)sizeof crashes &&
        pwrite(target.fd, &flight, sizeof flight, target.flight_at) == (ssize_t)sizeof flight)
        fsync(target.fd);
}

/* SA_RESETHAND has restored the default action already: raising the signal again kills with it, so
 * that the launcher and the exit code tell of the true cause. */
static void handle(int number)
{
    if (armed) {
        armed = 0; /* a second signal, from inside the handler, must not count twice */
        leave_mark();
    }
    raise(number);
}

void crash_mark_install(void)
{
    count_limit = (int32_t)schema_note(NOTE_CRASHES).most;
    const stack_t stack = {.ss_sp = fault_alloc(STACK_SIZE, 1), .ss_size = STACK_SIZE};
    CHECK(sigaltstack(&stack, NULL) == 0);
    const struct sigaction action = {.sa_handler = handle,
                                     .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND)};
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        CHECK(sigaction(caught[i], &action, NULL) == 0);
}

/* The fences keep the compiler from arming the handler while the place is half written. */
void crash_mark_aim(const struct store_place *place)
{
    armed = 0;
    if (place == NULL)
        return;
    atomic_signal_fence(memory_order_seq_cst);
    target = *place;
    atomic_signal_fence(memory_order_seq_cst);
    armed = 1;
}

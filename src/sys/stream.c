// SPDX-License-Identifier: MIT
/* What stands between stdio and the system for streams whose failures are told to the user. */
#include "sys/stream.h"
#include <ccmsweep/fault.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct cookie {
    int fd;
    int *error;
};

/* The first failure is the cause, what fails after it may be a consequence. */
static void note(const struct cookie *cookie)
{
    if (*cookie->error == 0)
        *cookie->error = errno;
}

/* Whole, because stdio takes a part for a failure without a reason. \return 0 when it fails */
static ssize_t write_all(void *to, const char *bytes, size_t size)
{
    const struct cookie *const cookie = to;
    for (size_t done = 0; done < size;) {
        const ssize_t written = write(cookie->fd, bytes + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            note(cookie);
            return 0;
        }
        done += (size_t)written;
    }
    return (ssize_t)size;
}

/* A disk of the network may tell only here that it is full. */
static int close_all(void *to)
{
    struct cookie *const cookie = to;
    const int failed = close(cookie->fd);
    if (failed != 0)
        note(cookie);
    free(cookie);
    return failed;
}

FILE *stream_open(int fd, int *error)
{
    struct cookie *const cookie = fault_alloc(1, sizeof *cookie);
    *cookie = (struct cookie){.fd = fd, .error = error};
    *error = 0;
    FILE *const file =
        fopencookie(cookie, "w", (cookie_io_functions_t){.write = write_all, .close = close_all});
    if (file == NULL)
        fault_no_memory(BUFSIZ);
    /* stdio cannot ask a stream of this kind whether it is a terminal. */
    if (isatty(fd))
        setvbuf(file, NULL, _IOLBF, BUFSIZ);
    return file;
}

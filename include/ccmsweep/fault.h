// SPDX-License-Identifier: MIT
/**
 * Errors: one status type, one carrier for its sentence, one macro for bugs.
 *
 * Four kinds of failure get four answers. A bug: CHECK() prints where and aborts. Wrong user input:
 * a function returns STATUS_INPUT and a sentence "file:line: key: what, expected …". A system fault
 * (disk, memory, library): STATUS_FAULT and a sentence with the system's own words. Numerics (NaN,
 * divergence): not an error at all but an outcome of the training, recorded in its row.
 *
 * Statuses are the exit codes of the program. This module knows nothing of any other but text.h.
 */
#ifndef CCMSWEEP_FAULT_H
#define CCMSWEEP_FAULT_H

#include <stddef.h>

/** What became of a call, and with which code the program leaves. */
enum status {
    STATUS_OK = 0,       /**< complete */
    STATUS_FAULT = 1,    /**< the system failed: disk, memory, a library */
    STATUS_INPUT = 2,    /**< the user's input is wrong; nothing was touched */
    STATUS_CELLS = 3,    /**< finished, but cells failed or were quarantined */
    STATUS_LOCKED = 4,   /**< the file is in use by another run */
    STATUS_STOPPED = 75, /**< stopped early and politely: run the same command again */
};

/** The sentence that goes with a status other than STATUS_OK. Owned by the caller, no heap. Has
 * room for two paths of 4096 bytes. */
struct fault {
    char text[9216];
};

/** Marks a result that must not be dropped. */
#define MUST_USE __attribute__((warn_unused_result))

/**
 * Write a sentence into `fault` (NULL: dropped) and return `status`, so that a failing function can
 * end with `return fault_set(…)`. Local. The sentence has no final newline; one
 * that is longer than the carrier ends after a whole word in " …".
 */
enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Put "format…: " in front of the sentence already in `fault` (NULL: nothing happens). Local. */
void fault_prefix(struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Print "ccmsweep: bug: …" with host, file and line to standard error, then abort. Local. */
_Noreturn void fault_bug(const char *file, int line, const char *condition);

/** Assert what only a bug can break. Always on. */
#define CHECK(condition) ((condition) ? (void)0 : fault_bug(__FILE__, __LINE__, #condition))

/** End the program with a clear sentence: `size` bytes were not to be had. */
_Noreturn void fault_no_memory(size_t size);

/** calloc that never returns NULL: ends the program with a clear sentence when memory is out. */
void *fault_alloc(size_t count, size_t size) MUST_USE;

#endif

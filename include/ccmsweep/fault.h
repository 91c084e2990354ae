// SPDX-License-Identifier: MIT
/**
 * Errors: one status type, one carrier for its sentence, one macro for bugs.
 *
 * Four kinds of errors are handled in four ways. A bug: CHECK() prints where it is and aborts.
 * Wrong user input: a function returns STATUS_INPUT and a sentence "file:line: key: what, expected
 * …". A system fault (disk, memory, library): STATUS_FAULT and a sentence with the system's own
 * words. Numerics (NaN, divergence): this is not an error but an outcome of the training, recorded
 * in its row.
 *
 * Statuses are the exit codes of the program. This module uses no other module than text.h.
 */
#ifndef CCMSWEEP_FAULT_H
#define CCMSWEEP_FAULT_H

#include <stddef.h>

/** The result of a call, and the exit code of the program. */
enum status {
    STATUS_OK = 0,       /**< complete */
    STATUS_FAULT = 1,    /**< the system failed: disk, memory, a library */
    STATUS_INPUT = 2,    /**< the user's input is wrong; nothing was changed */
    STATUS_CELLS = 3,    /**< finished, but cells failed or were quarantined */
    STATUS_LOCKED = 4,   /**< the file is in use by another run */
    STATUS_STOPPED = 75, /**< stopped early on request: run the same command again */
};

/** The sentence for a status other than STATUS_OK. Owned by the caller; nothing in it is on the
 * heap. Has room for two paths of 4096 bytes. */
struct fault {
    char text[9216];
};

/** Marks a result that must not be dropped. */
#define MUST_USE __attribute__((warn_unused_result))

/**
 * Write a sentence into `fault` (NULL: dropped) and return `status`, so that a failing function can
 * end with `return fault_set(…)`. Local. The sentence has no final newline. If it is longer than
 * the text of a fault, it is cut after a whole word and ends in " …".
 */
enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Put "format…: " in front of the sentence that is in `fault` (NULL: nothing happens). Local. */
void fault_prefix(struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Print "ccmsweep: bug: …" with host, file and line to standard error, then abort. Local. */
_Noreturn void fault_bug(const char *file, int line, const char *condition);

/** Assert a condition that only a bug can violate. Active in every build. */
#define CHECK(condition) ((condition) ? (void)0 : fault_bug(__FILE__, __LINE__, #condition))

/** End the program with a clear sentence: `size` bytes could not be allocated. */
_Noreturn void fault_no_memory(size_t size);

/** calloc that never returns NULL: when memory is exhausted, it ends the program with a clear
 * sentence. */
void *fault_alloc(size_t count, size_t size) MUST_USE;

#endif

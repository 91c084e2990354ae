// SPDX-License-Identifier: MIT
/**
 * The machine that a process runs on, in words, for the notes of a result; and how much memory the
 * process uses. Local.
 */
#ifndef CCMSWEEP_HOST_H
#define CCMSWEEP_HOST_H

#include <stddef.h>

/** Write the name of the host into `text`, cut at `size`; "unknown" when it has none. */
void host_name(char *text, size_t size);

/** Write the model name of the processor into `text`, cut at `size`; "unknown" when the system does
 *  not say. */
void host_cpu(char *text, size_t size);

/** Bytes that the process has in memory now, the libraries' as well; 0 when the system does not
 *  say. */
size_t host_resident(void);

#endif

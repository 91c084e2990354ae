// SPDX-License-Identifier: MIT
/**
 * A stream for writing that knows why a write failed.
 *
 * stdio writes when its buffer is full, which is seldom at the call that fails the caller, and
 * keeps that a write failed, but not why: the words of the system are lost. Local.
 */
#ifndef CCMSWEEP_STREAM_H
#define CCMSWEEP_STREAM_H

#include <stdio.h>

/**
 * Open a stream on a descriptor, with lines as its pieces on a terminal.
 * \param fd    belongs to the stream, whose fclose closes it; fileno() does not know it
 * \param error set to 0, then to the errno of the first write or close that fails; it must live as
 *              long as the stream
 * \return never NULL
 */
FILE *stream_open(int fd, int *error);

#endif

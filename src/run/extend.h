// SPDX-License-Identifier: MIT
/**
 * Making the sweep of a file a wider one: `run --extend`.
 *
 * The new file is made beside the old one, with all that the old one has, and takes its name last.
 * Killed at any instant, the name leads to the old file or to the new one, each with its own
 * checkpoints (store/carried.h). Rank 0 only, with the lock.
 */
#ifndef CCMSWEEP_EXTEND_H
#define CCMSWEEP_EXTEND_H

#include "run/progress.h"
#include "spec/spec.h"
#include <ccmsweep/fault.h>
#include <stdbool.h>

/**
 * Replace the file `path`, which is not of `wider` but whose cells all are cells of it, by one for
 * `wider`. Finished runs are copied if they are the same there (store/extension.h), with what
 * /volatile has about them; checkpoints of the others keep their progress; what is held against
 * runs comes along. The log of starts gets a row for the extension.
 * \param path   resolved
 * \param check  leave out runs that are damaged, to be trained again; else they are refused
 * \return STATUS_STOPPED when asked to stop, STATUS_INPUT, STATUS_FAULT with a sentence: the old
 *         file and its checkpoints are as they were. (One exception: when the fsync of the folder
 *         fails after the rename, the new file is there, and complete.)
 */
enum status extend_file(const char *path, const struct spec *wider, bool check,
                        struct progress *progress, struct fault *fault) MUST_USE;

/** Only find what extend_file would refuse, and say what it would do. Needs no lock.
 *  \return as extend_file */
enum status extend_look(const char *path, const struct spec *wider, bool check,
                        struct progress *progress, struct fault *fault) MUST_USE;

#endif

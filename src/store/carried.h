// SPDX-License-Identifier: MIT
/**
 * The checkpoints of a file that is to take the place of another: of an extended sweep, in which
 * runs have other numbers.
 *
 * A file and its folder of checkpoints cannot be renamed at one instant. So the new file's
 * checkpoints are made as a folder of their own, FILE.ckpt.next-TAG, before the new file gets the
 * name FILE. The tag is a hash of the new file's settings: whoever starts next sees by it whether
 * FILE is the new file, whose folder then takes the place of FILE.ckpt, or still the old one, for
 * which that folder is removed. Killed at any instant, FILE has its own checkpoints after that.
 * Rank 0 only, with the lock.
 */
#ifndef CCMSWEEP_CARRIED_H
#define CCMSWEEP_CARRIED_H

#include "spec/spec.h"
#include <ccmsweep/fault.h>
#include <stdint.h>

/** Size of a tag, with its NUL. */
enum { CARRIED_TAG = 17 };

/** Write the tag of a file that is made for `spec`, or was: equal settings give equal tags. */
void carried_tag(const struct spec *spec, char tag[CARRIED_TAG]);

/** Make the folder for the checkpoints of a file that will take the place of FILE, which is `path`;
 *  it is empty. \return STATUS_FAULT with a sentence */
enum status carried_begin(const char *path, const char tag[CARRIED_TAG],
                          struct fault *fault) MUST_USE;

/** Give the checkpoint that FILE has of `run` to run `to` of the file that will take its place:
 *  as a link, or as a copy where the file system has no links. The checkpoint of FILE stays.
 *  \return STATUS_FAULT with a sentence */
enum status carried_add(const char *path, const char tag[CARRIED_TAG], int64_t run, int64_t to,
                        struct fault *fault) MUST_USE;

/** Make what was added durable. \return STATUS_FAULT with a sentence */
enum status carried_sync(const char *path, const char tag[CARRIED_TAG],
                         struct fault *fault) MUST_USE;

/** Complete what may have been killed: a folder that was carried for the file that `path` is now
 *  takes the place of its checkpoints, any other is removed.
 *  \param spec of that file; NULL: the file is new, and nothing was carried for it
 *  \return STATUS_FAULT with a sentence: the same call completes it later */
enum status carried_settle(const char *path, const struct spec *spec, struct fault *fault) MUST_USE;

#endif

// SPDX-License-Identifier: MIT
/**
 * What stands beside the file of a sweep, FILE.lock and FILE.ckpt/, as others may have left it.
 *
 * In a folder that several people write to, anybody can put anything under these names. Looked at
 * before a run uses them, and told, for whoever trains believes what is in them. Local.
 */
#ifndef CCMSWEEP_SIDECAR_H
#define CCMSWEEP_SIDECAR_H

#include <ccmsweep/fault.h>

/**
 * Look at what stands beside `path`, which is resolved (disk_resolve).
 * \param warning for the user: files of other users, a file that has a second name (a hard link;
 *                each name has a lock of its own); "" when there is nothing to tell
 * \return STATUS_INPUT with a sentence when no run can use it: the folder of the checkpoints is a
 *         link, or there is no lock file and none can be made
 */
enum status sidecar_check(const char *path, struct fault *warning, struct fault *fault) MUST_USE;

#endif

// SPDX-License-Identifier: MIT
/**
 * What is beside the file of a sweep, FILE.lock and FILE.ckpt/, as others may have left it.
 *
 * In a folder that several people write to, anybody can put anything under these names. A run
 * checks them before it uses them and reports what is not its own, because it trusts their content.
 * Local.
 */
#ifndef CCMSWEEP_SIDECAR_H
#define CCMSWEEP_SIDECAR_H

#include <ccmsweep/fault.h>

/**
 * Check what is beside `path`, which is resolved (disk_resolve).
 * \param warning for the user: files of other users; a second name of the file (a hard link: each
 *                name has a lock of its own). "" when there is nothing to report
 * \return STATUS_INPUT with a sentence when a run cannot use it: the name is one that another sweep
 *         uses for itself (atomic_file_check_own), the folder of the checkpoints is a link or not
 *         a folder, or there is no lock file and it cannot be created
 */
enum status sidecar_check(const char *path, struct fault *warning, struct fault *fault) MUST_USE;

#endif

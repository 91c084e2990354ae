// SPDX-License-Identifier: MIT
/**
 * What this program was built from and with, for --version and the provenance of a file.
 * Texts are static and never NULL.
 */
#ifndef CCMSWEEP_BUILD_H
#define CCMSWEEP_BUILD_H

/** Version of the release, "0.1.0". */
const char *build_version(void);

/** Revision of the source ("1f3c…", "-dirty" behind it when the tree was changed), or "unknown"
 * when built outside a repository. */
const char *build_revision(void);

/** Compiler and its version, "gcc 12.2.0". */
const char *build_compiler(void);

/** Type of build and flags that can change results or speed. */
const char *build_flags(void);

/** Libraries it was built against, with their versions: "HDF5 1.10.8, Open MPI 4.1.4, …". */
const char *build_libraries(void);

#endif

// SPDX-License-Identifier: MIT
/* Facts of the build, in an object of their own: the revision changes with each commit, and only
 * this file is compiled anew then. */
#include "base/build.h"
#include "build_config.h"
#include "build_revision.h"

const char *build_version(void)
{
    return BUILD_VERSION;
}

const char *build_revision(void)
{
    return BUILD_REVISION;
}

const char *build_compiler(void)
{
    return BUILD_COMPILER;
}

const char *build_flags(void)
{
    return BUILD_FLAGS;
}

const char *build_libraries(void)
{
    return BUILD_LIBRARIES;
}

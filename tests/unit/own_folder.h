// SPDX-License-Identifier: MIT
/** A folder for each test of a program: `folder` is made before it and removed behind it. */
#ifndef CCMSWEEP_TESTS_OWN_FOLDER_H
#define CCMSWEEP_TESTS_OWN_FOLDER_H

#include "folder_case.h"

static struct folder folder;

/* For cmocka. A test with more to set up or to free calls it in a function of its own. */
static inline int folder_begin(void **state)
{
    (void)state;
    folder_init(&folder);
    return 0;
}

static inline int folder_end(void **state)
{
    (void)state;
    folder_fini(&folder);
    return 0;
}

#endif

// SPDX-License-Identifier: MIT
/*
 * The calls of inject.h in the installed program: nothing happens, and no environment variable can
 * make anything happen.
 */
#include "sys/inject.h"

void inject(enum inject_point point, int64_t run)
{
    (void)point;
    (void)run;
}

bool inject_reversed(void)
{
    return false;
}

double inject_patience(double usual_s)
{
    return usual_s;
}

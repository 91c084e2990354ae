// SPDX-License-Identifier: MIT
/* The kernels of f64: the same tests in that precision. */
#define REAL_F64
#include "test_kernels.c"

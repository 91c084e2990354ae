// SPDX-License-Identifier: MIT
/* Names of clusters and strata may be any numbers (seeds, say); arrays by cluster need 0 … n - 1.
 * In rising order of the names, so that the numbers, and with them the draws, do not depend on the
 * order of the observations. */
#include "stats/factorize.h"
#include <ccmsweep/fault.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t factorize(int64_t count, const int64_t *name, int64_t *label)
{
    if (name == NULL) {
        for (int64_t i = 0; i < count; i++)
            label[i] = i;
        return count;
    }
    int64_t *const sorted = fault_alloc((size_t)count + 1, sizeof *sorted);
    for (int64_t i = 0; i < count; i++)
        sorted[i] = name[i];
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    int64_t names = 0;
    for (int64_t i = 0; i < count; i++)
        if (i == 0 || sorted[i] != sorted[names - 1])
            sorted[names++] = sorted[i];
    for (int64_t i = 0; i < count; i++) {
        const int64_t *const found =
            bsearch(&name[i], sorted, (size_t)names, sizeof *sorted, compare);
        label[i] = found - sorted;
    }
    free(sorted);
    return names;
}

/* Counting: start[l] is first the end of label l, and moves to its begin as its items are put in
 * from the last one on. */
void factorize_order(int64_t count, const int64_t *label, int64_t labels, int64_t *start,
                     int64_t *item)
{
    for (int64_t l = 0; l < labels; l++)
        start[l] = 0;
    for (int64_t i = 0; i < count; i++)
        start[label[i]]++;
    for (int64_t l = 1; l < labels; l++)
        start[l] += start[l - 1];
    start[labels] = count;
    for (int64_t i = count - 1; i >= 0; i--)
        item[--start[label[i]]] = i;
}

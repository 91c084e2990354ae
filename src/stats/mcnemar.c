// SPDX-License-Identifier: MIT
/* Shares paired by seed. What a seed adds to only_a - only_b is a whole number, and a flip turns
 * its sign. So the distribution over all flips of all seeds is a table of as many entries as there
 * are sums, and no flip has to be tried. */
#include "stats/mcnemar.h"
#include "stats/factorize.h"
#include "stats/paired_mean.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* P(|± net[0] ± net[1] …| ≥ |net[0] + net[1] …|), each sign with probability ½. \param net (n) */
static double share_as_far(int64_t n, const int64_t *net)
{
    int64_t most = 0, observed = 0, reach = 0;
    for (int64_t s = 0; s < n; s++) {
        most += imaxabs(net[s]);
        observed += net[s];
    }
    /* Entry most + k is the probability of the sum k, |k| ≤ reach; 0 beyond. */
    double *now = fault_alloc(2 * (size_t)most + 1, sizeof *now);
    double *next = fault_alloc(2 * (size_t)most + 1, sizeof *next);
    now[most] = 1.0;
    for (int64_t s = 0; s < n; s++) {
        const int64_t step = imaxabs(net[s]);
        for (int64_t k = -reach - step; k <= reach + step; k++) {
            const double below = k - step >= -reach ? now[most + k - step] : 0.0;
            const double above = k + step <= reach ? now[most + k + step] : 0.0;
            next[most + k] = (below + above) / 2.0;
        }
        reach += step;
        double *const old = now;
        now = next;
        next = old;
    }
    double p = 0.0;
    for (int64_t k = imaxabs(observed); k <= most; k++)
        p += (k > 0 ? 2.0 : 1.0) * now[most + k];
    free(next);
    free(now);
    /* The table's sum is 1 but for rounding. */
    return fmin(p, 1.0);
}

struct mcnemar mcnemar_exact(int64_t count, const bool *a, const bool *b, const int64_t *seed,
                             const struct bootstrap *how)
{
    const size_t n = (size_t)count + 1;
    double *const number = fault_alloc(2 * n, sizeof *number);
    int64_t *const label = fault_alloc(n, sizeof *label);
    int64_t *const net = fault_alloc(n, sizeof *net);
    struct mcnemar made = {.pairs = factorize(count, seed, label), .p = NAN};
    for (int64_t i = 0; i < count; i++) {
        number[i] = a[i];
        number[count + i] = b[i];
        net[label[i]] += a[i] - b[i];
        made.only_a += a[i] && !b[i];
        made.only_b += b[i] && !a[i];
    }
    const struct pairs pairs = {.count = count, .a = number, .b = number + count, .seed = seed};
    /* Its p is left: beyond PAIRED_EXACT seeds it is drawn. */
    struct paired mean = paired_mean(&pairs, how, 1);
    bootstrap_clip(&mean.between, -1.0, 1.0);
    made.difference = mean.difference;
    made.between = mean.between;
    made.least_p = mean.least_p;
    if (made.pairs >= 2)
        made.p = share_as_far(made.pairs, net);
    free(net);
    free(label);
    free(number);
    return made;
}

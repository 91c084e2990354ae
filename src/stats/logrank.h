// SPDX-License-Identifier: MIT
/**
 * The log-rank test of k groups, plain or stratified, and its permutation over seeds.
 *
 * Sensitive to hazards that differ the same way all along; where curves cross (curve_crossing) a
 * large p says little. Observations count as independent in logrank_test. All causes are one event.
 * Local.
 */
#ifndef CCMSWEEP_LOGRANK_H
#define CCMSWEEP_LOGRANK_H

#include "stats/sample.h"
#include <stdbool.h>

/** A test. */
struct logrank {
    double chi2; /**< 0 when df is 0 */
    int32_t df;  /**< rank of the variance: groups that were at risk at an event, less 1; lower
                      where events do not separate them (all at one time) */
    double p; /**< of χ² with df degrees of freedom; NaN when df is 0: there is nothing to test */
};

/**
 * Test whether the groups' hazards are equal, given the strata of the sample (NULL: none).
 * Observed less expected events are summed over the strata and compared with their hypergeometric
 * variance, as R's survdiff does (rho = 0).
 * \param group    (n) 0 … groups - 1
 * \param observed (groups) out: events of each group; NULL: not wanted
 * \param expected (groups) out: expected events, were hazards equal; NULL: not wanted
 */
struct logrank logrank_test(const struct sample *sample, const int32_t *group, int32_t groups,
                            double *observed, double *expected) MUST_USE;

/** Up to this many ways to permute all are tried: two groups and twelve seeds. */
enum { LOGRANK_EXACT = 4096 };

/** A test by permutation. NaN: there is no test. */
struct permuted {
    double p;
    double least_p; /**< p cannot be less, for few clusters or few permutations */
    bool exact;     /**< all ways were tried, not a sample */
};

/**
 * Share of the permutations over clusters (seeds) with a chi2 as large or larger. What a seed's
 * runs have in common goes through all strata: its runs of one group keep together, and groups
 * trade places in all strata at once, those that have as many runs of the seed in the same strata.
 * One that is alone in that keeps its label.
 *
 * Beyond LOGRANK_EXACT ways `permutations` (≥ 1) are drawn, and p is (1 + those) / (1 +
 * permutations). The draws are python_below's on `seed`, one shuffle for each set of groups that
 * trade places. No test when chi2 has no degrees of freedom or no groups can trade places.
 */
struct permuted logrank_permuted(const struct sample *sample, const int32_t *group, int32_t groups,
                                 int64_t permutations, uint32_t seed) MUST_USE;

#endif

// SPDX-License-Identifier: MIT
/**
 * Findings: what is wrong in the file of a sweep, one sentence each, for readers that want to know
 * all of it and not only the first. Local.
 */
#ifndef CCMSWEEP_FINDINGS_H
#define CCMSWEEP_FINDINGS_H

#include <ccmsweep/fault.h>
#include <stddef.h>
#include <stdint.h>

/** What is wrong, and where. */
struct finding {
    int64_t run;     /**< -1: it is not of one run */
    char *dataset;   /**< "": it is not of one dataset. Owned by the list, as the text */
    int64_t episode; /**< -1: it is not of one episode */
    char *text;      /**< the sentence */
};

/** A list of findings; all zeros is an empty one. */
struct findings {
    struct finding *of; /**< (count) */
    size_t count;
};

/** Add a finding at the end. The texts are copied. */
void findings_add(struct findings *findings, int64_t run, const char *dataset, int64_t episode,
                  const char *text);

/** Free what it holds, and empty it. */
void findings_fini(struct findings *findings);

#endif

// SPDX-License-Identifier: MIT
/**
 * Findings: what is wrong in the file of a sweep, one sentence each, for readers that want to know
 * all of it and not only the first. Local.
 */
#ifndef CCMSWEEP_DEFECTS_H
#define CCMSWEEP_DEFECTS_H

#include <ccmsweep/fault.h>
#include <stddef.h>
#include <stdint.h>

/** What is wrong, and where. */
struct defect {
    int64_t run;     /**< -1: it is not of one run */
    char *dataset;   /**< "": it is not of one dataset. Owned by the list, as the text */
    int64_t episode; /**< -1: it is not of one episode */
    char *text;      /**< the sentence */
};

/** A list of defects; all zeros is an empty one. */
struct defects {
    struct defect *of; /**< (count) */
    size_t count;
};

/** Add a defect at the end. The texts are copied. */
void defects_add(struct defects *defects, int64_t run, const char *dataset, int64_t episode,
                 const char *text);

/** The same, of no episode, with a text as printf makes it, cut at that of a fault. */
void defects_say(struct defects *defects, int64_t run, const char *dataset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Free what it holds, and empty it. */
void defects_fini(struct defects *defects);

#endif

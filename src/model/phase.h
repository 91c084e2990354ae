// SPDX-License-Identifier: MIT
/** Parts of an episode, for those who measure them: the trainer itself reads no clock. */
#ifndef CCMSWEEP_PHASE_H
#define CCMSWEEP_PHASE_H

#include <stddef.h>

/** What an episode is doing. */
enum phase {
    PHASE_ACTING,     /**< ten steps in the environment */
    PHASE_PRIORITIES, /**< TD errors of the new transitions, and all priorities */
    PHASE_TARGETS,    /**< drawing the batch, its TD targets */
    PHASE_CRITIC,     /**< the critic's update */
    PHASE_ACTORS,     /**< the actors' updates */
    PHASE_REST,       /**< tracking at the episode's end, evaluation */
    PHASE_COUNT,
};

/** Called at the beginning of each phase, with the context that came along. */
struct probe {
    void (*enter)(void *context, enum phase phase);
    void *context;
};

/** Call the probe, if there is one. */
static inline void probe_enter(const struct probe *probe, enum phase phase)
{
    if (probe->enter != NULL)
        probe->enter(probe->context, phase);
}

#endif

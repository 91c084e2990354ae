// SPDX-License-Identifier: MIT
/** One training step of the model against the plain step. */
#ifndef CCMSWEEP_TESTS_STEP_CHECK_H
#define CCMSWEEP_TESTS_STEP_CHECK_H

#include "check.h"
#include "model/networks.h"
#include "model/step.h"
#include "model/trainer_view.h"

/** A copy of all parameters and moments. */
struct snapshot {
    struct family actor, critic;
};

/** What was compared. */
struct counts {
    long passes;     /**< passes of actors */
    long flipped;    /**< passes and critic updates that agree with a ReLU on the other side */
    long rows;       /**< rows chosen */
    long exchanged;  /**< of these, not the plain step's maximum, but within slack of it */
    long ties;       /**< of these, exactly equal to another's row, the lowest agent chosen */
    long not_needed; /**< samples no row was chosen for */
    long doubtful;   /**< targets whose row hangs on an agent at y = 0 within rounding */
    double worst;    /**< largest distance / allowed of a gradient */
    double slack;    /**< largest |chosen Q - oracle's| / slack */
};

/** A training step that was run. */
struct stepped {
    const struct settings *settings;
    const struct snapshot *before;
    const struct networks *nets; /**< after it */
    const struct step *step;
    int64_t t;   /**< number of the training step */
    double loss; /**< of the critic, as recorded */
    int every;   /**< the last pass and one of so many others are compared */
    bool log;    /**< of a log episode */
};

/** Copy; free with snapshot_free. */
struct snapshot snapshot_take(const struct networks *nets);

void snapshot_free(struct snapshot *s);

/** The states of the batch are those of its slots as the networks see them; fails the test. */
void check_seen(const struct stepped *s, const struct replay *replay);

/** Targets, errors, the critic's update, each pass, every new parameter; fails the test. */
void check_step(const struct stepped *s, struct counts *counts);

/** Train the next episode, whose training step is compared; fails the test.
 *  \param every as in struct stepped */
void check_next(struct trainer *t, int every, struct counts *counts);

#endif

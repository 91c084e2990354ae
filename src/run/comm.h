// SPDX-License-Identifier: MIT
/**
 * Messages between ranks.
 *
 * All types of messages are here. They carry only the number of a cell and how it ended. MPI is
 * started only when a launcher started this process; a process alone is rank 0 of 1 and sends
 * nothing. Blocking calls of MPI keep a core busy, so nothing here blocks in MPI: it tests and
 * sleeps (backoff.h). This code knows no scheduler and no trainer.
 */
#ifndef CCMSWEEP_COMM_H
#define CCMSWEEP_COMM_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_type {
    MESSAGE_READY,   /**< worker: it has no cell. Its first message */
    MESSAGE_DONE,    /**< worker: its cell is committed, so it has no cell now */
    MESSAGE_STOPPED, /**< worker: its cell was stopped politely; it takes no more cells */
    MESSAGE_SAFE,    /**< worker: its cell, a suspect, has come further than before the loss */
    MESSAGE_CELL,    /**< rank 0: train this cell */
    MESSAGE_STOP,    /**< rank 0: stop politely */
    MESSAGE_LEAVE,   /**< rank 0: no work is left */
};

/** How the rows of a finished run differ from those of the same training, done again. */
struct comparison {
    int32_t fields;  /**< number of fields that differ; 0: all bytes are equal */
    int32_t first;   /**< place (record_fields) of the one that differs first */
    int32_t episode; /**< in which it does; -1: it has no episodes */
    char level[12];  /**< of the CPU on which it was trained again */
};

/** One message; 56 bytes. */
struct message {
    int32_t type;               /**< enum message_type */
    int32_t outcome;            /**< of MESSAGE_DONE: enum outcome */
    int64_t cell;               /**< of all but READY, STOP and LEAVE */
    int32_t stopping;           /**< of MESSAGE_DONE: stopping episode, -1 without */
    int32_t reserved;           /**< 0 */
    double seconds;             /**< of MESSAGE_DONE: time that the cell took in all its attempts */
    struct comparison compared; /**< of MESSAGE_DONE of a run that was trained again */
};

/** The ranks. Rank 0 schedules. */
struct comm {
    bool launched; /**< MPI was started */
    int rank, size;
};

/** Start MPI when launched (launcher.h). Collective. Ends the process when MPI cannot start. */
void comm_start(struct comm *comm);

/** Finish MPI; ranks sleep while they wait for others. Then remove the folder that the environment
 * variable CCMSWEEP_SCRATCH names, if it is empty. Collective. */
void comm_finish(struct comm *comm);

/** End the whole job at once with this code, because this rank cannot continue. */
_Noreturn void comm_abort(const struct comm *comm, int code);

/** Send to a rank. Local: a message this small is buffered. */
void comm_send(const struct comm *comm, int to, const struct message *message);

/** Take the next message, if there is one. \param from rank that sent it (output, may be NULL)
 *  \return false: there is none. Local */
bool comm_receive(const struct comm *comm, struct message *message, int *from) MUST_USE;

/** Wait until all ranks have come here. Collective; sleeps. */
void comm_meet(const struct comm *comm);

/** Give all ranks what rank 0 has in `bytes`. Collective; sleeps. */
void comm_broadcast(const struct comm *comm, void *bytes, size_t size);

/** Give rank 0 the sum over all ranks of a number; other ranks get an undefined value. Collective;
 *  sleeps. */
int64_t comm_sum(const struct comm *comm, int64_t value) MUST_USE;

#endif

// SPDX-License-Identifier: MIT
/**
 * The store: the HDF5 file that holds the rows of all runs of a sweep, and survives any kill.
 *
 * store_create makes the whole file at once, every dataset at its final size, under a temporary
 * name, and renames it last. From then on only raw data is written, in place; no object, attribute
 * or extent ever changes, so the file can be read at any instant. A run counts as done only by its
 * commit record (commit.h), which is written after the run's rows are on the disk.
 *
 * A caller that writes holds the lock (lock.h) from before store_create until after store_close;
 * with several ranks, rank 0 holds it. The store knows nothing of clocks, messages and trainers. A
 * training is a sweep of one run, run 0. The schema is in schema.h. Unless its comment says
 * otherwise, a function is local, also on a shared store: any rank may write any run at any time,
 * as long as no two ranks write the same one.
 */
#ifndef CCMSWEEP_STORE_H
#define CCMSWEEP_STORE_H

#include "spec/identity.h"
#include "spec/spec.h"
#include "store/commit.h"
#include "store/defects.h"
#include "store/schema.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/record.h>
#include <ccmsweep/settings.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

/** Raised whenever a dataset or attribute of the file changes its name, type or meaning. */
enum { STORE_SCHEMA_VERSION = 3 };

/** Value of the root's attribute `program`. */
#define STORE_PROGRAM "ccmsweep"

/** What made the file, in words, for attributes of the root. No member is NULL. */
struct store_program {
    const char *version;   /**< "0.1.0" */
    const char *revision;  /**< of the source, "unknown" when built outside a repository */
    const char *compiler;  /**< name and version */
    const char *flags;     /**< with which it was called */
    const char *libraries; /**< "HDF5 1.10.8, Open MPI 4.1.4, …" */
};

/** This program, as it was built. Local. */
struct store_program store_this_program(void) MUST_USE;

/**
 * Create the file of a spec: all cells, everything pending. Replaces a file of that name as a whole
 * and keeps its permissions; a link stays a link. The room on the disk is checked and reserved
 * before anything is filled, and some room is left free. Rank 0 only. Also removes temporaries
 * PATH.ccmsweep-tmp.* of earlier, killed creations. Two creations from the same input make the same
 * bytes.
 * \return STATUS_STOPPED when asked to stop; STATUS_INPUT when the folder is missing or not
 *         writable, STATUS_FAULT ("…: No space left on device") when the system fails. Then no new
 *         file has the name (an older one stays) and no temporary remains, with one exception: when
 *         the fsync of the folder fails after the rename, the new file is there, and complete.
 */
enum status store_create(const char *path, const struct spec *spec,
                         const struct store_program *program, struct fault *fault) MUST_USE;

/**
 * Create the same file beside PATH, which is resolved and stays what it is: the caller fills the
 * new file and renames it (disk_rename), or removes it. Rank 0 only, with the lock of PATH.
 * \param temporary its name, owned by the caller (free); NULL on failure, and nothing is left
 * \return as store_create
 */
enum status store_create_beside(const char *path, const struct spec *spec,
                                const struct store_program *program, char **temporary,
                                struct fault *fault) MUST_USE;

struct store;

enum store_mode {
    STORE_READ,   /**< also while another process writes; does not need a lock */
    STORE_WRITE,  /**< one process, which holds the lock */
    STORE_SHARED, /**< all ranks of MPI_COMM_WORLD, through MPI-IO; rank 0 holds the lock */
};

/**
 * Open an existing file and read all its commit records. \param mode not STORE_SHARED
 * \return STATUS_OK: the caller owns `*store`, store_close. Else `*store` is NULL. STATUS_INPUT
 *         with a sentence: the file is absent, not permitted, not a regular file, not HDF5, cut
 *         short, of another program, of another schema, or changed (a dataset has another shape, or
 *         a column or an identity other values, than its settings give); for writing also: of
 *         another algorithm_version or layout. STATUS_FAULT: the system fails
 */
enum status store_open(struct store **store, const char *path, enum store_mode mode,
                       struct fault *fault) MUST_USE;

/**
 * Open an existing file for reading, and add to `defects` all that store_open refuses in its
 * content, and not only the first. Only what is not the content is refused: STATUS_INPUT when the
 * file is absent, not permitted or not a regular file, STATUS_FAULT when the system fails.
 * \return STATUS_OK: `*store` is NULL when runs cannot be read, because the file is cut short or
 *         not one of this program and schema, or a dataset is missing or of another kind
 */
enum status store_open_defects(struct store **store, const char *path, struct defects *defects,
                               struct fault *fault) MUST_USE;

struct watchdog;

/**
 * Open on all ranks, as STORE_SHARED, a file that rank 0 has found to be in order. Collective, and
 * so is closing. Rank 0 reads all commit records, the others read those that they need, when they
 * need them. A rank on which MPI-IO fails prints the reason and ends the job.
 * \param watchdog gets the name of each stage; NULL is fine
 * \return STATUS_FAULT with a sentence: nothing was closed, and this rank must end the job at once,
 *         because the others may wait for it
 */
enum status store_open_shared(struct store **store, const char *path, struct watchdog *watchdog,
                              struct fault *fault) MUST_USE;

/** Close and clear; NULL and a pointer to NULL are fine. All rows were written before. */
void store_close(struct store **store);

/** Whether the file was made for the cells of the spec, in this order and with these labels; what
 *  only says how a sweep is run may differ. */
bool store_is_of(const struct store *store, const struct spec *spec) MUST_USE;

/** Say in which settings a file and a spec of as many cells differ, run by run, with both values.
 *  \param fault the sentence (output) */
void store_differ(const struct store *store, const struct spec *spec, struct fault *fault);

/** Number of runs in the file. */
int64_t store_runs(const struct store *store) MUST_USE;

/** The spec of the file's cells. Borrowed. */
const struct spec *store_spec(const struct store *store) MUST_USE;

/** Version of the algorithm with which the file was begun. */
uint32_t store_algorithm_version(const struct store *store) MUST_USE;

/** Refuse a file that was begun with another version of the algorithm than this program's, as
 *  opening it for writing does. \return STATUS_INPUT with a sentence that names both */
enum status store_check_algorithm(const struct store *store, struct fault *fault) MUST_USE;

/** Refuse a file that another program has rewritten (h5repack, filters, another superblock): its
 *  content can be read, but writing in place is not safe. Opening it for writing refuses it too.
 *  \return STATUS_INPUT with a sentence */
enum status store_check_layout(const struct store *store, struct fault *fault) MUST_USE;

/** Complete settings of a run as the file has them. Settings of class operation are those of the
 *  run that created the file. */
void store_cell(const struct store *store, int64_t run, struct settings *cell);

/** Identity of a run's cell as the file has it. */
enum status store_identity(const struct store *store, int64_t run, struct identity *identity,
                           struct fault *fault) MUST_USE;

/** Read the commit record of a run. \param commit its `run` is -1 when the record does not hold */
enum status store_committed(const struct store *store, int64_t run, struct commit *commit,
                            struct fault *fault) MUST_USE;

enum store_state {
    STORE_PENDING,     /**< no valid commit record: to be trained, or continued */
    STORE_INTERRUPTED, /**< as pending; a polite stop interrupted it */
    STORE_DONE,        /**< its commit record is valid: rows and outcome count */
    STORE_DAMAGED,     /**< its commit record is valid, but its rows contain something that no
                            training leaves there: it counts as little as a pending one */
};

/** State of a run: as store_open found it, or as this process changed it since. Never fails. */
enum store_state store_state(const struct store *store, int64_t run) MUST_USE;

/** What is wrong with a run that is STORE_DAMAGED ("its cause of actor 2 is 99, expected -1 to 5");
 *  NULL for any other. Borrowed. */
const char *store_damage(const struct store *store, int64_t run) MUST_USE;

/** Check the whole numbers of all runs that are done, except rows of episodes and logs: a run in
 *  which record_holds is false becomes STORE_DAMAGED. Call it before rows are used.
 *  \param actors also check those of every actor; else only those that a run has one of
 *  \return STATUS_OK also when some are damaged */
enum status store_inspect(struct store *store, bool actors, struct fault *fault) MUST_USE;

/** Forget the state of a run that another rank has written: the next question reads the file. */
void store_look_again(struct store *store, int64_t run);

/**
 * Write the record of a finished run and make it count: rows, fsync, commit record, fsync. A run
 * may be committed again; equal records leave equal bytes.
 * \param record of the run's own extents (record_extents of its cell); its outcome is not
 *               OUTCOME_PENDING or OUTCOME_INTERRUPTED
 * \return STATUS_FAULT with a sentence: the run does not count (or, if only the last fsync failed,
 *         may count: its rows are then on the disk). The process should end; it must not try again
 */
enum status store_commit(struct store *store, int64_t run, const struct record *record,
                         struct fault *fault) MUST_USE;

/** Write the record of a finished run and its commit record without any fsync, into a file that has
 *  not got its name yet. store_sync makes it durable. */
enum status store_put(struct store *store, int64_t run, const struct record *record,
                      struct fault *fault) MUST_USE;

/** Hand everything to the disk that was written. \return STATUS_FAULT with a sentence: the file
 *  must not get its name */
enum status store_sync(struct store *store, struct fault *fault) MUST_USE;

/** Mark a run that is not done as the other file marks the one that is to continue here:
 *  interrupted or not. As store_put. */
enum status store_put_state(struct store *store, int64_t run, enum store_state state,
                            struct fault *fault) MUST_USE;

/** Take back the outcome of each run that has one and no commit record: it was killed inside its
 *  commit. Then, after a start that ended in order, such a run shows that another program has
 *  emptied its record. Without fsync. */
enum status store_clear_outcomes(struct store *store, struct fault *fault) MUST_USE;

/** For measurements only: write a valid commit record for every run, without rows and fsync. */
enum status store_fill_commits(struct store *store, struct fault *fault) MUST_USE;

/** Refuse to write to a file that was removed, replaced or cut short while it is open, because
 *  nobody would find what is written into it. store_commit calls it first.
 *  \return STATUS_FAULT with a sentence */
enum status store_check_place(const struct store *store, struct fault *fault) MUST_USE;

/** Clear the commit record of a run, so that it is trained again; its rows stay until then. With
 *  fsync. */
enum status store_uncommit(struct store *store, int64_t run, struct fault *fault) MUST_USE;

/** Mark a run as OUTCOME_INTERRUPTED (no commit record), and fsync. One that is done stays so. */
enum status store_interrupt(struct store *store, int64_t run, struct fault *fault) MUST_USE;

/** Read one field of a run. \param values record_count(field, extents of the run's cell) values;
 *  rows of a run that is not done are whatever was written so far, or fill. A field without
 *  values is fine. */
enum status store_read(const struct store *store, int64_t run, const struct field *field,
                       void *values, struct fault *fault) MUST_USE;

/** Whether a field that not every cell has (record.h) is in the file: a cell of the sweep has it.
 *  Local. */
bool store_has(const struct store *store, const struct field *field) MUST_USE;

/** Read a field that has one value a run, of all runs. \param values store_runs values */
enum status store_column(const struct store *store, const struct field *field, void *values,
                         struct fault *fault) MUST_USE;

/** Read one field of `runs` runs from `run` on at once. The file must be at least as wide as
 *  `extents` in every dimension; values behind a run's own extents are fill. Rows of a run that is
 *  not done are whatever was written so far, or fill.
 *  \param values (runs, extents of the field) */
enum status store_read_runs(const struct store *store, int64_t run, int64_t runs,
                            const struct field *field, const struct extents *extents, void *values,
                            struct fault *fault) MUST_USE;

/** Read all fields of a run into a record bound to the extents of its cell. */
enum status store_load(const struct store *store, int64_t run, struct record *record,
                       struct fault *fault) MUST_USE;

/** The same for callers that have no block: the record is bound to a new one.
 *  \param block owned by the caller (free), with any status */
enum status store_load_new(const struct store *store, int64_t run, struct record *record,
                           void **block, struct fault *fault) MUST_USE;

/** Read the rows of a run that is done, compare their hash with that in its commit record, and
 *  check them (record_check). \return STATUS_INPUT with a sentence when one of these fails,
 *  STATUS_FAULT when the rows cannot be read */
enum status store_check(const struct store *store, int64_t run, struct fault *fault) MUST_USE;

/** The same for callers that continue without the run. \param damage a sentence about the run; ""
 *  when it is in order
 *  \return not STATUS_OK when the rows could not be read, which says nothing about them */
enum status store_verify(const struct store *store, int64_t run, struct fault *damage,
                         struct fault *fault) MUST_USE;

/** The same for many runs that are STORE_DONE: those whose rows differ become STORE_DAMAGED. One
 *  that another process takes back meanwhile is no longer done, and not damaged.
 *  \param chosen (runs) which ones; NULL: all
 *  \return STATUS_STOPPED when asked to stop (stop_signal.h), which only a process is that has
 *          asked for it; any other than STATUS_OK when rows could not be read, which says nothing
 *          about them */
enum status store_compare(struct store *store, const bool *chosen, struct fault *fault) MUST_USE;

/** What store_find has compared. */
struct store_found {
    int64_t records; /**< commit records that are not zeros */
    int64_t rows;    /**< finished runs whose rows were compared with their commit records */
    int64_t bytes;   /**< of these rows */
};

/** Look at all that is written into a file behind its opening: layout, size, commit records, rows
 *  of finished runs (as store_inspect and store_compare), fill behind a run's own extents, notes,
 *  and the log of starts. Everything of the file is read. Finished runs that are damaged become
 *  STORE_DAMAGED.
 *  \param held a process may be writing: whatever it can change is looked at twice
 *  \param defects what is wrong is added
 *  \return STATUS_FAULT when the system fails */
enum status store_find(struct store *store, bool held, struct defects *defects,
                       struct store_found *found, struct fault *fault) MUST_USE;

/** Bytes of the rows of all runs that are STORE_DONE: what store_compare reads of them. */
int64_t store_done_bytes(const struct store *store) MUST_USE;

/* What follows is in /volatile: it differs between two executions of the same run. Written
 * without fsync. Times are seconds since 1970-01-01 UTC. */

/** Where a run is executed; texts are cut to the sizes in the file. No member is NULL. */
struct store_host {
    const char *host, *cpu, *cpu_level, *revision;
    int rank; /**< 0 without a launcher */
};

/** Note the beginning of an attempt at a run: it is in flight, attempts + 1, the host, and the time
 *  if it is the first. A run that a polite stop had marked as interrupted is pending again. */
enum status store_note_start(struct store *store, int64_t run, const struct store_host *host,
                             double now, struct fault *fault) MUST_USE;

/** Note how far a run is. */
enum status store_note_progress(struct store *store, int64_t run, int64_t episode,
                                int64_t actors_moving, double now, struct fault *fault) MUST_USE;

/** Note that an attempt ended now, or is still at work. Call it before store_commit or
 *  store_interrupt, whose fsync then covers it.
 *  \param wall_s seconds since the last such note of the attempt, or since its start: added to what
 *                the run took so far */
enum status store_note_end(struct store *store, int64_t run, double wall_s, double now,
                           struct fault *fault) MUST_USE;

/** What is held against a run that is not done. */
struct store_failures {
    int32_t flight;  /**< enum flight */
    int32_t crashes; /**< crash marks */
    int32_t suspect; /**< 1: was in flight when a job was lost, and has no newer checkpoint */
    int32_t lost;    /**< jobs lost in a row while this run was the only suspect */
};

/** Read what is held against a run. */
enum status store_failures(const struct store *store, int64_t run, struct store_failures *failures,
                           struct fault *fault) MUST_USE;

/** Write what is held against a run. */
enum status store_note_failures(struct store *store, int64_t run,
                                const struct store_failures *failures,
                                struct fault *fault) MUST_USE;

/** Where a signal handler can leave a crash mark with pread and pwrite alone: the descriptor, and
 *  the places of the run's i32 `flight` and `crashes`. */
struct store_place {
    int fd;
    int64_t flight_at, crashes_at;
};

/** The places of a run in a store that is open for writing; valid until it is closed. */
struct store_place store_place(const struct store *store, int64_t run) MUST_USE;

/** What /volatile has about a run. */
struct store_notes {
    double start, end, wall_s, progress_time; /**< NaN until written */
    int32_t progress_episode;                 /**< -1 until written */
    int32_t progress_moving;                  /**< -1 until written */
    int32_t attempts;                         /**< 0 at first */
    int32_t rank;                             /**< -1 until written */
    /** In the file a text may fill its room: here each has one byte more, for the NUL. */
    char host[65], cpu[65], cpu_level[17], revision[65];
};

/** Read what /volatile has about a run. */
enum status store_notes(const struct store *store, int64_t run, struct store_notes *notes,
                        struct fault *fault) MUST_USE;

/** Write notes that were read from another file: when, how long and where the run was trained. */
enum status store_note_copy(struct store *store, int64_t run, const struct store_notes *notes,
                            struct fault *fault) MUST_USE;

/** Take all of /volatile from the file whose runs are to continue here: what it has about these
 *  runs, what is held against them, and the log of starts.
 *  \param to (runs of `other`) the run here; -1: none, nothing of that run is taken */
enum status store_take_notes(struct store *store, const struct store *other, const int64_t *to,
                             struct fault *fault) MUST_USE;

/* Numbers in /volatile that the program never writes read as not written; control characters in its
 * texts read as '?'. */

/** Read one note of all runs, or of all rows of the log of starts. \param values as many values of
 *  schema_note(note).size bytes; texts padded with NUL, not always ending in one */
enum status store_note_column(const struct store *store, enum schema_note note, void *values,
                              struct fault *fault) MUST_USE;

/** A start of the program, or an extension of the sweep: of 0 ranks, with the words
 *  STORE_EXTENSION in place of a job. */
struct store_start {
    const char *host, *job, *revision; /**< job: "" outside of a job */
    int64_t process;
    int32_t ranks, done;
};

/** The words of an extension in the log, as a format for the cells before it and after it. */
#define STORE_EXTENSION "%" PRId64 " to %" PRId64 " cells"

/** Add a start to the log; it replaces the oldest when the log is full. Rank 0 only.
 *  \param row its place in the log (output), for store_log_end */
enum status store_log_start(struct store *store, const struct store_start *start, double now,
                            int64_t *row, struct fault *fault) MUST_USE;

/** Find the last start in the log that was no extension: its row, -1 when there is none, and the
 *  exit code it ended with, -1 when it was killed or has not ended. */
enum status store_log_last(const struct store *store, int64_t *row, int *code,
                           struct fault *fault) MUST_USE;

/** Note in the log that the start of `row` ended with this exit code: in order, or because this
 *  rank met a fault of the system, for which no run is to blame. */
enum status store_log_end(struct store *store, int64_t row, int status, double now,
                          struct fault *fault) MUST_USE;

#endif

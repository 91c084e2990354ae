// SPDX-License-Identifier: MIT
/* `ccmsweep train`: one cell in this process, with or without a file. It uses the same attempt,
 * store and checkpoints as a sweep (`run`), but no scheduler and no MPI: its file is that of a
 * sweep of one cell. */
#include "cli/commands.h"
#include "cli/spec_rows.h"
#include "report/summary.h"
#include "run/attempt.h"
#include "store/checkpoint.h"
#include "store/extension.h"
#include "store/sidecar.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/launcher.h"
#include "sys/lock.h"
#include "sys/stop_signal.h"
#include <ccmsweep/trainer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a file in use is waited for. The system may hold the lock of a job that was just killed
 * for about a second more; nobody should have to repeat the command for that. */
static const double lock_wait_s = 5;

struct arguments {
    struct spec_options options;
    const char *output; /* NULL: keep nothing */
    char *file;         /* output, resolved */
    bool force;
    bool json;
    int progress; /* enum progress_mode */
};

static const char *name_progress(int place)
{
    return progress_modes[place];
}

static const struct option_row options[] = {
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .kind = OPTION_FILE,
     .offset = offsetof(struct arguments, output),
     .help = "keep the run in FILE (HDF5), with checkpoints beside it: a run that was stopped is "
             "resumed, a finished one is refused"},
    {.name = "force",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, force),
     .help = "replace FILE, whatever it holds"},
    SPEC_ROWS_SET(struct arguments, options, "give any setting a value; repeatable"),
    {.name = "progress",
     .argument = "MODE",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct arguments, progress),
     .help = "progress on standard error: auto (default), bar, lines (every 10 s) or none",
     .choice = name_progress},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print the summary as JSON"},
    {0},
};

static const struct option_row operands[] = {
    SPEC_ROWS_OPERAND(struct arguments, options),
    {0},
};

/* A --force without a file most likely means that --output was forgotten. */
static enum status finish(void *arguments, struct fault *fault)
{
    const struct arguments *const a = arguments;
    if (a->force && a->output == NULL)
        return fault_set(fault, STATUS_INPUT,
                         "--force has nothing to replace, expected --output as well");
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "complete"},
    {STATUS_FAULT, "a fault of the system"},
    {STATUS_INPUT, "wrong input, nothing was touched"},
    {STATUS_LOCKED, "FILE is in use by another process"},
    {STATUS_STOPPED, "stopped early, run the same command again"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep train --actor-lr 0.1 --critic-lr 0.01 -o run.h5",
     "Actors that stop early, kept in a file."},
    {"ccmsweep train --actor_lr 0.0001 --critic_lr 0.001 --episodes 2000",
     "The command line of the published program."},
    {NULL, NULL},
};

const struct command_line train_line = {
    .name = "ccmsweep train",
    .arguments = "[SPEC.yaml]",
    .intro = "Train one cell: one actor and one critic learning rate, one seed, tracked.",
    .details = "A setting has the value of its own option, else the value of --set, else the value "
               "in the spec, else its default. Ctrl-C (or SIGTERM, SIGHUP, SIGUSR1) saves a "
               "checkpoint and leaves; the same "
               "command continues from there. A second signal kills.",
    .options = options,
    .operands = operands,
    .expected = "one spec",
    .settings = true,
    .exits = exits,
    .files = options_sweep_files,
    .examples = examples,
    .see_also = "run show spec",
    .finish = finish,
};

/* Make the file, and remove checkpoints that an earlier file of this name left: they belong to
 * other results and must not be resumed. */
static enum status create(const struct arguments *arguments, const struct spec *spec,
                          struct fault *fault)
{
    const struct store_program program = store_this_program();
    enum status status = store_create(arguments->output, spec, &program, fault);
    if (status == STATUS_OK)
        checkpoint_tidy(arguments->output, NULL, 0);
    return status;
}

/* An existing file must be of this spec, and its run must not be finished. The file is opened for
 * reading only: a finished file is never opened for writing again, so that nothing can damage
 * it. */
static enum status check_unfinished(const char *path, const struct spec *spec, struct fault *fault)
{
    struct store *store = NULL;
    enum status status = store_open(&store, path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = extension_match(store, path, spec, fault);
    if (status == STATUS_OK)
        status = store_check_layout(store, fault);
    if (status == STATUS_OK && store_state(store, 0) == STORE_DONE)
        status = fault_set(fault, STATUS_INPUT,
                           "%s: this run is finished, expected another file, or --force to replace "
                           "it",
                           path);
    store_close(&store);
    return status;
}

/* Open the file for the run; make it when it does not exist or is to be replaced. Called with the
 * lock held, so what check_output saw is looked at again: another process may have finished the run
 * meanwhile. */
static enum status open_store(const struct arguments *arguments, const struct spec *spec,
                              struct store **store, struct fault *fault)
{
    const char *const path = arguments->output;
    struct stat entry;
    enum status status = disk_look(path, 0, &entry, fault);
    if (status == STATUS_OK)
        status = arguments->force || entry.st_mode == 0 ? create(arguments, spec, fault)
                                                        : check_unfinished(path, spec, fault);
    return status == STATUS_OK ? store_open(store, path, STORE_WRITE, fault) : status;
}

/* Refuse what can be refused before the lock file is made: a command that is refused leaves nothing
 * behind. */
static enum status check_output(const struct arguments *arguments, const struct spec *spec,
                                struct fault *fault)
{
    struct stat entry;
    struct fault warning;
    const char *const path = arguments->output;
    enum status status = disk_look(path, 0, &entry, fault);
    const bool there = status == STATUS_OK && entry.st_mode != 0;
    if (there && !S_ISREG(entry.st_mode))
        status = fault_set(fault, STATUS_INPUT,
                           "--output: %s is not a file, expected the name of one", path);
    else if (there && !arguments->force)
        status = check_unfinished(path, spec, fault);
    else if (there)
        status = disk_check_access(path, fault);
    if (status == STATUS_OK)
        status = sidecar_check(path, &warning, fault);
    if (status == STATUS_OK && warning.text[0] != '\0')
        fprintf(stderr, "ccmsweep: warning: %s\n", warning.text);
    return status;
}

/* End after a polite stop: save a checkpoint when there is a file, and say how far the training is
 * and what to do next. */
static enum status leave(struct attempt *attempt, struct fault *fault)
{
    const struct trainer_progress at = trainer_progress(attempt->trainer);
    const enum status status = attempt->store != NULL ? attempt_stop(attempt, fault) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    return fault_set(fault, STATUS_STOPPED, "stopped after episode %lld of %lld; %s",
                     (long long)at.episode, (long long)at.episodes,
                     attempt->store != NULL ? "run the same command again to resume"
                                            : "nothing is kept without --output");
}

static bool keeps(const struct trainer *trainer)
{
    return trainer_settings(trainer)->checkpoint.keep == KEEP_CENSORED;
}

/* Train episode by episode until the training ends or a signal asks to stop; then commit, or leave.
 * The run is claimed before its checkpoint is read: if reading needs too much memory or crashes,
 * that counts as an attempt of this run. */
static enum status pull(const struct arguments *arguments, struct store *store,
                        struct trainer *trainer, double *wall_s, struct fault *fault)
{
    struct progress progress;
    progress_init(&progress, (enum progress_mode)arguments->progress, stderr);
    struct attempt attempt = {.store = store,
                              .path = arguments->output,
                              .progress = &progress,
                              .checkpoint_s = trainer_settings(trainer)->checkpoint.every_s,
                              .keeps = keeps(trainer)};
    const double began_s = clock_now();
    enum status status = attempt_claim(&attempt, 0, fault);
    if (status == STATUS_OK)
        status = attempt_begin(&attempt, trainer, fault);
    progress_start(&progress, trainer_episode(trainer), clock_now());
    while (status == STATUS_OK && !trainer_done(trainer) && !stop_requested()) {
        status = attempt_episode(&attempt, fault);
        const struct trainer_progress at = trainer_progress(trainer);
        progress_show(&progress, &at, clock_now());
    }
    progress_fini(&progress);
    *wall_s = clock_now() - began_s;
    if (status == STATUS_OK && !trainer_done(trainer))
        status = leave(&attempt, fault);
    else if (status == STATUS_OK && store != NULL)
        status = attempt_commit(&attempt, wall_s, fault);
    if (status == STATUS_OK && store != NULL)
        /* The run is committed, so no checkpoint of it is needed any more, nor the folder. */
        checkpoint_tidy(arguments->output,
                        &(bool){keeps(trainer) && trainer_ended_by_limit(trainer)}, 1);
    return status;
}

/* With a file: check, lock, open, in this order. The lock is held until the file is closed. The
 * summary is printed last, when the results are safe. */
static enum status train(const struct arguments *arguments, const struct spec *spec,
                         struct trainer *trainer, struct fault *fault)
{
    struct lock *lock = NULL;
    struct store *store = NULL;
    enum status status = STATUS_OK;
    if (arguments->output != NULL) {
        status = check_output(arguments, spec, fault);
        if (status == STATUS_OK)
            status = lock_acquire(&lock, arguments->output, lock_wait_s, fault);
        if (status == STATUS_OK)
            status = open_store(arguments, spec, &store, fault);
    }
    double wall_s = 0;
    if (status == STATUS_OK)
        status = pull(arguments, store, trainer, &wall_s, fault);
    if (status == STATUS_OK)
        status = summary_write(trainer_settings(trainer), trainer_record(trainer), wall_s,
                               arguments->json, fault);
    store_close(&store);
    lock_release(&lock);
    return status;
}

enum status cmd_train(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.progress = PROGRESS_AUTO};
    struct spec *spec = NULL;
    spec_options_init(&arguments.options, argc);
    enum status status = options_parse(&train_line, OPTIONS_EXIT, argc, argv, &arguments);
    if (status == STATUS_OK)
        status = spec_options_resolve(&arguments.options, &spec, fault);
    if (status == STATUS_OK)
        status = spec_check_single(spec, fault);
    if (status == STATUS_OK && arguments.output != NULL)
        status = disk_resolve(arguments.output, &arguments.file, fault);
    if (status == STATUS_OK) {
        arguments.output = arguments.file;
        struct settings cell;
        char why[512];
        spec_cell(spec, 0, &cell);
        /* Not "launched" even under mpirun: the process is alone, and each signal means this
         * training. */
        stop_install(false, false);
        if (launcher_explain(why, sizeof why))
            fprintf(stderr, "ccmsweep: warning: %s\n", why);
        struct trainer *trainer = trainer_new(&cell);
        status = train(&arguments, spec, trainer, fault);
        trainer_free(&trainer);
    }
    spec_free(&spec);
    free(arguments.file);
    spec_options_fini(&arguments.options);
    return status;
}

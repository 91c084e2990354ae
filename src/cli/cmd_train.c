// SPDX-License-Identifier: MIT
#include "cli/commands.h"
#include "cli/options.h"
#include "report/summary.h"
#include "run/attempt.h"
#include "store/checkpoint.h"
#include "store/sidecar.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/launcher.h"
#include "sys/lock.h"
#include "sys/stop_signal.h"
#include <ccmsweep/trainer.h>
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_SET = 0x100, KEY_FORCE, KEY_PROGRESS, KEY_JSON, KEY_SETTING };

/* A killed job holds its lock for about a second more. */
static const double lock_wait_s = 5;

struct arguments {
    struct request request;
    const char *output; /* NULL: keep nothing */
    char *file;         /* output, resolved */
    bool force;
    bool json;
    enum progress_mode progress;
};

static const struct argp_option fixed_options[] = {
    {"output", 'o', "FILE", 0,
     "keep the run in FILE (HDF5), with checkpoints beside it: a run that was stopped goes on, a "
     "finished one is refused",
     0},
    {"force", KEY_FORCE, NULL, 0, "replace FILE, whatever it holds", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "give any setting a value; repeatable", 0},
    {"progress", KEY_PROGRESS, "MODE", 0,
     "on standard error: auto (default), bar, lines (every 10 s) or none", 0},
    {"json", KEY_JSON, NULL, 0, "print the summary as JSON", 0},
};
enum { FIXED_OPTIONS = sizeof fixed_options / sizeof *fixed_options };

/* The options of the settings table and the fixed ones; the caller frees them. */
static struct argp_option *make_options(void)
{
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    struct argp_option *const options = fault_alloc(count + FIXED_OPTIONS + 1, sizeof *options);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (table[i].option != NULL)
            options[used++] =
                (struct argp_option){.name = table[i].option,
                                     .key = KEY_SETTING + (int)i,
                                     .arg = table[i].type == TYPE_INTEGER ? "N" : "REAL",
                                     .doc = table[i].help};
    }
    memcpy(options + used, fixed_options, sizeof fixed_options);
    return options;
}

static enum progress_mode parse_progress(const char *value, const struct argp_state *state)
{
    for (int i = 0; progress_modes[i] != NULL; i++) {
        if (strcmp(progress_modes[i], value) == 0)
            return (enum progress_mode)i;
    }
    argp_error(state, "--progress: '%s' is unknown, expected one of auto, bar, lines, none", value);
    return PROGRESS_NONE;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const arguments = state->input;
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    switch (key) {
    case 'o':
        arguments->output = request_name(value, "--output", state);
        return 0;
    case KEY_FORCE:
        arguments->force = true;
        return 0;
    case KEY_SET:
        request_add(&arguments->request, NULL, value);
        return 0;
    case KEY_PROGRESS:
        arguments->progress = parse_progress(value, state);
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->request.path != NULL)
            argp_error(state, "too many arguments: '%s', expected one spec", value);
        arguments->request.path = request_name(value, NULL, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->force && arguments->output == NULL)
            argp_error(state, "--force has nothing to replace, expected --output as well");
        return 0;
    default:
        if (key < KEY_SETTING || key >= KEY_SETTING + (int)count)
            return ARGP_ERR_UNKNOWN;
        request_add(&arguments->request, &table[key - KEY_SETTING], value);
        return 0;
    }
}

/* The text below the options, with every setting of the table. argp frees it. */
static char *filter_help(int key, const char *text, void *input)
{
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)(uintptr_t)text;
    char *help = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&help, &size);
    CHECK(file != NULL);
    fputs("A setting's value is that of its option, else of --set, else of the spec,\n"
          "else its default. Ctrl-C (or SIGTERM, SIGHUP, SIGUSR1) saves a checkpoint and\n"
          "leaves; the same command goes on from there. A second one kills.\n\n"
          "Settings, for --set and the spec:\n\n",
          file);
    spec_print_help(file);
    fputs("\nExit codes: 0 complete; 1 a fault of the system; 2 wrong input, nothing was\n"
          "touched; 4 FILE is in use by another run; 75 stopped early, run the same\n"
          "command again.\n",
          file);
    CHECK(fclose(file) == 0);
    return help;
}

static void parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    struct argp_option *const options = make_options();
    const struct argp parser = {
        .options = options,
        .parser = parse,
        .args_doc = "[SPEC.yaml]",
        .doc = "Train one cell: one actor and one critic learning rate, one seed, tracked.",
        .help_filter = filter_help,
    };
    argp_parse(&parser, argc, argv, 0, NULL, arguments);
    free(options);
}

static enum status create(const struct arguments *arguments, const struct spec *spec,
                          struct fault *fault)
{
    const struct store_program program = store_this_program();
    enum status status = store_create(arguments->output, spec, &program, fault);
    if (status == STATUS_OK)
        checkpoint_tidy(arguments->output, NULL, 0);
    return status;
}

/* An existing file must be of this spec, and its run not finished. It is only read for that: what
 * is finished is never opened for writing again. */
static enum status check_unfinished(const char *path, const struct spec *spec, struct fault *fault)
{
    struct store *store = NULL;
    enum status status = store_open(&store, path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = store_match(store, spec, fault);
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

/* Open the file for the run, making it when it is absent or to be replaced. */
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

/* What can be refused is refused before the lock's file is made. */
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

/* What a polite stop leaves. */
static enum status leave(struct attempt *attempt, struct fault *fault)
{
    const struct trainer_progress at = trainer_progress(attempt->trainer);
    const enum status status = attempt->store != NULL ? attempt_stop(attempt, fault) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    return fault_set(fault, STATUS_STOPPED, "stopped after episode %lld of %lld; %s",
                     (long long)at.episode, (long long)at.episodes,
                     attempt->store != NULL ? "run the same command again to go on"
                                            : "nothing is kept without --output");
}

/* Train to the end and commit, or to a polite stop. */
static enum status pull(const struct arguments *arguments, struct store *store,
                        struct trainer *trainer, double *wall_s, struct fault *fault)
{
    struct progress progress;
    progress_init(&progress, arguments->progress, stderr);
    struct attempt attempt = {.store = store,
                              .path = arguments->output,
                              .progress = &progress,
                              .checkpoint_s = trainer_settings(trainer)->checkpoint.every_s};
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
        checkpoint_tidy(arguments->output, &(bool){false}, 1);
    return status;
}

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
    request_init(&arguments.request, argc);
    parse_arguments(argc, argv, &arguments);
    struct spec *spec = NULL;
    enum status status = request_resolve(&arguments.request, &spec, fault);
    if (status == STATUS_OK)
        status = spec_check_single(spec, fault);
    if (status == STATUS_OK && arguments.output != NULL)
        status = disk_resolve(arguments.output, &arguments.file, fault);
    if (status == STATUS_OK) {
        arguments.output = arguments.file;
        struct settings cell;
        char why[512];
        spec_cell(spec, 0, &cell);
        stop_install(false, false);
        if (launcher_explain(why, sizeof why))
            fprintf(stderr, "ccmsweep: warning: %s\n", why);
        struct trainer *trainer = trainer_new(&cell);
        status = train(&arguments, spec, trainer, fault);
        trainer_free(&trainer);
    }
    spec_free(&spec);
    free(arguments.file);
    request_fini(&arguments.request);
    return status;
}

// SPDX-License-Identifier: MIT
/* `ccmsweep bench train`: which trainings are measured, and the report. The measurement itself is
 * in bench/bench_train; the second form, `bench schedule`, has options of its own and is in
 * cmd_bench_schedule.c. */
#include "base/text.h"
#include "bench/bench.h"
#include "cli/commands.h"
#include "cli/spec_rows.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The cost of an episode depends on whether the actors still move, so two trainings are measured.
 * In the first the actors keep learning, and it stays as costly as it is at first. In the second
 * they saturate soon, and from then on few samples need a new maximum. `skip` is long enough for
 * each to have reached that state. */
static const struct regime {
    const char *name;
    double actor_lr, critic_lr;
    int64_t skip;
} regimes[] = {
    {"moving", 0.0001, 0.001, 20},
    {"saturated", 0.1, 0.01, 60},
};
enum { REGIMES = sizeof regimes / sizeof *regimes };

/* The seed of the published runs; the cost hardly depends on it. */
static const int64_t default_seed = 42;

struct arguments {
    struct spec_options options;
    bool train;          /* the bench was named */
    int regime;          /* REGIMES: all */
    int64_t skip, count; /* skip -1: that of the regime */
    bool json;
};

/* "both" stands behind the regimes, so that its place is REGIMES, which is also the default. */
static const char *name_regime(int place)
{
    if (place < REGIMES)
        return regimes[place].name;
    return place == REGIMES ? "both" : NULL;
}

static const char *name_bench(int place)
{
    static const char *const names[] = {"train", "schedule", NULL};
    return names[place];
}

/* The word "schedule" does not come here: cmd_bench sees it before any option is parsed, because
 * that form has other options. It is a name of the row for messages and for completion only. */
static enum status set_bench(void *arguments, const char *value, struct fault *fault)
{
    struct arguments *const a = arguments;
    char quoted[TEXT_QUOTED];
    a->train = strcmp(value, "train") == 0;
    return a->train
               ? STATUS_OK
               : fault_set(fault, STATUS_INPUT, "%s: unknown bench, expected train or schedule",
                           text_quote(value, quoted));
}

static const struct option_row options[] = {
    {.name = "regime",
     .argument = "NAME",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct arguments, regime),
     .help = "moving, saturated or both (default)",
     .choice = name_regime},
    {.name = "skip",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, skip),
     .help = "train N episodes before the first that is measured (default 20 for moving, 60 for "
             "saturated)",
     .noun = "a number of episodes",
     .low = 0,
     .like = "training.episodes"},
    {.name = "count",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, count),
     .help = "measure N episodes (default 200)",
     .noun = "a number of episodes",
     .low = 1,
     .like = "training.episodes"},
    SPEC_ROWS_SET(struct arguments, options, "give any setting a value, as for train; repeatable"),
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print the report as JSON"},
    {0},
};

static const struct option_row operands[] = {
    {.argument = "BENCH", .kind = OPTION_SETTER, .choice = name_bench, .set = set_bench},
    {0},
};

static enum status finish(void *arguments, struct fault *fault)
{
    const struct arguments *const a = arguments;
    if (!a->train)
        return fault_set(fault, STATUS_INPUT, "no bench, expected train or schedule");
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "measured"},
    {STATUS_INPUT, "wrong input, or the training ended before the first episode to measure"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep bench train --regime moving", "The cost of an episode, and what it is spent on."},
    {NULL, NULL},
};

const struct command_line bench_line = {
    .name = "ccmsweep bench",
    .arguments = "train\nschedule [OPTION...]",
    .intro = "Measure on this machine what a training costs, or the sweep around it (see "
             "ccmsweep bench schedule --help).",
    .details =
        "What is measured is the CPU time of an episode, whole and by phase; its arithmetic, "
        "compared with the sgemm of OpenBLAS; and memory. There are two trainings, or regimes: "
        "'moving' (actor_lr 0.0001, critic_lr 0.001), whose actors keep learning, and 'saturated' "
        "(0.1, 0.01), whose actors have saturated; seed 42. A value given by --set has precedence "
        "over these. It "
        "takes some seconds; nothing is kept.",
    .options = options,
    .operands = operands,
    .expected = "one bench",
    .exits = exits,
    .examples = examples,
    .see_also = "plan train",
    .part = &bench_schedule_line,
    .finish = finish,
};

/* The range of the setting is the limit of --skip and --count together, too: the cell must be a
 * valid one. */
static int64_t most_episodes(void)
{
    return (int64_t)settings_find("training.episodes")->max;
}

/* Whether the user gave a value with --set. */
static bool is_given(const struct spec *spec, const char *key)
{
    return spec_gives(spec, settings_find(key));
}

/* The cell of a regime. A value that the user gave with --set has precedence over the regime's. The
 * limit of episodes is raised where it would end the training before the last episode to
 * measure. */
static void make_cell(const struct spec *spec, const struct regime *regime, int64_t episodes,
                      struct settings *cell)
{
    spec_cell(spec, 0, cell);
    if (!is_given(spec, "training.actor_lr"))
        cell->training.actor_lr = regime->actor_lr;
    if (!is_given(spec, "training.critic_lr"))
        cell->training.critic_lr = regime->critic_lr;
    if (!is_given(spec, "training.seed"))
        cell->training.seed = default_seed;
    if (!is_given(spec, "training.episodes") && episodes > cell->training.episodes)
        cell->training.episodes = episodes;
}

/* The sum is checked here and not with the options, because the default of --skip differs between
 * regimes. */
static enum status measure_regime(const struct arguments *arguments, const struct spec *spec,
                                  const struct regime *regime, struct bench_regime *measured,
                                  struct fault *fault)
{
    const int64_t skip = arguments->skip >= 0 ? arguments->skip : regime->skip;
    const int64_t episodes = skip + arguments->count;
    if (episodes > most_episodes())
        return fault_set(fault, STATUS_INPUT,
                         "--skip, --count: %" PRId64 " episodes in all, expected at most %" PRId64,
                         episodes, most_episodes());
    measured->name = regime->name;
    make_cell(spec, regime, episodes, &measured->cell);
    const enum status status =
        bench_train_measure(&measured->cell, skip, arguments->count, &measured->train, fault);
    if (status != STATUS_OK)
        fault_prefix(fault, "%s", regime->name);
    return status;
}

/* The BLAS comes first: when it cannot be loaded, the user learns it at once and not after the
 * trainings. It is measured once, at the shapes of the spec's cell, which are those of both
 * regimes. */
static enum status measure_all(const struct arguments *arguments, const struct spec *spec,
                               struct fault *fault)
{
    struct settings cell;
    struct sgemm_reference reference;
    struct bench_regime measured[REGIMES];
    size_t count = 0;
    spec_cell(spec, 0, &cell);
    enum status status = sgemm_reference_measure(&reference, &cell, fault);
    for (int i = 0; i < REGIMES && status == STATUS_OK; i++) {
        if (arguments->regime == REGIMES || arguments->regime == i)
            status = measure_regime(arguments, spec, &regimes[i], &measured[count++], fault);
    }
    if (status != STATUS_OK)
        return status;
    if (!arguments->json)
        bench_print(stdout, &reference, count, measured);
    else if (!bench_print_json(stdout, &reference, count, measured) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}

enum status cmd_bench(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.regime = REGIMES, .skip = -1, .count = 200};
    /* Only as the first word: behind an option "schedule" could be the option's value. */
    if (argc > 1 && strcmp(argv[1], "schedule") == 0)
        return cmd_bench_schedule(argc - 1, argv + 1, fault);
    struct spec *spec = NULL;
    spec_options_init(&arguments.options, argc);
    enum status status = options_parse(&bench_line, OPTIONS_EXIT, argc, argv, &arguments);
    if (status == STATUS_OK)
        status = spec_options_resolve(&arguments.options, &spec, fault);
    if (status == STATUS_OK)
        status = measure_all(&arguments, spec, fault);
    spec_free(&spec);
    spec_options_fini(&arguments.options);
    return status;
}

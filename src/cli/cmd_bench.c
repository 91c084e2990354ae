// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "bench/bench.h"
#include "cli/commands.h"
#include "cli/options.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { KEY_REGIME = 0x100, KEY_SKIP, KEY_COUNT, KEY_SET, KEY_JSON };

/* A training that stays as costly as it is at first, and one that soon stands still: its actors
 * saturate, and from then on few samples need their maximum. */
static const struct regime {
    const char *name;
    double actor_lr, critic_lr;
    int64_t skip;
} regimes[] = {
    {"moving", 0.0001, 0.001, 20},
    {"saturated", 0.1, 0.01, 60},
};
enum { REGIMES = sizeof regimes / sizeof *regimes };

static const int64_t default_seed = 42;

struct arguments {
    struct request request;
    const char *bench;
    int regime;          /* REGIMES: all */
    int64_t skip, count; /* skip -1: that of the regime */
    bool json;
};

static const struct argp_option options[] = {
    {"regime", KEY_REGIME, "NAME", 0, "moving, saturated or both (default)", 0},
    {"skip", KEY_SKIP, "N", 0,
     "train N episodes before the first that is measured (default 20 for moving, 60 for saturated)",
     0},
    {"count", KEY_COUNT, "N", 0, "measure N episodes (default 200)", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "give any setting a value, as for train; repeatable", 0},
    {"json", KEY_JSON, NULL, 0, "print the report as JSON", 0},
    {0},
};

static int64_t most_episodes(void)
{
    return (int64_t)settings_find("training.episodes")->max;
}

static int64_t parse_episodes(const char *option, int64_t least, const char *value,
                              const struct argp_state *state)
{
    int64_t episodes = 0;
    char quoted[TEXT_QUOTED];
    if (!text_parse_integer(value, &episodes) || episodes < least || episodes > most_episodes())
        argp_error(state,
                   "--%s: %s is no number of episodes, expected a whole number from %" PRId64
                   " to %" PRId64,
                   option, text_quote(value, quoted), least, most_episodes());
    return episodes;
}

static int parse_regime(const char *value, const struct argp_state *state)
{
    char quoted[TEXT_QUOTED];
    for (int i = 0; i < REGIMES; i++) {
        if (strcmp(regimes[i].name, value) == 0)
            return i;
    }
    if (strcmp(value, "both") != 0)
        argp_error(state, "--regime: %s is unknown, expected one of moving, saturated, both",
                   text_quote(value, quoted));
    return REGIMES;
}

static void parse_word(const char *word, struct arguments *arguments,
                       const struct argp_state *state)
{
    char quoted[TEXT_QUOTED];
    if (arguments->bench != NULL)
        argp_error(state, "too many arguments: %s, expected one bench", text_quote(word, quoted));
    if (strcmp(word, "train") != 0)
        argp_error(state, "%s: unknown bench, expected train or schedule",
                   text_quote(word, quoted));
    arguments->bench = word;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const arguments = state->input;
    switch (key) {
    case KEY_REGIME:
        arguments->regime = parse_regime(value, state);
        return 0;
    case KEY_SKIP:
        arguments->skip = parse_episodes("skip", 0, value, state);
        return 0;
    case KEY_COUNT:
        arguments->count = parse_episodes("count", 1, value, state);
        return 0;
    case KEY_SET:
        request_add(&arguments->request, NULL, value);
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        parse_word(value, arguments, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->bench == NULL)
            argp_error(state, "no bench, expected train or schedule");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "train\nschedule [OPTION...]",
    .doc = "Measure on this machine what a training costs, or the sweep around it (bench schedule\n"
           "--help).\v"
           "CPU time of an episode, whole and by phase; its arithmetic, compared with the\n"
           "sgemm of OpenBLAS; and memory. Of two trainings, or regimes: 'moving'\n"
           "(actor_lr 0.0001, critic_lr 0.001), whose actors go on learning, and\n"
           "'saturated' (0.1, 0.01), whose actors have saturated; seed 42. What --set\n"
           "gives wins over these. Takes some seconds; nothing is kept. Exit codes: 0\n"
           "measured; 2 wrong input, or the training ended before the first episode to\n"
           "measure.",
};

static bool is_given(const struct spec *spec, const char *key)
{
    return spec_gives(spec, settings_find(key));
}

/* The regime's cell: what --set gives wins. */
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
    else if (!bench_print_json(stdout, &reference, count, measured) && errno != EPIPE)
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}

enum status cmd_bench(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.regime = REGIMES, .skip = -1, .count = 200};
    if (argc > 1 && strcmp(argv[1], "schedule") == 0)
        return bench_schedule(argc - 1, argv + 1, fault);
    request_init(&arguments.request, argc);
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    struct spec *spec = NULL;
    enum status status = request_resolve(&arguments.request, &spec, fault);
    if (status == STATUS_OK)
        status = measure_all(&arguments, spec, fault);
    spec_free(&spec);
    request_fini(&arguments.request);
    return status;
}

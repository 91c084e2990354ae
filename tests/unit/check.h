// SPDX-License-Identifier: MIT
/** cmocka and what the tests share on top of it. */
#ifndef CCMSWEEP_TESTS_CHECK_H
#define CCMSWEEP_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ccmsweep/settings.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* |got - want| ≤ tolerance·|want|, or both NaN; says where when not. */
#define assert_close(got, want, tolerance, ...)                                                    \
    check_close((got), (want), (tolerance), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 6, 7))) static inline void check_close(double got, double want,
                                                                     double tolerance,
                                                                     const char *file, int line,
                                                                     const char *format, ...)
{
    if ((isnan(got) && isnan(want)) || fabs(got - want) <= tolerance * fabs(want))
        return;
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    print_error("%s:%d: %s: got %.17g, want %.17g, off by %.2e of it, allowed %.1e\n", file, line,
                what, got, want, fabs(got - want) / fabs(want), tolerance);
    fail();
}

/* Apply "key=value" words, separated by blanks, to `s`. */
static inline void apply_settings(struct settings *s, const char *words)
{
    char text[1024];
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        struct fault fault;
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value++ = '\0';
        const struct setting *row = settings_find(word);
        if (row == NULL || settings_set(s, row, value, &fault) != STATUS_OK)
            fail_msg("cannot set %s to %s", word, value);
    }
}

/* The defaults with `words` applied. */
static inline struct settings settings_with(const char *words)
{
    struct settings s;
    settings_init(&s);
    apply_settings(&s, words);
    return s;
}

/* A training so small that it takes milliseconds. */
#define SMALL                                                                                      \
    "environment.agents=5 environment.channels=2 networks.actor_hidden1=8 "                        \
    "networks.actor_hidden2=6 networks.critic_hidden1=16 networks.critic_hidden2=12 "              \
    "training.batch=8 training.steps=4 training.episodes=30 replay.capacity=50 "                   \
    "tracking.log_every=3 tracking.snapshot_every=5 "

#endif

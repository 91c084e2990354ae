// SPDX-License-Identifier: MIT
/** A training that is saved and loaded, beside one that is left alone. */
#ifndef CCMSWEEP_TESTS_RESUME_CASE_H
#define CCMSWEEP_TESTS_RESUME_CASE_H

#include "check.h"
#include <ccmsweep/trainer.h>
#include <stdlib.h>

/* Train to `episodes` at once, and again with a state that was saved after `half` of them and
 * loaded into a trainer that had begun already: both must end in the same bytes. The caller frees
 * the two trainers: the one left alone, and the one that was loaded. */
static inline void resume(const char *words, int64_t half, int64_t episodes,
                          struct trainer *ended[2])
{
    const struct settings s = settings_with(words);
    struct trainer *saver = trainer_new(&s);
    struct fault fault = {""};
    const size_t size = trainer_state_size(saver);
    char *const saved = malloc(size), *const want = malloc(size), *const got = malloc(size);
    assert_true(saved != NULL && want != NULL && got != NULL);
    ended[0] = trainer_new(&s);
    ended[1] = trainer_new(&s);
    trainer_advance(ended[0], episodes);
    trainer_save(ended[0], want, size);
    trainer_advance(saver, half);
    trainer_save(saver, saved, size);
    trainer_advance(ended[1], 1);
    if (trainer_load(ended[1], saved, size, &fault) != STATUS_OK)
        fail_msg("%s: %s", words, fault.text);
    trainer_advance(ended[1], episodes - half);
    trainer_save(ended[1], got, size);
    if (memcmp(got, want, size) != 0)
        fail_msg("%s: other bytes after %d", words, (int)half);
    free(saved);
    free(want);
    free(got);
    trainer_free(&saver);
}

#endif

// SPDX-License-Identifier: MIT
#include "query/damage.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>

/* Number of runs with a warning each. A file that is damaged all over would fill the terminal with
 * thousands of lines; the rest is counted. */
enum { TOLD = 10 };

enum status damage_tell(struct store *store, const char *path, enum damage_depth depth,
                        const bool *chosen, struct fault *fault)
{
    int64_t count = 0;
    enum status status = store_inspect(store, true, fault);
    if (status == STATUS_OK && depth == DAMAGE_ROWS)
        status = store_compare(store, chosen, fault);
    for (int64_t run = 0; run < store_runs(store) && status == STATUS_OK; run++) {
        struct fault sentence;
        const char *const why = store_damage(store, run);
        if (why == NULL || ++count > TOLD)
            continue;
        fault_set(&sentence, STATUS_INPUT,
                  "run %" PRId64 " of %s is damaged: %s; it is left out, and run --check trains it "
                  "again",
                  run, path, why);
        fprintf(stderr, "ccmsweep: warning: %s\n", text_make_plain(sentence.text));
    }
    if (count > TOLD)
        fprintf(stderr, "ccmsweep: warning: %" PRId64 " more damaged runs are left out\n",
                count - TOLD);
    return status;
}

// SPDX-License-Identifier: MIT
#include "store/defects.h"
#include "sys/disk.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void defects_add(struct defects *defects, int64_t run, const char *dataset, int64_t episode,
                 const char *text)
{
    const size_t count = defects->count;
    /* The room doubles whenever the count is a power of two: 1, 2, 4, … */
    if ((count & (count - 1)) == 0) {
        struct defect *const wider = fault_alloc(count == 0 ? 1 : 2 * count, sizeof *wider);
        if (count > 0)
            memcpy(wider, defects->of, count * sizeof *wider);
        free(defects->of);
        defects->of = wider;
    }
    defects->of[defects->count++] = (struct defect){.run = run,
                                                    .dataset = disk_name("%s", dataset),
                                                    .episode = episode,
                                                    .text = disk_name("%s", text)};
}

void defects_say(struct defects *defects, int64_t run, const char *dataset, const char *format, ...)
{
    struct fault sentence;
    va_list args;
    va_start(args, format);
    vsnprintf(sentence.text, sizeof sentence.text, format, args);
    va_end(args);
    defects_add(defects, run, dataset, -1, sentence.text);
}

void defects_fini(struct defects *defects)
{
    for (size_t i = 0; i < defects->count; i++) {
        free(defects->of[i].dataset);
        free(defects->of[i].text);
    }
    free(defects->of);
    *defects = (struct defects){0};
}

// SPDX-License-Identifier: MIT
#include "store/findings.h"
#include "sys/disk.h"
#include <stdlib.h>
#include <string.h>

void findings_add(struct findings *findings, int64_t run, const char *dataset, int64_t episode,
                  const char *text)
{
    const size_t count = findings->count;
    /* The room doubles whenever the count is a power of two: 1, 2, 4, … */
    if ((count & (count - 1)) == 0) {
        struct finding *const wider = fault_alloc(count == 0 ? 1 : 2 * count, sizeof *wider);
        if (count > 0)
            memcpy(wider, findings->of, count * sizeof *wider);
        free(findings->of);
        findings->of = wider;
    }
    findings->of[findings->count++] = (struct finding){.run = run,
                                                       .dataset = disk_name("%s", dataset),
                                                       .episode = episode,
                                                       .text = disk_name("%s", text)};
}

void findings_fini(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->of[i].dataset);
        free(findings->of[i].text);
    }
    free(findings->of);
    *findings = (struct findings){0};
}

// SPDX-License-Identifier: MIT
/* `ccmsweep --version`: what someone needs to know to say whether two results can be compared.
 * Scripts of jobs/ read the lines "ccmsweep" and "revision". */
#include "base/build.h"
#include "cli/commands.h"
#include "model/kernels.h"
#include "store/store.h"
#include <ccmsweep/trainer.h>
#include <stdio.h>

void version_print(void)
{
    printf("ccmsweep %s\n", build_version());
    printf("revision     %s\n", build_revision());
    printf("algorithm    %d (results of one algorithm version agree)\n", TRAINER_ALGORITHM_VERSION);
    printf("file schema  %d\n", STORE_SCHEMA_VERSION);
    printf("compiler     %s\n", build_compiler());
    printf("flags        %s\n", build_flags());
    printf("libraries    %s\n", build_libraries());
    const struct kernels *kernels = kernels_best();
    printf("CPU level    %s%s\n", kernels->level,
           kernels->fused ? ", fused multiply-add" : ", no fused multiply-add");
}

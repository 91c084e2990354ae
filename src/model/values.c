// SPDX-License-Identifier: MIT
#include "model/values.h"

void values_bind(struct values *values, const struct critic *critic, struct arena *scratch)
{
    values->critic = critic;
    linear_region_bind(&values->region, critic, scratch);
}

void values_find(struct values *values, const float *theta, const float *joint,
                 struct critic_rows *rows)
{
    linear_region_evaluate(&values->region, theta, joint, rows);
}

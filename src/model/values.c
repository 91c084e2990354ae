// SPDX-License-Identifier: MIT
#include "model/values.h"

void values_bind(struct values *values, const struct critic *critic, struct arena *scratch)
{
    values->critic = critic;
    if (critic_normed(critic))
        normed_region_bind(&values->normed, critic, 1, scratch);
    else
        linear_region_bind(&values->region, critic, scratch);
}

void values_find(struct values *values, const float *theta, const float *joint,
                 struct critic_rows *rows)
{
    if (critic_normed(values->critic))
        normed_region_evaluate(&values->normed, theta, joint, rows);
    else
        linear_region_evaluate(&values->region, theta, joint, rows);
}

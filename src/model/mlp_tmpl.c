// SPDX-License-Identifier: MIT
/* Dense layers, in f32 and in f64. */
#include "model/mlp.h"

void REAL(mlp_hidden)(struct compute *compute, const struct mlp *mlp, int layer, const real *theta,
                      int rows, const real *x, size_t x_row, real *y)
{
    struct REAL(product) p =
        REAL(product_of)(rows, mlp->out[layer], mlp->in[layer], x, theta + mlp->weight[layer], y);
    p.a_row = x_row;
    p.start = theta + mlp->bias[layer];
    p.finish = mlp_finish(mlp);
    REAL(compute_product)(compute, &p);
}

/* Few outputs, and a weight with the inputs of an output side by side: sums along both rows, where
 * a product would have vectors with three or one of their elements in use. */
void REAL(mlp_output)(struct compute *compute, const struct mlp *mlp, const real *theta, int rows,
                      const real *x, real *y)
{
    const int layer = MLP_LAYERS - 1;
    const size_t in = (size_t)mlp->in[layer];
    const struct REAL(dots) d = {
        .m = rows,
        .n = mlp->out[layer],
        .k = mlp->in[layer],
        .a = x,
        .a_row = in,
        .b = theta + mlp->weight[layer],
        .b_row = in,
        .c = y,
        .c_row = (size_t)mlp->out[layer],
        .start = theta + mlp->bias[layer],
    };
    REAL(compute_dots)(compute, &d);
}

void REAL(mlp_transpose)(int rows, int columns, const real *from, real *to)
{
    /* In blocks, so that neither the reads nor the writes leave a cache line before it is used up.
     */
    enum { BLOCK = 16 };
    for (int r = 0; r < rows; r += BLOCK)
        for (int c = 0; c < columns; c += BLOCK)
            for (int i = r; i < rows && i < r + BLOCK; i++)
                for (int j = c; j < columns && j < c + BLOCK; j++)
                    to[(size_t)j * (size_t)rows + (size_t)i] =
                        from[(size_t)i * (size_t)columns + (size_t)j];
}

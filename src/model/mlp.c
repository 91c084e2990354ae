// SPDX-License-Identifier: MIT
#include <ccmsweep/blas.h>
#include <ccmsweep/mlp.h>
#include <math.h>
#include <string.h>

struct mlp mlp_make(int inputs, int hidden1, int hidden2, int outputs)
{
    struct mlp mlp = {.in = {inputs, hidden1, hidden2}, .out = {hidden1, hidden2, outputs}};
    for (int l = 0; l < MLP_LAYERS; l++) {
        mlp.weight[l] = mlp.size;
        mlp.bias[l] = mlp.size + (size_t)mlp.in[l] * (size_t)mlp.out[l];
        mlp.size = mlp.bias[l] + (size_t)mlp.out[l];
    }
    return mlp;
}

static void draw_layer(const struct mlp *mlp, int layer, float *theta, struct torch_rng *rng,
                       double bound)
{
    for (size_t p = mlp_layer_begin(mlp, layer); p < mlp_layer_end(mlp, layer); p++)
        theta[p] = torch_uniform(rng, -bound, bound);
}

void mlp_init(const struct mlp *mlp, float *theta, struct torch_rng *rng, double bound)
{
    for (int l = 0; l < MLP_LAYERS; l++)
        draw_layer(mlp, l, theta, rng, 1.0 / sqrt(mlp->in[l]));
    draw_layer(mlp, MLP_LAYERS - 1, theta, rng, bound);
}

void mlp_layer(const struct mlp *mlp, int layer, const float *theta, int rows, const float *x,
               int ldx, float *y, int ldy, int relu)
{
    const int in = mlp->in[layer];
    const int out = mlp->out[layer];
    const float *bias = theta + mlp->bias[layer];
    for (int r = 0; r < rows; r++)
        memcpy(y + (size_t)r * (size_t)ldy, bias, (size_t)out * sizeof *y);
    blas_nt(rows, out, in, x, ldx, theta + mlp->weight[layer], in, 1.0F, y, ldy);
    if (relu)
        for (int r = 0; r < rows; r++)
            mlp_relu(y + (size_t)r * (size_t)ldy, (size_t)out);
}

void mlp_relu(float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = y[i] < 0.0F ? 0.0F : y[i];
}

void mlp_relu_backward(const float *d_h, const float *h, size_t count, float *d_a)
{
    for (size_t i = 0; i < count; i++)
        d_a[i] = h[i] > 0.0F ? d_h[i] : 0.0F;
}

void mlp_layer_gradient(const struct mlp *mlp, int layer, int rows, const float *d_y, int ldy,
                        const float *x, int ldx, float *d_theta)
{
    const int in = mlp->in[layer];
    const int out = mlp->out[layer];
    float *d_bias = d_theta + mlp->bias[layer];
    blas_tn(out, in, rows, d_y, ldy, x, ldx, 0.0F, d_theta + mlp->weight[layer], in);
    memset(d_bias, 0, (size_t)out * sizeof *d_bias);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < out; o++)
            d_bias[o] += d_y[(size_t)r * (size_t)ldy + (size_t)o];
}

size_t mlp_layer_begin(const struct mlp *mlp, int layer)
{
    return mlp->weight[layer];
}

size_t mlp_layer_end(const struct mlp *mlp, int layer)
{
    return mlp->bias[layer] + (size_t)mlp->out[layer];
}

double mlp_norm(const float *x, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

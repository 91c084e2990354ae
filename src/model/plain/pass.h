// SPDX-License-Identifier: MIT
/**
 * Networks of the plain step in f64: forward and backward, and beside each value the error that an
 * evaluation in f32 may make: roundings of its own and of what it is made of, in quadrature.
 */
#ifndef CCMSWEEP_PLAIN_PASS_H
#define CCMSWEEP_PLAIN_PASS_H

#include "model/mlp.h"
#include "model/real.h"
#include <stdbool.h>
#include <stddef.h>

/** Error of a sum in f32, of the sum of its terms' magnitudes, and of one in f64. */
#define PASS_ROUNDING     0x1p-23
#define PASS_ROUNDING_F64 0x1p-52
/** A ReLU is within rounding of its kink when its sum is below so many errors. */
#define PASS_KINK 4.0

/** A network: weights (out, in), their magnitudes and squares; γ and β (out) of normalisations. */
struct net {
    struct mlp mlp;
    double rounding; /**< of the precision of the model's network */
    double *weight[MLP_LAYERS], *size[MLP_LAYERS], *square[MLP_LAYERS], *bias[MLP_LAYERS];
    double *gamma[MLP_LAYERS], *beta[MLP_LAYERS];
};

/** What a layer normalisation keeps of its rows: û with its error (rows, out), 1/√(var + 1e-5) with
 *  its relative error (rows). */
struct pass_norm {
    double *unit, *unit_error, *scale, *scale_error;
};

/** A forward pass. value[l], error[l] (rows, in[l]) go into layer l, those of MLP_LAYERS come out;
 *  on, near its kink: (rows, out[l]) of the ReLUs. A normalisation is behind its layer's ReLU. */
struct pass {
    const struct net *net; /**< borrowed */
    int rows;
    double *value[MLP_LAYERS + 1], *error[MLP_LAYERS + 1];
    bool *on[MLP_LAYERS], *near[MLP_LAYERS];
    struct pass_norm norm[MLP_LAYERS]; /**< of layers that have one */
};

/** Zeroed array. */
double *pass_reals(size_t count);

/** y (rows, out) = x (rows, in) · w (out, in)ᵀ */
void pass_product(int rows, int out, int in, const double *x, const double *w, double *y);

/** Σ x² */
double pass_squared_norm(const double *x, size_t count);

/** Take parameters in the model's layout and precision, in place of those before. */
void net_take(struct net *net, struct reals theta);

/** Free the parameters. */
void net_free(struct net *net);

/** Room for `rows` rows; inputs and their errors are 0. */
struct pass pass_new(const struct net *net, int rows);

/** Free; the struct is then empty, which is fine too. */
void pass_free(struct pass *p);

/** From value[0] and error[0] to everything else. */
void pass_forward(struct pass *p);

/**
 * Back from the gradient by the outputs. \param d, e (rows, outputs) gradient and its errors
 * \param gradient (parameters), model's layout, written; or NULL: then *d and *e are replaced by
 * arrays (rows, inputs) of the gradient by the inputs
 * \return square of the L2 norm of what rounding may do to `gradient`
 */
double pass_backward(const struct pass *p, double **d, double **e, double *gradient);

#endif

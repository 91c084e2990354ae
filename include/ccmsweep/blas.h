// SPDX-License-Identifier: MIT
/**
 * The matrix products of the model, in f32 and row-major, on OpenBLAS.
 *
 * The only module that includes cblas.h. One thread per process: a sweep has a process per core,
 * and a fixed thread count keeps the order of summation, hence the bits of a result, fixed.
 */
#ifndef CCMSWEEP_BLAS_H
#define CCMSWEEP_BLAS_H

/** Fix the number of threads at one, whatever the environment says. Call before any product. */
void blas_init(void);

/** The kernel in use ("Zen", "SkylakeX", …), chosen by OpenBLAS for this CPU. Static. */
const char *blas_kernel(void);

/** Version and build of the library. Static. */
const char *blas_version(void);

/** C (m, n) = A (m, k) · B (n, k)ᵀ + beta·C; row strides lda, ldb, ldc. Used for x · Wᵀ, W being
 *  (outputs, inputs) as in PyTorch. beta 0 does not read C. An extent of 0 is fine. */
void blas_nt(int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
             float *c, int ldc);

/** C (m, n) = A (m, k) · B (k, n) + beta·C. Used for d_y · W, the gradient of a layer's input. */
void blas_nn(int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
             float *c, int ldc);

/** C (m, n) = A (k, m)ᵀ · B (k, n) + beta·C. Used for d_yᵀ · x, the gradient of a weight. */
void blas_tn(int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
             float *c, int ldc);

#endif

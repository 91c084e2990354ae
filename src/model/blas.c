// SPDX-License-Identifier: MIT
#include <cblas.h>
#include <ccmsweep/blas.h>

void blas_init(void)
{
    openblas_set_num_threads(1);
}

const char *blas_kernel(void)
{
    return openblas_get_corename();
}

const char *blas_version(void)
{
    return openblas_get_config();
}

static void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float *a,
                    int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
    if (m > 0 && n > 0)
        cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1.0F, a, lda, b, ldb, beta, c, ldc);
}

void blas_nt(int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
             float *c, int ldc)
{
    product(CblasNoTrans, CblasTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void blas_nn(int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
             float *c, int ldc)
{
    product(CblasNoTrans, CblasNoTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void blas_tn(int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
             float *c, int ldc)
{
    product(CblasTrans, CblasNoTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

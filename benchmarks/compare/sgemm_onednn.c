/* Stands in for BLAS's sgemm_ in a program that is started with this library preloaded, and lets oneDNN do the product.
 *
 *     gcc -O2 -shared -fPIC sgemm_onednn.c -o sgemm_onednn.so -ldnnl
 *
 * BLAS lays matrices out by columns, oneDNN by rows. The same memory read the other way round is the transpose, and C = A B transposed is C' = B' A':
 * so the operands change places, and with them the sizes, and nothing is copied. */
#include <stdio.h>
#include <stdlib.h>

#include <dnnl.h>

void sgemm_(const char *trans_a, const char *trans_b, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc)
{
    dnnl_status_t status = dnnl_sgemm(*trans_b, *trans_a, *n, *m, *k, *alpha, b, *ldb, a, *lda, *beta, c, *ldc);
    if (status != dnnl_success) {
        /* The interface has no way to say so, and wrong numbers would be measured. */
        fprintf(stderr, "sgemm_onednn: oneDNN refused a product of %d x %d x %d (status %d).\n", *m, *n, *k, (int)status);
        abort();
    }
}

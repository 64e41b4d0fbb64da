/* Times a linear layer's three products with a library, as `Quatrain.Benchmarks products` times Quatrain's: the same layouts, the best of as many calls as
 * fit in a moment.
 *
 *     gcc -O2 -DUSE_ONEDNN products.c -o products-onednn -ldnnl
 *     gcc -O2 products.c -o products-openblas -l:libopenblas.so.0
 *     ./products-onednn MILLISECONDS M N K TRANSPOSED
 *
 * y[M, N] = x[M, K] W[K, N]; with TRANSPOSED 1 the weights lie as [N, K]. Writes GFLOP/s as JSON. */
#define _POSIX_C_SOURCE 200112L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef USE_ONEDNN
#include <dnnl.h>

static void multiply(char trans_a, char trans_b, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float *c, int ldc)
{
    if (dnnl_sgemm(trans_a, trans_b, m, n, k, 1, a, lda, b, ldb, 0, c, ldc) != dnnl_success) {
        fprintf(stderr, "oneDNN refused the product.\n");
        exit(1);
    }
}
#else
/* Declared here, so that the library is enough and its headers are not needed. */
enum { row_major = 101, no_trans = 111, trans = 112 };
void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k,
                 float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

static void multiply(char trans_a, char trans_b, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float *c, int ldc)
{
    cblas_sgemm(row_major, trans_a == 'T' ? trans : no_trans, trans_b == 'T' ? trans : no_trans, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
}
#endif

static int M, N, K, transposed;
static float *x, *weight, *y;

static void forward(void)
{
    multiply('N', transposed ? 'T' : 'N', M, N, K, x, K, weight, transposed ? K : N, y, N);
}

static void input_gradient(void)
{
    multiply('N', transposed ? 'N' : 'T', M, K, N, y, N, weight, transposed ? K : N, x, K);
}

static void weight_gradient(void)
{
    if (transposed) {
        multiply('T', 'N', N, K, M, y, N, x, K, weight, K);
    } else {
        multiply('T', 'N', K, N, M, x, K, y, N, weight, N);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
}

static double gflops(void (*product)(void), double seconds)
{
    /* The first call makes the library's memory and threads. */
    product();
    double best = 1e30, begun = now();
    do {
        double start = now();
        product();
        double time = now() - start;
        best = time < best ? time : best;
    } while (now() - begun < seconds);
    return 2e-9 * M * N * K / best;
}

static float *filled(size_t count, float value)
{
    void *memory;
    if (posix_memalign(&memory, 2 << 20, count * sizeof(float)) != 0) {
        fprintf(stderr, "The system has not the memory.\n");
        exit(1);
    }
    float *floats = memory;
    for (size_t i = 0; i < count; i++) {
        floats[i] = value;
    }
    return floats;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s MILLISECONDS M N K TRANSPOSED\n", argv[0]);
        return 2;
    }
    double seconds = atof(argv[1]) / 1e3;
    M = atoi(argv[2]), N = atoi(argv[3]), K = atoi(argv[4]), transposed = atoi(argv[5]);
    x = filled((size_t)M * K, 0.5f);
    weight = filled((size_t)K * N, 0.25f);
    y = filled((size_t)M * N, 0);
    double results[] = {gflops(forward, seconds), gflops(input_gradient, seconds), gflops(weight_gradient, seconds)};
    printf("{\"forward\": %.2f, \"dx\": %.2f, \"dw\": %.2f}\n", results[0], results[1], results[2]);
    return 0;
}

// The only door to OpenBLAS: loaded at the first product, so that a program that never multiplies dense matrices never pays for it.
#include <dlfcn.h>
#include <pthread.h>

#include "kernels.h"

// The values of CBLAS's enumerations.
enum { row_major = 101, plain = 111, transposed = 112 };

typedef void sgemm_function(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int a_stride,
                            const float *b, int b_stride, float beta, float *c, int c_stride);

static sgemm_function *sgemm;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) library = dlopen("libopenblas.so", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
    void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    sgemm_function *function = (sgemm_function *)dlsym(library, "cblas_sgemm");
    if (set_threads == NULL || function == NULL) return;
    // Our pool splits the work; threads of its own would fight with ours, and change the order of sums.
    set_threads(1);
    sgemm = function;
}

int sirocco_sgemm(int64_t rows, int64_t k, const float *weights, int64_t w_stride, const float *x, int64_t m, int64_t x_stride, float *y,
                  int64_t y_stride) {
    pthread_once(&once, load);
    if (sgemm == NULL || rows > INT32_MAX || k > INT32_MAX || m > INT32_MAX) return -1;
    if (w_stride > INT32_MAX || x_stride > INT32_MAX || y_stride > INT32_MAX) return -1;
    sgemm(row_major, plain, transposed, (int)m, (int)rows, (int)k, 1, x, (int)x_stride, weights, (int)w_stride, 0, y, (int)y_stride);
    return 0;
}

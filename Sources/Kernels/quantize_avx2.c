// Quantizers for CPUs with AVX2, those with AVX-512 among them.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "quantize.h"

int sirocco_avx2_quantize(enum sirocco_type type, const float *x, int64_t k, const float *importance, void *out) {
    return quantize_row(type, x, k, importance, out);
}

#pragma clang attribute pop
#else
typedef int nothing_here;
#endif

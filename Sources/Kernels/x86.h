// The x86 kernels, written once over a small vocabulary of vectors; avx2.c and avx512vnni.c define it and compile this text.
//
// The vocabulary: `vf`, a vector of `vf_lanes` floats, with vf_zero, vf_set, vf_load, vf_load_half, vf_load_bfloat, vf_store, vf_add, vf_sub, vf_mul,
// vf_div, vf_fma (a · b + c), vf_max (the first operand's NaN is passed over), vf_nans (where x is NaN, NaN; elsewhere a), vf_equal (a bit a lane),
// vf_exp and vf_fold (the sum of its lanes). The words for integers are in products.h, those for the cache in x86_attention.h.
//
// The order of every sum depends on the type and k alone, whatever tile a row falls into.
#include <immintrin.h>
#include <math.h>

#include "tables.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("clang loop unroll(full)")

// ---- Products of dense weights ----

INLINE vf load_dense(enum sirocco_type type, const char *row, int64_t at) {
    switch (type) {
    case SIROCCO_F16: return vf_load_half((const sirocco_half *)row + at);
    case SIROCCO_BF16: return vf_load_bfloat((const uint16_t *)row + at);
    default: return vf_load((const float *)row + at);
    }
}

INLINE float dense_value(enum sirocco_type type, const char *row, int64_t at) {
    switch (type) {
    case SIROCCO_F16: return float_of_half(((const sirocco_half *)row)[at]);
    case SIROCCO_BF16: return float_of_bfloat(((const uint16_t *)row)[at]);
    default: return ((const float *)row)[at];
    }
}

/// R weight rows times M activation rows, two accumulators for each pair: y[i][r] = Σ_k W[r][k] x[i][k]. What the vectors leave is added last.
INLINE void dense_tile(enum sirocco_type type, int R, int M, const char *w, int64_t row_bytes, int64_t k, const char *x, int64_t x_stride,
                       float *y, int64_t y_stride) {
    vf even[2][4], odd[2][4];
    UNROLLED for (int r = 0; r < R; r++) UNROLLED for (int i = 0; i < M; i++) even[r][i] = odd[r][i] = vf_zero();
    int64_t at = 0;
    for (; at + 2 * vf_lanes <= k; at += 2 * vf_lanes) {
        UNROLLED for (int r = 0; r < R; r++) {
            vf w0 = load_dense(type, w + r * row_bytes, at), w1 = load_dense(type, w + r * row_bytes, at + vf_lanes);
            UNROLLED for (int i = 0; i < M; i++) {
                const float *row = (const float *)(x + i * x_stride) + at;
                even[r][i] = vf_fma(w0, vf_load(row), even[r][i]);
                odd[r][i] = vf_fma(w1, vf_load(row + vf_lanes), odd[r][i]);
            }
        }
    }
    UNROLLED for (int r = 0; r < R; r++) UNROLLED for (int i = 0; i < M; i++) {
        float sum = vf_fold(vf_add(even[r][i], odd[r][i]));
        for (int64_t j = at; j < k; j++) sum += dense_value(type, w + r * row_bytes, j) * ((const float *)(x + i * x_stride))[j];
        y[i * y_stride + r] = sum;
    }
}

INLINE void dense(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                  int64_t y_stride) {
    int64_t row_bytes = k * (type == SIROCCO_F32 ? 4 : 2), r = 0;
    // One activation row: one long stream of weights. More: two rows of weights for each reading of the activations.
    for (; m > 1 && r + 2 <= rows; r += 2) {
        int64_t i = 0;
        const char *pair = w + r * row_bytes;
        for (; i + dense_rows <= m; i += dense_rows) {
            dense_tile(type, 2, dense_rows, pair, row_bytes, k, x + i * x_stride, x_stride, y + i * y_stride + r, y_stride);
        }
        for (; i < m; i++) dense_tile(type, 2, 1, pair, row_bytes, k, x + i * x_stride, x_stride, y + i * y_stride + r, y_stride);
    }
    for (; r < rows; r++) {
        for (int64_t i = 0; i < m; i++) {
            dense_tile(type, 1, 1, w + r * row_bytes, row_bytes, k, x + i * x_stride, x_stride, y + i * y_stride + r, y_stride);
        }
    }
}

// ---- Products of quantized weights ----

#include "products.h"

static void matmul(enum sirocco_type type, const void *w, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride, float *y,
                   int64_t y_stride) {
    switch (type) {
    case SIROCCO_F32: dense(SIROCCO_F32, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_F16: dense(SIROCCO_F16, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_BF16: dense(SIROCCO_BF16, w, rows, k, x, m, x_stride, y, y_stride); break;
#define PACKED(TYPE) packed_product(TYPE, TYPE, w, rows, k, x, m, x_stride, y, y_stride)
        CASES_OF_MAIN_TYPES(PACKED)
    default: other_product(type, w, rows, k, x, m, x_stride, y, y_stride);
    }
}

#include "x86_rows.h"

#include "x86_attention.h"

#define X86_TABLE(symbol, title)                                                   \
    const sirocco_kernels symbol = {                                               \
        .name = title,                                                             \
        .matmul = matmul,                                                          \
        .quantize_activation = quantize_activation,                                \
        .dequantize = dequantize,                                                  \
        .quantize = sirocco_avx2_quantize,                                         \
        .rms_norm = rms_norm,                                                      \
        .gated_silu = gated_silu,                                                  \
        .gated_gelu = gated_gelu,                                                  \
        .add = add,                                                                \
        .rope = sirocco_reference_rope,                                            \
        .store_key = store_key,                                                    \
        .store_value = store_value,                                                \
        .attend = attend,                                                          \
        .attend_chunk = attend_chunk,                                              \
        .attend_fold = attend_fold,                                                \
        .softmax = softmax,                                                        \
        .max_value = max_value,                                                    \
        .argmax = argmax,                                                          \
    }

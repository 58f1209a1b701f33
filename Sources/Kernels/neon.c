// The NEON table, for every 64-bit Arm: products and norms in vectors of 128 bits; the rest is the reference, compiled for this CPU.
#if defined(__aarch64__)
#include <arm_neon.h>
#include <math.h>

#include "tables.h"

#define INLINE static inline __attribute__((always_inline))

// ---- Products of dense weights ----

INLINE float32x4_t load_dense(enum sirocco_type type, const char *row, int64_t at) {
    switch (type) {
    case SIROCCO_F16: return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16((const uint16_t *)row + at)));
    case SIROCCO_BF16: return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16((const uint16_t *)row + at), 16));
    default: return vld1q_f32((const float *)row + at);
    }
}

INLINE float dense_value(enum sirocco_type type, const char *row, int64_t at) {
    switch (type) {
    case SIROCCO_F16: return float_of_half(((const sirocco_half *)row)[at]);
    case SIROCCO_BF16: return float_of_bfloat(((const uint16_t *)row)[at]);
    default: return ((const float *)row)[at];
    }
}

/// One weights row times M activation rows, four accumulators of four lanes for each; what the vectors leave is added last.
INLINE void dense_rows(enum sirocco_type type, int M, const char *w, int64_t k, const char *x, int64_t x_stride, float *y, int64_t y_stride) {
    float32x4_t sum[4][4];
    for (int i = 0; i < M; i++) {
        for (int v = 0; v < 4; v++) sum[i][v] = vdupq_n_f32(0);
    }
    int64_t at = 0;
    for (; at + 16 <= k; at += 16) {
        for (int v = 0; v < 4; v++) {
            float32x4_t weights = load_dense(type, w, at + 4 * v);
            for (int i = 0; i < M; i++) sum[i][v] = vfmaq_f32(sum[i][v], weights, vld1q_f32((const float *)(x + i * x_stride) + at + 4 * v));
        }
    }
    for (int i = 0; i < M; i++) {
        float total = vaddvq_f32(vaddq_f32(vaddq_f32(sum[i][0], sum[i][1]), vaddq_f32(sum[i][2], sum[i][3])));
        for (int64_t j = at; j < k; j++) total += dense_value(type, w, j) * ((const float *)(x + i * x_stride))[j];
        y[i * y_stride] = total;
    }
}

INLINE void rows_of(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                    int64_t y_stride) {
    int64_t row_bytes = sirocco_row_bytes(type, k);
    for (int64_t r = 0; r < rows; r++, w += row_bytes, y++) {
        int64_t i = 0;
        for (; i + 4 <= m; i += 4) dense_rows(type, 4, w, k, x + i * x_stride, x_stride, y + i * y_stride, y_stride);
        for (; i < m; i++) dense_rows(type, 1, w, k, x + i * x_stride, x_stride, y + i * y_stride, y_stride);
    }
}

static void matmul(enum sirocco_type type, const void *w, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride, float *y,
                   int64_t y_stride) {
    switch (type) {
    case SIROCCO_F32: rows_of(SIROCCO_F32, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_F16: rows_of(SIROCCO_F16, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_BF16: rows_of(SIROCCO_BF16, w, rows, k, x, m, x_stride, y, y_stride); break;
    default: sirocco_reference_matmul(type, w, rows, k, x, m, x_stride, y, y_stride);
    }
}

// ---- Rows ----

static void rms_norm(const float *x, const float *weight, float epsilon, int64_t n, float *out) {
    float32x4_t even = vdupq_n_f32(0), odd = even;
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        even = vfmaq_f32(even, vld1q_f32(x + i), vld1q_f32(x + i));
        odd = vfmaq_f32(odd, vld1q_f32(x + i + 4), vld1q_f32(x + i + 4));
    }
    float sum = vaddvq_f32(vaddq_f32(even, odd));
    for (; i < n; i++) sum += x[i] * x[i];
    float scale = 1 / sqrtf(sum / (float)n + epsilon);
    for (i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

const sirocco_kernels sirocco_kernels_neon = {
    .name = "neon",
    .matmul = matmul,
    .quantize_activation = sirocco_reference_quantize_activation,
    .dequantize = sirocco_reference_dequantize,
    .quantize = sirocco_reference_quantize,
    .rms_norm = rms_norm,
    .gated_silu = sirocco_reference_gated_silu,
    .gated_gelu = sirocco_reference_gated_gelu,
    .add = sirocco_reference_add,
    .rope = sirocco_reference_rope,
    .store_key = sirocco_reference_store_key,
    .store_value = sirocco_reference_store_value,
    .attend = sirocco_reference_attend,
    .attend_chunk = sirocco_reference_attend_chunk,
    .attend_fold = sirocco_reference_attend_fold,
    .softmax = sirocco_reference_softmax,
    .max_value = sirocco_reference_max_value,
    .argmax = sirocco_reference_argmax,
};
#else
typedef int nothing_here;
#endif

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

// ---- Products of quantized weights: the reference's sums, sixteen values at a time ----

/// Σ w · x over 16 bytes; x is never −128, so that 16 bits hold a product, and the sum of products goes to 32.
INLINE int32x4_t dot16(int32x4_t sum, int8x16_t w, int8x16_t x) {
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(w), vget_low_s8(x)));
    return vpadalq_s16(sum, vmull_s8(vget_high_s8(w), vget_high_s8(x)));
}

INLINE int8x16_t low_nibbles(uint8x16_t bytes) { return vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15))); }
INLINE int8x16_t high_nibbles(uint8x16_t bytes) { return vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4)); }

INLINE float dot_0(enum sirocco_type type, const char *w, const block_q8_activation *x, int64_t blocks) {
    float sum = 0;
    for (int64_t b = 0; b < blocks; b++) {
        int32x4_t total = vdupq_n_s32(0);
        sirocco_half d;
        if (type == SIROCCO_Q4_0) {
            const block_q4_0 *block = (const block_q4_0 *)w + b;
            uint8x16_t bytes = vld1q_u8(block->qs);
            total = dot16(total, vsubq_s8(low_nibbles(bytes), vdupq_n_s8(8)), vld1q_s8(x[b].qs));
            total = dot16(total, vsubq_s8(high_nibbles(bytes), vdupq_n_s8(8)), vld1q_s8(x[b].qs + 16));
            d = block->d;
        } else {
            const block_q8_0 *block = (const block_q8_0 *)w + b;
            total = dot16(total, vld1q_s8(block->qs), vld1q_s8(x[b].qs));
            total = dot16(total, vld1q_s8(block->qs + 16), vld1q_s8(x[b].qs + 16));
            d = block->d;
        }
        sum += (float)vaddvq_s32(total) * (float_of_half(d) * x[b].d);
    }
    return sum;
}

INLINE float dot_q4_K(const block_q4_K *w, const block_q8_K *x, int64_t blocks) {
    float sum = 0;
    for (int64_t b = 0; b < blocks; b++) {
        int32x4_t total = vdupq_n_s32(0);
        int32_t minima = 0;
        for (int g = 0; g < 8; g++) {
            uint8_t scale, minimum;
            q4_K_group(w[b].scales, g, &scale, &minimum);
            uint8x16_t first = vld1q_u8(w[b].qs + g / 2 * 32), second = vld1q_u8(w[b].qs + g / 2 * 32 + 16);
            int32x4_t group = dot16(vdupq_n_s32(0), g % 2 ? high_nibbles(first) : low_nibbles(first), vld1q_s8(x[b].qs + g * 32));
            group = dot16(group, g % 2 ? high_nibbles(second) : low_nibbles(second), vld1q_s8(x[b].qs + g * 32 + 16));
            total = vmlaq_n_s32(total, group, scale);
            minima += minimum * (x[b].sums[2 * g] + x[b].sums[2 * g + 1]);
        }
        sum += (float)vaddvq_s32(total) * (float_of_half(w[b].d) * x[b].d) - (float)minima * (float_of_half(w[b].dmin) * x[b].d);
    }
    return sum;
}

INLINE float dot_q6_K(const block_q6_K *w, const block_q8_K *x, int64_t blocks) {
    float sum = 0;
    for (int64_t b = 0; b < blocks; b++) {
        int32x4_t total = vdupq_n_s32(0);
        for (int g = 0; g < 16; g++) {
            // Group g: quarter g/2 of a half of 128 values, its lower or upper 16.
            int half = g / 8, quarter = g / 2 % 4, part = g % 2 * 16;
            uint8x16_t ql = vld1q_u8(w[b].ql + half * 64 + quarter % 2 * 32 + part), qh = vld1q_u8(w[b].qh + half * 32 + part);
            int8x16_t low = quarter < 2 ? low_nibbles(ql) : high_nibbles(ql);
            uint8x16_t pair = vandq_u8(vshlq_u8(qh, vdupq_n_s8((int8_t)(-2 * quarter))), vdupq_n_u8(3));
            int8x16_t values = vsubq_s8(vorrq_s8(low, vreinterpretq_s8_u8(vshlq_n_u8(pair, 4))), vdupq_n_s8(32));
            total = vmlaq_n_s32(total, dot16(vdupq_n_s32(0), values, vld1q_s8(x[b].qs + g * 16)), w[b].scales[g]);
        }
        sum += (float)vaddvq_s32(total) * (float_of_half(w[b].d) * x[b].d);
    }
    return sum;
}

INLINE void rows_of(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                    int64_t y_stride) {
    int64_t row_bytes = sirocco_row_bytes(type, k);
    for (int64_t r = 0; r < rows; r++, w += row_bytes, y++) {
        int64_t i = 0;
        switch (type) {
        case SIROCCO_Q4_0:
        case SIROCCO_Q8_0:
            for (; i < m; i++) y[i * y_stride] = dot_0(type, w, (const block_q8_activation *)(x + i * x_stride), k / 32);
            break;
        case SIROCCO_Q4_K:
            for (; i < m; i++) y[i * y_stride] = dot_q4_K((const block_q4_K *)w, (const block_q8_K *)(x + i * x_stride), k / 256);
            break;
        case SIROCCO_Q6_K:
            for (; i < m; i++) y[i * y_stride] = dot_q6_K((const block_q6_K *)w, (const block_q8_K *)(x + i * x_stride), k / 256);
            break;
        default:
            for (; i + 4 <= m; i += 4) dense_rows(type, 4, w, k, x + i * x_stride, x_stride, y + i * y_stride, y_stride);
            for (; i < m; i++) dense_rows(type, 1, w, k, x + i * x_stride, x_stride, y + i * y_stride, y_stride);
        }
    }
}

static void matmul(enum sirocco_type type, const void *w, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride, float *y,
                   int64_t y_stride) {
    switch (type) {
    case SIROCCO_F32: rows_of(SIROCCO_F32, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_F16: rows_of(SIROCCO_F16, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_BF16: rows_of(SIROCCO_BF16, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q4_0: rows_of(SIROCCO_Q4_0, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q8_0: rows_of(SIROCCO_Q8_0, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q4_K: rows_of(SIROCCO_Q4_K, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q6_K: rows_of(SIROCCO_Q6_K, w, rows, k, x, m, x_stride, y, y_stride); break;
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
    .attend = sirocco_reference_attend,
    .attend_group = sirocco_reference_attend_group,
    .softmax = sirocco_reference_softmax,
    .max_value = sirocco_reference_max_value,
    .argmax = sirocco_reference_argmax,
};
#else
typedef int nothing_here;
#endif

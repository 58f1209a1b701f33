// The x86 kernels, written once over a small vocabulary of vectors; avx2.c and avx512vnni.c define it and compile this text.
//
// The vocabulary: `vf`, a vector of `vf_lanes` floats, with vf_zero, vf_set, vf_load, vf_load_half, vf_load_bfloat, vf_store, vf_add, vf_mul,
// vf_fma (a · b + c), vf_max, vf_exp and vf_fold (the sum of its lanes); and dot_i8(w, x), the products of 32 signed bytes summed by fours
// into eight 32-bit integers; dot_u4(w, x), the same for unsigned w below 16.
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

#include "x86_quantized.h"

static void matmul(enum sirocco_type type, const void *w, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride, float *y,
                   int64_t y_stride) {
    switch (type) {
    case SIROCCO_F32: dense(SIROCCO_F32, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_F16: dense(SIROCCO_F16, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_BF16: dense(SIROCCO_BF16, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q4_0: quantized(SIROCCO_Q4_0, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q8_0: quantized(SIROCCO_Q8_0, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q4_K: quantized(SIROCCO_Q4_K, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q6_K: quantized(SIROCCO_Q6_K, w, rows, k, x, m, x_stride, y, y_stride); break;
    case SIROCCO_Q8_K: break;
    }
}

// ---- Element-wise kernels ----

static void rms_norm(const float *x, const float *weight, float epsilon, int64_t n, float *out) {
    vf squares = vf_zero();
    int64_t i = 0;
    for (; i + vf_lanes <= n; i += vf_lanes) squares = vf_fma(vf_load(x + i), vf_load(x + i), squares);
    float sum = vf_fold(squares);
    for (; i < n; i++) sum += x[i] * x[i];
    float scale = 1 / sqrtf(sum / (float)n + epsilon);
    for (i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

static void gated_silu(const float *gate, const float *up, int64_t n, float *out) {
    int64_t i = 0;
    for (; i + vf_lanes <= n; i += vf_lanes) {
        vf g = vf_load(gate + i);
        vf divisor = vf_add(vf_set(1), vf_exp(vf_mul(g, vf_set(-1))));
        vf_store(out + i, vf_mul(vf_div(g, divisor), vf_load(up + i)));
    }
    for (; i < n; i++) out[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

static void add(const float *x, int64_t n, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

// ---- Attention ----

INLINE float dot_head(const float *a, const float *b, int64_t n) {
    vf even = vf_zero(), odd = vf_zero();
    int64_t i = 0;
    for (; i + 2 * vf_lanes <= n; i += 2 * vf_lanes) {
        even = vf_fma(vf_load(a + i), vf_load(b + i), even);
        odd = vf_fma(vf_load(a + i + vf_lanes), vf_load(b + i + vf_lanes), odd);
    }
    float sum = vf_fold(vf_add(even, odd));
    for (; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/// out[d ..< d + width · vf_lanes] = Σ_j weights[j] V[j][d …], kept in registers over all positions.
INLINE void weighted_sum(int width, const float *weights, const float *const *blocks, int64_t block_length, int64_t first, int64_t count,
                         int64_t stride, int64_t d, float *out) {
    vf sum[4];
    UNROLLED for (int v = 0; v < width; v++) sum[v] = vf_zero();
    for (int64_t j = 0; j < count; j++) {
        const float *value = blocks[(first + j) / block_length] + (first + j) % block_length * stride + d;
        vf weight = vf_set(weights[j]);
        UNROLLED for (int v = 0; v < width; v++) sum[v] = vf_fma(weight, vf_load(value + v * vf_lanes), sum[v]);
    }
    UNROLLED for (int v = 0; v < width; v++) vf_store(out + d + v * vf_lanes, sum[v]);
}

static void attend(const float *q, const float *const *key_blocks, const float *const *value_blocks, int64_t block_length, int64_t first,
                   int64_t count, int64_t stride, int64_t head_size, float scale, float *scores, float *out) {
    float largest = -INFINITY;
    for (int64_t j = 0; j < count; j++) {
        const float *key = key_blocks[(first + j) / block_length] + (first + j) % block_length * stride;
        scores[j] = dot_head(q, key, head_size) * scale;
        largest = fmaxf(largest, scores[j]);
    }
    vf totals = vf_zero();
    int64_t j = 0;
    for (; j + vf_lanes <= count; j += vf_lanes) {
        vf weight = vf_exp(vf_add(vf_load(scores + j), vf_set(-largest)));
        vf_store(scores + j, weight);
        totals = vf_add(totals, weight);
    }
    float total = vf_fold(totals);
    for (; j < count; j++) total += scores[j] = expf(scores[j] - largest);
    int64_t d = 0;
    for (; d + 4 * vf_lanes <= head_size; d += 4 * vf_lanes) weighted_sum(4, scores, value_blocks, block_length, first, count, stride, d, out);
    for (; d + vf_lanes <= head_size; d += vf_lanes) weighted_sum(1, scores, value_blocks, block_length, first, count, stride, d, out);
    for (; d < head_size; d++) {
        float sum = 0;
        for (j = 0; j < count; j++) sum += scores[j] * value_blocks[(first + j) / block_length][(first + j) % block_length * stride + d];
        out[d] = sum;
    }
    for (d = 0; d < head_size; d++) out[d] /= total;
}

#define X86_TABLE(symbol, title)                                                   \
    const sirocco_kernels symbol = {                                               \
        .name = title,                                                             \
        .matmul = matmul,                                                          \
        .quantize_activation = sirocco_reference_quantize_activation,              \
        .dequantize = sirocco_reference_dequantize,                                \
        .rms_norm = rms_norm,                                                      \
        .gated_silu = gated_silu,                                                  \
        .add = add,                                                                \
        .rope = sirocco_reference_rope,                                            \
        .attend = attend,                                                          \
        .max_value = sirocco_reference_max_value,                                  \
    }

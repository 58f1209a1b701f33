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
    for (; r + 2 <= rows; r += 2) {
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

// ---- Products of quantized weights: integers within a block, F32 over the blocks ----

INLINE __m256i load_bytes(const void *at) { return _mm256_loadu_si256(at); }

INLINE float fold8(__m256 v) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// 32 nibbles of 16 bytes: low ones, then high ones.
INLINE __m256i nibbles(const uint8_t *qs) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)qs);
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes), _mm_srli_epi16(bytes, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/// One row of 32-value blocks times M activation rows of block_q8_0.
INLINE void tile_0(enum sirocco_type type, int M, const char *w, int64_t k, const char *x, int64_t x_stride, float *y, int64_t y_stride) {
    __m256 sum[4];
    UNROLLED for (int i = 0; i < M; i++) sum[i] = _mm256_setzero_ps();
    for (int64_t b = 0; b < k / 32; b++) {
        const block_q4_0 *w4 = (const block_q4_0 *)w + b;
        const block_q8_0 *w8 = (const block_q8_0 *)w + b;
        __m256i values = type == SIROCCO_Q4_0 ? nibbles(w4->qs) : load_bytes(w8->qs);
        float d = _cvtsh_ss(type == SIROCCO_Q4_0 ? w4->d : w8->d);
        UNROLLED for (int i = 0; i < M; i++) {
            const block_q8_0 *block = (const block_q8_0 *)(x + i * x_stride) + b;
            __m256i bytes = load_bytes(block->qs);
            __m256i total = type == SIROCCO_Q4_0
                ? _mm256_sub_epi32(dot_u4(values, bytes), dot_u4(_mm256_set1_epi8(8), bytes))
                : dot_i8(values, bytes);
            sum[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total), _mm256_set1_ps(d * _cvtsh_ss(block->d)), sum[i]);
        }
    }
    UNROLLED for (int i = 0; i < M; i++) y[i * y_stride] = fold8(sum[i]);
}

/// The eight scales of a block_q4_K in bytes 0–7, its eight minima in bytes 8–15.
INLINE __m128i q4_K_scales(const uint8_t *packed) {
    uint32_t a, b, c;
    memcpy(&a, packed, 4);
    memcpy(&b, packed + 4, 4);
    memcpy(&c, packed + 8, 4);
    uint32_t scales = a & 0x3f3f3f3f, minima = b & 0x3f3f3f3f;
    uint32_t later_scales = (c & 0x0f0f0f0f) | (a >> 6 & 0x03030303) << 4, later_minima = (c >> 4 & 0x0f0f0f0f) | (b >> 6 & 0x03030303) << 4;
    return _mm_set_epi32((int)later_minima, (int)minima, (int)later_scales, (int)scales);
}

/// One row of block_q4_K times M rows of block_q8_K.
INLINE void tile_q4_K(int M, const char *w, int64_t k, const char *x, int64_t x_stride, float *y, int64_t y_stride) {
    __m256 sum[4];
    const __m256i low = _mm256_set1_epi8(15);
    UNROLLED for (int i = 0; i < M; i++) sum[i] = _mm256_setzero_ps();
    for (int64_t b = 0; b < k / 256; b++) {
        const block_q4_K *block = (const block_q4_K *)w + b;
        __m128i packed = q4_K_scales(block->scales);
        // Each minimum stands for two groups of 16 activations.
        __m256i minima = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(packed, packed));
        int16_t scales[8];
        _mm_storeu_si128((__m128i *)scales, _mm_cvtepu8_epi16(packed));
        float d = _cvtsh_ss(block->d), dmin = _cvtsh_ss(block->dmin);
        __m256i total[4];
        UNROLLED for (int i = 0; i < M; i++) total[i] = _mm256_setzero_si256();
        for (int g = 0; g < 4; g++) {
            __m256i bytes = load_bytes(block->qs + 32 * g);
            __m256i first = _mm256_and_si256(bytes, low), second = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low);
            __m256i scale0 = _mm256_set1_epi16(scales[2 * g]), scale1 = _mm256_set1_epi16(scales[2 * g + 1]);
            UNROLLED for (int i = 0; i < M; i++) {
                const int8_t *q = ((const block_q8_K *)(x + i * x_stride) + b)->qs + 64 * g;
                // At most 15 · 127 · 2 a pair: 16 bits hold it.
                __m256i p0 = _mm256_madd_epi16(scale0, _mm256_maddubs_epi16(first, load_bytes(q)));
                __m256i p1 = _mm256_madd_epi16(scale1, _mm256_maddubs_epi16(second, load_bytes(q + 32)));
                total[i] = _mm256_add_epi32(total[i], _mm256_add_epi32(p0, p1));
            }
        }
        UNROLLED for (int i = 0; i < M; i++) {
            const block_q8_K *activations = (const block_q8_K *)(x + i * x_stride) + b;
            __m256i offset = _mm256_madd_epi16(minima, load_bytes(activations->sums));
            sum[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total[i]), _mm256_set1_ps(activations->d * d), sum[i]);
            sum[i] = _mm256_fnmadd_ps(_mm256_cvtepi32_ps(offset), _mm256_set1_ps(activations->d * dmin), sum[i]);
        }
    }
    UNROLLED for (int i = 0; i < M; i++) y[i * y_stride] = fold8(sum[i]);
}

/// One row of block_q6_K times M rows of block_q8_K: Σ scale · q · x − 32 Σ scale · Σ x.
INLINE void tile_q6_K(int M, const char *w, int64_t k, const char *x, int64_t x_stride, float *y, int64_t y_stride) {
    __m256 sum[4];
    const __m256i low = _mm256_set1_epi8(15), two = _mm256_set1_epi8(3);
    UNROLLED for (int i = 0; i < M; i++) sum[i] = _mm256_setzero_ps();
    for (int64_t b = 0; b < k / 256; b++) {
        const block_q6_K *block = (const block_q6_K *)w + b;
        __m256i scales = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)block->scales));
        __m256i total[4];
        UNROLLED for (int i = 0; i < M; i++) {
            __m256i sums = load_bytes(((const block_q8_K *)(x + i * x_stride) + b)->sums);
            total[i] = _mm256_slli_epi32(_mm256_sub_epi32(_mm256_setzero_si256(), _mm256_madd_epi16(scales, sums)), 5);
        }
        for (int half = 0; half < 2; half++) {
            __m256i ql0 = load_bytes(block->ql + 64 * half), ql1 = load_bytes(block->ql + 64 * half + 32), qh = load_bytes(block->qh + 32 * half);
            __m256i values[4] = {
                _mm256_or_si256(_mm256_and_si256(ql0, low), _mm256_slli_epi16(_mm256_and_si256(qh, two), 4)),
                _mm256_or_si256(_mm256_and_si256(ql1, low), _mm256_slli_epi16(_mm256_and_si256(_mm256_srli_epi16(qh, 2), two), 4)),
                _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(ql0, 4), low), _mm256_slli_epi16(_mm256_and_si256(_mm256_srli_epi16(qh, 4), two), 4)),
                _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(ql1, 4), low), _mm256_slli_epi16(_mm256_and_si256(_mm256_srli_epi16(qh, 6), two), 4)),
            };
            UNROLLED for (int quarter = 0; quarter < 4; quarter++) {
                const int8_t *pair = block->scales + 8 * half + 2 * quarter;
                __m256i scale = _mm256_inserti128_si256(_mm256_set1_epi16(pair[0]), _mm_set1_epi16(pair[1]), 1);
                UNROLLED for (int i = 0; i < M; i++) {
                    const int8_t *q = ((const block_q8_K *)(x + i * x_stride) + b)->qs + 128 * half + 32 * quarter;
                    // At most 63 · 127 · 2 a pair: 16 bits hold it.
                    __m256i products = _mm256_maddubs_epi16(values[quarter], load_bytes(q));
                    total[i] = _mm256_add_epi32(total[i], _mm256_madd_epi16(scale, products));
                }
            }
        }
        float d = _cvtsh_ss(block->d);
        UNROLLED for (int i = 0; i < M; i++) {
            float both = ((const block_q8_K *)(x + i * x_stride) + b)->d * d;
            sum[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total[i]), _mm256_set1_ps(both), sum[i]);
        }
    }
    UNROLLED for (int i = 0; i < M; i++) y[i * y_stride] = fold8(sum[i]);
}

INLINE void quantized_tile(enum sirocco_type type, int M, const char *w, int64_t k, const char *x, int64_t x_stride, float *y, int64_t y_stride) {
    switch (type) {
    case SIROCCO_Q4_K: tile_q4_K(M, w, k, x, x_stride, y, y_stride); break;
    case SIROCCO_Q6_K: tile_q6_K(M, w, k, x, x_stride, y, y_stride); break;
    default: tile_0(type, M, w, k, x, x_stride, y, y_stride); break;
    }
}

INLINE void quantized(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                      int64_t y_stride) {
    int64_t row_bytes = sirocco_row_bytes(type, k);
    for (int64_t r = 0; r < rows; r++) {
        int64_t i = 0;
        for (; i + 4 <= m; i += 4) quantized_tile(type, 4, w + r * row_bytes, k, x + i * x_stride, x_stride, y + i * y_stride + r, y_stride);
        for (; i < m; i++) quantized_tile(type, 1, w + r * row_bytes, k, x + i * x_stride, x_stride, y + i * y_stride + r, y_stride);
    }
}

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

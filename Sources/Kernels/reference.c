// The reference table: plain C that says what each kernel computes. The other tables are translations of this text.
#include <math.h>

#include "unpack.h"

// ---- Products of dense weights ----

/// Partial sums of a dot product: lane j holds Σ over k ≡ j (mod 16). They are folded by halves at the end.
enum { lanes = 16 };

static float fold(const float *partial) {
    float sum[lanes];
    memcpy(sum, partial, sizeof sum);
    for (int width = lanes / 2; width > 0; width /= 2) {
        for (int j = 0; j < width; j++) sum[j] += sum[j + width];
    }
    return sum[0];
}

/// y[i][r] = Σ_k W[r][k] x[i][k]: rows · m · k multiply-adds; bound by reading W when m is small.
static void dense(enum sirocco_type type, const char *weights, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                  int64_t y_stride) {
    enum { chunk = 512 };
    float widened[chunk];
    int64_t row_bytes = sirocco_row_bytes(type, k), value_bytes = type == SIROCCO_F32 ? 4 : 2;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < m; i++) {
            const float *row = (const float *)(x + i * x_stride);
            float partial[lanes] = {0};
            for (int64_t start = 0; start < k; start += chunk) {
                int64_t count = k - start < chunk ? k - start : chunk;
                sirocco_reference_dequantize(type, weights + r * row_bytes + start * value_bytes, count, widened);
                for (int64_t j = 0; j < count; j++) partial[j % lanes] += widened[j] * row[start + j];
            }
            y[i * y_stride + r] = fold(partial);
        }
    }
}

// ---- Products of quantized weights ----

/// One block of any quantized type.
static void unpack(enum sirocco_type type, const void *block, unpacked_block *out) {
#define UNPACK_BLOCK(TYPE) unpack_block(TYPE, block, out)
    switch (type) {
        CASES_OF_MAIN_TYPES(UNPACK_BLOCK)
        CASES_OF_OTHER_TYPES(UNPACK_BLOCK)
    default: break;
    }
}

/// Σ_b float(S_b) · (d_b · dx_b) − float(M_b) · (dmin_b · dx_b): S_b = Σ_g scale_g Σ q x and M_b = Σ_g minimum_g Σ x exact in integers, blocks added
/// in their order. Every table gives these bits.
static float dot(enum sirocco_type type, const char *w, const char *x, int64_t k) {
    int64_t elements = sirocco_block_elements(type), bytes = sirocco_row_bytes(type, elements);
    float sum = 0;
    unpacked_block block;
    for (int64_t b = 0; b < k / elements; b++, w += bytes) {
        unpack(type, w, &block);
        const block_q8_activation *x32 = (const block_q8_activation *)x + b;
        const block_q8_K *x256 = (const block_q8_K *)x + b;
        const int8_t *q = elements == 32 ? x32->qs : x256->qs;
        float d = elements == 32 ? x32->d : x256->d;
        int32_t total = 0, minima = 0;
        for (int g = 0; g < elements / 16; g++) {
            int32_t group = 0, values = 0;
            for (int j = 16 * g; j < 16 * g + 16; j++) {
                group += block.q[j] * q[j];
                values += q[j];
            }
            total += block.scale[g] * group;
            minima += block.minimum[g] * values;
        }
        float product = (float)total * (block.d * d);
        sum += has_minima(type) ? product - (float)minima * (block.dmin * d) : product;
    }
    return sum;
}

void sirocco_reference_matmul(enum sirocco_type type, const void *weights, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride,
                              float *y, int64_t y_stride) {
    if (sirocco_block_elements(type) == 1) {
        dense(type, weights, rows, k, x, m, x_stride, y, y_stride);
        return;
    }
    int64_t row_bytes = sirocco_row_bytes(type, k);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < m; i++) {
            y[i * y_stride + r] = dot(type, (const char *)weights + r * row_bytes, (const char *)x + i * x_stride, k);
        }
    }
}

// ---- Quantization and its inverse ----

/// q = x · (127 / max|x|) to the nearest, ties to even; returns max|x| / 127. Where a value is NaN or infinite the scale is NaN, so that the fault
/// shows in the logits instead of vanishing; where all are below the smallest magnitude that 127 can be divided by, everything is zero.
static float quantize(const float *x, int n, int8_t *q) {
    uint32_t largest = 0; // without the sign, bits are ordered as magnitudes are, NaN above all
    for (int j = 0; j < n; j++) {
        uint32_t bits = bits_of_float(x[j]) & 0x7fffffff;
        if (bits > largest) largest = bits;
    }
    float magnitude = float_of_bits(largest);
    if (!is_quantizable(magnitude)) {
        memset(q, 0, (size_t)n);
        return scale_of_unquantizable(magnitude);
    }
    float inverse = 127 / magnitude;
    for (int j = 0; j < n; j++) q[j] = (int8_t)lrintf(x[j] * inverse);
    return magnitude / 127;
}

static int sum_of(const int8_t *q, int n) {
    int sum = 0;
    for (int j = 0; j < n; j++) sum += q[j];
    return sum;
}

void sirocco_reference_quantize_activation(enum sirocco_type weights, const float *x, int64_t k, void *out) {
    if (sirocco_block_elements(weights) == 256) {
        block_q8_K *block = out;
        for (int64_t b = 0; b < k / 256; b++, block++) {
            block->d = quantize(x + b * 256, 256, block->qs);
            for (int g = 0; g < 16; g++) block->sums[g] = (int16_t)sum_of(block->qs + g * 16, 16);
        }
    } else {
        block_q8_activation *block = out;
        for (int64_t b = 0; b < k / 32; b++, block++) {
            block->d = quantize(x + b * 32, 32, block->qs);
            block->sum = sum_of(block->qs, 32);
        }
    }
}

void sirocco_reference_dequantize(enum sirocco_type type, const void *src, int64_t k, float *dst) {
    switch (type) {
    case SIROCCO_F32: memcpy(dst, src, (size_t)k * sizeof(float)); break;
    case SIROCCO_F16:
        for (int64_t j = 0; j < k; j++) dst[j] = float_of_half(((const sirocco_half *)src)[j]);
        break;
    case SIROCCO_BF16:
        for (int64_t j = 0; j < k; j++) dst[j] = float_of_bfloat(((const uint16_t *)src)[j]);
        break;
#define DEQUANTIZE(TYPE) dequantize_blocks(TYPE, src, k, dst)
        CASES_OF_MAIN_TYPES(DEQUANTIZE)
        CASES_OF_OTHER_TYPES(DEQUANTIZE)
    }
}

// ---- Element-wise kernels ----

/// n multiply-adds, then n products; bound by latency for the sizes of a residual stream.
static void rms_norm(const float *x, const float *weight, float epsilon, int64_t n, float *out) {
    float partial[lanes] = {0};
    for (int64_t i = 0; i < n; i++) partial[i % lanes] += x[i] * x[i];
    float scale = 1 / sqrtf(fold(partial) / (float)n + epsilon);
    for (int64_t i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

void sirocco_reference_gated_silu(const float *gate, const float *up, int64_t n, float *out) {
    for (int64_t i = 0; i < n; i++) out[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

void sirocco_reference_gated_gelu(const float *gate, const float *up, int64_t n, float *out) {
    for (int64_t i = 0; i < n; i++) {
        float g = gate[i], v = g * (1 + gelu_cubic * (g * g)) * gelu_twice_root;
        out[i] = g / (1 + expf(-v)) * up[i];
    }
}

void sirocco_reference_add(const float *x, int64_t n, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

void sirocco_reference_rope(float *head, const float *cosine, const float *sine, int64_t half, int interleaved) {
    for (int64_t i = 0; i < half; i++) {
        float *a = interleaved ? head + 2 * i : head + i, *b = interleaved ? a + 1 : a + half;
        float x = *a, y = *b;
        *a = x * cosine[i] - y * sine[i];
        *b = y * cosine[i] + x * sine[i];
    }
}

// ---- Logits ----

float sirocco_reference_max_value(const float *x, int64_t n) {
    float largest = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i])) return x[i];
        if (x[i] > largest) largest = x[i];
    }
    return largest;
}

int64_t sirocco_reference_argmax(const float *x, int64_t n) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
        if (best < 0 ? !isnan(x[i]) : x[i] > x[best]) best = i;
    }
    return best;
}

float sirocco_reference_softmax(float *x, int64_t n) {
    float largest = sirocco_reference_max_value(x, n), total = 0;
    if (largest == -INFINITY) {
        memset(x, 0, (size_t)n * sizeof(float));
        return largest;
    }
    for (int64_t i = 0; i < n; i++) total += x[i] = expf(x[i] - largest);
    for (int64_t i = 0; i < n; i++) x[i] *= 1 / total;
    return largest + logf(total);
}

// ---- Attention ----

/// Three passes over the positions: scores, their softmax, and the sum of values; 4 · count · head_size operations, bound by reading keys and values.
void sirocco_reference_attend(const float *q, const float *const *key_blocks, const float *const *value_blocks, int64_t block_length, int64_t first,
                              int64_t count, int64_t stride, int64_t head_size, float scale, float *scores, float *out) {
    for (int64_t j = 0; j < count; j++) {
        const float *key = key_blocks[(first + j) / block_length] + (first + j) % block_length * stride;
        float partial[lanes] = {0};
        for (int64_t d = 0; d < head_size; d++) partial[d % lanes] += q[d] * key[d];
        scores[j] = fold(partial) * scale;
    }
    sirocco_reference_softmax(scores, count);
    for (int64_t d = 0; d < head_size; d++) out[d] = 0;
    for (int64_t j = 0; j < count; j++) {
        const float *value = value_blocks[(first + j) / block_length] + (first + j) % block_length * stride;
        for (int64_t d = 0; d < head_size; d++) out[d] += scores[j] * value[d];
    }
}

void sirocco_reference_attend_group(const float *q, int64_t heads, const float *const *key_blocks, const float *const *value_blocks,
                                    int64_t block_length, int64_t first, int64_t count, int64_t stride, int64_t head_size, float scale,
                                    float *scores, float *out) {
    for (int64_t h = 0; h < heads; h++) {
        sirocco_reference_attend(q + h * head_size, key_blocks, value_blocks, block_length, first, count, stride, head_size, scale,
                                 scores + h * count, out + h * head_size);
    }
}

const sirocco_kernels sirocco_kernels_reference = {
    .name = "reference",
    .matmul = sirocco_reference_matmul,
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

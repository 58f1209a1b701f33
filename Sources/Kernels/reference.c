// The reference table: plain C that says what each kernel computes. The other tables are translations of this text.
#include <math.h>

#include "unpack.h"

// ---- Weights as F32 ----

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
    .store_key = sirocco_reference_store_key,
    .store_value = sirocco_reference_store_value,
    .attend = sirocco_reference_attend,
    .attend_chunk = sirocco_reference_attend_chunk,
    .attend_fold = sirocco_reference_attend_fold,
    .softmax = sirocco_reference_softmax,
    .max_value = sirocco_reference_max_value,
    .argmax = sirocco_reference_argmax,
};

// What the tables share among themselves and with dispatch.c.
#ifndef SIROCCO_TABLES_H
#define SIROCCO_TABLES_H

#include <string.h>

#include "attention.h"
#include "blocks.h"
#include "kernels.h"

extern const sirocco_kernels sirocco_kernels_reference;
#if defined(__x86_64__)
extern const sirocco_kernels sirocco_kernels_avx2;
extern const sirocco_kernels sirocco_kernels_avx512vnni;
#endif
#if defined(__aarch64__)
extern const sirocco_kernels sirocco_kernels_neon;
#endif

// Used by every table where there is nothing to gain, so that their results are bit-equal.
void sirocco_reference_matmul(enum sirocco_type type, const void *weights, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride,
                              float *y, int64_t y_stride);
void sirocco_reference_quantize_activation(const float *x, int64_t k, void *out);
void sirocco_reference_dequantize(enum sirocco_type type, const void *src, int64_t k, float *dst);
int sirocco_reference_quantize(enum sirocco_type type, const float *x, int64_t k, const float *importance, void *out);
#if defined(__x86_64__)
/// The same for CPUs with AVX2.
int sirocco_avx2_quantize(enum sirocco_type type, const float *x, int64_t k, const float *importance, void *out);
#endif
void sirocco_reference_gated_silu(const float *gate, const float *up, int64_t n, float *out);
void sirocco_reference_gated_gelu(const float *gate, const float *up, int64_t n, float *out);
void sirocco_reference_add(const float *x, int64_t n, float *y);
void sirocco_reference_rope(float *head, const float *cosine, const float *sine, int64_t half, int interleaved);
void sirocco_reference_store_key(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot);
void sirocco_reference_store_value(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot);
void sirocco_reference_attend(const sirocco_attention *attention, float *workspace);
void sirocco_reference_attend_chunk(const sirocco_attention *attention, int64_t chunk, float *partials);
void sirocco_reference_attend_fold(const sirocco_attention *attention, const float *partials, float *workspace);
float sirocco_reference_softmax(float *x, int64_t n);
float sirocco_reference_max_value(const float *x, int64_t n);
int64_t sirocco_reference_argmax(const float *x, int64_t n);

/// Partial sums of a dot product in the reference: lane j holds Σ over k ≡ j (mod 16). They are folded by halves at the end.
enum { lanes = 16 };

static inline float fold(const float *partial) {
    float sum[lanes];
    memcpy(sum, partial, sizeof sum);
    for (int width = lanes / 2; width > 0; width /= 2) {
        for (int j = 0; j < width; j++) sum[j] += sum[j + width];
    }
    return sum[0];
}

static inline float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of_bfloat(uint16_t value) { return float_of_bits((uint32_t)value << 16); }

/// Exact: every binary16 is a binary32. A signalling NaN becomes quiet, as the hardware makes it.
static inline float float_of_half(sirocco_half half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000 | fraction << 13 | (fraction != 0 ? 0x400000 : 0));
    if (exponent != 0) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f;
    return float_of_bits(sign | bits_of_float(value));
}

/// The nearest bfloat16, ties to even; a NaN stays one.
static inline uint16_t bfloat_of_float(float value) {
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// The nearest binary16, ties to even; infinite above what it holds, a NaN stays one.
static inline sirocco_half half_of_float(float value) {
    uint32_t bits = bits_of_float(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (sirocco_half)(sign | 0x7e00);
    if (magnitude >= 0x47800000) return (sirocco_half)(sign | 0x7c00);
    // Below 2^-14 the last place is 2^-24, which the sum with 1/2 rounds to.
    if (magnitude < 0x38800000) return (sirocco_half)(sign | (bits_of_float(float_of_bits(magnitude) + 0.5f) - 0x3f000000));
    return (sirocco_half)(sign | ((magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000) >> 13));
}

// The tanh form of GELU is v · σ(2 √(2/π) (v + 0.044715 v³)), which loses nothing to cancellation.
static const float gelu_twice_root = 1.5957691216f, gelu_cubic = 0.044715f;

/// Whether activations of this greatest magnitude have a scale; below, 127 / magnitude would overflow.
static inline int is_quantizable(float magnitude) { return magnitude >= 0x1p-100f && magnitude <= 0x1.fffffep127f; }

/// The scale of a block that has none: 0 where it vanishes, NaN where it is at fault.
static inline float scale_of_unquantizable(float magnitude) { return magnitude < 1 ? 0 : float_of_bits(0x7fc00000); }

// ---- The block cache (attention.h) ----

/// Values kept for a head: whole vectors of 16.
static inline int64_t cache_width(int64_t head_size) { return (head_size + 15) / 16 * 16; }

/// Groups of 32 values that share a scale.
static inline int64_t cache_groups(int64_t head_size) { return (head_size + 31) / 32; }

/// One after the last position that a row sees, and the first one.
static inline int64_t seen_end(const sirocco_attention *a, int64_t row) { return a->position + row + 1; }
static inline int64_t seen_first(const sirocco_attention *a, int64_t row) {
    int64_t end = seen_end(a, row);
    return end > a->window ? end - a->window : 0;
}

/// The tile of a position among the head's keys or values.
static inline const char *tile_of(const sirocco_attention *a, const void *base, int64_t tile, int64_t tile_bytes) {
    int64_t tiles = a->block_length / SIROCCO_TILE;
    return (const char *)base + a->blocks[tile / tiles] * a->block_bytes + tile % tiles * tile_bytes;
}

#endif

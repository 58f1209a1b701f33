// What the tables share among themselves and with dispatch.c.
#ifndef SIROCCO_TABLES_H
#define SIROCCO_TABLES_H

#include <string.h>

#include "blocks.h"
#include "kernels.h"

extern const sirocco_kernels sirocco_kernels_reference;
#if defined(__x86_64__)
extern const sirocco_kernels sirocco_kernels_avx2;
extern const sirocco_kernels sirocco_kernels_avx512vnni;
#endif

// Used by every table where there is nothing to gain, so that their results are bit-equal.
void sirocco_reference_quantize_activation(enum sirocco_type weights, const float *x, int64_t k, void *out);
void sirocco_reference_dequantize(enum sirocco_type type, const void *src, int64_t k, float *dst);
void sirocco_reference_rope(float *head, const float *cosine, const float *sine, int64_t half, int interleaved);
float sirocco_reference_max_value(const float *x, int64_t n);

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

/// Exact: every binary16 is a binary32.
static inline float float_of_half(sirocco_half half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent != 0) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f;
    return float_of_bits(sign | bits_of_float(value));
}

/// The nearest binary16, ties to even.
static inline sirocco_half half_of_float(float value) {
    uint32_t bits = bits_of_float(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (sirocco_half)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) return (sirocco_half)(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        // Subnormal: adding 0.5 puts the binary point where the last bit of the fraction is 2^-24.
        float shifted = float_of_bits(magnitude) + 0.5f;
        return (sirocco_half)(sign | (bits_of_float(shifted) - 0x3f000000));
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (sirocco_half)(sign | (rounded - 0x38000000) >> 13);
}

#endif

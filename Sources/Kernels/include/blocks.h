// The quantized blocks of GGML, byte for byte.
#ifndef SIROCCO_BLOCKS_H
#define SIROCCO_BLOCKS_H

#include <stdint.h>

/// IEEE 754 binary16, as bits.
typedef uint16_t sirocco_half;

/// 32 values: d · (nibble − 8). Low nibbles hold values 0–15, high ones 16–31.
typedef struct {
    sirocco_half d;
    uint8_t qs[16];
} block_q4_0;
_Static_assert(sizeof(block_q4_0) == 18, "block_q4_0 is a file format");

/// 32 values: d · nibble + m, nibbles as in block_q4_0.
typedef struct {
    sirocco_half d;
    sirocco_half m;
    uint8_t qs[16];
} block_q4_1;
_Static_assert(sizeof(block_q4_1) == 20, "block_q4_1 is a file format");

/// 32 values: d · (q − 16), q of 5 bits: nibbles as in block_q4_0, bit j of qh (a number of 32 bits) above them.
typedef struct {
    sirocco_half d;
    uint8_t qh[4];
    uint8_t qs[16];
} block_q5_0;
_Static_assert(sizeof(block_q5_0) == 22, "block_q5_0 is a file format");

/// 32 values: d · q + m, q as in block_q5_0.
typedef struct {
    sirocco_half d;
    sirocco_half m;
    uint8_t qh[4];
    uint8_t qs[16];
} block_q5_1;
_Static_assert(sizeof(block_q5_1) == 24, "block_q5_1 is a file format");

/// 32 values: d · q.
typedef struct {
    sirocco_half d;
    int8_t qs[32];
} block_q8_0;
_Static_assert(sizeof(block_q8_0) == 34, "block_q8_0 is a file format");

/// 32 values: 2^(e − 127) · an E2M1 number (values_mxfp4 has their doubles), nibbles as in block_q4_0.
typedef struct {
    uint8_t e;
    uint8_t qs[16];
} block_mxfp4;
_Static_assert(sizeof(block_mxfp4) == 17, "block_mxfp4 is a file format");

/// 32 values: d · values_iq4[nibble], nibbles as in block_q4_0.
typedef struct {
    sirocco_half d;
    uint8_t qs[16];
} block_iq4_nl;
_Static_assert(sizeof(block_iq4_nl) == 18, "block_iq4_nl is a file format");

/// 256 values in 16 groups of 16: d · scale · q − dmin · minimum, scale and minimum nibbles of a byte, q of 2 bits: byte l of each 32 holds values l,
/// l + 32, l + 64 and l + 96 of its half.
typedef struct {
    uint8_t scales[16];
    uint8_t qs[64];
    sirocco_half d;
    sirocco_half dmin;
} block_q2_K;
_Static_assert(sizeof(block_q2_K) == 84, "block_q2_K is a file format");

/// 256 values in 16 groups of 16: d · (scale − 32) · (q − 4), q of 3 bits: two low ones in qs as in block_q2_K, bit v / 32 of hmask[v % 32] above them.
/// The scales are 6 bits each, packed in 12 bytes.
typedef struct {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    sirocco_half d;
} block_q3_K;
_Static_assert(sizeof(block_q3_K) == 110, "block_q3_K is a file format");

/// 256 values in 8 groups of 32: d · scale · nibble − dmin · minimum. Scales and minima are 6 bits each, packed in 12 bytes.
typedef struct {
    sirocco_half d;
    sirocco_half dmin;
    uint8_t scales[12];
    uint8_t qs[128];
} block_q4_K;
_Static_assert(sizeof(block_q4_K) == 144, "block_q4_K is a file format");

/// 256 values as in block_q4_K with q of 5 bits: bit g of qh[j] is the fifth of value j of group g.
typedef struct {
    sirocco_half d;
    sirocco_half dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
} block_q5_K;
_Static_assert(sizeof(block_q5_K) == 176, "block_q5_K is a file format");

/// 256 values in 16 groups of 16: d · scale · (q − 32), q of 6 bits: four low ones in ql, two high ones in qh.
typedef struct {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    sirocco_half d;
} block_q6_K;
_Static_assert(sizeof(block_q6_K) == 210, "block_q6_K is a file format");

/// 256 values in 8 groups of 32: d · (scale − 32) · values_iq4[nibble], scales of 6 bits: nibbles in scales_l, two high bits in scales_h.
typedef struct {
    sirocco_half d;
    uint16_t scales_h;
    uint8_t scales_l[4];
    uint8_t qs[128];
} block_iq4_xs;
_Static_assert(sizeof(block_iq4_xs) == 136, "block_iq4_xs is a file format");

/// 256 values of −1, 0, 1 times d: five to a byte in qs, a value being the next digit of the byte as a fraction in base 3; four to a byte in qh.
typedef struct {
    uint8_t qs[48];
    uint8_t qh[4];
    sirocco_half d;
} block_tq1_0;
_Static_assert(sizeof(block_tq1_0) == 54, "block_tq1_0 is a file format");

/// 256 values: d · (q − 1), q of 2 bits, laid out as in block_q2_K.
typedef struct {
    uint8_t qs[64];
    sirocco_half d;
} block_tq2_0;
_Static_assert(sizeof(block_tq2_0) == 66, "block_tq2_0 is a file format");

/// 256 values in 8 groups of 32, each 8 bytes: four points of grid_iq2_xxs, then 4 × 7 bits of signs and 4 of scale: d · (2 · scale + 1) / 8 · magnitude.
typedef struct {
    sirocco_half d;
    uint8_t qs[64];
} block_iq2_xxs;
_Static_assert(sizeof(block_iq2_xxs) == 66, "block_iq2_xxs is a file format");

/// 256 values in 16 groups of 16, scaled as in block_iq2_xxs: 9 bits of grid_iq2_xs and 7 of signs for each 8 values, a nibble of scale a group.
typedef struct {
    sirocco_half d;
    uint16_t qs[32];
    uint8_t scales[8];
} block_iq2_xs;
_Static_assert(sizeof(block_iq2_xs) == 74, "block_iq2_xs is a file format");

/// 256 values in 16 groups of 16, scaled as in block_iq2_xxs: 10 bits of grid_iq2_s (two of them in qh) and 8 of signs for each 8 values.
typedef struct {
    sirocco_half d;
    uint8_t qs[32];
    uint8_t signs[32];
    uint8_t qh[8];
    uint8_t scales[8];
} block_iq2_s;
_Static_assert(sizeof(block_iq2_s) == 82, "block_iq2_s is a file format");

/// 256 values in 8 groups of 32: 8 bits of grid_iq3_xxs for each 4 values; 4 × 7 bits of signs and 4 of scale a group: d · (2 · scale + 1) / 4 · magnitude.
typedef struct {
    sirocco_half d;
    uint8_t qs[64];
    uint8_t signs[32];
} block_iq3_xxs;
_Static_assert(sizeof(block_iq3_xxs) == 98, "block_iq3_xxs is a file format");

/// 256 values in 8 groups of 32: 9 bits of grid_iq3_s (one of them in qh) for each 4 values, a bit of sign each, d · (2 · scale + 1) · magnitude.
typedef struct {
    sirocco_half d;
    uint8_t qs[64];
    uint8_t qh[8];
    uint8_t signs[32];
    uint8_t scales[4];
} block_iq3_s;
_Static_assert(sizeof(block_iq3_s) == 110, "block_iq3_s is a file format");

/// 256 values in 8 groups of 32: 11 bits of grid_iq1 for each 8 values (three of them in qh), 3 of scale and one of shift a group:
/// d · (2 · scale + 1) · (point ± 1/8).
typedef struct {
    sirocco_half d;
    uint8_t qs[32];
    uint16_t qh[8];
} block_iq1_s;
_Static_assert(sizeof(block_iq1_s) == 50, "block_iq1_s is a file format");

/// 256 values in 16 groups of 16, valued as in block_iq1_s with a shift for each 8 values. Each 16 bits of scales hold four of 3 bits, and a quarter of d.
typedef struct {
    uint8_t qs[32];
    uint8_t qh[16];
    uint8_t scales[8];
} block_iq1_m;
_Static_assert(sizeof(block_iq1_m) == 56, "block_iq1_m is a file format");

/// 256 values: d · q, and the sums of each 16 q.
typedef struct {
    float d;
    int8_t qs[256];
    int16_t sums[16];
} block_q8_K;
_Static_assert(sizeof(block_q8_K) == 292, "block_q8_K is a file format");

/// 256 activations: d · q, and sums of q as the products of packed weights want them: −128 times those of each 16 and of each 32, which takes a zero
/// point back, and in 16 bits those that minima are multiplied with. The last block of a row may be filled up with zeros. Never in a
/// file: the scale is F32, so that no activation is too large or too small for it.
typedef struct {
    int8_t qs[256];
    int32_t offsets16[16];
    int32_t offsets32[8];
    int16_t sums16[16];
    int16_t sums32[8];
    float d;
    uint8_t unused[12];
} block_activation;
_Static_assert(sizeof(block_activation) == 416, "block_activation is what the quantized products read");

/// Scale and minimum of group j of a block_q4_K.
static inline void q4_K_group(const uint8_t *packed, int j, uint8_t *scale, uint8_t *minimum) {
    if (j < 4) {
        *scale = packed[j] & 63;
        *minimum = packed[j + 4] & 63;
    } else {
        *scale = (uint8_t)((packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4));
        *minimum = (uint8_t)((packed[j + 4] >> 4) | ((packed[j] >> 6) << 4));
    }
}

/// The 6-bit value j of a block_q6_K, 0–63.
static inline int q6_K_value(const block_q6_K *w, int j) {
    int half = j / 128, quarter = j / 32 % 4, l = j % 32;
    int low = w->ql[half * 64 + (quarter % 2) * 32 + l];
    int high = w->qh[half * 32 + l] >> (2 * quarter) & 3;
    return (quarter < 2 ? low & 15 : low >> 4) | high << 4;
}

#endif

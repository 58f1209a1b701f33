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

/// 32 values: d · q.
typedef struct {
    sirocco_half d;
    int8_t qs[32];
} block_q8_0;
_Static_assert(sizeof(block_q8_0) == 34, "block_q8_0 is a file format");

/// 256 values in 8 groups of 32: d · scale · nibble − dmin · minimum. Scales and minima are 6 bits each, packed in 12 bytes.
typedef struct {
    sirocco_half d;
    sirocco_half dmin;
    uint8_t scales[12];
    uint8_t qs[128];
} block_q4_K;
_Static_assert(sizeof(block_q4_K) == 144, "block_q4_K is a file format");

/// 256 values in 16 groups of 16: d · scale · (q − 32), q of 6 bits: four low ones in ql, two high ones in qh.
typedef struct {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    sirocco_half d;
} block_q6_K;
_Static_assert(sizeof(block_q6_K) == 210, "block_q6_K is a file format");

/// 256 activations: d · q, and the sums of each 16 q.
typedef struct {
    float d;
    int8_t qs[256];
    int16_t sums[16];
} block_q8_K;
_Static_assert(sizeof(block_q8_K) == 292, "block_q8_K is what the K products read");

/// 32 activations: d · q, and the sum of q. Never in a file: the scale is F32, so that no activation is too large or too small for it.
typedef struct {
    float d;
    int32_t sum;
    int8_t qs[32];
} block_q8_activation;
_Static_assert(sizeof(block_q8_activation) == 40, "block_q8_activation is what the 32-value products read");

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

#endif

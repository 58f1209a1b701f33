// Every quantized block in one form: integers, a scale and a minimum for each 16 of them. Dequantization and products are then the same for all.
//
// The functions are compiled into each table, so that the compiler's vectors are the table's own.
#ifndef SIROCCO_UNPACK_H
#define SIROCCO_UNPACK_H

#include "grids.h"
#include "tables.h"

#define UNPACK static inline __attribute__((always_inline))

/// Value j is d · scale[j / 16] · q[j] − dmin · minimum[j / 16]; d · scale is exact in F32 for every type.
typedef struct {
    int8_t q[256];
    int16_t scale[16];
    int16_t minimum[16];
    float d;
    float dmin;
} unpacked_block;

/// Values in a block of a quantized type, known to the compiler.
UNPACK int block_values(enum sirocco_type type) {
    switch (type) {
    case SIROCCO_Q4_0:
    case SIROCCO_Q4_1:
    case SIROCCO_Q5_0:
    case SIROCCO_Q5_1:
    case SIROCCO_Q8_0:
    case SIROCCO_IQ4_NL:
    case SIROCCO_MXFP4: return 32;
    default: return 256;
    }
}

/// Whether blocks of a type have minima; the others leave `minimum` and `dmin` as they are.
UNPACK int has_minima(enum sirocco_type type) {
    return type == SIROCCO_Q4_1 || type == SIROCCO_Q5_1 || type == SIROCCO_Q2_K || type == SIROCCO_Q4_K || type == SIROCCO_Q5_K;
}

/// 32 nibbles: low ones first.
UNPACK void unpack_nibbles(const uint8_t *qs, int8_t *q) {
    for (int j = 0; j < 16; j++) {
        q[j] = (int8_t)(qs[j] & 15);
        q[j + 16] = (int8_t)(qs[j] >> 4);
    }
}

UNPACK void unpack_values(const uint8_t *qs, const int8_t values[16], int8_t *q) {
    for (int j = 0; j < 16; j++) {
        q[j] = values[qs[j] & 15];
        q[j + 16] = values[qs[j] >> 4];
    }
}

/// 32 numbers of five bits.
UNPACK void unpack_fives(const uint8_t *qs, const uint8_t *qh, int8_t *q) {
    uint32_t high;
    memcpy(&high, qh, 4);
    for (int j = 0; j < 16; j++) {
        q[j] = (int8_t)((qs[j] & 15) | (high >> j & 1) << 4);
        q[j + 16] = (int8_t)(qs[j] >> 4 | (high >> (j + 16) & 1) << 4);
    }
}

/// The 256 numbers of two bits of block_q2_K and its kin.
UNPACK void unpack_twos(const uint8_t *qs, int8_t *q) {
    for (int half = 0; half < 2; half++) {
        for (int j = 0; j < 4; j++) {
            for (int l = 0; l < 32; l++) q[half * 128 + j * 32 + l] = (int8_t)(qs[half * 32 + l] >> (2 * j) & 3);
        }
    }
}

UNPACK void fill_scales(unpacked_block *out, int16_t scale, int16_t minimum, int count) {
    for (int g = 0; g < count; g++) {
        out->scale[g] = scale;
        out->minimum[g] = minimum;
    }
}

// ---- Blocks of 32 values ----

UNPACK void unpack_32(enum sirocco_type type, const void *block, unpacked_block *out) {
    fill_scales(out, 1, 1, 2);
    switch (type) {
    case SIROCCO_Q4_0: {
        const block_q4_0 *w = block;
        out->d = float_of_half(w->d);
        unpack_nibbles(w->qs, out->q);
        for (int j = 0; j < 32; j++) out->q[j] -= 8;
        break;
    }
    case SIROCCO_Q4_1: {
        const block_q4_1 *w = block;
        out->d = float_of_half(w->d);
        out->dmin = -float_of_half(w->m);
        unpack_nibbles(w->qs, out->q);
        break;
    }
    case SIROCCO_Q5_0: {
        const block_q5_0 *w = block;
        out->d = float_of_half(w->d);
        unpack_fives(w->qs, w->qh, out->q);
        for (int j = 0; j < 32; j++) out->q[j] -= 16;
        break;
    }
    case SIROCCO_Q5_1: {
        const block_q5_1 *w = block;
        out->d = float_of_half(w->d);
        out->dmin = -float_of_half(w->m);
        unpack_fives(w->qs, w->qh, out->q);
        break;
    }
    case SIROCCO_Q8_0: {
        const block_q8_0 *w = block;
        out->d = float_of_half(w->d);
        memcpy(out->q, w->qs, 32);
        break;
    }
    case SIROCCO_IQ4_NL: {
        const block_iq4_nl *w = block;
        out->d = float_of_half(w->d);
        unpack_values(w->qs, values_iq4, out->q);
        break;
    }
    default: {
        const block_mxfp4 *w = block;
        // Half of 2^(e − 127), since the values are doubled; below 2^-126 it is subnormal.
        out->d = float_of_bits(w->e < 2 ? 0x00200000u << w->e : (uint32_t)(w->e - 1) << 23);
        unpack_values(w->qs, values_mxfp4, out->q);
    }
    }
}

// ---- K blocks: 256 values ----

UNPACK void unpack_q2_K(const block_q2_K *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    out->dmin = float_of_half(w->dmin);
    for (int g = 0; g < 16; g++) {
        out->scale[g] = w->scales[g] & 15;
        out->minimum[g] = w->scales[g] >> 4;
    }
    unpack_twos(w->qs, out->q);
}

/// The 6-bit scale of group g of a block_q3_K.
UNPACK int q3_K_scale(const uint8_t *packed, int g) {
    return (g < 8 ? packed[g] & 15 : packed[g - 8] >> 4) | (packed[8 + g % 4] >> (2 * (g / 4)) & 3) << 4;
}

UNPACK void unpack_q3_K(const block_q3_K *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    for (int g = 0; g < 16; g++) out->scale[g] = (int16_t)(q3_K_scale(w->scales, g) - 32);
    unpack_twos(w->qs, out->q);
    for (int g = 0; g < 8; g++) {
        for (int l = 0; l < 32; l++) out->q[g * 32 + l] += (int8_t)((w->hmask[l] >> g & 1) * 4 - 4);
    }
}

UNPACK void unpack_scales_K(const uint8_t *packed, unpacked_block *out) {
    for (int g = 0; g < 8; g++) {
        uint8_t scale, minimum;
        q4_K_group(packed, g, &scale, &minimum);
        out->scale[2 * g] = out->scale[2 * g + 1] = scale;
        out->minimum[2 * g] = out->minimum[2 * g + 1] = minimum;
    }
}

/// 256 nibbles, each 32 bytes holding two groups of 32.
UNPACK void unpack_fours(const uint8_t *qs, int8_t *q) {
    for (int g = 0; g < 8; g += 2) {
        for (int l = 0; l < 32; l++) {
            q[g * 32 + l] = (int8_t)(qs[g * 16 + l] & 15);
            q[g * 32 + 32 + l] = (int8_t)(qs[g * 16 + l] >> 4);
        }
    }
}

UNPACK void unpack_q4_K(const block_q4_K *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    out->dmin = float_of_half(w->dmin);
    unpack_scales_K(w->scales, out);
    unpack_fours(w->qs, out->q);
}

UNPACK void unpack_q5_K(const block_q5_K *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    out->dmin = float_of_half(w->dmin);
    unpack_scales_K(w->scales, out);
    unpack_fours(w->qs, out->q);
    for (int g = 0; g < 8; g++) {
        for (int l = 0; l < 32; l++) out->q[g * 32 + l] += (int8_t)((w->qh[l] >> g & 1) << 4);
    }
}

UNPACK void unpack_q6_K(const block_q6_K *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    for (int g = 0; g < 16; g++) out->scale[g] = w->scales[g];
    for (int half = 0; half < 2; half++) {
        const uint8_t *ql = w->ql + half * 64, *qh = w->qh + half * 32;
        int8_t *q = out->q + half * 128;
        for (int l = 0; l < 32; l++) {
            q[l] = (int8_t)((ql[l] & 15) + (qh[l] & 3) * 16 - 32);
            q[l + 32] = (int8_t)((ql[l + 32] & 15) + (qh[l] >> 2 & 3) * 16 - 32);
            q[l + 64] = (int8_t)((ql[l] >> 4) + (qh[l] >> 4 & 3) * 16 - 32);
            q[l + 96] = (int8_t)((ql[l + 32] >> 4) + (qh[l] >> 6) * 16 - 32);
        }
    }
}

UNPACK void unpack_q8_K(const block_q8_K *w, unpacked_block *out) {
    out->d = w->d;
    fill_scales(out, 1, 0, 16);
    memcpy(out->q, w->qs, 256);
}

// ---- Ternary blocks ----

/// Digit n of a byte that is a fraction in base 3.
UNPACK int8_t ternary_digit(uint8_t byte, int n) {
    static const uint8_t powers[5] = {1, 3, 9, 27, 81};
    return (int8_t)(((uint8_t)(byte * powers[n]) * 3 >> 8) - 1);
}

UNPACK void unpack_tq1_0(const block_tq1_0 *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    fill_scales(out, 1, 0, 16);
    for (int n = 0; n < 5; n++) {
        for (int l = 0; l < 32; l++) out->q[n * 32 + l] = ternary_digit(w->qs[l], n);
        for (int l = 0; l < 16; l++) out->q[160 + n * 16 + l] = ternary_digit(w->qs[32 + l], n);
    }
    for (int n = 0; n < 4; n++) {
        for (int l = 0; l < 4; l++) out->q[240 + n * 4 + l] = ternary_digit(w->qh[l], n);
    }
}

UNPACK void unpack_tq2_0(const block_tq2_0 *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    fill_scales(out, 1, 0, 16);
    unpack_twos(w->qs, out->q);
    for (int j = 0; j < 256; j++) out->q[j] -= 1;
}

// ---- Codebook blocks ----

/// Eight codes of two bits, a byte each.
UNPACK uint64_t spread_twos(uint64_t codes) {
    codes = (codes | codes << 24) & 0x000000ff000000ff;
    codes = (codes | codes << 12) & 0x000f000f000f000f;
    return (codes | codes << 6) & 0x0303030303030303;
}

/// Four codes of three bits, a byte each.
UNPACK uint32_t spread_threes(uint32_t codes) {
    codes = (codes | codes << 10) & 0x003f003f;
    return (codes | codes << 5) & 0x07070707;
}

/// Magnitudes 8, 25 and 43 of the codes 0, 1 and 2.
UNPACK uint64_t magnitudes_iq2(uint16_t point) {
    uint64_t codes = spread_twos(point);
    return 0x0808080808080808 + codes * 17 + (codes >> 1 & 0x0101010101010101);
}

/// Magnitudes 4 + 8 · code, 62 for the last.
UNPACK uint32_t magnitudes_iq3_xxs(uint16_t point) {
    uint32_t codes = spread_threes(point), last = codes & codes >> 1 & codes >> 2 & 0x01010101;
    return 0x04040404 + codes * 8 + last * 2;
}

UNPACK uint64_t two_points(uint32_t first, uint32_t second) { return first | (uint64_t)second << 32; }

/// Eight positive magnitudes, byte j negative where bit j of `signs` is set.
UNPACK void put_signed(uint64_t magnitudes, unsigned signs, int8_t *q) {
    uint64_t bits = (uint64_t)(signs & 255) * 0x0101010101010101 & 0x8040201008040201;
    uint64_t set = (bits + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101;
    uint64_t values = (magnitudes ^ set * 255) + set;
    memcpy(q, &values, 8);
}

/// Seven bits of signs; the eighth makes their number even.
UNPACK unsigned even_signs(uint32_t seven) {
    seven &= 127;
    return seven | (unsigned)__builtin_parity(seven) << 7;
}

UNPACK void unpack_iq2_xxs(const block_iq2_xxs *w, unpacked_block *out) {
    out->d = float_of_half(w->d) * 0.125f;
    for (int g = 0; g < 8; g++) {
        uint32_t rest;
        memcpy(&rest, w->qs + 8 * g + 4, 4);
        out->scale[2 * g] = out->scale[2 * g + 1] = (int16_t)(2 * (rest >> 28) + 1);
        for (int l = 0; l < 4; l++) {
            put_signed(magnitudes_iq2(grid_iq2_xxs[w->qs[8 * g + l]]), even_signs(rest >> (7 * l)), out->q + 32 * g + 8 * l);
        }
    }
}

UNPACK void unpack_nibble_scales(const uint8_t *scales, unpacked_block *out) {
    for (int g = 0; g < 8; g++) {
        out->scale[2 * g] = (int16_t)(2 * (scales[g] & 15) + 1);
        out->scale[2 * g + 1] = (int16_t)(2 * (scales[g] >> 4) + 1);
    }
}

UNPACK void unpack_iq2_xs(const block_iq2_xs *w, unpacked_block *out) {
    out->d = float_of_half(w->d) * 0.125f;
    unpack_nibble_scales(w->scales, out);
    for (int j = 0; j < 32; j++) put_signed(magnitudes_iq2(grid_iq2_xs[w->qs[j] & 511]), even_signs(w->qs[j] >> 9), out->q + 8 * j);
}

UNPACK void unpack_iq2_s(const block_iq2_s *w, unpacked_block *out) {
    out->d = float_of_half(w->d) * 0.125f;
    unpack_nibble_scales(w->scales, out);
    for (int j = 0; j < 32; j++) {
        int point = w->qs[j] | (w->qh[j / 4] >> (2 * (j % 4)) & 3) << 8;
        put_signed(magnitudes_iq2(grid_iq2_s[point]), w->signs[j], out->q + 8 * j);
    }
}

UNPACK void unpack_iq3_xxs(const block_iq3_xxs *w, unpacked_block *out) {
    out->d = float_of_half(w->d) * 0.25f;
    for (int g = 0; g < 8; g++) {
        uint32_t rest;
        memcpy(&rest, w->signs + 4 * g, 4);
        out->scale[2 * g] = out->scale[2 * g + 1] = (int16_t)(2 * (rest >> 28) + 1);
        for (int l = 0; l < 4; l++) {
            const uint8_t *qs = w->qs + 8 * g + 2 * l;
            uint64_t magnitudes = two_points(magnitudes_iq3_xxs(grid_iq3_xxs[qs[0]]), magnitudes_iq3_xxs(grid_iq3_xxs[qs[1]]));
            put_signed(magnitudes, even_signs(rest >> (7 * l)), out->q + 32 * g + 8 * l);
        }
    }
}

UNPACK void unpack_iq3_s(const block_iq3_s *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    for (int g = 0; g < 8; g++) {
        out->scale[2 * g] = out->scale[2 * g + 1] = (int16_t)(2 * (w->scales[g / 2] >> (4 * (g % 2)) & 15) + 1);
        for (int l = 0; l < 4; l++) {
            int first = w->qs[8 * g + 2 * l] | (w->qh[g] >> (2 * l) & 1) << 8;
            int second = w->qs[8 * g + 2 * l + 1] | (w->qh[g] >> (2 * l + 1) & 1) << 8;
            uint64_t codes = two_points(spread_threes(grid_iq3_s[first]), spread_threes(grid_iq3_s[second]));
            put_signed(codes * 2 + 0x0101010101010101, w->signs[4 * g + l], out->q + 32 * g + 8 * l);
        }
    }
}

/// Eight times (point ± 1/8).
UNPACK void put_shifted(uint16_t point, int negative, int8_t *q) {
    for (int j = 0; j < 8; j++) q[j] = (int8_t)(8 * (point >> (2 * j) & 3) - (negative ? 9 : 7));
}

UNPACK void unpack_iq1_s(const block_iq1_s *w, unpacked_block *out) {
    out->d = float_of_half(w->d) * 0.125f;
    for (int g = 0; g < 8; g++) {
        out->scale[2 * g] = out->scale[2 * g + 1] = (int16_t)(2 * (w->qh[g] >> 12 & 7) + 1);
        for (int l = 0; l < 4; l++) {
            int point = w->qs[4 * g + l] | (w->qh[g] >> (3 * l) & 7) << 8;
            put_shifted(grid_iq1[point], w->qh[g] >> 15, out->q + 32 * g + 8 * l);
        }
    }
}

UNPACK void unpack_iq1_m(const block_iq1_m *w, unpacked_block *out) {
    uint16_t scales[4];
    memcpy(scales, w->scales, 8);
    out->d = float_of_half((sirocco_half)(scales[0] >> 12 | (scales[1] >> 12) << 4 | (scales[2] >> 12) << 8 | (scales[3] >> 12) << 12)) * 0.125f;
    for (int g = 0; g < 16; g++) out->scale[g] = (int16_t)(2 * (scales[g / 4] >> (3 * (g % 4)) & 7) + 1);
    for (int j = 0; j < 32; j++) {
        int high = w->qh[j / 2] >> (4 * (j % 2)) & 15;
        put_shifted(grid_iq1[w->qs[j] | (high & 7) << 8], high >> 3, out->q + 8 * j);
    }
}

UNPACK void unpack_iq4_xs(const block_iq4_xs *w, unpacked_block *out) {
    out->d = float_of_half(w->d);
    for (int g = 0; g < 8; g++) {
        int scale = (w->scales_l[g / 2] >> (4 * (g % 2)) & 15) | (w->scales_h >> (2 * g) & 3) << 4;
        out->scale[2 * g] = out->scale[2 * g + 1] = (int16_t)(scale - 32);
        unpack_values(w->qs + 16 * g, values_iq4, out->q + 32 * g);
    }
}

/// One block of a quantized type.
UNPACK void unpack_block(enum sirocco_type type, const void *block, unpacked_block *out) {
    switch (type) {
    case SIROCCO_Q2_K: unpack_q2_K(block, out); break;
    case SIROCCO_Q3_K: unpack_q3_K(block, out); break;
    case SIROCCO_Q4_K: unpack_q4_K(block, out); break;
    case SIROCCO_Q5_K: unpack_q5_K(block, out); break;
    case SIROCCO_Q6_K: unpack_q6_K(block, out); break;
    case SIROCCO_Q8_K: unpack_q8_K(block, out); break;
    case SIROCCO_TQ1_0: unpack_tq1_0(block, out); break;
    case SIROCCO_TQ2_0: unpack_tq2_0(block, out); break;
    case SIROCCO_IQ2_XXS: unpack_iq2_xxs(block, out); break;
    case SIROCCO_IQ2_XS: unpack_iq2_xs(block, out); break;
    case SIROCCO_IQ2_S: unpack_iq2_s(block, out); break;
    case SIROCCO_IQ3_XXS: unpack_iq3_xxs(block, out); break;
    case SIROCCO_IQ3_S: unpack_iq3_s(block, out); break;
    case SIROCCO_IQ1_S: unpack_iq1_s(block, out); break;
    case SIROCCO_IQ1_M: unpack_iq1_m(block, out); break;
    case SIROCCO_IQ4_XS: unpack_iq4_xs(block, out); break;
    default: unpack_32(type, block, out);
    }
}

/// A row of a quantized type as F32.
UNPACK void dequantize_blocks(enum sirocco_type type, const char *src, int64_t k, float *dst) {
    const int elements = block_values(type);
    const int64_t bytes = sirocco_row_bytes(type, elements);
    unpacked_block w;
    for (int64_t at = 0; at < k; at += elements, src += bytes) {
        unpack_block(type, src, &w);
        for (int g = 0; g < elements / 16; g++) {
            float d = w.d * (float)w.scale[g];
            if (has_minima(type)) {
                float minimum = w.dmin * (float)w.minimum[g];
                for (int j = 16 * g; j < 16 * g + 16; j++) dst[at + j] = d * (float)w.q[j] - minimum;
            } else {
                for (int j = 16 * g; j < 16 * g + 16; j++) dst[at + j] = d * (float)w.q[j];
            }
        }
    }
}

/// Cases of a switch that call `action(TYPE)` for the quantized type it is, so that the compiler knows the type.
#define CASES_OF_MAIN_TYPES(action)                 \
    case SIROCCO_Q4_0: action(SIROCCO_Q4_0); break; \
    case SIROCCO_Q8_0: action(SIROCCO_Q8_0); break; \
    case SIROCCO_Q4_K: action(SIROCCO_Q4_K); break; \
    case SIROCCO_Q6_K: action(SIROCCO_Q6_K); break;

#define CASES_OF_OTHER_TYPES(action)                      \
    case SIROCCO_Q4_1: action(SIROCCO_Q4_1); break;       \
    case SIROCCO_Q5_0: action(SIROCCO_Q5_0); break;       \
    case SIROCCO_Q5_1: action(SIROCCO_Q5_1); break;       \
    case SIROCCO_IQ4_NL: action(SIROCCO_IQ4_NL); break;   \
    case SIROCCO_MXFP4: action(SIROCCO_MXFP4); break;     \
    case SIROCCO_Q2_K: action(SIROCCO_Q2_K); break;       \
    case SIROCCO_Q3_K: action(SIROCCO_Q3_K); break;       \
    case SIROCCO_Q5_K: action(SIROCCO_Q5_K); break;       \
    case SIROCCO_Q8_K: action(SIROCCO_Q8_K); break;       \
    case SIROCCO_TQ1_0: action(SIROCCO_TQ1_0); break;     \
    case SIROCCO_TQ2_0: action(SIROCCO_TQ2_0); break;     \
    case SIROCCO_IQ2_XXS: action(SIROCCO_IQ2_XXS); break; \
    case SIROCCO_IQ2_XS: action(SIROCCO_IQ2_XS); break;   \
    case SIROCCO_IQ2_S: action(SIROCCO_IQ2_S); break;     \
    case SIROCCO_IQ3_XXS: action(SIROCCO_IQ3_XXS); break; \
    case SIROCCO_IQ3_S: action(SIROCCO_IQ3_S); break;     \
    case SIROCCO_IQ1_S: action(SIROCCO_IQ1_S); break;     \
    case SIROCCO_IQ1_M: action(SIROCCO_IQ1_M); break;     \
    case SIROCCO_IQ4_XS: action(SIROCCO_IQ4_XS); break;

#endif

// Quantizers of types whose blocks have one scale (and minimum): eight blocks at a time.
#ifndef SIROCCO_QUANTIZE_BLOCKS_H
#define SIROCCO_QUANTIZE_BLOCKS_H

#include "quantize_fit.h"

/// The integers of eight groups of n, group g's value j at q[g · n + j].
FIT void store_integers(const group_lanes *l, int count, int n, f8 inverse, f8 minimum, float low, float high, int offset, uint8_t *q) {
    for (int j = 0; j < n; j++) {
        f8 v = clamp8(round8((l->x[j] - minimum) * inverse), low, high);
        for (int g = 0; g < count; g++) q[g * n + j] = (uint8_t)((int)v[g] + offset);
    }
}

/// The places of the nearest values of a codebook.
FIT void store_places(const group_lanes *l, int count, int n, f8 inverse, const int8_t *values, int size, uint8_t *q) {
    for (int j = 0; j < n; j++) {
        f8 v = l->x[j] * inverse;
        n8 place = {};
        for (int i = 1; i < size; i++) place -= v > 0.5f * (float)(values[i - 1] + values[i]);
        for (int g = 0; g < count; g++) q[g * n + j] = (uint8_t)place[g];
    }
}

/// A scale as binary16; `too_large` is set where there is none.
FIT sirocco_half stored_half(float value, int *too_large) {
    sirocco_half half = half_of_float(value);
    if ((half & 0x7c00) == 0x7c00) *too_large = 1;
    return half;
}

FIT void pack_nibbles(const uint8_t *q, uint8_t *qs) {
    for (int j = 0; j < 16; j++) qs[j] = (uint8_t)((q[j] & 15) | q[j + 16] << 4);
}

FIT void pack_fifth_bits(const uint8_t *q, uint8_t *qh) {
    uint32_t bits = 0;
    for (int j = 0; j < 32; j++) bits |= (uint32_t)(q[j] >> 4 & 1) << j;
    memcpy(qh, &bits, 4);
}

// ---- Blocks of 32 values, eight at a time ----

FIT int quantize_32(enum sirocco_type type, const float *x, const float *importance, int count, char *out) {
    group_lanes l;
    uint8_t q[256];
    f8 d, m = all8(0);
    int too_large = 0;
    gather(x, importance, count, 32, &l);
    switch (type) {
    case SIROCCO_Q4_0: d = fit_scale(&l, 32, -8, 7, (search_range){5.6f, 0.3f, 12}); break;
    case SIROCCO_Q5_0: d = fit_scale(&l, 32, -16, 15, (search_range){13, 0.4f, 10}); break;
    case SIROCCO_Q8_0: d = all8(1 / 127.0f); break;
    case SIROCCO_IQ4_NL: d = fit_codebook(&l, 32, values_iq4, 16, (search_range){84, 6, 9}); break;
    default: {
        line_fit fit = type == SIROCCO_Q4_1 ? fit_line(&l, 32, 15, 1, (search_range){14, 0.25f, 13})
                                            : fit_line(&l, 32, 31, 1, (search_range){30, 0.25f, 9});
        d = fit.scale;
        m = fit.minimum;
    }
    }
    sirocco_half halves[8], minima[8];
    f8 inverse_largest = inverse8(l.largest);
    for (int g = 0; g < 8; g++) {
        halves[g] = stored_half(d[g] * l.largest[g], &too_large);
        minima[g] = stored_half(m[g] * l.largest[g], &too_large);
        d[g] = float_of_half(halves[g]) * inverse_largest[g];
        m[g] = float_of_half(minima[g]) * inverse_largest[g];
    }
    switch (type) {
    case SIROCCO_Q4_0: store_integers(&l, count, 32, inverse8(d), m, -8, 7, 8, q); break;
    case SIROCCO_Q5_0: store_integers(&l, count, 32, inverse8(d), m, -16, 15, 16, q); break;
    case SIROCCO_Q8_0: store_integers(&l, count, 32, inverse8(d), m, -127, 127, 0, q); break;
    case SIROCCO_Q4_1: store_integers(&l, count, 32, inverse8(d), m, 0, 15, 0, q); break;
    case SIROCCO_Q5_1: store_integers(&l, count, 32, inverse8(d), m, 0, 31, 0, q); break;
    default: store_places(&l, count, 32, inverse8(d), values_iq4, 16, q);
    }
    for (int g = 0; g < count; g++) {
        const uint8_t *from = q + 32 * g;
        switch (type) {
        case SIROCCO_Q4_0:
        case SIROCCO_IQ4_NL: {
            block_q4_0 *block = (block_q4_0 *)out + g;
            block->d = halves[g];
            pack_nibbles(from, block->qs);
            break;
        }
        case SIROCCO_Q5_0: {
            block_q5_0 *block = (block_q5_0 *)out + g;
            block->d = halves[g];
            pack_nibbles(from, block->qs);
            pack_fifth_bits(from, block->qh);
            break;
        }
        case SIROCCO_Q8_0: {
            block_q8_0 *block = (block_q8_0 *)out + g;
            block->d = halves[g];
            memcpy(block->qs, from, 32);
            break;
        }
        case SIROCCO_Q4_1: {
            block_q4_1 *block = (block_q4_1 *)out + g;
            block->d = halves[g];
            block->m = minima[g];
            pack_nibbles(from, block->qs);
            break;
        }
        default: {
            block_q5_1 *block = (block_q5_1 *)out + g;
            block->d = halves[g];
            block->m = minima[g];
            pack_nibbles(from, block->qs);
            pack_fifth_bits(from, block->qh);
        }
        }
    }
    return too_large ? -1 : 0;
}

/// The magnitudes of MXFP4, doubled; negative ones have the same places with the fourth bit.
static const int8_t magnitudes_mxfp4[8] = {0, 1, 2, 3, 4, 6, 8, 12};

/// The scale is a power of two: the one that puts the greatest value between 4 and 8 of the largest 6, or one below or above it.
FIT int quantize_mxfp4(const float *x, const float *importance, int count, block_mxfp4 *out) {
    group_lanes l;
    uint8_t q[256];
    gather(x, importance, count, 32, &l);
    n8 top = ((n8)l.largest >> 23) - 127, exponent = top - 2;
    f8 best_error = all8(__builtin_inff()), best = all8(0);
    n8 best_exponent = exponent;
    // 1 / largest as a multiple of the power of two below it.
    f8 mantissa = pick8(l.largest > 0.0f, (f8)(((n8)l.largest & 0x7fffff) | 0x3f800000), all8(1));
    for (int c = -1; c <= 1; c++) {
        // x · largest / 2^(exponent + c), doubled as the values are.
        f8 inverse = mantissa * (c < 0 ? 16.0f : c == 0 ? 8.0f : 4.0f), scale = 1.0f / inverse, error = all8(0);
        for (int j = 0; j < 32; j++) {
            f8 v = nearest_value(abs8(l.x[j]) * inverse, magnitudes_mxfp4, 8), difference = abs8(l.x[j]) - v * scale;
            error += l.w[j] * difference * difference;
        }
        n8 better = error < best_error;
        best_error = pick8(better, error, best_error);
        best = pick8(better, inverse, best);
        best_exponent = (better & (exponent + c)) | (~better & best_exponent);
    }
    f8 signs[32];
    for (int j = 0; j < 32; j++) {
        signs[j] = l.x[j];
        l.x[j] = abs8(l.x[j]);
    }
    store_places(&l, count, 32, best, magnitudes_mxfp4, 8, q);
    for (int g = 0; g < count; g++) {
        int e = best_exponent[g] + 127;
        if (e > 254) return -1;
        for (int j = 0; j < 32; j++) q[g * 32 + j] |= signs[j][g] < 0 && q[g * 32 + j] != 0 ? 8 : 0;
        // Too small for any scale, or zeros: the least scale makes them zero.
        if (l.largest[g] == 0 || e < 0) memset(q + g * 32, 0, 32);
        out[g].e = (uint8_t)(e < 0 || l.largest[g] == 0 ? 0 : e);
        pack_nibbles(q + g * 32, out[g].qs);
    }
    return 0;
}

// ---- Ternary blocks, eight at a time ----

FIT int quantize_ternary(enum sirocco_type type, const float *x, const float *importance, int count, void *out) {
    static const uint8_t powers[5] = {81, 27, 9, 3, 1};
    group_lanes l;
    uint8_t q[8 * 256];
    int too_large = 0;
    gather(x, importance, count, 256, &l);
    f8 d = abs8(fit_scale(&l, 256, -1, 1, (search_range){1, 0.25f, 8}));
    for (int g = 0; g < 8; g++) d[g] = float_of_half(stored_half(d[g] * l.largest[g], &too_large));
    store_integers(&l, count, 256, inverse8(d) * l.largest, all8(0), -1, 1, 1, q);
    for (int g = 0; g < count; g++) {
        const uint8_t *v = q + 256 * g;
        if (type == SIROCCO_TQ2_0) {
            block_tq2_0 *block = (block_tq2_0 *)out + g;
            block->d = half_of_float(d[g]);
            for (int j = 0; j < 64; j++) {
                const uint8_t *at = v + j / 32 * 128 + j % 32;
                block->qs[j] = (uint8_t)(at[0] | at[32] << 2 | at[64] << 4 | at[96] << 6);
            }
            continue;
        }
        block_tq1_0 *block = (block_tq1_0 *)out + g;
        block->d = half_of_float(d[g]);
        for (int j = 0; j < 52; j++) {
            // Where the byte's values lie, how far apart, and how many there are.
            int start = j < 32 ? j : j < 48 ? 160 + j - 32 : 240 + j - 48, apart = j < 32 ? 32 : j < 48 ? 16 : 4, digits = j < 48 ? 5 : 4;
            unsigned number = 0;
            for (int n = 0; n < digits; n++) number += v[start + n * apart] * powers[n];
            // number / 243 as a fraction of 256, rounded up, so that multiplying by 3 brings out its digits.
            uint8_t byte = (uint8_t)((number * 256 + 242) / 243);
            if (j < 48) block->qs[j] = byte;
            else block->qh[j - 48] = byte;
        }
    }
    return too_large ? -1 : 0;
}

#endif

// Quantizers: rows of F32 as blocks of a type, with the least (weighted) squared error that a search over scales finds.
//
// Every type is the same three steps: scales (and minima) of its groups by quantize_fit.h, the scales themselves to the integers the format has for
// them, then each value to the nearest that these scales reach. Compiled once for any CPU and once for AVX2; both give the same bytes.
#ifndef SIROCCO_QUANTIZE_H
#define SIROCCO_QUANTIZE_H

#include "quantize_super.h"

FIT int quantize_dense(enum sirocco_type type, const float *x, int64_t k, void *out) {
    int too_large = 0;
    for (int64_t j = 0; j < k; j++) {
        if (type == SIROCCO_F32) ((float *)out)[j] = x[j];
        if (type == SIROCCO_F16) ((sirocco_half *)out)[j] = stored_half(x[j], &too_large);
        if (type == SIROCCO_BF16) {
            uint16_t bits = bfloat_of_float(x[j]);
            if ((bits & 0x7f80) == 0x7f80) too_large = 1;
            ((uint16_t *)out)[j] = bits;
        }
    }
    return too_large ? -1 : 0;
}

FIT int quantize_blocks(enum sirocco_type type, const float *x, int64_t k, const float *importance, char *out) {
    const int values = block_values(type), together = values == 32 || type == SIROCCO_TQ1_0 || type == SIROCCO_TQ2_0 ? 8 : 1;
    const int64_t bytes = sirocco_row_bytes(type, values);
    for (int64_t at = 0; at < k; at += values * together, out += bytes * together) {
        const int count = (k - at) / values < together ? (int)((k - at) / values) : together;
        const float *from = x + at, *w = importance == NULL ? NULL : importance + at;
        int result;
        switch (type) {
        case SIROCCO_MXFP4: result = quantize_mxfp4(from, w, count, (block_mxfp4 *)out); break;
        case SIROCCO_TQ1_0:
        case SIROCCO_TQ2_0: result = quantize_ternary(type, from, w, count, out); break;
        case SIROCCO_Q2_K: result = quantize_q2_K(from, w, (block_q2_K *)out); break;
        case SIROCCO_Q3_K: result = quantize_q3_K(from, w, (block_q3_K *)out); break;
        case SIROCCO_Q4_K: result = quantize_q4_K(from, w, (block_q4_K *)out); break;
        case SIROCCO_Q5_K: result = quantize_q5_K(from, w, (block_q5_K *)out); break;
        case SIROCCO_Q6_K: result = quantize_q6_K(from, w, (block_q6_K *)out); break;
        case SIROCCO_IQ4_XS: result = quantize_iq4_xs(from, w, (block_iq4_xs *)out); break;
        default: result = quantize_32(type, from, w, count, out);
        }
        if (result != 0) return result;
    }
    return 0;
}

/// One row, as kernels.h says.
static int quantize_row(enum sirocco_type type, const float *x, int64_t k, const float *importance, void *out) {
    for (int64_t j = 0; j < k; j++) {
        if ((bits_of_float(x[j]) & 0x7f800000) == 0x7f800000) return -1;
    }
    switch (type) {
    case SIROCCO_F32:
    case SIROCCO_F16:
    case SIROCCO_BF16: return quantize_dense(type, x, k, out);
#define QUANTIZE(TYPE) \
    case TYPE: return quantize_blocks(TYPE, x, k, importance, out);
    QUANTIZE(SIROCCO_Q4_0)
    QUANTIZE(SIROCCO_Q4_1)
    QUANTIZE(SIROCCO_Q5_0)
    QUANTIZE(SIROCCO_Q5_1)
    QUANTIZE(SIROCCO_Q8_0)
    QUANTIZE(SIROCCO_IQ4_NL)
    QUANTIZE(SIROCCO_MXFP4)
    QUANTIZE(SIROCCO_TQ1_0)
    QUANTIZE(SIROCCO_TQ2_0)
    QUANTIZE(SIROCCO_Q2_K)
    QUANTIZE(SIROCCO_Q3_K)
    QUANTIZE(SIROCCO_Q4_K)
    QUANTIZE(SIROCCO_Q5_K)
    QUANTIZE(SIROCCO_Q6_K)
    QUANTIZE(SIROCCO_IQ4_XS)
    default: return -2;
    }
}

#endif

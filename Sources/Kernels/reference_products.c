// The reference's products and the encoding of activations: plain C that says what every table computes, to the bit where weights are quantized.
#include <math.h>

#include "packed.h"

// ---- Products of dense weights ----

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

// y = Σ over blocks of activations of dx · s, each added with one rounding (fma), in their order. s is
//   Σ_b S_b · d_b − M_b · dmin_b over the blocks of 32 weights within, one fma each, or
//   S · d − M · dmin for one block of 256 weights,
// where S = Σ_g scale_g Σ q x and M = Σ_g minimum_g Σ x over a block's groups are exact in integers. Every table gives these bits.

static int sum_of(const int8_t *q, int n) {
    int sum = 0;
    for (int j = 0; j < n; j++) sum += q[j];
    return sum;
}

/// One block of any quantized type.
static void unpack(enum sirocco_type type, const void *block, unpacked_block *out) {
#define UNPACK_BLOCK(TYPE) unpack_block(TYPE, block, out)
    switch (type) {
        CASES_OF_MAIN_TYPES(UNPACK_BLOCK)
        CASES_OF_OTHER_TYPES(UNPACK_BLOCK)
    default: break;
    }
}

/// s of a row's blocks.
static float dot(enum sirocco_type type, const row_blocks *w, int groups, const int8_t *x) {
    int elements = block_values(type);
    int64_t bytes = sirocco_row_bytes(type, elements);
    float sum = 0;
    for (int b = 0; b < groups * group_values / elements; b++, x += elements) {
        unpacked_block block;
        unpack(type, (const char *)w + b * bytes, &block);
        int32_t total = 0, minima = 0;
        for (int g = 0; g < elements / 16; g++) {
            int32_t group = 0;
            for (int j = 16 * g; j < 16 * g + 16; j++) group += block.q[j] * x[j];
            total += block.scale[g] * group;
            if (has_minima(type)) minima += block.minimum[g] * sum_of(x + 16 * g, 16);
        }
        sum = fmaf((float)total, block.d, sum);
        if (has_minima(type)) sum = fmaf(-(float)minima, block.dmin, sum);
    }
    return sum;
}

static void quantized(enum sirocco_type type, const uint8_t *weights, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride,
                      float *y, int64_t y_stride) {
    int64_t all = k / group_values, row_bytes = sirocco_row_bytes(type, k);
    for (int64_t r = 0; r < rows; r++) {
        const uint8_t *superblock = weights + r / tile_rows * tile_rows * row_bytes;
        for (int64_t i = 0; i < m; i++) y[i * y_stride + r] = 0;
        for (int64_t start = 0; start < all; start += superblock_groups) {
            int groups = (int)(all - start < superblock_groups ? all - start : superblock_groups);
            row_blocks blocks;
            sirocco_unpack_blocks(type, superblock, groups, (int)(r % tile_rows), &blocks);
            for (int64_t i = 0; i < m; i++) {
                const block_activation *block = (const block_activation *)(x + i * x_stride) + start / superblock_groups;
                float *sum = &y[i * y_stride + r];
                *sum = fmaf(dot(type, &blocks, groups, block->qs), block->d, *sum);
            }
            superblock += tile_rows * blocks_bytes(type, groups);
        }
    }
}

void sirocco_reference_matmul(enum sirocco_type type, const void *weights, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride,
                              float *y, int64_t y_stride) {
    if (sirocco_block_elements(type) == 1) {
        dense(type, weights, rows, k, x, m, x_stride, y, y_stride);
    } else {
        quantized(type, weights, rows, k, x, m, x_stride, y, y_stride);
    }
}

// ---- Activations ----

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

void sirocco_reference_quantize_activation(const float *x, int64_t k, void *out) {
    block_activation *block = out;
    for (int64_t start = 0; start < k; start += 256, block++) {
        memset(block, 0, sizeof *block);
        block->d = quantize(x + start, (int)(k - start < 256 ? k - start : 256), block->qs);
        for (int g = 0; g < 16; g++) {
            block->sums16[g] = (int16_t)sum_of(block->qs + 16 * g, 16);
            block->offsets16[g] = -128 * block->sums16[g];
        }
        for (int g = 0; g < 8; g++) {
            block->sums32[g] = (int16_t)sum_of(block->qs + 32 * g, 32);
            block->offsets32[g] = -128 * block->sums32[g];
        }
    }
}

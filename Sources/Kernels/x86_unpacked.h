// Products on x86 of the quantized types that x86_quantized.h does not translate: blocks of a weights row are unpacked to bytes a few at a time and
// multiplied with every activation row. Exact in integers block by block, so that these are the reference's bits.
#include "unpack.h"

/// Blocks that are unpacked at a time; they stay in the nearest cache.
enum { unpacked_blocks = 16 };

/// Adds the product of blocks of 32 values with an activation row to y.
static void add_products_32(const unpacked_block *w, int count, int minima, const block_q8_activation *x, float *y) {
    float sum = *y;
    for (int b = 0; b < count; b++) {
        __m256i q = load_bytes(w[b].q), signedx = _mm256_sign_epi8(load_bytes(x[b].qs), q);
        __m256i z = yi_dot_u7(_mm256_setzero_si256(), _mm256_sign_epi8(q, q), signedx);
        float product = (float)sum8(z) * (w[b].d * x[b].d);
        sum += minima ? product - (float)x[b].sum * (w[b].dmin * x[b].d) : product;
    }
    *y = sum;
}

/// Adds the product of blocks of 256 values with an activation row to y.
static void add_products_256(const unpacked_block *w, int count, int minima, const block_q8_K *x, float *y) {
    float sum = *y;
    for (int b = 0; b < count; b++) {
        __m256i z = _mm256_setzero_si256();
        for (int g = 0; g < 16; g += 2) {
            __m256i q = load_bytes(w[b].q + 16 * g), signedx = _mm256_sign_epi8(load_bytes(x[b].qs + 16 * g), q);
            // |q| ≤ 128 and |x| ≤ 127: two products fit 16 bits.
            __m256i pairs = _mm256_maddubs_epi16(_mm256_sign_epi8(q, q), signedx);
            __m256i scales = _mm256_set_m128i(_mm_set1_epi16(w[b].scale[g + 1]), _mm_set1_epi16(w[b].scale[g]));
            z = yi_pairs(z, pairs, scales);
        }
        float product = (float)sum8(z) * (w[b].d * x[b].d);
        if (minima) {
            __m256i m = yi_pairs(_mm256_setzero_si256(), load_bytes(w[b].minimum), load_bytes(x[b].sums));
            product -= (float)sum8(m) * (w[b].dmin * x[b].d);
        }
        sum += product;
    }
    *y = sum;
}

INLINE void unpacked_rows(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                          int64_t y_stride) {
    const int values = block_values(type);
    const int64_t bytes = sirocco_row_bytes(type, values), blocks = k / values;
    unpacked_block unpacked[unpacked_blocks];
    for (int64_t r = 0; r < rows; r++, w += blocks * bytes) {
        for (int64_t i = 0; i < m; i++) y[i * y_stride + r] = 0;
        for (int64_t b = 0; b < blocks; b += unpacked_blocks) {
            const int count = blocks - b < unpacked_blocks ? (int)(blocks - b) : unpacked_blocks;
            for (int j = 0; j < count; j++) unpack_block(type, w + (b + j) * bytes, &unpacked[j]);
            for (int64_t i = 0; i < m; i++) {
                const char *row = x + i * x_stride;
                float *sum = y + i * y_stride + r;
                if (values == 32) {
                    add_products_32(unpacked, count, has_minima(type), (const block_q8_activation *)row + b, sum);
                } else {
                    add_products_256(unpacked, count, has_minima(type), (const block_q8_K *)row + b, sum);
                }
            }
        }
    }
}

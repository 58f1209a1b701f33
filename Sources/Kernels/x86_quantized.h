// Products of quantized weights on x86, written once like x86.h, over the same vocabulary and these words for integers:
//
// `vi`, a vector of vf_lanes 32-bit integers, with vi_zero, vi_set, vi_load, vi_add, vi_sub, vi_mul, vi_shift5 (v << 5), vf_of_vi, and
//   vi_pairs(z, a, b)   z + products of 16-bit integers, summed by twos;
//   vi_dot_u7(z, w, x)  z + products of bytes, w unsigned below 128, x signed and never -128, summed by fours;
//   vi_dot_q8(z, w, x)  the same for weights of eight bits as q8_prepare leaves them, which adds q8_offset to each;
// yi_pairs, yi_dot_u7 and yi_dot_q8, the same in vectors of 256 bits.
//
// Every block's product is exact in integers; products are scaled and added one block after another: y = Σ_b float(S_b) · (d_b · dx_b). So all
// paths and tables give the same bits, and a result depends on its two rows alone. Few activation rows take the row path, which reads each weights row as one
// sequential stream; more take the tile path, which unpacks a panel of rows once and keeps it in the nearest caches for all activations.
#include <stddef.h>

#include "tables.h"

INLINE __m256i load_bytes(const void *at) { return _mm256_loadu_si256(at); }

/// 32 nibbles of 16 bytes: low ones, then high ones.
INLINE __m256i nibbles(const uint8_t *qs) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)qs);
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes), _mm_srli_epi16(bytes, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/// Weights 32 · group ..< 32 · (group + 1) of a block_q6_K, 0–63.
INLINE __m256i sixes(const block_q6_K *block, int group) {
    int half = group / 4, quarter = group % 4;
    __m256i ql = load_bytes(block->ql + 64 * half + 32 * (quarter % 2)), qh = load_bytes(block->qh + 32 * half);
    __m256i low = _mm256_and_si256(quarter < 2 ? ql : _mm256_srli_epi16(ql, 4), _mm256_set1_epi8(15));
    // The two high bits, moved to bits 4 and 5.
    __m256i high = quarter < 2 ? _mm256_slli_epi16(qh, 4 - 2 * quarter) : _mm256_srli_epi16(qh, 2 * quarter - 4);
    return _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(0x30)));
}

/// Weights 32 · group ..< 32 · (group + 1) of a block_q4_K, 0–15.
INLINE __m256i fours(const block_q4_K *block, int group) {
    __m256i bytes = load_bytes(block->qs + group / 2 * 32);
    return _mm256_and_si256(group % 2 ? _mm256_srli_epi16(bytes, 4) : bytes, _mm256_set1_epi8(15));
}

/// The eight scales of a block_q4_K in bytes 0–7, its eight minima in bytes 8–15 (q4_K_group says how they are packed).
INLINE __m128i q4_K_scales(const block_q4_K *block) {
    // The twelve bytes, and four of qs that fall out.
    __m128i packed = _mm_loadu_si128((const __m128i *)block->scales);
    __m128i sixes = _mm_and_si128(packed, _mm_set1_epi8(0x3f));
    __m128i high = _mm_and_si128(_mm_srli_epi16(packed, 2), _mm_set1_epi8(0x30));
    // Low nibbles of the last word for the later scales, its high nibbles for the later minima.
    __m128i low = _mm_and_si128(_mm_srlv_epi32(_mm_shuffle_epi32(packed, 0xaa), _mm_setr_epi32(0, 4, 0, 4)), _mm_set1_epi8(0x0f));
    return _mm_unpacklo_epi32(sixes, _mm_or_si128(low, high));
}

INLINE int64_t bytes_of_block(enum sirocco_type type) {
    switch (type) {
    case SIROCCO_Q4_0: return sizeof(block_q4_0);
    case SIROCCO_Q8_0: return sizeof(block_q8_0);
    case SIROCCO_Q4_K: return sizeof(block_q4_K);
    default: return sizeof(block_q6_K);
    }
}

// ---- The row path: one stream of weights ----

/// Blocks of a row whose products wait for their sum at a time, and activation rows that share one reading of the weights.
enum { path_blocks = 256, path_rows = 4 };

/// An activation row, or path_blocks of it, as the row path reads it: values of 32-value blocks one after another, scales, and what takes the offset
/// of the weights back. Values of Q8_K blocks stay where they are.
typedef struct {
    int8_t q[32 * path_blocks];
    float d[path_blocks];
    int32_t correction[path_blocks];
} prepared_row;

/// For Q4_0 the values of blocks b and b + 4 of each eight lie side by side, by halves, as products_0 reads their nibbles.
INLINE void prepare(enum sirocco_type type, const void *x, int blocks, prepared_row *out) {
    if (type == SIROCCO_Q4_K || type == SIROCCO_Q6_K) {
        for (int b = 0; b < blocks; b++) out->d[b] = ((const block_q8_K *)x)[b].d;
        return;
    }
    const block_q8_activation *block = x;
    for (int b = 0; b < blocks; b++) {
        out->d[b] = block[b].d;
        out->correction[b] = -(type == SIROCCO_Q4_0 ? 8 : q8_offset) * block[b].sum;
        if (type == SIROCCO_Q4_0 && (b | 7) < blocks) {
            int8_t *place = out->q + (b & ~7) * 32 + (b & 3) * 64 + (b & 4) * 4;
            memcpy(place, block[b].qs, 16);
            memcpy(place + 32, block[b].qs + 16, 16);
        } else {
            memcpy(out->q + b * 32, block[b].qs, 32);
        }
    }
}

/// The sum of eight integers.
INLINE int32_t sum8(__m256i v) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
    return _mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 1);
}

/// The sums of eight vectors of eight integers, in their order.
INLINE __m256i sums8(const __m256i v[8]) {
    __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

/// Eight binary16 numbers, `stride` bytes apart, widened.
INLINE __m256 halves8(const void *at, int64_t stride) {
    uint16_t h[8];
    UNROLLED for (int j = 0; j < 8; j++) memcpy(&h[j], (const char *)at + j * stride, 2);
    return _mm256_cvtph_ps(_mm_set_epi16((short)h[7], (short)h[6], (short)h[5], (short)h[4], (short)h[3], (short)h[2], (short)h[1], (short)h[0]));
}

/// p[b] = S_b · (d_b · dx_b) of a row of 32-value blocks, eight blocks at a time.
INLINE void products_0(enum sirocco_type type, const char *w, int blocks, const prepared_row *x, float *p) {
    const int64_t size = bytes_of_block(type);
    const __m256i low = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    int b = 0;
    for (; b + 8 <= blocks; b += 8) {
        const char *eight = w + b * size;
        const int8_t *q = x->q + b * 32;
        __m256i totals;
        if (type == SIROCCO_Q8_0) {
            __m256i z[8];
            UNROLLED for (int j = 0; j < 8; j++) {
                z[j] = yi_dot_q8(zero, q8_prepare(load_bytes(eight + j * size + 2)), load_bytes(q + j * 32));
            }
            totals = sums8(z);
        } else {
            // Block j in the lower half of each vector, block j + 4 in the upper: half the horizontal sums.
            __m256i z[4];
            UNROLLED for (int j = 0; j < 4; j++) {
                __m128i first = _mm_loadu_si128((const __m128i *)(eight + j * size + 2));
                __m256i bytes = _mm256_inserti128_si256(
                    _mm256_castsi128_si256(first), _mm_loadu_si128((const __m128i *)(eight + (j + 4) * size + 2)), 1);
                z[j] = yi_dot_u7(zero, _mm256_and_si256(bytes, low), load_bytes(q + j * 64));
                z[j] = yi_dot_u7(z[j], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low), load_bytes(q + j * 64 + 32));
            }
            totals = _mm256_hadd_epi32(_mm256_hadd_epi32(z[0], z[1]), _mm256_hadd_epi32(z[2], z[3]));
        }
        totals = _mm256_add_epi32(totals, load_bytes(x->correction + b));
        __m256 d = _mm256_mul_ps(halves8(eight, size), _mm256_loadu_ps(x->d + b));
        _mm256_storeu_ps(p + b, _mm256_mul_ps(_mm256_cvtepi32_ps(totals), d));
    }
    for (; b < blocks; b++) {
        const char *one = w + b * size;
        __m256i z = type == SIROCCO_Q8_0 ? yi_dot_q8(zero, q8_prepare(load_bytes(one + 2)), load_bytes(x->q + b * 32))
                                         : yi_dot_u7(zero, nibbles((const uint8_t *)one + 2), load_bytes(x->q + b * 32));
        uint16_t d;
        memcpy(&d, one, 2);
        p[b] = (float)(sum8(z) + x->correction[b]) * (_cvtsh_ss(d) * x->d[b]);
    }
}

/// Σ scale · w · x of a block_q4_K in `total`, Σ minimum · x in `minimum`, as eight integers each.
INLINE void block_product_q4_K(const block_q4_K *w, const block_q8_K *x, __m256i *total, __m256i *minimum) {
    __m128i packed = q4_K_scales(w);
    // Each minimum stands for two groups of 16 activations.
    *minimum = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(packed, packed)), load_bytes(x->sums));
    // Each scale twice, as the factor of a pair of sums, in memory: reading one is a broadcast at no cost in arithmetic.
    int32_t scales[8];
    _mm256_storeu_si256((__m256i *)scales, _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(packed, packed)));
    __m256i sum = _mm256_setzero_si256();
    UNROLLED for (int g = 0; g < 8; g++) {
        // At most 2 · 15 · 127 a pair: 16 bits hold it.
        __m256i products = _mm256_maddubs_epi16(fours(w, g), load_bytes(x->qs + 32 * g));
        sum = yi_pairs(sum, products, _mm256_set1_epi32(scales[g]));
    }
    *total = sum;
}

/// Σ scale · (w − 32) · x of a block_q6_K, as eight integers.
INLINE __m256i block_product_q6_K(const block_q6_K *w, const block_q8_K *x) {
    __m256i scales = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w->scales));
    __m256i offset = _mm256_slli_epi32(_mm256_madd_epi16(scales, load_bytes(x->sums)), 5);
    __m256i sum = _mm256_setzero_si256();
    // Each half of the scales in both lanes.
    __m256i parts[2] = {_mm256_permute4x64_epi64(scales, 0x44), _mm256_permute4x64_epi64(scales, 0xee)};
    UNROLLED for (int g = 0; g < 8; g++) {
        // Scale 2g for the lower 16 values, 2g + 1 for the upper.
        int at = 4 * (g % 4);
        short first = (short)(at | (at + 1) << 8), second = (short)((at + 2) | (at + 3) << 8);
        __m256i pick = _mm256_set_m128i(_mm_set1_epi16(second), _mm_set1_epi16(first));
        // At most 2 · 63 · 127 a pair: 16 bits hold it.
        sum = yi_pairs(sum, _mm256_shuffle_epi8(parts[g / 4], pick), _mm256_maddubs_epi16(sixes(w, g), load_bytes(x->qs + 32 * g)));
    }
    return _mm256_sub_epi32(sum, offset);
}

/// p[b] = S_b · (d_b · dx_b), less M_b · (dmin_b · dx_b), of a row of 256-value blocks, eight blocks at a time.
INLINE void products_K(enum sirocco_type type, const char *w, int blocks, const block_q8_K *x, const prepared_row *scales, float *p) {
    const int64_t size = bytes_of_block(type);
    const int64_t d_at = type == SIROCCO_Q4_K ? offsetof(block_q4_K, d) : offsetof(block_q6_K, d);
    for (int b = 0; b < blocks; b += 8) {
        int count = blocks - b < 8 ? blocks - b : 8;
        __m256i totals[8], minima[8];
        for (int j = 0; j < count; j++) {
            const char *block = w + (b + j) * size;
            if (type == SIROCCO_Q4_K) {
                block_product_q4_K((const block_q4_K *)block, x + b + j, &totals[j], &minima[j]);
            } else {
                totals[j] = block_product_q6_K((const block_q6_K *)block, x + b + j);
            }
        }
        if (count == 8) {
            __m256 dx = _mm256_loadu_ps(scales->d + b);
            __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(sums8(totals)), _mm256_mul_ps(halves8(w + b * size + d_at, size), dx));
            if (type == SIROCCO_Q4_K) {
                __m256 dmin = _mm256_mul_ps(halves8(w + b * size + offsetof(block_q4_K, dmin), size), dx);
                product = _mm256_sub_ps(product, _mm256_mul_ps(_mm256_cvtepi32_ps(sums8(minima)), dmin));
            }
            _mm256_storeu_ps(p + b, product);
            continue;
        }
        for (int j = 0; j < count; j++) {
            uint16_t d, dmin;
            memcpy(&d, w + (b + j) * size + d_at, 2);
            float product = (float)sum8(totals[j]) * (_cvtsh_ss(d) * scales->d[b + j]);
            if (type == SIROCCO_Q4_K) {
                memcpy(&dmin, w + (b + j) * size + offsetof(block_q4_K, dmin), 2);
                product -= (float)sum8(minima[j]) * (_cvtsh_ss(dmin) * scales->d[b + j]);
            }
            p[b + j] = product;
        }
    }
}

/// Eight vectors of eight 32-bit words, rows made columns.
INLINE void transpose8(__m256i v[8]) {
    __m256i a[8], b[8];
    UNROLLED for (int j = 0; j < 8; j += 2) {
        a[j] = _mm256_unpacklo_epi32(v[j], v[j + 1]);
        a[j + 1] = _mm256_unpackhi_epi32(v[j], v[j + 1]);
    }
    UNROLLED for (int j = 0; j < 8; j += 4) {
        b[j] = _mm256_unpacklo_epi64(a[j], a[j + 2]);
        b[j + 1] = _mm256_unpackhi_epi64(a[j], a[j + 2]);
        b[j + 2] = _mm256_unpacklo_epi64(a[j + 1], a[j + 3]);
        b[j + 3] = _mm256_unpackhi_epi64(a[j + 1], a[j + 3]);
    }
    UNROLLED for (int j = 0; j < 4; j++) {
        v[j] = _mm256_permute2x128_si256(b[j], b[j + 4], 0x20);
        v[j + 4] = _mm256_permute2x128_si256(b[j], b[j + 4], 0x31);
    }
}

/// sums[j] += Σ_b p[j][b], b in its order; `padded` is a multiple of 8.
INLINE void add_columns(float (*p)[path_blocks], int padded, float sums[8]) {
    __m256 sum = _mm256_loadu_ps(sums);
    for (int b = 0; b < padded; b += 8) {
        __m256i columns[8];
        UNROLLED for (int j = 0; j < 8; j++) columns[j] = load_bytes(p[j] + b);
        transpose8(columns);
        UNROLLED for (int j = 0; j < 8; j++) sum = _mm256_add_ps(sum, _mm256_castsi256_ps(columns[j]));
    }
    _mm256_storeu_ps(sums, sum);
}

/// At most path_rows activation rows times `rows` weights rows: y[i][r] = Σ_b p_r[b]. Eight weights rows are read once, and summed side by side.
INLINE void row_path(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int m, int64_t x_stride, float *y,
                     int64_t y_stride) {
    const int values = type == SIROCCO_Q4_K || type == SIROCCO_Q6_K ? 256 : 32;
    const int64_t size = bytes_of_block(type), x_size = values == 256 ? sizeof(block_q8_K) : sizeof(block_q8_activation), all = k / values;
    prepared_row prepared[path_rows];
    float p[8][path_blocks];
    for (int64_t start = 0; start < all; start += path_blocks) {
        int blocks = (int)(all - start < path_blocks ? all - start : path_blocks), padded = (blocks + 7) & ~7;
        const char *from = x + start * x_size;
        for (int i = 0; i < m; i++) prepare(type, from + i * x_stride, blocks, &prepared[i]);
        for (int64_t r = 0; r < rows; r += 8) {
            int count = (int)(rows - r < 8 ? rows - r : 8);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < 8; j++) {
                    const char *row = w + ((r + (j < count ? j : 0)) * all + start) * size;
                    if (j >= count) {
                        memset(p[j], 0, (size_t)padded * sizeof(float));
                    } else if (values == 256) {
                        products_K(type, row, blocks, (const block_q8_K *)(from + i * x_stride), &prepared[i], p[j]);
                    } else {
                        products_0(type, row, blocks, &prepared[i], p[j]);
                    }
                    for (int b = blocks; b < padded; b++) p[j][b] = 0;
                }
                float sums[8] = {0}, *out = y + i * y_stride + r;
                if (start > 0) memcpy(sums, out, (size_t)count * sizeof(float));
                add_columns(p, padded, sums);
                memcpy(out, sums, (size_t)count * sizeof(float));
            }
        }
    }
}

#include "x86_tiles.h"

INLINE void quantized(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                      int64_t y_stride) {
    if (k == 0) {
        for (int64_t i = 0; i < m; i++) memset(y + i * y_stride, 0, (size_t)rows * sizeof(float));
    } else if (m >= tile_least) {
        tile_path(type, w, rows, k, x, m, x_stride, y, y_stride);
    } else {
        for (int64_t i = 0; i < m; i += path_rows) {
            int some = (int)(m - i < path_rows ? m - i : path_rows);
            row_path(type, w, rows, k, x + i * x_stride, some, x_stride, y + i * y_stride, y_stride);
        }
    }
}

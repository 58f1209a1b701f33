// Products of packed weights, written once over a small vocabulary of vectors; a table defines it and compiles this text. packed.h says how weights
// lie, reference_products.c what is computed: these are its sums, 16 rows at a time.
//
// `vf`, a vector of `vf_lanes` floats, with vf_zero, vf_set, vf_load, vf_load_half, vf_store, vf_mul and vf_fma (a · b + c); `vi`, as many 32-bit
// integers or four times as many bytes, with
//   vi_zero, vi_set, vi_load, vi_store, vi_add, vi_mul, vf_of_vi, vi_and, vi_or, vi_add_bytes, vi_left, vi_right (32-bit shifts), vi_arithmetic (the signed one),
//   vi_of_bytes (signed bytes widened), vi_pairs(z, a, b) (z + products of 16-bit integers, summed by twos);
//   vi_start(z), vi_step(bits, a, w, x), vi_finish(bits, z, a): z + Σ over steps of w · x by fours, w unsigned of so many bits, x signed and never −128.
//     Steps add to what vi_start gave, at most `vi_steps(bits)` of them before a vi_finish.
// `signed_bytes` says that weights of eight bits are taken as w − 128 by vi_step.
//
// `panel_vectors` vectors, of one tile or of neighbouring ones, are multiplied with up to `block_rows` rows of activations in one go. Many rows of activations
// share one unpacking of a superblock of weights, which stays in the nearest cache.
#include <stddef.h>

#include "packed.h"

/// Up to how many rows of activations weights are read as one stream, tile after tile; from how many on they must be asked for ahead, because so much
/// is computed between two lines that the processor does not look ahead far enough by itself. Up to `paired_rows`, Q8_0 takes two tiles at a time: two
/// streams, whose lines need no computing but the products, come sooner than one.
enum { few_rows = 32, prefetch_rows = 3, paired_rows = 8 };

enum { panel_rows = panel_vectors * vf_lanes, tile_vectors = tile_rows / vf_lanes, chunk_rows = 64 };

/// A superblock of a panel, ready to multiply: lines in bytes, scales widened. The K types always read their scales from here.
typedef struct {
    _Alignas(64) uint8_t lines[64][panel_vectors][4 * vf_lanes];
    _Alignas(64) float d[8][panel_vectors][vf_lanes];
    _Alignas(64) float dmin[8][panel_vectors][vf_lanes];
    _Alignas(64) int32_t scales[16][panel_vectors][vf_lanes];
    _Alignas(64) int32_t minima[8][panel_vectors][vf_lanes];
} unpacked_superblock;

/// A superblock of a panel as it is packed: that of its first tile, and how far the next tile's is.
typedef struct {
    const uint8_t *first;
    int64_t tile_bytes;
    int groups;
} packed_superblock;

// ---- What a type is ----

/// Types without a layout of their own, by what their superblocks are once they are unpacked: blocks of 32 weights, or one of 256 in groups of 16.
enum { OTHER_32 = 1000, OTHER_32_MINIMA, OTHER_256, OTHER_256_MINIMA };

INLINE int has_groups(int form) { return form == SIROCCO_Q4_K || form == SIROCCO_Q6_K || form == OTHER_256 || form == OTHER_256_MINIMA; }
/// Columns that share an integer scale.
INLINE int group_columns(int form) { return form == SIROCCO_Q4_K ? 32 : 16; }
INLINE int subtracts_minima(int form) { return form == SIROCCO_Q4_K || form == OTHER_32_MINIMA || form == OTHER_256_MINIMA; }
INLINE int packed_bits(int form) { return form == SIROCCO_Q4_0 || form == SIROCCO_Q4_K ? 4 : form == SIROCCO_Q6_K ? 6 : 8; }
/// How many bytes ahead, as measured.
INLINE int prefetch_bytes(int form) { return form == SIROCCO_Q6_K ? 8192 : 3072; }
/// Whether m rows of activations take two tiles at a time.
INLINE int is_paired(int form, int64_t m) { return form == SIROCCO_Q8_0 && tile_vectors < panel_vectors && m > 1 && m <= paired_rows; }
/// log2 of what packed weights are too large by; −1 for nothing.
INLINE int zero_shift(int form) {
    switch (form) {
    case SIROCCO_Q4_0: return 3;
    case SIROCCO_Q4_K: return -1;
    case SIROCCO_Q6_K: return 5;
    default: return signed_bytes ? -1 : 7;
    }
}

// Where bytes are taken as they are, an unpacked superblock has zero points of 128 throughout, which takes no shift to subtract.
INLINE int step_bits(int form, int unpacked) { return unpacked && !signed_bytes ? 8 : packed_bits(form); }
INLINE int start_shift(int form, int unpacked) {
    int zero = zero_shift(form);
    return zero < 0 ? -1 : unpacked && !signed_bytes ? 0 : 7 - zero;
}

// ---- Unpacking ----

/// Where vector v's lanes of something of `size` bytes a row are.
INLINE const uint8_t *lanes_at(packed_superblock w, int v, int64_t offset, int size) {
    return w.first + offset + v / tile_vectors * w.tile_bytes + v % tile_vectors * vf_lanes * size;
}

/// Line g of group b of vector v.
INLINE vi packed_line(int form, packed_superblock w, int v, int b, int g) {
    const uint8_t *lines = lanes_at(w, v, lines_at(form, w.groups) + b * group_bytes(form), 4);
    if (form == SIROCCO_Q8_0) return vi_load(lines + g * line_bytes);
    vi both = vi_load(lines + g % 4 * line_bytes), low = vi_and(g < 4 ? both : vi_right(both, 4), vi_set(0x0f0f0f0f));
    if (form != SIROCCO_Q6_K) return low;
    vi high = vi_load(lines + (4 + g / 4) * line_bytes);
    int shift = 4 - 2 * (g % 4);
    return vi_or(low, vi_and(shift >= 0 ? vi_left(high, shift) : vi_right(high, -shift), vi_set(0x30303030)));
}

INLINE void unpack_lines(int form, packed_superblock w, unpacked_superblock *out) {
    for (int b = 0; b < w.groups; b++) {
        UNROLLED for (int g = 0; g < 8; g++) {
            UNROLLED for (int v = 0; v < panel_vectors; v++) {
                vi line = packed_line(form, w, v, b, g);
                int zero = zero_shift(form);
                if (!signed_bytes && zero >= 0) line = vi_add_bytes(line, vi_set((128 - (1 << zero)) * 0x01010101));
                vi_store(out->lines[8 * b + g][v], line);
            }
        }
    }
}

INLINE void unpack_d(packed_superblock w, unpacked_superblock *out) {
    for (int b = 0; b < w.groups; b++) {
        UNROLLED for (int v = 0; v < panel_vectors; v++) vf_store(out->d[b][v], vf_load_half((const void *)lanes_at(w, v, b * 32, 2)));
    }
}

/// Scales of a K type, minima in pairs of groups.
INLINE void unpack_scales(int form, int V, packed_superblock w, unpacked_superblock *out) {
    UNROLLED for (int v = 0; v < V; v++) {
        if (form == SIROCCO_Q6_K) {
            UNROLLED for (int t = 0; t < 16; t++) vi_store(out->scales[t][v], vi_of_bytes(lanes_at(w, v, q6_K_scales_at + t * tile_rows, 1)));
            vf_store(out->d[0][v], vf_load_half((const void *)lanes_at(w, v, q6_K_d_at, 2)));
            continue;
        }
        vf_store(out->d[0][v], vf_load_half((const void *)lanes_at(w, v, 0, 2)));
        vf_store(out->dmin[0][v], vf_load_half((const void *)lanes_at(w, v, 2 * tile_rows, 2)));
        vi line[3];
        UNROLLED for (int i = 0; i < 3; i++) line[i] = vi_load(lanes_at(w, v, q4_K_scales_at + i * line_bytes, 4));
        UNROLLED for (int p = 0; p < 4; p++) {
            vi_store(out->scales[q4_K_order[p]][v], vi_and(vi_right(line[0], 8 * p), vi_set(63)));
            vi_store(out->scales[q4_K_order[p] + 4][v], vi_and(vi_right(line[1], 8 * p), vi_set(63)));
        }
        vi low = vi_and(vi_right(line[0], 6), vi_set(0x03030303)), middle = vi_and(vi_right(line[1], 4), vi_set(0x0c0c0c0c));
        vi later = vi_or(vi_or(low, middle), vi_and(vi_right(line[2], 2), vi_set(0x30303030)));
        vi_store(out->minima[0][v], vi_and(line[2], vi_set(0x003f003f)));
        vi_store(out->minima[1][v], vi_and(vi_right(line[2], 8), vi_set(0x003f003f)));
        vi_store(out->minima[2][v], vi_and(later, vi_set(0x003f003f)));
        vi_store(out->minima[3][v], vi_and(vi_right(later, 8), vi_set(0x003f003f)));
    }
}

// ---- Multiplying ----

INLINE vi set_word(const void *at) {
    int32_t word;
    memcpy(&word, at, 4);
    return vi_set(word);
}

/// z[v][i] += products of lines `first` ..< `first` + `count` of group b with M rows of activations.
INLINE void multiply_lines(int form, int unpacked, int V, int M, packed_superblock w, const unpacked_superblock *u, int b, int first,
                           int count, const block_activation *const x[block_rows], vi z[panel_vectors][block_rows]) {
    const int bits = step_bits(form, unpacked);
    vi a[panel_vectors][block_rows];
    UNROLLED for (int g = 0; g < count; g++) {
        vi line[panel_vectors];
        UNROLLED for (int v = 0; v < V; v++) {
            line[v] = unpacked ? vi_load(u->lines[8 * b + first + g][v]) : packed_line(form, w, v, b, first + g);
        }
        if (V < panel_vectors && M >= prefetch_rows && (first + g) * line_bytes < group_bytes(form)) {
            int64_t line_at = lines_at(form, w.groups) + b * group_bytes(form) + (first + g) * line_bytes;
            __builtin_prefetch(lanes_at(w, 0, line_at + prefetch_bytes(form), 4));
        }
        UNROLLED for (int i = 0; i < M; i++) {
            vi four = set_word(x[i]->qs + 32 * b + 4 * (first + g));
            UNROLLED for (int v = 0; v < V; v++) {
                if (g % vi_steps(bits) == 0) a[v][i] = vi_start(z[v][i]);
                a[v][i] = vi_step(bits, a[v][i], line[v], four);
                if ((g + 1) % vi_steps(bits) == 0 || g + 1 == count) z[v][i] = vi_finish(bits, z[v][i], a[v][i]);
            }
        }
    }
}

/// What a product starts from, so that the zero point is taken back.
INLINE vi start_of(int shift, const int32_t *offset) {
    if (shift < 0) return vi_zero();
    return shift == 0 ? set_word(offset) : vi_arithmetic(set_word(offset), shift);
}

/// s = Σ_b S_b · d_b over the blocks of 32 weights.
INLINE void sum_blocks(int form, int unpacked, int V, int M, packed_superblock w, const unpacked_superblock *u,
                       const block_activation *const x[block_rows], vf s[panel_vectors][block_rows]) {
    UNROLLED for (int v = 0; v < V; v++) UNROLLED for (int i = 0; i < M; i++) s[v][i] = vf_zero();
    for (int b = 0; b < w.groups; b++) {
        vi z[panel_vectors][block_rows];
        UNROLLED for (int i = 0; i < M; i++) {
            vi start = start_of(start_shift(form, unpacked), &x[i]->offsets32[b]);
            UNROLLED for (int v = 0; v < V; v++) z[v][i] = start;
        }
        multiply_lines(form, unpacked, V, M, w, u, b, 0, 8, x, z);
        UNROLLED for (int v = 0; v < V; v++) {
            vf d = unpacked ? vf_load(u->d[b][v]) : vf_load_half((const void *)lanes_at(w, v, b * 32, 2));
            UNROLLED for (int i = 0; i < M; i++) s[v][i] = vf_fma(vf_of_vi(z[v][i]), d, s[v][i]);
            if (!subtracts_minima(form)) continue;
            // The sums of activations are there 128 times, and negative.
            vf dmin = vf_mul(vf_load(u->dmin[b][v]), vf_set(0x1p-7f));
            UNROLLED for (int i = 0; i < M; i++) s[v][i] = vf_fma(vf_of_vi(set_word(&x[i]->offsets32[b])), dmin, s[v][i]);
        }
    }
}

/// s = S · d − M · dmin of one block of 256 weights.
INLINE void sum_groups(int form, int unpacked, int V, int M, packed_superblock w, const unpacked_superblock *u,
                       const block_activation *const x[block_rows], vf s[panel_vectors][block_rows]) {
    const int parts = 32 / group_columns(form), shift = start_shift(form, unpacked);
    vi total[panel_vectors][block_rows];
    UNROLLED for (int v = 0; v < V; v++) UNROLLED for (int i = 0; i < M; i++) total[v][i] = vi_zero();
    for (int b = 0; b < superblock_groups; b++) {
        UNROLLED for (int p = 0; p < parts; p++) {
            vi z[panel_vectors][block_rows];
            UNROLLED for (int i = 0; i < M; i++) {
                vi start = start_of(shift, parts == 1 ? &x[i]->offsets32[b] : &x[i]->offsets16[2 * b + p]);
                UNROLLED for (int v = 0; v < V; v++) z[v][i] = start;
            }
            multiply_lines(form, unpacked, V, M, w, u, b, 8 / parts * p, 8 / parts, x, z);
            UNROLLED for (int v = 0; v < V; v++) {
                vi scale = vi_load(u->scales[parts * b + p][v]);
                UNROLLED for (int i = 0; i < M; i++) total[v][i] = vi_add(total[v][i], vi_mul(z[v][i], scale));
            }
        }
    }
    UNROLLED for (int v = 0; v < V; v++) {
        vf d = vf_load(u->d[0][v]);
        UNROLLED for (int i = 0; i < M; i++) s[v][i] = vf_mul(vf_of_vi(total[v][i]), d);
        if (!subtracts_minima(form)) continue;
        vf dmin = vf_load(u->dmin[0][v]);
        UNROLLED for (int i = 0; i < M; i++) {
            vi minima = vi_zero();
            UNROLLED for (int p = 0; p < 4 * parts; p++) {
                const int16_t *sums = parts == 1 ? &x[i]->sums32[2 * p] : &x[i]->sums16[2 * p];
                minima = vi_pairs(minima, vi_load(u->minima[p][v]), set_word(sums));
            }
            s[v][i] = vf_fma(vf_mul(vf_of_vi(minima), vf_set(-1)), dmin, s[v][i]);
        }
    }
}

/// sums[i] += dx · s for M rows of activations and one superblock.
INLINE void multiply_block(int form, int unpacked, int V, int M, packed_superblock w, const unpacked_superblock *u, const char *x,
                           int64_t x_stride, float sums[][panel_rows]) {
    const block_activation *block[block_rows];
    vf s[panel_vectors][block_rows];
    UNROLLED for (int i = 0; i < M; i++) block[i] = (const block_activation *)(x + i * x_stride);
    if (has_groups(form)) {
        sum_groups(form, unpacked, V, M, w, u, block, s);
    } else {
        sum_blocks(form, unpacked, V, M, w, u, block, s);
    }
    UNROLLED for (int i = 0; i < M; i++) {
        vf dx = vf_set(block[i]->d);
        UNROLLED for (int v = 0; v < V; v++) {
            vf_store(sums[i] + v * vf_lanes, vf_fma(s[v][i], dx, vf_load(sums[i] + v * vf_lanes)));
        }
    }
}

/// All rows of a chunk with one superblock.
INLINE void multiply_rows(int form, int unpacked, int V, packed_superblock w, const unpacked_superblock *u, const char *x, int m,
                          int64_t x_stride, float sums[][panel_rows]) {
    int i = 0;
    for (; i + block_rows <= m; i += block_rows) multiply_block(form, unpacked, V, block_rows, w, u, x + i * x_stride, x_stride, sums + i);
    if (block_rows > 4 && i + 4 <= m) {
        multiply_block(form, unpacked, V, 4, w, u, x + i * x_stride, x_stride, sums + i);
        i += 4;
    }
    if (i + 2 <= m) {
        multiply_block(form, unpacked, V, 2, w, u, x + i * x_stride, x_stride, sums + i);
        i += 2;
    }
    if (i < m) multiply_block(form, unpacked, V, 1, w, u, x + i * x_stride, x_stride, sums + i);
}

/// Up to few_rows rows with one superblock as it is packed, a size of its own for each number of rows up to eight.
INLINE void multiply_few(int form, int V, packed_superblock w, const unpacked_superblock *u, const char *x, int m, int64_t x_stride,
                         float sums[][panel_rows]) {
    for (; m > 8; m -= 8, x += 8 * x_stride, sums += 8) multiply_block(form, 0, V, 8, w, u, x, x_stride, sums);
    switch (m) {
    case 1: multiply_block(form, 0, V, 1, w, u, x, x_stride, sums); break;
    case 2: multiply_block(form, 0, V, 2, w, u, x, x_stride, sums); break;
    case 3: multiply_block(form, 0, V, 3, w, u, x, x_stride, sums); break;
    case 4: multiply_block(form, 0, V, 4, w, u, x, x_stride, sums); break;
    case 5: multiply_block(form, 0, V, 5, w, u, x, x_stride, sums); break;
    case 6: multiply_block(form, 0, V, 6, w, u, x, x_stride, sums); break;
    case 7: multiply_block(form, 0, V, 7, w, u, x, x_stride, sums); break;
    default: multiply_block(form, 0, V, 8, w, u, x, x_stride, sums);
    }
}

/// A row's blocks of a superblock as they are in files, put where row `row` of an unpacked panel belongs.
INLINE void unpack_row(enum sirocco_type type, const uint8_t *blocks, int groups, int row, unpacked_superblock *out) {
    const int elements = block_values(type), v = row / vf_lanes, lane = row % vf_lanes;
    const int64_t bytes = sirocco_row_bytes(type, elements);
    for (int b = 0; b < groups * group_values / elements; b++) {
        unpacked_block block;
        unpack_block(type, blocks + b * bytes, &block);
        for (int g = 0; g < elements / 4; g++) {
            uint32_t four;
            memcpy(&four, block.q + 4 * g, 4);
            four ^= 0x80808080;
            memcpy(out->lines[b * elements / 4 + g][v] + 4 * lane, &four, 4);
        }
        out->d[b][v][lane] = block.d;
        if (has_minima(type)) out->dmin[b][v][lane] = block.dmin;
        if (elements == 32) continue;
        for (int t = 0; t < 16; t++) out->scales[t][v][lane] = block.scale[t];
        for (int p = 0; p < 8 && has_minima(type); p++) out->minima[p][v][lane] = (uint16_t)block.minimum[2 * p] | block.minimum[2 * p + 1] << 16;
    }
}

static void unpack_rows(enum sirocco_type type, packed_superblock w, unpacked_superblock *out) {
    const int64_t bytes = blocks_bytes(type, w.groups);
    for (int row = 0; row < panel_rows; row++) {
        const uint8_t *blocks = w.first + row / tile_rows * w.tile_bytes + row % tile_rows * bytes;
#define UNPACK_ROW(TYPE) unpack_row(TYPE, blocks, w.groups, row, out)
        switch (type) {
            CASES_OF_OTHER_TYPES(UNPACK_ROW)
        default: break;
        }
    }
}

/// V vectors of rows times up to chunk_rows rows of activations.
INLINE void multiply_panel(int form, enum sirocco_type type, int V, const uint8_t *tile, int64_t tile_bytes, int64_t k, const char *x, int m,
                           int64_t x_stride, float sums[][panel_rows]) {
    unpacked_superblock u;
    memset(sums, 0, (size_t)m * sizeof *sums);
    int64_t all = k / group_values;
    for (int64_t start = 0; start < all; start += superblock_groups) {
        int groups = (int)(all - start < superblock_groups ? all - start : superblock_groups);
        packed_superblock w = {tile, tile_bytes, groups};
        if (form >= OTHER_32) {
            unpack_rows(type, w, &u);
            multiply_rows(form, 1, V, w, &u, x, m, x_stride, sums);
        } else {
            if (has_groups(form)) unpack_scales(form, V, w, &u);
            if (V < panel_vectors || is_paired(form, m)) {
                multiply_few(form, V, w, &u, x, m, x_stride, sums);
            } else if (m > direct_rows && form != SIROCCO_Q8_0) {
                if (!has_groups(form)) unpack_d(w, &u);
                unpack_lines(form, w, &u);
                multiply_rows(form, 1, V, w, &u, x, m, x_stride, sums);
            } else {
                multiply_rows(form, 0, V, w, &u, x, m, x_stride, sums);
            }
        }
        x += sizeof(block_activation);
        tile += tile_rows * blocks_bytes(type, groups);
    }
}

INLINE void packed_product(int form, enum sirocco_type type, const uint8_t *weights, int64_t rows, int64_t k, const char *x, int64_t m,
                           int64_t x_stride, float *y, int64_t y_stride) {
    const int64_t row_bytes = sirocco_row_bytes(type, k);
    float sums[chunk_rows][panel_rows];
    // A few rows of activations take a tile at a time, so that the weights are one stream.
    if (m <= few_rows && tile_vectors < panel_vectors && form < OTHER_32 && !is_paired(form, m)) {
        for (int64_t r = 0; r < rows; r += tile_rows) {
            multiply_panel(form, type, tile_vectors, weights + r * row_bytes, 0, k, x, (int)m, x_stride, sums);
            for (int j = 0; j < m; j++) {
                memcpy(y + j * y_stride + r, sums[j], (size_t)(rows - r < tile_rows ? rows - r : tile_rows) * sizeof(float));
            }
        }
        return;
    }
    for (int64_t i = 0; i < m; i += chunk_rows) {
        int chunk = (int)(m - i < chunk_rows ? m - i : chunk_rows);
        for (int64_t r = 0; r < rows; r += panel_rows) {
            int64_t count = rows - r < panel_rows ? rows - r : panel_rows;
            // Of the last panel there may be one tile only: it then stands for the next one too.
            int64_t tile_bytes = count > tile_rows ? tile_rows * row_bytes : 0;
            multiply_panel(form, type, panel_vectors, weights + r * row_bytes, tile_bytes, k, x + i * x_stride, chunk, x_stride, sums);
            for (int j = 0; j < chunk; j++) memcpy(y + (i + j) * y_stride + r, sums[j], (size_t)count * sizeof(float));
        }
    }
}

static void other_product(enum sirocco_type type, const uint8_t *weights, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride,
                          float *y, int64_t y_stride) {
    if (block_values(type) == 32 && has_minima(type)) {
        packed_product(OTHER_32_MINIMA, type, weights, rows, k, x, m, x_stride, y, y_stride);
    } else if (block_values(type) == 32) {
        packed_product(OTHER_32, type, weights, rows, k, x, m, x_stride, y, y_stride);
    } else if (has_minima(type)) {
        packed_product(OTHER_256_MINIMA, type, weights, rows, k, x, m, x_stride, y, y_stride);
    } else {
        packed_product(OTHER_256, type, weights, rows, k, x, m, x_stride, y, y_stride);
    }
}

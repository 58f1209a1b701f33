// The tile path of x86_quantized.h: a panel of weights rows, unpacked once, times many activation rows.
//
// A lane is a weights row. A tile holds tile_rows rows and tile_groups groups of 32 values; the bytes 4g ..< 4g + 4 of every row lie side by side,
// so that one broadcast of four activations meets the same place of all rows, and the sum over a block needs no horizontal step.

/// Fewest activation rows for which unpacking pays.
enum { tile_least = 4 };
enum { tile_groups = 32, tile_rows = tile_vectors * vf_lanes, tile_blocks_K = tile_groups / 8 };

typedef struct {
    int32_t words[tile_groups * 8][tile_rows];
    /// d of each 32-value block, or of each 256-value block; for block_q4_K dmin after them.
    float d[tile_groups][tile_rows];
    /// Scales of the groups of 256-value blocks: 8 of 32 values (Q4_K), or 16 of 16 (Q6_K), a block.
    int32_t scales[tile_blocks_K * 16][tile_rows];
    /// Pairs of 16-bit integers that meet the 16 activation sums of a block: the minimum twice (Q4_K), two scales (Q6_K).
    int32_t pairs[tile_blocks_K * 8][tile_rows];
} tile;

/// 32 values of a row: group j of block b (256 values), or block b + j (32 values).
INLINE __m256i unpacked(enum sirocco_type type, const char *w, int b, int j) {
    switch (type) {
    case SIROCCO_Q4_0: return nibbles(((const block_q4_0 *)w)[b + j].qs);
    case SIROCCO_Q8_0: return q8_prepare(load_bytes(((const block_q8_0 *)w)[b + j].qs));
    case SIROCCO_Q4_K: return fours((const block_q4_K *)w + b / 8, j);
    default: return sixes((const block_q6_K *)w + b / 8, j);
    }
}

/// Eight words of each of eight rows, word by word into lanes `lane` ..< lane + 8 of eight lines.
INLINE void scatter8(__m256i v[8], int32_t (*lines)[tile_rows], int lane) {
    transpose8(v);
    UNROLLED for (int g = 0; g < 8; g++) _mm256_storeu_si256((__m256i *)&lines[g][lane], v[g]);
}

/// Scales of one 256-value block of eight rows.
INLINE void fill_scales_K(enum sirocco_type type, const char *const rows[8], int b, int lane, tile *out) {
    __m256i first[8], second[8], pairs[8];
    for (int r = 0; r < 8; r++) {
        if (type == SIROCCO_Q4_K) {
            const block_q4_K *block = (const block_q4_K *)rows[r] + b;
            __m128i packed = q4_K_scales(block);
            first[r] = _mm256_cvtepu8_epi32(packed);
            pairs[r] = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(packed, packed));
            out->d[b][lane + r] = _cvtsh_ss(block->d);
            out->d[tile_blocks_K + b][lane + r] = _cvtsh_ss(block->dmin);
        } else {
            const block_q6_K *block = (const block_q6_K *)rows[r] + b;
            __m128i scales = _mm_loadu_si128((const __m128i *)block->scales);
            first[r] = _mm256_cvtepi8_epi32(scales);
            second[r] = _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(scales, scales));
            pairs[r] = _mm256_cvtepi8_epi16(scales);
            out->d[b][lane + r] = _cvtsh_ss(block->d);
        }
    }
    scatter8(pairs, out->pairs + 8 * b, lane);
    scatter8(first, out->scales + (type == SIROCCO_Q4_K ? 8 : 16) * b, lane);
    if (type == SIROCCO_Q6_K) scatter8(second, out->scales + 16 * b + 8, lane);
}

/// Scales of the 32-value blocks b ..< b + count of eight rows, count at most 8.
INLINE void fill_scales_0(enum sirocco_type type, const char *const rows[8], int b, int count, int lane, tile *out) {
    const int64_t size = bytes_of_block(type);
    for (int r = 0; r < 8; r++) {
        for (int j = 0; j < count; j++) {
            uint16_t d;
            memcpy(&d, rows[r] + (b + j) * size, 2);
            out->d[b + j][lane + r] = _cvtsh_ss(d);
        }
    }
}

/// Group j of the eight groups from b on, of eight rows.
INLINE void fill_group(enum sirocco_type type, const char *const rows[8], int b, int j, int lane, tile *out) {
    __m256i v[8];
    UNROLLED for (int r = 0; r < 8; r++) v[r] = unpacked(type, rows[r], b, j);
    scatter8(v, out->words + (b + j) * 8, lane);
}

/// Asks for the same bytes of the next tile's rows: many short streams are more than the hardware foresees.
INLINE void prefetch_next(enum sirocco_type type, const char *const rows[8], int64_t row_bytes, int b) {
    const int64_t eight = type == SIROCCO_Q4_K || type == SIROCCO_Q6_K ? bytes_of_block(type) : 8 * bytes_of_block(type);
    for (int r = 0; r < 8; r++) {
        // Perhaps beyond the matrix: an address, never a pointer that is followed.
        uintptr_t next = (uintptr_t)rows[r] + (uintptr_t)(tile_rows * row_bytes + b / 8 * eight);
        for (int64_t at = 0; at < eight; at += 64) _mm_prefetch((const char *)(next + (uintptr_t)at), _MM_HINT_T1);
    }
}

/// Unpacks `groups` groups of `count` rows into a tile; lanes beyond repeat the last row, and their results are dropped.
INLINE void fill(enum sirocco_type type, const char *w, int64_t row_bytes, int count, int groups, tile *out) {
    for (int lane = 0; lane < tile_rows; lane += 8) {
        const char *rows[8];
        for (int r = 0; r < 8; r++) rows[r] = w + (lane + r < count ? lane + r : count - 1) * row_bytes;
        int b = 0;
        for (; b + 8 <= groups; b += 8) {
            prefetch_next(type, rows, row_bytes, b);
            if (type == SIROCCO_Q4_K || type == SIROCCO_Q6_K) {
                fill_scales_K(type, rows, b / 8, lane, out);
            } else {
                fill_scales_0(type, rows, b, 8, lane, out);
            }
            UNROLLED for (int j = 0; j < 8; j++) fill_group(type, rows, b, j, lane, out);
        }
        if (b == groups || type == SIROCCO_Q4_K || type == SIROCCO_Q6_K) continue;
        fill_scales_0(type, rows, b, groups - b, lane, out);
        for (int j = 0; j < groups - b; j++) fill_group(type, rows, b, j, lane, out);
    }
}

INLINE vi broadcast4(const int8_t *at) {
    int32_t word;
    memcpy(&word, at, 4);
    return vi_set(word);
}

/// z[v][i] += Σ over `count` words: M activation rows at x[i], all rows of the tile.
INLINE void multiply_words(enum sirocco_type type, int M, const int32_t (*words)[tile_rows], int count, const int8_t *const x[4],
                           vi z[tile_vectors][4]) {
    UNROLLED for (int g = 0; g < count; g++) {
        vi w[tile_vectors];
        UNROLLED for (int v = 0; v < tile_vectors; v++) w[v] = vi_load(words[g] + v * vf_lanes);
        UNROLLED for (int i = 0; i < M; i++) {
            vi four = broadcast4(x[i] + 4 * g);
            UNROLLED for (int v = 0; v < tile_vectors; v++) {
                z[v][i] = type == SIROCCO_Q8_0 ? vi_dot_q8(z[v][i], w[v], four) : vi_dot_u7(z[v][i], w[v], four);
            }
        }
    }
}

/// sum[i] += Σ_b S_b · (d_b · dx_b) over a tile of 32-value blocks.
INLINE void multiply_0(enum sirocco_type type, int M, const tile *w, int groups, const char *x, int64_t x_stride, vf sum[tile_vectors][4]) {
    for (int b = 0; b < groups; b++) {
        const block_q8_activation *block[4];
        const int8_t *q[4];
        vi z[tile_vectors][4];
        UNROLLED for (int i = 0; i < M; i++) {
            block[i] = (const block_q8_activation *)(x + i * x_stride) + b;
            q[i] = block[i]->qs;
            vi correction = vi_set(-(type == SIROCCO_Q4_0 ? 8 : q8_offset) * block[i]->sum);
            UNROLLED for (int v = 0; v < tile_vectors; v++) z[v][i] = correction;
        }
        multiply_words(type, M, w->words + 8 * b, 8, q, z);
        UNROLLED for (int v = 0; v < tile_vectors; v++) {
            vf d = vf_load(w->d[b] + v * vf_lanes);
            UNROLLED for (int i = 0; i < M; i++) {
                sum[v][i] = vf_add(sum[v][i], vf_mul(vf_of_vi(z[v][i]), vf_mul(d, vf_set(block[i]->d))));
            }
        }
    }
}

/// sum[i] += Σ_b S_b · (d_b · dx_b), less M_b · (dmin_b · dx_b), over a tile of 256-value blocks.
INLINE void multiply_K(enum sirocco_type type, int M, const tile *w, int groups, const char *x, int64_t x_stride, vf sum[tile_vectors][4]) {
    const int parts = type == SIROCCO_Q4_K ? 8 : 16, words = 64 / parts;
    for (int b = 0; b < groups / 8; b++) {
        const block_q8_K *block[4];
        vi total[tile_vectors][4], pairs[tile_vectors][4];
        UNROLLED for (int i = 0; i < M; i++) {
            block[i] = (const block_q8_K *)(x + i * x_stride) + b;
            UNROLLED for (int v = 0; v < tile_vectors; v++) total[v][i] = vi_zero();
        }
        for (int g = 0; g < parts; g++) {
            const int8_t *q[4];
            vi z[tile_vectors][4];
            UNROLLED for (int i = 0; i < M; i++) {
                q[i] = block[i]->qs + 256 / parts * g;
                UNROLLED for (int v = 0; v < tile_vectors; v++) z[v][i] = vi_zero();
            }
            multiply_words(type, M, w->words + 64 * b + words * g, words, q, z);
            UNROLLED for (int v = 0; v < tile_vectors; v++) {
                vi scale = vi_load(w->scales[parts * b + g] + v * vf_lanes);
                UNROLLED for (int i = 0; i < M; i++) total[v][i] = vi_add(total[v][i], vi_mul(scale, z[v][i]));
            }
        }
        UNROLLED for (int v = 0; v < tile_vectors; v++) UNROLLED for (int i = 0; i < M; i++) pairs[v][i] = vi_zero();
        UNROLLED for (int g = 0; g < 8; g++) {
            UNROLLED for (int v = 0; v < tile_vectors; v++) {
                vi pair = vi_load(w->pairs[8 * b + g] + v * vf_lanes);
                UNROLLED for (int i = 0; i < M; i++) {
                    pairs[v][i] = vi_pairs(pairs[v][i], pair, broadcast4((const int8_t *)(block[i]->sums + 2 * g)));
                }
            }
        }
        UNROLLED for (int v = 0; v < tile_vectors; v++) {
            vf d = vf_load(w->d[b] + v * vf_lanes), dmin = vf_load(w->d[tile_blocks_K + b] + v * vf_lanes);
            UNROLLED for (int i = 0; i < M; i++) {
                vf dx = vf_set(block[i]->d), product;
                if (type == SIROCCO_Q4_K) {
                    product = vf_sub(vf_mul(vf_of_vi(total[v][i]), vf_mul(d, dx)), vf_mul(vf_of_vi(pairs[v][i]), vf_mul(dmin, dx)));
                } else {
                    product = vf_mul(vf_of_vi(vi_sub(total[v][i], vi_shift5(pairs[v][i]))), vf_mul(d, dx));
                }
                sum[v][i] = vf_add(sum[v][i], product);
            }
        }
    }
}

/// M activation rows times a tile; y continues the sums of the groups before, or starts them.
INLINE void multiply_tile(enum sirocco_type type, int M, const tile *w, int count, int groups, const char *x, int64_t x_stride, int starts,
                          float *y, int64_t y_stride) {
    vf sum[tile_vectors][4];
    float lanes[tile_rows];
    UNROLLED for (int i = 0; i < M; i++) {
        float *row = y + i * y_stride;
        if (!starts && count < tile_rows) {
            memset(lanes, 0, sizeof lanes);
            memcpy(lanes, row, (size_t)count * sizeof(float));
            row = lanes;
        }
        UNROLLED for (int v = 0; v < tile_vectors; v++) sum[v][i] = starts ? vf_zero() : vf_load(row + v * vf_lanes);
    }
    if (type == SIROCCO_Q4_K || type == SIROCCO_Q6_K) {
        multiply_K(type, M, w, groups, x, x_stride, sum);
    } else {
        multiply_0(type, M, w, groups, x, x_stride, sum);
    }
    UNROLLED for (int i = 0; i < M; i++) {
        float *row = y + i * y_stride;
        if (count == tile_rows) {
            UNROLLED for (int v = 0; v < tile_vectors; v++) vf_store(row + v * vf_lanes, sum[v][i]);
        } else {
            UNROLLED for (int v = 0; v < tile_vectors; v++) vf_store(lanes + v * vf_lanes, sum[v][i]);
            memcpy(row, lanes, (size_t)count * sizeof(float));
        }
    }
}

/// m activation rows times `rows` weights rows, a tile at a time.
INLINE void tile_path(enum sirocco_type type, const char *w, int64_t rows, int64_t k, const char *x, int64_t m, int64_t x_stride, float *y,
                      int64_t y_stride) {
    const int values = type == SIROCCO_Q4_K || type == SIROCCO_Q6_K ? 256 : 32;
    const int64_t size = bytes_of_block(type), x_size = values == 256 ? sizeof(block_q8_K) : sizeof(block_q8_activation);
    const int64_t row_bytes = k / values * size, all = k / 32;
    tile unpacked_rows;
    for (int64_t r = 0; r < rows; r += tile_rows) {
        int count = (int)(rows - r < tile_rows ? rows - r : tile_rows);
        for (int64_t start = 0; start < all; start += tile_groups) {
            int groups = (int)(all - start < tile_groups ? all - start : tile_groups), starts = start == 0;
            int64_t block = start * 32 / values;
            fill(type, w + r * row_bytes + block * size, row_bytes, count, groups, &unpacked_rows);
            const char *from = x + block * x_size;
            int64_t i = 0;
            for (; i + 4 <= m; i += 4) {
                multiply_tile(type, 4, &unpacked_rows, count, groups, from + i * x_stride, x_stride, starts, y + i * y_stride + r, y_stride);
            }
            for (; i < m; i++) {
                multiply_tile(type, 1, &unpacked_rows, count, groups, from + i * x_stride, x_stride, starts, y + i * y_stride + r, y_stride);
            }
        }
    }
}

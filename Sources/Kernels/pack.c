// Packing: blocks of rows into tiles, and back. packed.h says what goes where.
#include "packed.h"

/// Four bytes as one word, and back: byte j of what is done to a word is done to byte j.
static uint32_t load_word(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return word;
}

static void store_word(uint8_t *at, uint32_t word) { memcpy(at, &word, 4); }

enum { low_nibbles = 0x0f0f0f0f, low_pairs = 0x03030303 };

static void take_nibbles(const uint8_t *lines, int lane, uint8_t values[32]) {
    for (int j = 0; j < 16; j++) {
        uint8_t both = lines[j / 4 * line_bytes + 4 * lane + j % 4];
        values[j] = both & 15;
        values[j + 16] = both >> 4;
    }
}

/// The 6-bit scales and minima of a block_q4_K, put together again: the inverse of q4_K_group.
static void join_q4_K_scales(const uint8_t scales[8], const uint8_t minima[8], uint8_t packed[12]) {
    for (int j = 0; j < 4; j++) {
        packed[j] = (uint8_t)(scales[j] | scales[j + 4] >> 4 << 6);
        packed[j + 4] = (uint8_t)(minima[j] | minima[j + 4] >> 4 << 6);
        packed[j + 8] = (uint8_t)((scales[j + 4] & 15) | minima[j + 4] << 4);
    }
}

static void pack_q8_0(const block_q8_0 *blocks, int groups, int lane, uint8_t *out) {
    uint8_t *lines = out + lines_at(SIROCCO_Q8_0, groups);
    for (int b = 0; b < groups; b++) {
        memcpy(out + 2 * (b * tile_rows + lane), &blocks[b].d, 2);
        for (int g = 0; g < 8; g++) {
            uint32_t four;
            memcpy(&four, blocks[b].qs + 4 * g, 4);
            four ^= 0x80808080;
            memcpy(lines + (8 * b + g) * line_bytes + 4 * lane, &four, 4);
        }
    }
}

static void restore_q8_0(const uint8_t *in, int groups, int lane, block_q8_0 *blocks) {
    const uint8_t *lines = in + lines_at(SIROCCO_Q8_0, groups);
    for (int b = 0; b < groups; b++) {
        memcpy(&blocks[b].d, in + 2 * (b * tile_rows + lane), 2);
        for (int g = 0; g < 8; g++) {
            uint32_t four;
            memcpy(&four, lines + (8 * b + g) * line_bytes + 4 * lane, 4);
            four ^= 0x80808080;
            memcpy(blocks[b].qs + 4 * g, &four, 4);
        }
    }
}

// A block_q4_0 pairs the same values as a line does.
static void pack_q4_0(const block_q4_0 *blocks, int groups, int lane, uint8_t *out) {
    uint8_t *lines = out + lines_at(SIROCCO_Q4_0, groups);
    for (int b = 0; b < groups; b++) {
        memcpy(out + 2 * (b * tile_rows + lane), &blocks[b].d, 2);
        for (int g = 0; g < 4; g++) memcpy(lines + (4 * b + g) * line_bytes + 4 * lane, blocks[b].qs + 4 * g, 4);
    }
}

static void restore_q4_0(const uint8_t *in, int groups, int lane, block_q4_0 *blocks) {
    const uint8_t *lines = in + lines_at(SIROCCO_Q4_0, groups);
    for (int b = 0; b < groups; b++) {
        memcpy(&blocks[b].d, in + 2 * (b * tile_rows + lane), 2);
        for (int g = 0; g < 4; g++) memcpy(blocks[b].qs + 4 * g, lines + (4 * b + g) * line_bytes + 4 * lane, 4);
    }
}

static void pack_q4_K(const block_q4_K *block, int lane, uint8_t *out) {
    memcpy(out + 2 * lane, &block->d, 2);
    memcpy(out + 2 * (tile_rows + lane), &block->dmin, 2);
    uint8_t scales[8], minima[8];
    for (int g = 0; g < 8; g++) q4_K_group(block->scales, g, &scales[g], &minima[g]);
    uint8_t *lines = out + q4_K_scales_at;
    for (int p = 0; p < 4; p++) {
        int g = q4_K_order[p], at = 4 * lane + p;
        lines[at] = (uint8_t)(scales[g] | minima[g + 4] << 6);
        lines[at + line_bytes] = (uint8_t)(scales[g + 4] | minima[g + 4] >> 2 << 6);
        lines[at + 2 * line_bytes] = (uint8_t)(minima[g] | minima[g + 4] >> 4 << 6);
    }
    // A group's first 16 values lie in the lines' lower nibbles, its others in the upper ones.
    for (int g = 0; g < 8; g += 2) {
        const uint8_t *q = block->qs + g * 16;
        uint8_t *even = out + q4_K_lines_at + g * group_bytes(SIROCCO_Q4_K) + 4 * lane, *odd = even + group_bytes(SIROCCO_Q4_K);
        for (int i = 0; i < 4; i++) {
            uint32_t first = load_word(q + 4 * i), second = load_word(q + 16 + 4 * i);
            store_word(even + i * line_bytes, (first & low_nibbles) | (second & low_nibbles) << 4);
            store_word(odd + i * line_bytes, (first >> 4 & low_nibbles) | (second & ~(uint32_t)low_nibbles));
        }
    }
}

static void restore_q4_K(const uint8_t *in, int lane, block_q4_K *block) {
    memcpy(&block->d, in + 2 * lane, 2);
    memcpy(&block->dmin, in + 2 * (tile_rows + lane), 2);
    uint8_t scales[8], minima[8];
    const uint8_t *lines = in + q4_K_scales_at;
    for (int p = 0; p < 4; p++) {
        int g = q4_K_order[p], at = 4 * lane + p;
        uint8_t first = lines[at], second = lines[at + line_bytes], third = lines[at + 2 * line_bytes];
        scales[g] = first & 63;
        scales[g + 4] = second & 63;
        minima[g] = third & 63;
        minima[g + 4] = (uint8_t)(first >> 6 | second >> 6 << 2 | third >> 6 << 4);
    }
    join_q4_K_scales(scales, minima, block->scales);
    for (int g = 0; g < 8; g += 2) {
        uint8_t even[32], odd[32];
        take_nibbles(in + q4_K_lines_at + g * group_bytes(SIROCCO_Q4_K), lane, even);
        take_nibbles(in + q4_K_lines_at + (g + 1) * group_bytes(SIROCCO_Q4_K), lane, odd);
        for (int j = 0; j < 32; j++) block->qs[g / 2 * 32 + j] = (uint8_t)(even[j] | odd[j] << 4);
    }
}

static void pack_q6_K(const block_q6_K *block, int lane, uint8_t *out) {
    for (int g = 0; g < 8; g++) {
        const uint8_t *ql = block->ql + g / 4 * 64 + g % 2 * 32, *qh = block->qh + g / 4 * 32;
        uint8_t *lines = out + g * group_bytes(SIROCCO_Q6_K) + 4 * lane, *high = lines + 4 * line_bytes;
        uint32_t low[8], bits[8];
        for (int i = 0; i < 8; i++) {
            low[i] = load_word(ql + 4 * i) >> (g % 4 < 2 ? 0 : 4) & low_nibbles;
            bits[i] = load_word(qh + 4 * i) >> (2 * (g % 4)) & low_pairs;
        }
        for (int i = 0; i < 4; i++) store_word(lines + i * line_bytes, low[i] | low[i + 4] << 4);
        for (int h = 0; h < 8; h += 4) store_word(high + h / 4 * line_bytes, bits[h] | bits[h + 1] << 2 | bits[h + 2] << 4 | bits[h + 3] << 6);
    }
    for (int t = 0; t < 16; t++) out[q6_K_scales_at + t * tile_rows + lane] = (uint8_t)block->scales[t];
    memcpy(out + q6_K_d_at + 2 * lane, &block->d, 2);
}

static void restore_q6_K(const uint8_t *in, int lane, block_q6_K *block) {
    memset(block, 0, sizeof *block);
    for (int g = 0; g < 8; g++) {
        const uint8_t *lines = in + g * group_bytes(SIROCCO_Q6_K), *high = lines + 4 * line_bytes + 4 * lane;
        uint8_t values[32];
        take_nibbles(lines, lane, values);
        // As q6_K_value reads them.
        uint8_t *ql = block->ql + g / 4 * 64 + g % 2 * 32, *qh = block->qh + g / 4 * 32;
        for (int j = 0; j < 32; j++) {
            int bits = high[j / 16 * line_bytes + j % 4] >> (2 * (j / 4 % 4)) & 3;
            ql[j] |= (uint8_t)(g % 4 < 2 ? values[j] : values[j] << 4);
            qh[j] |= (uint8_t)(bits << (2 * (g % 4)));
        }
    }
    for (int t = 0; t < 16; t++) block->scales[t] = (int8_t)in[q6_K_scales_at + t * tile_rows + lane];
    memcpy(&block->d, in + q6_K_d_at + 2 * lane, 2);
}

static void pack_blocks(enum sirocco_type type, const void *blocks, int groups, int lane, uint8_t *out) {
    switch (type) {
    case SIROCCO_Q4_0: pack_q4_0(blocks, groups, lane, out); break;
    case SIROCCO_Q8_0: pack_q8_0(blocks, groups, lane, out); break;
    case SIROCCO_Q4_K: pack_q4_K(blocks, lane, out); break;
    case SIROCCO_Q6_K: pack_q6_K(blocks, lane, out); break;
    default: memcpy(out + lane * blocks_bytes(type, groups), blocks, (size_t)blocks_bytes(type, groups));
    }
}

void sirocco_unpack_blocks(enum sirocco_type type, const uint8_t *superblock, int groups, int lane, row_blocks *out) {
    switch (type) {
    case SIROCCO_Q4_0: restore_q4_0(superblock, groups, lane, out->q4_0); break;
    case SIROCCO_Q8_0: restore_q8_0(superblock, groups, lane, out->q8_0); break;
    case SIROCCO_Q4_K: restore_q4_K(superblock, lane, &out->q4_K); break;
    case SIROCCO_Q6_K: restore_q6_K(superblock, lane, &out->q6_K); break;
    default: memcpy(out, superblock + lane * blocks_bytes(type, groups), (size_t)blocks_bytes(type, groups));
    }
}

int64_t sirocco_packed_bytes(enum sirocco_type type, int64_t rows, int64_t k) {
    int64_t row = sirocco_row_bytes(type, k), padded, bytes;
    if (row < 0 || rows < 0 || sirocco_block_elements(type) < group_values) return -1;
    if (__builtin_add_overflow(rows, tile_rows - 1, &padded)) return -1;
    return __builtin_mul_overflow(padded / tile_rows * tile_rows, row, &bytes) ? -1 : bytes;
}

void sirocco_pack(enum sirocco_type type, const void *const rows[16], int64_t k, void *tile) {
    static const row_blocks nothing;
    int64_t all = k / group_values, from = 0;
    uint8_t *out = tile;
    for (int64_t start = 0; start < all; start += superblock_groups) {
        int groups = (int)(all - start < superblock_groups ? all - start : superblock_groups);
        int64_t bytes = blocks_bytes(type, groups);
        for (int lane = 0; lane < tile_rows; lane++) {
            pack_blocks(type, rows[lane] != NULL ? (const char *)rows[lane] + from : (const char *)&nothing, groups, lane, out);
        }
        from += bytes;
        out += bytes * tile_rows;
    }
}

void sirocco_unpack(enum sirocco_type type, const void *tile, int lane, int64_t k, void *row) {
    int64_t all = k / group_values, to = 0;
    const uint8_t *in = tile;
    for (int64_t start = 0; start < all; start += superblock_groups) {
        int groups = (int)(all - start < superblock_groups ? all - start : superblock_groups);
        int64_t bytes = blocks_bytes(type, groups);
        row_blocks blocks;
        sirocco_unpack_blocks(type, in, groups, lane, &blocks);
        memcpy((char *)row + to, &blocks, (size_t)bytes);
        to += bytes;
        in += bytes * tile_rows;
    }
}

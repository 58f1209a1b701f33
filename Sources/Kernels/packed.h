// The layout of packed weights: what pack.c writes and the products read.
//
// A matrix is cut into tiles of 16 rows, the last one filled up with zero blocks. A tile is a row of superblocks of 256 columns, the last one shorter
// where the type's blocks are. Within a superblock the weights lie in lines of 64 bytes: byte 4 r + j of line g holds value 4 g + j of row r,
// so that one instruction multiplies a line with four activations for all rows. No weight takes more bits than in the file: a
// superblock is as long as its 16 rows' blocks.
//
//   Q8_0   [groups][16] half d, [groups][8] lines of q + 128
//   Q4_0   [groups][16] half d, [groups][4] lines: values of line g in the low nibbles, of line g + 4 in the high ones
//   Q4_K   [16] half d, [16] half dmin, 3 lines of scales, [8][4] lines as Q4_0
//   Q6_K   [8] × (4 lines as Q4_0, 2 lines of high bits: line h holds those of lines 4 h + i in bits 2 i and 2 i + 1),
//          [16][16] scales of 8 bits, [16] half d
//   others [16] rows of blocks as they are in files, which products unpack
//
// Scales of a Q4_K superblock: bytes 4 r + p of the three lines hold the scales of groups 0–3, those of groups 4–7, and the minima of groups 0–3, each in
// six bits, group `q4_K_order[p]` of four; the two bits above hold two bits each of the minima of groups 4–7, lowest first. The
// even bytes of a line are then neighbouring groups, as 16-bit pairs are multiplied.
#ifndef SIROCCO_PACKED_H
#define SIROCCO_PACKED_H

#include "unpack.h"

enum { tile_rows = 16, line_bytes = 64, superblock_groups = 8, group_values = 32 };

/// Where the parts of a superblock lie.
enum { q4_K_scales_at = 64, q4_K_lines_at = 256, q6_K_scales_at = 3072, q6_K_d_at = 3328 };

static const int q4_K_order[4] = {0, 2, 1, 3};

/// Bytes that the lines of 32 columns take.
static inline int group_bytes(enum sirocco_type type) {
    switch (type) {
    case SIROCCO_Q8_0: return 8 * line_bytes;
    case SIROCCO_Q6_K: return 6 * line_bytes;
    default: return 4 * line_bytes;
    }
}

/// Where the lines of a superblock begin.
static inline int64_t lines_at(enum sirocco_type type, int groups) {
    switch (type) {
    case SIROCCO_Q4_K: return q4_K_lines_at;
    case SIROCCO_Q6_K: return 0;
    default: return groups * tile_rows * (int64_t)sizeof(sirocco_half);
    }
}

/// Bytes of one row's blocks for `groups` groups of 32 columns.
static inline int64_t blocks_bytes(enum sirocco_type type, int groups) { return sirocco_row_bytes(type, groups * (int64_t)group_values); }

/// Room for one row's blocks of a superblock of any type.
typedef union {
    block_q4_0 q4_0[superblock_groups];
    block_q8_0 q8_0[superblock_groups];
    block_q4_K q4_K;
    block_q6_K q6_K;
    block_q8_K largest;
} row_blocks;
_Static_assert(sizeof(row_blocks) >= superblock_groups * sizeof(block_q8_0), "no superblock of a row is longer");

/// Takes the blocks of row `lane` back out of a superblock of `groups` groups.
void sirocco_unpack_blocks(enum sirocco_type type, const uint8_t *superblock, int groups, int lane, row_blocks *out);

#endif

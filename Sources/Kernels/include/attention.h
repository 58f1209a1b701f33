// Attention over a block cache: how keys and values lie there, and what one call of the attention kernels is asked.
//
// Positions are kept in tiles of 16. A tile holds the keys of 16 positions with the positions side by side, so that scores of 16 positions are one
// vector and need no sums across it; values lie position after position. With W = head_size rounded up to 16 and G = ⌈head_size / 32⌉, a tile is
//
//     F32, F16    keys [W][16], values [16][W]
//     BF16        keys [W/2][16] pairs of (d, d + 1), values [8][W] pairs of (position, position + 1)
//     Q8_0        16-bit scales [G][16], then bytes: keys [W][16], values [16][W]
//     Q4_0        16-bit scales [G][16], then nibbles: keys [W/2][16], d below d + 1; values [16][W/16][8], d below d + 8
//
// A scale belongs to one position and 32 values of its head. What lies beyond head_size, or beyond the positions that were stored, is never looked at.
#ifndef SIROCCO_ATTENTION_H
#define SIROCCO_ATTENTION_H

#include "kernels.h"

enum {
    /// Positions in a tile. A cache block is a whole number of tiles.
    SIROCCO_TILE = 16,
    /// Positions in a chunk. Positions are summed chunk by chunk, each from scratch, and the chunks folded in their order: who computes which chunk
    /// changes no bit.
    SIROCCO_CHUNK = 128,
};

/// Queries of consecutive positions of one sequence, of the query heads that share one key/value head, and that head's cache.
typedef struct sirocco_attention {
    /// How keys and values are stored.
    enum sirocco_type type;
    int64_t head_size;
    /// Positions in a block.
    int64_t block_length;
    /// The head's part of block 0: tiles of keys, tiles of values.
    const void *keys, *values;
    /// Bytes from the head's part of a block to its part of the next block.
    int64_t block_bytes;
    /// The sequence's blocks, in order of position.
    const int32_t *blocks;
    /// Query heads, and positions.
    int64_t heads, rows;
    /// The first row's position. Row i sees positions up to `position + i`, its own, and no more than the last `window` of them.
    int64_t position, window;
    /// What q · k is multiplied by.
    float scale;
    /// Row i's head h lies at q + i · stride + h · head_size, and its result at the same place of out.
    const float *q;
    float *out;
    int64_t stride;
} sirocco_attention;

/// Bytes of a tile of keys, and of values; -1 for a type that no cache has, or a head_size below 1.
int64_t sirocco_tile_bytes(enum sirocco_type type, int64_t head_size);

/// Floats that one chunk's result of one query takes: sums, their greatest score, the total of their weights.
int64_t sirocco_partial_length(int64_t head_size);

/// Floats of workspace that `attend` and `attend_fold` need.
int64_t sirocco_attention_workspace(int64_t head_size);

#endif

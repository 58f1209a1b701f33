// The x86 kernels of the block cache: how positions are stored, and flash attention over them.
//
// Queries go in bands of up to `band_queries` that share every key and value that is read. A band passes over the positions chunk by chunk: scores of
// a chunk, their exponentials, the sum of its values, and the fold into what the chunks before left. Each query's sums are in the order of the
// positions (scores: even and odd d apart), whatever band it falls into.
//
// More words: band_queries; vf_store_half; vf_load_bytes (signed bytes); vf_key_nibbles (low and high nibbles of bytes, less 8); vf_value_nibbles
// (value d of the 16 that 8 bytes hold, less 8).

enum { chunk_tiles = SIROCCO_CHUNK / SIROCCO_TILE, tile_halves = SIROCCO_TILE / vf_lanes };

// ---- Storing ----

/// x as halves, [width] of them.
INLINE void halves_of(const float *x, int64_t n, sirocco_half *out) {
    int64_t d = 0;
    for (; d + vf_lanes <= n; d += vf_lanes) vf_store_half(out + d, vf_load(x + d));
    for (; d < n; d++) out[d] = half_of_float(x[d]);
}

static void store_key(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot) {
    if (type != SIROCCO_F16) {
        sirocco_reference_store_key(type, x, head_size, tile, slot);
        return;
    }
    sirocco_half halves[64], *out = (sirocco_half *)tile + slot;
    for (int64_t start = 0; start < head_size; start += 64) {
        int64_t count = head_size - start < 64 ? head_size - start : 64;
        halves_of(x + start, count, halves);
        for (int64_t d = 0; d < count; d++) out[(start + d) * SIROCCO_TILE] = halves[d];
    }
}

static void store_value(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot) {
    if (type == SIROCCO_F16) {
        halves_of(x, head_size, (sirocco_half *)tile + slot * cache_width(head_size));
    } else {
        sirocco_reference_store_value(type, x, head_size, tile, slot);
    }
}

// ---- Scores ----

/// The keys' values d and d + 1 of the positions of one half of a tile, without their scale.
INLINE void load_keys(enum sirocco_type type, const char *values, int64_t d, int half, vf *even, vf *odd) {
    int64_t at = d * SIROCCO_TILE + half * vf_lanes;
    switch (type) {
    case SIROCCO_F16:
        *even = vf_load_half((const sirocco_half *)values + at);
        *odd = vf_load_half((const sirocco_half *)values + at + SIROCCO_TILE);
        break;
    case SIROCCO_Q8_0:
        *even = vf_load_bytes((const int8_t *)values + at);
        *odd = vf_load_bytes((const int8_t *)values + at + SIROCCO_TILE);
        break;
    case SIROCCO_Q4_0: vf_key_nibbles((const uint8_t *)values + d / 2 * SIROCCO_TILE + half * vf_lanes, even, odd); break;
    default:
        *even = vf_load((const float *)values + at);
        *odd = vf_load((const float *)values + at + SIROCCO_TILE);
    }
}

/// Asks for the lines of some bytes.
INLINE void prefetch(const char *at, int64_t bytes) {
    UNROLLED for (int64_t line = 0; line < bytes; line += 64) _mm_prefetch(at + line, _MM_HINT_T0);
}

/// Bytes of a value, times two.
INLINE int64_t twice_bytes(enum sirocco_type type) { return type == SIROCCO_F32 ? 8 : type == SIROCCO_F16 ? 4 : type == SIROCCO_Q8_0 ? 2 : 1; }

/// Σ q[d] K[p][d] over first ≤ d < end for N queries and the positions of a half tile. What lies `ahead` bytes behind what is read is asked for, since
/// the hardware does not see a stream in tiles.
INLINE void dot_keys(enum sirocco_type type, int N, const float *const *q, const char *values, int64_t ahead, int64_t first, int64_t end,
                     int half, vf *sums) {
    vf even[band_queries], odd[band_queries], low, high;
    UNROLLED for (int n = 0; n < N; n++) even[n] = odd[n] = vf_zero();
    int64_t d = first;
    for (; d + 2 <= end; d += 2) {
        load_keys(type, values, d, half, &low, &high);
        if (half == 0) prefetch(values + ahead + d * SIROCCO_TILE * twice_bytes(type) / 2, SIROCCO_TILE * twice_bytes(type));
        UNROLLED for (int n = 0; n < N; n++) {
            even[n] = vf_fma(vf_set(q[n][d]), low, even[n]);
            odd[n] = vf_fma(vf_set(q[n][d + 1]), high, odd[n]);
        }
    }
    if (d < end) {
        load_keys(type, values, d, half, &low, &high);
        UNROLLED for (int n = 0; n < N; n++) even[n] = vf_fma(vf_set(q[n][d]), low, even[n]);
    }
    UNROLLED for (int n = 0; n < N; n++) sums[n] = vf_add(even[n], odd[n]);
}

INLINE int is_blockwise(enum sirocco_type type) { return type == SIROCCO_Q8_0 || type == SIROCCO_Q4_0; }

/// scores[n][p] of N queries and the 16 positions of a tile.
INLINE void tile_scores(enum sirocco_type type, int N, const float *const *q, const char *tile, int64_t ahead, int64_t head_size,
                        float scale, float *scores) {
    for (int half = 0; half < tile_halves; half++) {
        vf sums[band_queries], group[band_queries];
        if (is_blockwise(type)) {
            const sirocco_half *scales = (const sirocco_half *)tile + half * vf_lanes;
            const char *values = tile + cache_groups(head_size) * SIROCCO_TILE * 2;
            UNROLLED for (int n = 0; n < N; n++) sums[n] = vf_zero();
            for (int64_t d = 0; d < head_size; d += 32, scales += SIROCCO_TILE) {
                dot_keys(type, N, q, values, ahead, d, d + 32 < head_size ? d + 32 : head_size, half, group);
                vf step = vf_load_half(scales);
                UNROLLED for (int n = 0; n < N; n++) sums[n] = vf_fma(group[n], step, sums[n]);
            }
        } else {
            dot_keys(type, N, q, tile, ahead, 0, head_size, half, sums);
        }
        UNROLLED for (int n = 0; n < N; n++) vf_store(scores + n * SIROCCO_CHUNK + half * vf_lanes, vf_mul(sums[n], vf_set(scale)));
    }
}

/// Scores become e^(score − greatest), those outside first ..< end zero, over whole tiles; returns the greatest, and the total of the weights.
INLINE float weights_of(float *scores, int64_t tile, int64_t tiles, int64_t first, int64_t end, float *total) {
    for (int64_t p = tile * SIROCCO_TILE; p < first; p++) scores[p] = -INFINITY;
    for (int64_t p = end; p < tiles * SIROCCO_TILE; p++) scores[p] = -INFINITY;
    vf most = vf_set(-INFINITY);
    for (int64_t p = tile * SIROCCO_TILE; p < tiles * SIROCCO_TILE; p += vf_lanes) most = vf_max(vf_load(scores + p), most);
    float lanes[vf_lanes], greatest = -INFINITY;
    vf_store(lanes, most);
    for (int lane = 0; lane < vf_lanes; lane++) greatest = lanes[lane] > greatest ? lanes[lane] : greatest;
    vf totals = vf_zero();
    if (greatest == -INFINITY) {
        // No score, or only infinite ones; a NaN stays visible.
        *total = 0;
        for (int64_t p = first; p < end; p++) {
            if (isnan(scores[p])) *total = scores[p];
            scores[p] = 0;
        }
        return greatest;
    }
    for (int64_t p = tile * SIROCCO_TILE; p < tiles * SIROCCO_TILE; p += vf_lanes) {
        vf weight = vf_exp(vf_sub(vf_load(scores + p), vf_set(greatest)));
        vf_store(scores + p, weight);
        totals = vf_add(totals, weight);
    }
    *total = vf_fold(totals);
    return greatest;
}

// ---- Values ----

/// Values d … of a position, without their scale; d is a multiple of the vector's length.
INLINE vf load_values(enum sirocco_type type, const char *values, int64_t width, int64_t slot, int64_t d) {
    int64_t at = slot * width + d;
    switch (type) {
    case SIROCCO_F16: return vf_load_half((const sirocco_half *)values + at);
    case SIROCCO_Q8_0: return vf_load_bytes((const int8_t *)values + at);
    case SIROCCO_Q4_0: return vf_value_nibbles((const uint8_t *)values + (slot * width + d / 16 * 16) / 2, (int)(d % 16));
    default: return vf_load((const float *)values + at);
    }
}

/// sums[n][d ..< d + wide · vf_lanes] += Σ_p weights[n][p] V[p] over first ≤ p < end of a chunk, kept in registers over all positions.
INLINE void add_values(enum sirocco_type type, int N, int wide, const float *weights, const char *const *tiles, const char *const *ahead, int64_t header,
                       int64_t width, int64_t first, int64_t end, int64_t d, float *sums, int64_t length) {
    vf sum[band_queries][4];
    UNROLLED for (int n = 0; n < N; n++) UNROLLED for (int v = 0; v < wide; v++) sum[n][v] = vf_load(sums + n * length + d + v * vf_lanes);
    for (int64_t p = first; p < end;) {
        const char *values = tiles[p / SIROCCO_TILE] + header;
        const char *next = ahead[p / SIROCCO_TILE] + header;
        int64_t stop = (p / SIROCCO_TILE + 1) * SIROCCO_TILE;
        if (stop > end) stop = end;
        for (; p < stop; p++) {
            vf value[4];
            UNROLLED for (int v = 0; v < wide; v++) value[v] = load_values(type, values, width, p % SIROCCO_TILE, d + v * vf_lanes);
            prefetch(next + (p % SIROCCO_TILE * width + d) * twice_bytes(type) / 2, wide * vf_lanes * twice_bytes(type) / 2);
            UNROLLED for (int n = 0; n < N; n++) {
                vf weight = vf_set(weights[n * SIROCCO_CHUNK + p]);
                UNROLLED for (int v = 0; v < wide; v++) sum[n][v] = vf_fma(weight, value[v], sum[n][v]);
            }
        }
    }
    UNROLLED for (int n = 0; n < N; n++) UNROLLED for (int v = 0; v < wide; v++) vf_store(sums + n * length + d + v * vf_lanes, sum[n][v]);
}

/// weights[n][p] · scale[p] of one group of 32 values.
INLINE void scale_weights(int N, const float *weights, const char *const *tiles, int64_t group, int64_t first, int64_t end, float *scaled) {
    for (int64_t tile = first / SIROCCO_TILE; tile * SIROCCO_TILE < end; tile++) {
        for (int half = 0; half < tile_halves; half++) {
            int64_t p = tile * SIROCCO_TILE + half * vf_lanes;
            vf scale = vf_load_half((const sirocco_half *)tiles[tile] + group * SIROCCO_TILE + half * vf_lanes);
            UNROLLED for (int n = 0; n < N; n++) {
                vf_store(scaled + n * SIROCCO_CHUNK + p, vf_mul(vf_load(weights + n * SIROCCO_CHUNK + p), scale));
            }
        }
    }
}

/// sums[n] += Σ_p weights[n][p] V[p] over first ≤ p < end of a chunk, for N queries; a position's tile is tiles[p / 16].
INLINE void weighted_values(enum sirocco_type type, int N, const float *weights, const char *const *tiles, const char *const *ahead, int64_t head_size,
                            int64_t first, int64_t end, float *sums, int64_t length) {
    int64_t width = cache_width(head_size), d = 0;
    if (first >= end) return;
    if (is_blockwise(type)) {
        float scaled[band_queries * SIROCCO_CHUNK];
        int64_t header = cache_groups(head_size) * SIROCCO_TILE * 2;
        for (int64_t group = 0; d < width; group++) {
            int64_t stop = d + 32 < width ? d + 32 : width;
            scale_weights(N, weights, tiles, group, first, end, scaled);
            for (; d + 2 * vf_lanes <= stop; d += 2 * vf_lanes) {
                add_values(type, N, 2, scaled, tiles, ahead, header, width, first, end, d, sums, length);
            }
            for (; d < stop; d += vf_lanes) add_values(type, N, 1, scaled, tiles, ahead, header, width, first, end, d, sums, length);
        }
        return;
    }
    if (N * 4 <= 2 * band_queries) {
        for (; d + 4 * vf_lanes <= width; d += 4 * vf_lanes) add_values(type, N, 4, weights, tiles, ahead, 0, width, first, end, d, sums, length);
    }
    for (; d + 2 * vf_lanes <= width; d += 2 * vf_lanes) add_values(type, N, 2, weights, tiles, ahead, 0, width, first, end, d, sums, length);
    for (; d < width; d += vf_lanes) add_values(type, N, 1, weights, tiles, ahead, 0, width, first, end, d, sums, length);
}

// ---- Bands ----

/// `count` queries, each with the positions of the chunk that it sees, and the tiles that any of them sees.
typedef struct {
    int count;
    const float *q[band_queries];
    int64_t first[band_queries], end[band_queries];
    int64_t tile, tiles;
    const char *keys[chunk_tiles], *values[chunk_tiles];
    /// What will be read next: the keys of the next chunk.
    const char *next[chunk_tiles];
} band;

INLINE void band_scores(enum sirocco_type type, int N, const band *b, int64_t head_size, float scale, float *scores) {
    for (int64_t t = b->tile; t < b->tiles; t++) tile_scores(type, N, b->q, b->keys[t], b->values[t] - b->keys[t], head_size, scale, scores + t * SIROCCO_TILE);
}

/// Every query's sums over the positions that it sees: what all of them see together, what is left at both ends one by one.
INLINE void band_values(enum sirocco_type type, int N, const band *b, int64_t head_size, const float *weights, float *sums, int64_t length) {
    int64_t low = b->first[0], high = b->end[0];
    for (int n = 1; n < N; n++) {
        low = b->first[n] > low ? b->first[n] : low;
        high = b->end[n] < high ? b->end[n] : high;
    }
    if (high < low) high = low = SIROCCO_CHUNK;
    for (int n = 0; n < N; n++) {
        int64_t stop = b->end[n] < low ? b->end[n] : low;
        weighted_values(type, 1, weights + n * SIROCCO_CHUNK, b->values, b->next, head_size, b->first[n], stop, sums + n * length, length);
    }
    weighted_values(type, N, weights, b->values, b->next, head_size, low, high, sums, length);
    for (int n = 0; n < N; n++) {
        weighted_values(type, 1, weights + n * SIROCCO_CHUNK, b->values, b->next, head_size, high, b->end[n], sums + n * length, length);
    }
}

#define OF_COUNT(n, call) \
    case n:               \
        if (n <= band_queries) call(n <= band_queries ? n : 1); \
        break;
#define BY_COUNT(count, call) \
    switch (count) { OF_COUNT(1, call) OF_COUNT(2, call) OF_COUNT(3, call) OF_COUNT(4, call) OF_COUNT(5, call) OF_COUNT(6, call) OF_COUNT(7, call) OF_COUNT(8, call) }

INLINE void scores_of_type(enum sirocco_type type, const band *b, int64_t head_size, float scale, float *scores) {
#define SCORES(N) band_scores(type, N, b, head_size, scale, scores)
    BY_COUNT(b->count, SCORES)
}

INLINE void values_of_type(enum sirocco_type type, const band *b, int64_t head_size, const float *weights, float *sums, int64_t length) {
#define VALUES(N) band_values(type, N, b, head_size, weights, sums, length)
    BY_COUNT(b->count, VALUES)
}

/// One chunk's share for some queries that all see some of it.
INLINE void live_band(const sirocco_attention *a, const band *b, float *partials, int64_t length) {
    int64_t size = a->head_size, width = cache_width(size);
    float scores[band_queries * SIROCCO_CHUNK];
    switch (a->type) {
    case SIROCCO_F16: scores_of_type(SIROCCO_F16, b, size, a->scale, scores); break;
    case SIROCCO_Q8_0: scores_of_type(SIROCCO_Q8_0, b, size, a->scale, scores); break;
    case SIROCCO_Q4_0: scores_of_type(SIROCCO_Q4_0, b, size, a->scale, scores); break;
    default: scores_of_type(SIROCCO_F32, b, size, a->scale, scores);
    }
    for (int n = 0; n < b->count; n++) {
        float *partial = partials + n * length;
        memset(partial, 0, (size_t)width * sizeof(float));
        partial[width] = weights_of(scores + n * SIROCCO_CHUNK, b->tile, b->tiles, b->first[n], b->end[n], &partial[width + 1]);
    }
    switch (a->type) {
    case SIROCCO_F16: values_of_type(SIROCCO_F16, b, size, scores, partials, length); break;
    case SIROCCO_Q8_0: values_of_type(SIROCCO_Q8_0, b, size, scores, partials, length); break;
    case SIROCCO_Q4_0: values_of_type(SIROCCO_Q4_0, b, size, scores, partials, length); break;
    default: values_of_type(SIROCCO_F32, b, size, scores, partials, length);
    }
}

/// One chunk's share for `count` queries from number `query` on, row by row and head by head. Those that see nothing of it get a total of zero.
static void chunk_of_band(const sirocco_attention *a, int64_t query, int count, int64_t chunk, float *partials) {
    int64_t length = sirocco_partial_length(a->head_size), width = cache_width(a->head_size), start = chunk * SIROCCO_CHUNK;
    int64_t tile_bytes = sirocco_tile_bytes(a->type, a->head_size);
    band b = {.tile = chunk_tiles};
    float *live = partials;
    for (int n = 0; n < count; n++) {
        int64_t row = (query + n) / a->heads, head = (query + n) % a->heads;
        int64_t first = seen_first(a, row) - start, end = seen_end(a, row) - start;
        first = first > 0 ? first : 0;
        end = end < SIROCCO_CHUNK ? end : SIROCCO_CHUNK;
        if (first >= end) {
            partials[n * length + width] = -INFINITY;
            partials[n * length + width + 1] = 0;
            continue;
        }
        // Rows see further as they follow each other, so those that see something stand together.
        if (b.count == 0) live = partials + n * length;
        b.q[b.count] = a->q + row * a->stride + head * a->head_size;
        b.first[b.count] = first;
        b.end[b.count++] = end;
        if (first / SIROCCO_TILE < b.tile) b.tile = first / SIROCCO_TILE;
        if ((end + SIROCCO_TILE - 1) / SIROCCO_TILE > b.tiles) b.tiles = (end + SIROCCO_TILE - 1) / SIROCCO_TILE;
    }
    if (b.count == 0) return;
    for (int64_t t = b.tile; t < b.tiles; t++) {
        b.keys[t] = tile_of(a, a->keys, chunk * chunk_tiles + t, tile_bytes);
        b.values[t] = tile_of(a, a->values, chunk * chunk_tiles + t, tile_bytes);
        int64_t next = (chunk + 1) * chunk_tiles + t;
        b.next[t] = next * SIROCCO_TILE < a->position + a->rows ? tile_of(a, a->keys, next, tile_bytes) : b.values[t];
    }
    live_band(a, &b, live, length);
}

// ---- Chunks together ----

/// e^x of one number.
INLINE float exponential(float x) {
    float lanes[vf_lanes];
    vf_store(lanes, vf_exp(vf_set(x)));
    return lanes[0];
}

/// sums += partial, both weighted by their distance from the greater of their greatest scores (Milakov and Gimelshein 2018).
INLINE void merge(const float *partial, int64_t width, float *sums) {
    float m = partial[width], n = sums[width];
    if (partial[width + 1] == 0) return;
    float greatest = m > n ? m : n;
    float a = n == greatest ? 1 : exponential(n - greatest), b = m == greatest ? 1 : exponential(m - greatest);
    for (int64_t d = 0; d < width; d += vf_lanes) {
        vf_store(sums + d, vf_fma(vf_load(sums + d), vf_set(a), vf_mul(vf_load(partial + d), vf_set(b))));
    }
    sums[width] = greatest;
    sums[width + 1] = sums[width + 1] * a + partial[width + 1] * b;
}

INLINE void begin(int64_t width, float *sums) {
    memset(sums, 0, (size_t)width * sizeof(float));
    sums[width] = -INFINITY;
    sums[width + 1] = 0;
}

/// The result of query number n.
INLINE void finish(const sirocco_attention *a, int64_t n, const float *sums) {
    float total = sums[cache_width(a->head_size) + 1], inverse = total == 0 ? 0 : 1 / total;
    float *out = a->out + n / a->heads * a->stride + n % a->heads * a->head_size;
    for (int64_t d = 0; d < a->head_size; d++) out[d] = sums[d] * inverse;
}

static void attend_chunk(const sirocco_attention *a, int64_t chunk, float *partials) {
    int64_t queries = a->rows * a->heads, length = sirocco_partial_length(a->head_size);
    for (int64_t n = 0; n < queries; n += band_queries) {
        chunk_of_band(a, n, queries - n < band_queries ? (int)(queries - n) : band_queries, chunk, partials + n * length);
    }
}

static void attend_fold(const sirocco_attention *a, const float *partials, float *workspace) {
    int64_t queries = a->rows * a->heads, length = sirocco_partial_length(a->head_size), width = cache_width(a->head_size);
    int64_t chunks = (seen_end(a, a->rows - 1) - 1) / SIROCCO_CHUNK - seen_first(a, 0) / SIROCCO_CHUNK + 1;
    for (int64_t n = 0; n < queries; n++) {
        begin(width, workspace);
        for (int64_t c = 0; c < chunks; c++) merge(partials + (c * queries + n) * length, width, workspace);
        finish(a, n, workspace);
    }
}

static void attend(const sirocco_attention *a, float *workspace) {
    int64_t queries = a->rows * a->heads, length = sirocco_partial_length(a->head_size), width = cache_width(a->head_size);
    float *partials = workspace, *sums = workspace + band_queries * length;
    for (int64_t query = 0; query < queries; query += band_queries) {
        int count = queries - query < band_queries ? (int)(queries - query) : band_queries;
        int64_t last = (seen_end(a, (query + count - 1) / a->heads) - 1) / SIROCCO_CHUNK;
        for (int n = 0; n < count; n++) begin(width, sums + n * length);
        for (int64_t chunk = seen_first(a, query / a->heads) / SIROCCO_CHUNK; chunk <= last; chunk++) {
            chunk_of_band(a, query, count, chunk, partials);
            for (int n = 0; n < count; n++) merge(partials + n * length, width, sums + n * length);
        }
        for (int n = 0; n < count; n++) finish(a, query + n, sums + n * length);
    }
}

// The reference of the block cache and of attention over it: plain C that says what each kernel computes.
#include <math.h>

#include "tables.h"

// ---- Tiles ----

int64_t sirocco_tile_bytes(enum sirocco_type type, int64_t head_size) {
    int64_t values = SIROCCO_TILE * cache_width(head_size), scales = SIROCCO_TILE * cache_groups(head_size) * 2;
    if (head_size < 1 || head_size > 1 << 20) return -1;
    switch (type) {
    case SIROCCO_F32: return 4 * values;
    case SIROCCO_F16:
    case SIROCCO_BF16: return 2 * values;
    case SIROCCO_Q8_0: return scales + values;
    case SIROCCO_Q4_0: return scales + values / 2;
    default: return -1;
    }
}

int64_t sirocco_partial_length(int64_t head_size) { return cache_width(head_size) + 16; }

int64_t sirocco_attention_workspace(int64_t head_size) { return 2 * 8 * sirocco_partial_length(head_size); }

/// Puts a nibble's value, 0 to 15, into the low or the high half of a byte.
static void put_nibble(uint8_t *byte, int high, int value) { *byte = (uint8_t)(high ? (*byte & 15) | value << 4 : (*byte & 0xf0) | value); }

/// Where value d of a position lies among a tile's values: keys have positions side by side, values have a position's values side by side.
static int64_t place(int is_key, int64_t width, int64_t d, int64_t slot) { return is_key ? d * SIROCCO_TILE + slot : slot * width + d; }

/// The byte of a nibble, and whether it is the high one.
static uint8_t *nibble(uint8_t *values, int is_key, int64_t width, int64_t d, int64_t slot, int *high) {
    *high = is_key ? d % 2 : d / 8 % 2;
    return values + (is_key ? d / 2 * SIROCCO_TILE + slot : slot * width / 2 + d / 16 * 8 + d % 8);
}

static int64_t pair(int is_key, int64_t width, int64_t d, int64_t slot) {
    return is_key ? (d / 2 * SIROCCO_TILE + slot) * 2 + d % 2 : (slot / 2 * width + d) * 2 + slot % 2;
}

/// As GGML makes the blocks of a file: Q8_0 with d = max|x| / 127, Q4_0 with d = −8th of the value of greatest magnitude.
static void store_quantized(enum sirocco_type type, int is_key, const float *x, int64_t head_size, sirocco_half *tile, int64_t slot) {
    int64_t width = cache_width(head_size), groups = cache_groups(head_size);
    uint8_t *values = (uint8_t *)(tile + groups * SIROCCO_TILE);
    for (int64_t g = 0; g < groups; g++) {
        int64_t first = g * 32, end = first + 32 < head_size ? first + 32 : head_size;
        float extreme = 0;
        for (int64_t d = first; d < end; d++) {
            if (!(fabsf(x[d]) <= fabsf(extreme))) extreme = x[d]; // a NaN is taken, and stays
            if (isnan(extreme)) break;
        }
        float scale = type == SIROCCO_Q8_0 ? fabsf(extreme) / 127 : extreme / -8;
        tile[g * SIROCCO_TILE + slot] = half_of_float(scale);
        float inverse = scale != 0 && isfinite(1 / scale) ? 1 / scale : 0;
        for (int64_t d = first; d < end; d++) {
            float q = x[d] * inverse;
            if (type == SIROCCO_Q8_0) {
                ((int8_t *)values)[place(is_key, width, d, slot)] = (int8_t)(isnan(q) ? 0 : lrintf(fminf(fmaxf(q, -127), 127)));
            } else {
                int high, level = !(fabsf(q) <= 8) ? 8 : (int)floorf(q + 8.5f);
                uint8_t *byte = nibble(values, is_key, width, d, slot, &high);
                put_nibble(byte, high, level > 15 ? 15 : level);
            }
        }
    }
}

static void store(enum sirocco_type type, int is_key, const float *x, int64_t head_size, void *tile, int64_t slot) {
    int64_t width = cache_width(head_size);
    switch (type) {
    case SIROCCO_F32:
        for (int64_t d = 0; d < head_size; d++) ((float *)tile)[place(is_key, width, d, slot)] = x[d];
        break;
    case SIROCCO_F16:
        for (int64_t d = 0; d < head_size; d++) ((sirocco_half *)tile)[place(is_key, width, d, slot)] = half_of_float(x[d]);
        break;
    case SIROCCO_BF16:
        // The key that would stand beside the last of an odd number must be a number.
        for (int64_t d = 0; d < head_size + head_size % 2; d++) {
            ((uint16_t *)tile)[pair(is_key, width, d, slot)] = d < head_size ? bfloat_of_float(x[d]) : 0;
        }
        break;
    default: store_quantized(type, is_key, x, head_size, tile, slot);
    }
}

void sirocco_reference_store_key(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot) {
    store(type, 1, x, head_size, tile, slot);
}

void sirocco_reference_store_value(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot) {
    store(type, 0, x, head_size, tile, slot);
}

/// Value d of a position, exactly.
static float stored(enum sirocco_type type, int is_key, const char *tile, int64_t head_size, int64_t d, int64_t slot) {
    int64_t width = cache_width(head_size);
    const sirocco_half *scales = (const sirocco_half *)tile;
    const uint8_t *values = (const uint8_t *)(scales + cache_groups(head_size) * SIROCCO_TILE);
    int high;
    switch (type) {
    case SIROCCO_F32: return ((const float *)tile)[place(is_key, width, d, slot)];
    case SIROCCO_F16: return float_of_half(((const sirocco_half *)tile)[place(is_key, width, d, slot)]);
    case SIROCCO_BF16: return float_of_bfloat(((const uint16_t *)tile)[pair(is_key, width, d, slot)]);
    case SIROCCO_Q8_0:
        return (float)((const int8_t *)values)[place(is_key, width, d, slot)] * float_of_half(scales[d / 32 * SIROCCO_TILE + slot]);
    default: {
        uint8_t byte = *nibble((uint8_t *)values, is_key, width, d, slot, &high);
        return (float)((high ? byte >> 4 : byte & 15) - 8) * float_of_half(scales[d / 32 * SIROCCO_TILE + slot]);
    }
    }
}

// ---- Attention ----

/// One query over the positions first ..< end, which lie in one chunk: sums [width], greatest score m, total of e^(score − m).
static void attend_some(const sirocco_attention *a, const float *q, int64_t first, int64_t end, float *partial) {
    int64_t size = a->head_size, width = cache_width(size), tile_bytes = sirocco_tile_bytes(a->type, size);
    float weights[SIROCCO_CHUNK], greatest = -INFINITY, total = 0;
    int nans = 0;
    for (int64_t p = first; p < end; p++) {
        const char *tile = tile_of(a, a->keys, p / SIROCCO_TILE, tile_bytes);
        float sum = 0;
        for (int64_t d = 0; d < size; d++) sum += q[d] * stored(a->type, 1, tile, size, d, p % SIROCCO_TILE);
        weights[p - first] = sum * a->scale;
        nans |= isnan(weights[p - first]);
        if (weights[p - first] > greatest) greatest = weights[p - first];
    }
    for (int64_t d = 0; d < width; d++) partial[d] = 0;
    if (greatest == -INFINITY) {
        partial[width] = greatest;
        partial[width + 1] = nans ? NAN : 0;
        return;
    }
    for (int64_t p = first; p < end; p++) {
        const char *tile = tile_of(a, a->values, p / SIROCCO_TILE, tile_bytes);
        float weight = expf(weights[p - first] - greatest);
        total += weight;
        for (int64_t d = 0; d < size; d++) partial[d] += weight * stored(a->type, 0, tile, size, d, p % SIROCCO_TILE);
    }
    partial[width] = greatest;
    partial[width + 1] = total;
}

/// sums += partial, both weighted by their distance from the greater of their greatest scores (Milakov and Gimelshein 2018).
static void merge(const float *partial, int64_t width, float *sums) {
    float m = partial[width], n = sums[width];
    if (partial[width + 1] == 0) return;
    float greatest = m > n ? m : n;
    float a = n == greatest ? 1 : expf(n - greatest), b = m == greatest ? 1 : expf(m - greatest);
    for (int64_t d = 0; d < width; d++) sums[d] = sums[d] * a + partial[d] * b;
    sums[width] = greatest;
    sums[width + 1] = sums[width + 1] * a + partial[width + 1] * b;
}

static void begin(int64_t width, float *sums) {
    for (int64_t d = 0; d < width; d++) sums[d] = 0;
    sums[width] = -INFINITY;
    sums[width + 1] = 0;
}

static void finish(const sirocco_attention *a, const float *sums, float *out) {
    float total = sums[cache_width(a->head_size) + 1], inverse = total == 0 ? 0 : 1 / total;
    for (int64_t d = 0; d < a->head_size; d++) out[d] = sums[d] * inverse;
}

void sirocco_reference_attend_chunk(const sirocco_attention *a, int64_t chunk, float *partials) {
    int64_t length = sirocco_partial_length(a->head_size), start = chunk * SIROCCO_CHUNK;
    for (int64_t i = 0; i < a->rows; i++) {
        int64_t first = seen_first(a, i) > start ? seen_first(a, i) : start;
        int64_t end = seen_end(a, i) < start + SIROCCO_CHUNK ? seen_end(a, i) : start + SIROCCO_CHUNK;
        for (int64_t h = 0; h < a->heads; h++, partials += length) {
            attend_some(a, a->q + i * a->stride + h * a->head_size, first, end > first ? end : first, partials);
        }
    }
}

void sirocco_reference_attend_fold(const sirocco_attention *a, const float *partials, float *workspace) {
    int64_t length = sirocco_partial_length(a->head_size), width = cache_width(a->head_size);
    int64_t chunks = (seen_end(a, a->rows - 1) - 1) / SIROCCO_CHUNK - seen_first(a, 0) / SIROCCO_CHUNK + 1;
    for (int64_t n = 0; n < a->rows * a->heads; n++) {
        begin(width, workspace);
        for (int64_t c = 0; c < chunks; c++) merge(partials + (c * a->rows * a->heads + n) * length, width, workspace);
        finish(a, workspace, a->out + n / a->heads * a->stride + n % a->heads * a->head_size);
    }
}

void sirocco_reference_attend(const sirocco_attention *a, float *workspace) {
    int64_t width = cache_width(a->head_size);
    float *partial = workspace, *sums = workspace + sirocco_partial_length(a->head_size);
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t h = 0; h < a->heads; h++) {
            int64_t place = i * a->stride + h * a->head_size;
            begin(width, sums);
            for (int64_t first = seen_first(a, i); first < seen_end(a, i);) {
                int64_t end = (first / SIROCCO_CHUNK + 1) * SIROCCO_CHUNK;
                if (end > seen_end(a, i)) end = seen_end(a, i);
                attend_some(a, a->q + place, first, end, partial);
                merge(partial, width, sums);
                first = end;
            }
            finish(a, sums, a->out + place);
        }
    }
}

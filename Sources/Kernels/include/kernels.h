// The whole contract between the engine and its arithmetic: one table of functions for each CPU level.
//
// A kernel is a function of its arguments: it never allocates, locks, starts threads, logs or reads a global. Splitting rows over threads is the
// caller's business, and allowed anywhere: what a kernel computes for one weight row and one activation row depends on these two rows alone.
#ifndef SIROCCO_KERNELS_H
#define SIROCCO_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/// Numeric types, under GGML's numbers.
enum sirocco_type {
    SIROCCO_F32 = 0,
    SIROCCO_F16 = 1,
    SIROCCO_Q4_0 = 2,
    SIROCCO_Q4_1 = 3,
    SIROCCO_Q5_0 = 6,
    SIROCCO_Q5_1 = 7,
    SIROCCO_Q8_0 = 8,
    SIROCCO_Q2_K = 10,
    SIROCCO_Q3_K = 11,
    SIROCCO_Q4_K = 12,
    SIROCCO_Q5_K = 13,
    SIROCCO_Q6_K = 14,
    SIROCCO_Q8_K = 15,
    SIROCCO_IQ2_XXS = 16,
    SIROCCO_IQ2_XS = 17,
    SIROCCO_IQ3_XXS = 18,
    SIROCCO_IQ1_S = 19,
    SIROCCO_IQ4_NL = 20,
    SIROCCO_IQ3_S = 21,
    SIROCCO_IQ2_S = 22,
    SIROCCO_IQ4_XS = 23,
    SIROCCO_IQ1_M = 29,
    SIROCCO_BF16 = 30,
    SIROCCO_TQ1_0 = 34,
    SIROCCO_TQ2_0 = 35,
    SIROCCO_MXFP4 = 39,
};

struct sirocco_attention;

typedef struct sirocco_kernels {
    /// "reference", "avx2", "avx512vnni" or "neon".
    const char *name;

    /// y[i * y_stride + r] = Σ_k W[r][k] · x[i][k] for r < rows, i < m.
    ///
    /// Dense types (F32, F16, BF16): weight rows follow each other without gaps (`sirocco_row_bytes`), rows of x are F32. They accumulate in F32, in
    /// an order that depends on the type and k alone.
    ///
    /// Quantized types: weights are packed (`sirocco_pack`), tiles follow each other, rows of x are made by `quantize_activation`. Products are exact
    /// in integers within a block, scaled and added block after block in F32: the same bits in every table.
    void (*matmul)(enum sirocco_type type, const void *weights, int64_t rows, int64_t k, const void *x, int64_t m, int64_t x_stride_bytes,
                   float *y, int64_t y_stride);

    /// One row of activations for quantized weights of any type, as block_activation, one scale for each 256 values. q = x · (127 / max|x|) to the
    /// nearest, ties to even. A block that holds a NaN or an infinity gets the scale NaN; one whose values are all below 2^-100 becomes zero.
    /// Bit-equal in all tables. k is a multiple of 32.
    void (*quantize_activation)(const float *x, int64_t k, void *out);

    /// One row of weights as F32, exactly as the format defines it. Bit-equal in all tables.
    void (*dequantize)(enum sirocco_type type, const void *src, int64_t k, float *dst);

    /// One row of F32 as weights of a type, with the least squared error Σ importance[j] (x[j] − value[j])² that a search over the scales finds.
    /// importance: k numbers, finite and not negative, or NULL for ones; dense types do not need it. Returns 0; -1 when a value is NaN, infinite or too
    /// large for the type's scales; -2 when the type has no quantizer. Bit-equal in all tables.
    int (*quantize)(enum sirocco_type type, const float *x, int64_t k, const float *importance, void *out);

    /// out[i] = x[i] / √(mean(x²) + epsilon) · weight[i] (Zhang and Sennrich 2019). out may be x.
    void (*rms_norm)(const float *x, const float *weight, float epsilon, int64_t n, float *out);

    /// out[i] = gate[i] · σ(gate[i]) · up[i] (SwiGLU, Shazeer 2020). out may be gate or up.
    void (*gated_silu)(const float *gate, const float *up, int64_t n, float *out);

    /// out[i] = gelu(gate[i]) · up[i], gelu(v) = v/2 (1 + tanh(√(2/π) (v + 0.044715 v³))) (Hendrycks and Gimpel 2016). out may be gate or up.
    void (*gated_gelu)(const float *gate, const float *up, int64_t n, float *out);

    /// y[i] += x[i].
    void (*add)(const float *x, int64_t n, float *y);

    /// Rotates pair i of a head by the angle whose cosine and sine are given: pairs (i, i + half), or (2i, 2i + 1) when interleaved. In place.
    void (*rope)(float *head, const float *cosine, const float *sine, int64_t half, int interleaved);

    /// Puts the keys of one position of one head into its tile (attention.h), x[0 ..< head_size]. Rounded to the nearest; Q8_0 and Q4_0 as GGML scales
    /// its blocks, with 32 values to a block.
    void (*store_key)(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot);

    /// The same for values.
    void (*store_value)(enum sirocco_type type, const float *x, int64_t head_size, void *tile, int64_t slot);

    /// out = Σ_p softmax_p(scale · q·K[p]) V[p] for every query, over the positions that it sees. `workspace` holds sirocco_attention_workspace floats.
    /// A query's result depends on the query and what it sees alone: not on the rows and heads beside it, nor on how blocks are cut.
    void (*attend)(const struct sirocco_attention *attention, float *workspace);

    /// One chunk's share of that, positions chunk · SIROCCO_CHUNK and up: for every query, [rows · heads, sirocco_partial_length].
    void (*attend_chunk)(const struct sirocco_attention *attention, int64_t chunk, float *partials);

    /// out from the shares of all chunks, from the first that row 0 sees to the last row's own, [chunks, rows · heads, sirocco_partial_length]: the
    /// same bits as from `attend`.
    void (*attend_fold)(const struct sirocco_attention *attention, const float *partials, float *workspace);

    /// x[i] = e^(x[i] − max) / Σ e^(x − max) in place; returns max + log Σ e^(x − max), so that log-probabilities are x − that. Zeros and −∞ where
    /// every value is −∞ or there is none.
    float (*softmax)(float *x, int64_t n);

    /// The greatest value; NaN where any is NaN, −∞ for none.
    float (*max_value)(const float *x, int64_t n);

    /// The first place of the greatest value, NaNs passed over; −1 where there is none.
    int64_t (*argmax)(const float *x, int64_t n);
} sirocco_kernels;

/// The table of this name; with NULL the one that $SIROCCO_KERNELS names, else the best that this CPU runs. NULL when the name is unknown
/// or this CPU cannot run it.
const sirocco_kernels *sirocco_kernels_select(const char *name);

/// Writes the names of the tables that this CPU runs, best first, and returns how many there are.
int sirocco_kernels_available(const char *names[], int capacity);

/// Values in a block of the type; 0 for a number that is no type.
int64_t sirocco_block_elements(enum sirocco_type type);

/// Whether `quantize` makes this type.
int sirocco_has_quantizer(enum sirocco_type type);

/// Bytes of a row of k values; -1 when k is negative or no multiple of the block, or the type is unknown.
int64_t sirocco_row_bytes(enum sirocco_type type, int64_t k);

/// Bytes of a row of k activations for weights of the type; -1 as above.
int64_t sirocco_activation_bytes(enum sirocco_type weights, int64_t k);

/// Rows in a tile of packed weights.
enum { SIROCCO_TILE_ROWS = 16 };

/// Bytes of a packed matrix: those of its rows, their number rounded up to whole tiles; -1 as above, and for types that are not packed.
/// Tile t begins at t · 16 · `sirocco_row_bytes`.
int64_t sirocco_packed_bytes(enum sirocco_type type, int64_t rows, int64_t k);

/// Packs 16 rows of k values into a tile; a row that is NULL becomes zeros.
void sirocco_pack(enum sirocco_type type, const void *const rows[16], int64_t k, void *tile);

/// Takes row `lane` of a tile back out, byte for byte as it was packed.
void sirocco_unpack(enum sirocco_type type, const void *tile, int lane, int64_t k, void *row);

/// y[i * y_stride + r] = Σ_k W[r * w_stride + k] · x[i * x_stride + k] by OpenBLAS, on the calling thread alone. Strides count floats.
/// Returns 0, or -1 when OpenBLAS is not installed; it is loaded at the first call, so that starting up does not pay for it.
int sirocco_sgemm(int64_t rows, int64_t k, const float *weights, int64_t w_stride, const float *x, int64_t m, int64_t x_stride, float *y,
                  int64_t y_stride);

/// Keeps the calling thread on one CPU (Linux). Returns 0, or -1 when the system refuses.
int sirocco_pin_thread(int processor);

/// An instrument: bytes a second that so many threads together read from memory, the best of several passes over a buffer of `bytes` a thread.
/// 0 when memory or threads cannot be had.
double sirocco_read_bandwidth(int threads, int64_t bytes);

/// Kinds of multiply-add, by their operands.
enum sirocco_arithmetic { SIROCCO_ARITHMETIC_INT8, SIROCCO_ARITHMETIC_BF16, SIROCCO_ARITHMETIC_F32 };

/// An instrument: operations a second (a multiplication and an addition are two) that so many threads together do with the instructions that a
/// kernel table may use, the best of several passes; with NULL, with the best that this CPU has. 0 when there are no such instructions.
double sirocco_arithmetic_peak(const char *table, enum sirocco_arithmetic arithmetic, int threads);

#endif

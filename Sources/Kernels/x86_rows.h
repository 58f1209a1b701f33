// The x86 kernels that work on rows of activations: encoding and widening, norms and gates, and what sampling asks of logits.

// ---- Quantization and its inverse ----

INLINE __m256i load_bytes(const void *at) { return _mm256_loadu_si256(at); }

/// The greatest magnitude of n values, n a multiple of 8; NaN above all.
INLINE float largest_magnitude(const float *x, int n) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i largest = _mm256_setzero_si256();
    for (int j = 0; j < n; j += 8) largest = _mm256_max_epi32(largest, _mm256_and_si256(load_bytes(x + j), magnitude));
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    __m128i two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
    return float_of_bits((uint32_t)_mm_cvtsi128_si32(_mm_max_epi32(two, _mm_srli_epi64(two, 32))));
}

/// 32 values times `inverse`, to the nearest, as bytes.
INLINE __m256i quantized32(const float *x, __m256 inverse) {
    __m256i v[4];
    UNROLLED for (int j = 0; j < 4; j++) v[j] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * j), inverse));
    __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/// A block of n values, n a multiple of 32, and its sums; what is left of the block becomes zero.
INLINE void quantize_block(const float *x, int n, block_activation *out) {
    float magnitude = largest_magnitude(x, n);
    int quantizable = is_quantizable(magnitude);
    __m256 inverse = _mm256_set1_ps(quantizable ? 127 / magnitude : 0);
    if (n < 256) memset(out, 0, sizeof *out);
    for (int g = 0; g < n / 32; g++) {
        __m256i bytes = quantizable ? quantized32(x + 32 * g, inverse) : _mm256_setzero_si256();
        _mm256_storeu_si256((__m256i *)(out->qs + 32 * g), bytes);
        // Σ (q + 128) − 8 · 128 over each 8 bytes.
        __m256i eights = _mm256_sad_epu8(_mm256_xor_si256(bytes, _mm256_set1_epi8(-128)), _mm256_setzero_si256());
        eights = _mm256_sub_epi64(eights, _mm256_set1_epi64x(1024));
        int32_t first = _mm256_extract_epi32(eights, 0) + _mm256_extract_epi32(eights, 2);
        int32_t second = _mm256_extract_epi32(eights, 4) + _mm256_extract_epi32(eights, 6);
        out->sums16[2 * g] = (int16_t)first;
        out->sums16[2 * g + 1] = (int16_t)second;
        out->sums32[g] = (int16_t)(first + second);
        out->offsets16[2 * g] = -128 * first;
        out->offsets16[2 * g + 1] = -128 * second;
        out->offsets32[g] = -128 * (first + second);
    }
    out->d = quantizable ? magnitude / 127 : scale_of_unquantizable(magnitude);
    memset(out->unused, 0, sizeof out->unused);
}

static void quantize_activation(const float *x, int64_t k, void *out) {
    block_activation *block = out;
    for (int64_t start = 0; start < k; start += 256) quantize_block(x + start, (int)(k - start < 256 ? k - start : 256), block++);
}

static void dequantize(enum sirocco_type type, const void *src, int64_t k, float *dst) {
    int64_t j = 0;
    if (type == SIROCCO_F16) {
        for (; j + vf_lanes <= k; j += vf_lanes) vf_store(dst + j, vf_load_half((const sirocco_half *)src + j));
        for (; j < k; j++) dst[j] = float_of_half(((const sirocco_half *)src)[j]);
    } else if (type == SIROCCO_BF16) {
        for (; j + vf_lanes <= k; j += vf_lanes) vf_store(dst + j, vf_load_bfloat((const uint16_t *)src + j));
        for (; j < k; j++) dst[j] = float_of_bfloat(((const uint16_t *)src)[j]);
    } else if (type == SIROCCO_F32) {
        memcpy(dst, src, (size_t)k * sizeof(float));
    } else {
#define DEQUANTIZE(TYPE) dequantize_blocks(TYPE, src, k, dst)
        switch (type) {
            CASES_OF_MAIN_TYPES(DEQUANTIZE)
            CASES_OF_OTHER_TYPES(DEQUANTIZE)
        default: break;
        }
    }
}

// ---- Element-wise kernels ----

static void rms_norm(const float *x, const float *weight, float epsilon, int64_t n, float *out) {
    vf even = vf_zero(), odd = vf_zero();
    int64_t i = 0;
    for (; i + 2 * vf_lanes <= n; i += 2 * vf_lanes) {
        even = vf_fma(vf_load(x + i), vf_load(x + i), even);
        odd = vf_fma(vf_load(x + i + vf_lanes), vf_load(x + i + vf_lanes), odd);
    }
    float sum = vf_fold(vf_add(even, odd));
    for (; i < n; i++) sum += x[i] * x[i];
    float scale = 1 / sqrtf(sum / (float)n + epsilon);
    for (i = 0; i + vf_lanes <= n; i += vf_lanes) vf_store(out + i, vf_mul(vf_mul(vf_load(x + i), vf_set(scale)), vf_load(weight + i)));
    for (; i < n; i++) out[i] = x[i] * scale * weight[i];
}

/// out = gate / (1 + e^-v) · up, v being the gate, or what makes it the tanh form of GELU.
INLINE void gated(int gelu, const float *gate, const float *up, int64_t n, float *out) {
    int64_t i = 0;
    for (; i + vf_lanes <= n; i += vf_lanes) {
        vf g = vf_load(gate + i), v = g;
        if (gelu) v = vf_mul(vf_mul(g, vf_add(vf_set(1), vf_mul(vf_set(gelu_cubic), vf_mul(g, g)))), vf_set(gelu_twice_root));
        vf divisor = vf_add(vf_set(1), vf_exp(vf_mul(v, vf_set(-1))));
        vf_store(out + i, vf_mul(vf_div(g, divisor), vf_load(up + i)));
    }
    for (; i < n; i++) {
        float g = gate[i], v = gelu ? g * (1 + gelu_cubic * (g * g)) * gelu_twice_root : g;
        out[i] = g / (1 + expf(-v)) * up[i];
    }
}

static void gated_silu(const float *gate, const float *up, int64_t n, float *out) { gated(0, gate, up, n, out); }
static void gated_gelu(const float *gate, const float *up, int64_t n, float *out) { gated(1, gate, up, n, out); }

static void add(const float *x, int64_t n, float *y) {
    int64_t i = 0;
    for (; i + vf_lanes <= n; i += vf_lanes) vf_store(y + i, vf_add(vf_load(y + i), vf_load(x + i)));
    for (; i < n; i++) y[i] += x[i];
}

// ---- Logits ----

/// The greatest value that is not NaN; `nans` is NaN when there is one.
INLINE float greatest(const float *x, int64_t n, float *nans) {
    vf even = vf_set(-INFINITY), odd = even, found = vf_zero();
    int64_t j = 0;
    for (; j + 2 * vf_lanes <= n; j += 2 * vf_lanes) {
        vf a = vf_load(x + j), b = vf_load(x + j + vf_lanes);
        even = vf_max(a, even);
        odd = vf_max(b, odd);
        found = vf_nans(vf_nans(found, a), b);
    }
    float lanes[vf_lanes], largest = -INFINITY;
    vf_store(lanes, vf_max(even, odd));
    for (int lane = 0; lane < vf_lanes; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
    *nans = vf_fold(found);
    for (; j < n; j++) {
        if (x[j] > largest) largest = x[j];
        if (isnan(x[j])) *nans = x[j];
    }
    return largest;
}

static float max_value(const float *x, int64_t n) {
    float nans, largest = greatest(x, n, &nans);
    return isnan(nans) ? nans : largest;
}

static int64_t argmax(const float *x, int64_t n) {
    float nans, largest = greatest(x, n, &nans);
    int64_t j = 0;
    for (; j + vf_lanes <= n; j += vf_lanes) {
        unsigned lanes = vf_equal(vf_load(x + j), vf_set(largest));
        if (lanes != 0) return j + __builtin_ctz(lanes);
    }
    for (; j < n; j++) {
        if (x[j] == largest) return j;
    }
    return -1;
}

/// x[j] = e^(x[j] − largest); returns their sum.
INLINE float exponentials(float *x, int64_t n, float largest) {
    vf totals = vf_zero();
    int64_t j = 0;
    for (; j + vf_lanes <= n; j += vf_lanes) {
        vf weight = vf_exp(vf_sub(vf_load(x + j), vf_set(largest)));
        vf_store(x + j, weight);
        totals = vf_add(totals, weight);
    }
    float total = vf_fold(totals);
    for (; j < n; j++) total += x[j] = expf(x[j] - largest);
    return total;
}

/// Σ x = 1 afterwards; the logarithm of the normaliser is returned.
static float softmax(float *x, int64_t n) {
    float largest = max_value(x, n);
    if (largest == -INFINITY) {
        memset(x, 0, (size_t)n * sizeof(float));
        return largest;
    }
    float total = exponentials(x, n, largest);
    vf inverse = vf_set(1 / total);
    int64_t j = 0;
    for (; j + vf_lanes <= n; j += vf_lanes) vf_store(x + j, vf_mul(vf_load(x + j), inverse));
    for (; j < n; j++) x[j] *= 1 / total;
    return largest + logf(total);
}

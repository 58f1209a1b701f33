// The AVX2 table: the vocabulary of x86.h in vectors of 256 bits.
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

typedef __m256 vf;
enum { vf_lanes = 8, dense_rows = 2 };
#define WORD static inline __attribute__((always_inline))

WORD vf vf_zero(void) { return _mm256_setzero_ps(); }
WORD vf vf_set(float value) { return _mm256_set1_ps(value); }
WORD vf vf_load(const float *at) { return _mm256_loadu_ps(at); }
WORD vf vf_load_half(const uint16_t *at) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at)); }
WORD vf vf_load_bfloat(const uint16_t *at) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)at)), 16));
}
WORD void vf_store(float *at, vf v) { _mm256_storeu_ps(at, v); }
WORD vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
WORD vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
WORD vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
WORD vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
WORD vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
WORD vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
WORD vf vf_nans(vf a, vf x) { return _mm256_or_ps(a, _mm256_cmp_ps(x, x, _CMP_UNORD_Q)); }
WORD unsigned vf_equal(vf a, vf b) { return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)); }
WORD float vf_fold(vf v) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// e^x as 2^n · e^r with |r| ≤ ln 2 / 2 and a polynomial of degree 6; within 2 units in the last place, 0 below −87.3, infinite above 88.7.
WORD vf vf_exp(vf x) {
    vf bounded = _mm256_min_ps(_mm256_max_ps(x, vf_set(-104)), vf_set(89));
    vf n = _mm256_round_ps(vf_mul(bounded, vf_set(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    vf r = vf_fma(n, vf_set(-0.693359375f), bounded);
    r = vf_fma(n, vf_set(2.12194440e-4f), r);
    vf p = vf_set(1.3888889e-3f);
    p = vf_fma(p, r, vf_set(8.3333333e-3f));
    p = vf_fma(p, r, vf_set(4.1666667e-2f));
    p = vf_fma(p, r, vf_set(1.6666667e-1f));
    p = vf_fma(p, r, vf_set(0.5f));
    p = vf_fma(p, r, vf_set(1));
    p = vf_fma(p, r, vf_set(1));
    // 2^n in two factors, since n + 127 may leave the exponent's range.
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    vf first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, _mm256_set1_epi32(127)), 23));
    vf second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), _mm256_set1_epi32(127)), 23));
    vf result = vf_mul(vf_mul(p, first), second);
    return _mm256_blendv_ps(result, x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

enum { band_queries = 4 };
WORD void vf_store_half(uint16_t *at, vf v) { _mm_storeu_si128((__m128i *)at, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
WORD vf vf_load_bytes(const int8_t *at) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)at))); }
WORD vf vf_of_nibbles(__m256i bytes) {
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_and_si256(bytes, _mm256_set1_epi32(15)), _mm256_set1_epi32(8)));
}
WORD void vf_key_nibbles(const uint8_t *at, vf *low, vf *high) {
    __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)at));
    *low = vf_of_nibbles(bytes);
    *high = vf_of_nibbles(_mm256_srli_epi32(bytes, 4));
}
WORD vf vf_value_nibbles(const uint8_t *at, int d) {
    __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)at));
    return vf_of_nibbles(_mm256_srli_epi32(bytes, d / 2));
}

typedef __m256i vi;
enum { panel_vectors = 2, block_rows = 4, direct_rows = 1, signed_bytes = 1 };

WORD vi vi_zero(void) { return _mm256_setzero_si256(); }
WORD vi vi_set(int32_t value) { return _mm256_set1_epi32(value); }
WORD vi vi_load(const void *at) { return _mm256_loadu_si256(at); }
WORD void vi_store(void *at, vi v) { _mm256_storeu_si256(at, v); }
WORD vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
WORD vi vi_mul(vi a, vi b) { return _mm256_mullo_epi32(a, b); }
WORD vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
WORD vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
WORD vi vi_add_bytes(vi a, vi b) { return _mm256_add_epi8(a, b); }
WORD vi vi_left(vi v, int count) { return _mm256_slli_epi32(v, count); }
WORD vi vi_right(vi v, int count) { return _mm256_srli_epi32(v, count); }
WORD vi vi_arithmetic(vi v, int count) { return _mm256_srai_epi32(v, count); }
WORD vi vi_of_bytes(const void *at) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64(at)); }
WORD vf vf_of_vi(vi v) { return _mm256_cvtepi32_ps(v); }
WORD vi vi_pairs(vi z, vi a, vi b) { return _mm256_add_epi32(z, _mm256_madd_epi16(a, b)); }
/// Steps whose sums of two products 16 bits hold: 2 · 15 · 127 · 8, 2 · 31 · 127 · 4, ….
WORD int vi_steps(int bits) { return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1; }
WORD vi vi_start(vi z) { return _mm256_setzero_si256(); }
/// Eight bits: |w − 128| · (x with its sign), at most 128 · 127 · 2 a pair, which 16 bits hold since x is never −128.
WORD vi vi_step(int bits, vi a, vi w, vi x) {
    if (bits < 8) return _mm256_add_epi16(a, _mm256_maddubs_epi16(w, x));
    vi exact = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
    return _mm256_maddubs_epi16(_mm256_sign_epi8(exact, exact), _mm256_sign_epi8(x, exact));
}
WORD vi vi_finish(int bits, vi z, vi a) { return vi_pairs(z, a, _mm256_set1_epi16(1)); }

#include "x86.h"

#pragma clang attribute pop

X86_TABLE(sirocco_kernels_avx2, "avx2");
#else
typedef int nothing_here;
#endif

// The AVX-512 table with VNNI: the vocabulary of x86.h in vectors of 512 bits, byte products by vpdpbusd.
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), apply_to = function)

typedef __m512 vf;
enum { vf_lanes = 16, dense_rows = 4 };
#define WORD static inline __attribute__((always_inline))

WORD vf vf_zero(void) { return _mm512_setzero_ps(); }
WORD vf vf_set(float value) { return _mm512_set1_ps(value); }
WORD vf vf_load(const float *at) { return _mm512_loadu_ps(at); }
WORD vf vf_load_half(const uint16_t *at) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)at)); }
WORD vf vf_load_bfloat(const uint16_t *at) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)at)), 16));
}
WORD void vf_store(float *at, vf v) { _mm512_storeu_ps(at, v); }
WORD vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
WORD vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
WORD vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
WORD vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
WORD vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
WORD vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
WORD vf vf_nans(vf a, vf x) { return _mm512_mask_mov_ps(a, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x); }
WORD unsigned vf_equal(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
WORD float vf_fold(vf v) { return _mm512_reduce_add_ps(v); }

/// e^x as 2^n · e^r with |r| ≤ ln 2 / 2 and a polynomial of degree 6; within 2 units in the last place, 0 far below, infinite far above.
WORD vf vf_exp(vf x) {
    vf n = _mm512_roundscale_ps(vf_mul(x, vf_set(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    n = _mm512_min_ps(_mm512_max_ps(n, vf_set(-152)), vf_set(129));
    vf r = vf_fma(n, vf_set(-0.693359375f), x);
    r = vf_fma(n, vf_set(2.12194440e-4f), r);
    r = _mm512_min_ps(_mm512_max_ps(r, vf_set(-1)), vf_set(1));
    vf p = vf_set(1.3888889e-3f);
    p = vf_fma(p, r, vf_set(8.3333333e-3f));
    p = vf_fma(p, r, vf_set(4.1666667e-2f));
    p = vf_fma(p, r, vf_set(1.6666667e-1f));
    p = vf_fma(p, r, vf_set(0.5f));
    p = vf_fma(p, r, vf_set(1));
    p = vf_fma(p, r, vf_set(1));
    vf result = _mm512_scalef_ps(p, n);
    return _mm512_mask_mov_ps(result, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x);
}

enum { band_queries = 8 };
WORD void vf_store_half(uint16_t *at, vf v) {
    _mm256_storeu_si256((__m256i *)at, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
WORD vf vf_load_bytes(const int8_t *at) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)at))); }
/// The low nibbles of 16 numbers, less 8: the permutation looks at these four bits alone.
WORD vf vf_of_nibbles(__m512i bytes) {
    return _mm512_permutexvar_ps(bytes, _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7));
}
WORD void vf_key_nibbles(const uint8_t *at, vf *low, vf *high) {
    __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)at));
    *low = vf_of_nibbles(bytes);
    *high = vf_of_nibbles(_mm512_srli_epi32(bytes, 4));
}
WORD vf vf_value_nibbles(const uint8_t *at, int d) {
    (void)d;
    __m128i bytes = _mm_loadl_epi64((const __m128i *)at);
    return vf_of_nibbles(_mm512_cvtepu8_epi32(_mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4))));
}

typedef __m512i vi;
enum { panel_vectors = 2, block_rows = 8, direct_rows = 1, signed_bytes = 0 };

WORD vi vi_zero(void) { return _mm512_setzero_si512(); }
WORD vi vi_set(int32_t value) { return _mm512_set1_epi32(value); }
WORD vi vi_load(const void *at) { return _mm512_loadu_si512(at); }
WORD void vi_store(void *at, vi v) { _mm512_storeu_si512(at, v); }
WORD vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
WORD vi vi_mul(vi a, vi b) { return _mm512_mullo_epi32(a, b); }
WORD vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
WORD vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
WORD vi vi_add_bytes(vi a, vi b) { return _mm512_add_epi8(a, b); }
WORD vi vi_left(vi v, unsigned count) { return _mm512_slli_epi32(v, count); }
WORD vi vi_right(vi v, unsigned count) { return _mm512_srli_epi32(v, count); }
WORD vi vi_arithmetic(vi v, unsigned count) { return _mm512_srai_epi32(v, count); }
WORD vi vi_of_bytes(const void *at) { return _mm512_cvtepi8_epi32(_mm_loadu_si128(at)); }
WORD vf vf_of_vi(vi v) { return _mm512_cvtepi32_ps(v); }
WORD vi vi_pairs(vi z, vi a, vi b) { return _mm512_dpwssd_epi32(z, a, b); }
WORD int vi_steps(int bits) { return bits > 0 ? 8 : 0; }
WORD vi vi_start(vi z) { return z; }
WORD vi vi_step(int bits, vi a, vi w, vi x) { return bits > 0 ? _mm512_dpbusd_epi32(a, w, x) : a; }
WORD vi vi_finish(int bits, vi z, vi a) { return bits > 0 ? a : z; }

#include "x86.h"

#pragma clang attribute pop

X86_TABLE(sirocco_kernels_avx512vnni, "avx512vnni");
#else
typedef int nothing_here;
#endif

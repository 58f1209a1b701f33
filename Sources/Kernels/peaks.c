// Loops of independent multiply-adds, a set for each CPU level: as many at a time as hide the instruction's latency, nothing read or written.
#include "instruments.h"

enum { chains = 12 };

/// A round is one step of each chain. The barrier keeps the compiler from joining rounds; it costs no instruction.
#define PEAK(name, vector, zero, STEP, FOLD)                                                              \
    static uint64_t name(const char *memory, int64_t rounds) {                                            \
        (void)memory;                                                                                     \
        vector sums[chains];                                                                              \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < chains; i++) sums[i] = zero;               \
        for (int64_t round = 0; round < rounds; round++) {                                                \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < chains; i++) {                         \
                STEP(sums[i]);                                                                            \
                BARRIER(sums[i]);                                                                         \
            }                                                                                             \
        }                                                                                                 \
        uint64_t seen = 1;                                                                                \
        for (int i = 0; i < chains; i++) seen += FOLD(sums[i]);                                           \
        return seen | 1;                                                                                  \
    }

#if defined(__x86_64__)
#include <immintrin.h>

#define BARRIER(sum) __asm__ volatile("" : "+v"(sum))
#define FOLD_FLOATS(sum) (uint64_t)(sum)[0]
#define FOLD_WORDS(sum) (uint64_t)(sum)[0]

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define FLOATS_256(sum) sum = _mm256_fmadd_ps(sum, _mm256_set1_ps(0.999f), _mm256_set1_ps(0.001f))
PEAK(floats_256, __m256, _mm256_setzero_ps(), FLOATS_256, FOLD_FLOATS)
/// Pairs of bytes into sixteen bits and added there: the fastest integer product that AVX2 has. Sums wrap around, as nobody reads them.
#define BYTES_256(sum)                                                   \
    {                                                                    \
        __m256i product = _mm256_set1_epi8(3);                           \
        BARRIER(product);                                                \
        product = _mm256_maddubs_epi16(product, _mm256_set1_epi8(5));    \
        sum = _mm256_add_epi16(sum, product);                            \
    }
PEAK(bytes_256, __m256i, _mm256_setzero_si256(), BYTES_256, FOLD_WORDS)
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), apply_to = function)
#define FLOATS_512(sum) sum = _mm512_fmadd_ps(sum, _mm512_set1_ps(0.999f), _mm512_set1_ps(0.001f))
PEAK(floats_512, __m512, _mm512_setzero_ps(), FLOATS_512, FOLD_FLOATS)
#define BYTES_512(sum) sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(3), _mm512_set1_epi8(5))
PEAK(bytes_512, __m512i, _mm512_setzero_si512(), BYTES_512, FOLD_WORDS)
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))), apply_to = function)
#define BFLOATS_512(sum) sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(0x3f803f80), (__m512bh)_mm512_set1_epi32(0x3c003c00))
PEAK(bfloats_512, __m512, _mm512_setzero_ps(), BFLOATS_512, FOLD_FLOATS)
#pragma clang attribute pop

static int has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_vnni(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}

static int has_bfloat(void) { return has_vnni() && __builtin_cpu_supports("avx512bf16"); }

static const sirocco_peak peaks[] = {
    {"avx2", SIROCCO_ARITHMETIC_F32, has_avx2, floats_256, chains * 16},
    {"avx2", SIROCCO_ARITHMETIC_INT8, has_avx2, bytes_256, chains * 64},
    {"avx512vnni", SIROCCO_ARITHMETIC_F32, has_vnni, floats_512, chains * 32},
    {"avx512vnni", SIROCCO_ARITHMETIC_INT8, has_vnni, bytes_512, chains * 128},
    {"avx512vnni", SIROCCO_ARITHMETIC_BF16, has_bfloat, bfloats_512, chains * 64},
    {0},
};
#elif defined(__aarch64__)
#include <arm_neon.h>

#define BARRIER(sum) __asm__ volatile("" : "+w"(sum))
#define FLOATS_NEON(sum) sum = vfmaq_f32(vdupq_n_f32(0.001f), sum, vdupq_n_f32(0.999f))
#define FOLD_NEON(sum) (uint64_t)vgetq_lane_f32(sum, 0)
PEAK(floats_neon, float32x4_t, vdupq_n_f32(0), FLOATS_NEON, FOLD_NEON)

static int always(void) { return 1; }

static const sirocco_peak peaks[] = {
    {"neon", SIROCCO_ARITHMETIC_F32, always, floats_neon, chains * 8},
    {0},
};
#else
static const sirocco_peak peaks[] = {{0}};
#endif

const sirocco_peak *sirocco_peaks(void) { return peaks; }

// Which table this CPU runs, and the sizes of the types.
#include <stdlib.h>

#include "tables.h"

/// All tables of this architecture, best first.
static const sirocco_kernels *const tables[] = {
#if defined(__x86_64__)
    &sirocco_kernels_avx512vnni,
    &sirocco_kernels_avx2,
#elif defined(__aarch64__)
    &sirocco_kernels_neon,
#endif
    &sirocco_kernels_reference,
};
enum { table_count = sizeof tables / sizeof *tables };

static int runs(const sirocco_kernels *table) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (table == &sirocco_kernels_avx512vnni) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
    }
    if (table == &sirocco_kernels_avx2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    }
#endif
#if defined(__aarch64__)
    if (table == &sirocco_kernels_neon) return 1;
#endif
    return table == &sirocco_kernels_reference;
}

const sirocco_kernels *sirocco_kernels_select(const char *name) {
    if (name == NULL) name = getenv("SIROCCO_KERNELS");
    if (name != NULL && *name == 0) name = NULL;
    for (int i = 0; i < table_count; i++) {
        if ((name == NULL || strcmp(tables[i]->name, name) == 0) && runs(tables[i])) return tables[i];
    }
    return NULL;
}

int sirocco_kernels_available(const char *names[], int capacity) {
    int count = 0;
    for (int i = 0; i < table_count; i++) {
        if (!runs(tables[i])) continue;
        if (count < capacity) names[count] = tables[i]->name;
        count++;
    }
    return count;
}

/// What a block of each type holds; zeros for numbers that are no type.
static const struct {
    int16_t elements;
    int16_t bytes;
} blocks[] = {
    [SIROCCO_F32] = {1, 4},
    [SIROCCO_F16] = {1, 2},
    [SIROCCO_BF16] = {1, 2},
    [SIROCCO_Q4_0] = {32, sizeof(block_q4_0)},
    [SIROCCO_Q4_1] = {32, sizeof(block_q4_1)},
    [SIROCCO_Q5_0] = {32, sizeof(block_q5_0)},
    [SIROCCO_Q5_1] = {32, sizeof(block_q5_1)},
    [SIROCCO_Q8_0] = {32, sizeof(block_q8_0)},
    [SIROCCO_IQ4_NL] = {32, sizeof(block_iq4_nl)},
    [SIROCCO_MXFP4] = {32, sizeof(block_mxfp4)},
    [SIROCCO_Q2_K] = {256, sizeof(block_q2_K)},
    [SIROCCO_Q3_K] = {256, sizeof(block_q3_K)},
    [SIROCCO_Q4_K] = {256, sizeof(block_q4_K)},
    [SIROCCO_Q5_K] = {256, sizeof(block_q5_K)},
    [SIROCCO_Q6_K] = {256, sizeof(block_q6_K)},
    [SIROCCO_Q8_K] = {256, sizeof(block_q8_K)},
    [SIROCCO_TQ1_0] = {256, sizeof(block_tq1_0)},
    [SIROCCO_TQ2_0] = {256, sizeof(block_tq2_0)},
    [SIROCCO_IQ1_S] = {256, sizeof(block_iq1_s)},
    [SIROCCO_IQ1_M] = {256, sizeof(block_iq1_m)},
    [SIROCCO_IQ2_XXS] = {256, sizeof(block_iq2_xxs)},
    [SIROCCO_IQ2_XS] = {256, sizeof(block_iq2_xs)},
    [SIROCCO_IQ2_S] = {256, sizeof(block_iq2_s)},
    [SIROCCO_IQ3_XXS] = {256, sizeof(block_iq3_xxs)},
    [SIROCCO_IQ3_S] = {256, sizeof(block_iq3_s)},
    [SIROCCO_IQ4_XS] = {256, sizeof(block_iq4_xs)},
};

int64_t sirocco_block_elements(enum sirocco_type type) {
    return (unsigned)type < sizeof blocks / sizeof *blocks ? blocks[type].elements : 0;
}

static int64_t bytes_of_row(int64_t k, int64_t elements, int64_t block) {
    int64_t bytes;
    if (elements == 0 || k < 0 || k % elements != 0) return -1;
    return __builtin_mul_overflow(k / elements, block, &bytes) ? -1 : bytes;
}

int64_t sirocco_row_bytes(enum sirocco_type type, int64_t k) {
    int64_t elements = sirocco_block_elements(type);
    return bytes_of_row(k, elements, elements == 0 ? 0 : blocks[type].bytes);
}

int64_t sirocco_activation_bytes(enum sirocco_type weights, int64_t k) {
    int64_t elements = sirocco_block_elements(weights);
    if (elements == 1) return bytes_of_row(k, 1, sizeof(float));
    if (elements == 0 || k < 0 || k % elements != 0) return -1;
    return bytes_of_row(k / 256 + (k % 256 != 0), 1, sizeof(block_activation));
}

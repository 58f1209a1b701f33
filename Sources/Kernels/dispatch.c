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

int64_t sirocco_block_elements(enum sirocco_type type) {
    switch (type) {
    case SIROCCO_F32:
    case SIROCCO_F16:
    case SIROCCO_BF16: return 1;
    case SIROCCO_Q4_0:
    case SIROCCO_Q8_0: return 32;
    case SIROCCO_Q4_K:
    case SIROCCO_Q6_K:
    case SIROCCO_Q8_K: return 256;
    }
    return 0;
}

static int64_t block_bytes(enum sirocco_type type) {
    switch (type) {
    case SIROCCO_F32: return 4;
    case SIROCCO_F16:
    case SIROCCO_BF16: return 2;
    case SIROCCO_Q4_0: return sizeof(block_q4_0);
    case SIROCCO_Q8_0: return sizeof(block_q8_0);
    case SIROCCO_Q4_K: return sizeof(block_q4_K);
    case SIROCCO_Q6_K: return sizeof(block_q6_K);
    case SIROCCO_Q8_K: return sizeof(block_q8_K);
    }
    return 0;
}

static int64_t bytes_of_row(int64_t k, int64_t elements, int64_t block) {
    int64_t bytes;
    if (elements == 0 || k < 0 || k % elements != 0) return -1;
    return __builtin_mul_overflow(k / elements, block, &bytes) ? -1 : bytes;
}

int64_t sirocco_row_bytes(enum sirocco_type type, int64_t k) { return bytes_of_row(k, sirocco_block_elements(type), block_bytes(type)); }

int64_t sirocco_activation_bytes(enum sirocco_type weights, int64_t k) {
    switch (weights) {
    case SIROCCO_F32:
    case SIROCCO_F16:
    case SIROCCO_BF16: return sirocco_row_bytes(SIROCCO_F32, k);
    case SIROCCO_Q4_0:
    case SIROCCO_Q8_0: return bytes_of_row(k, 32, sizeof(block_q8_activation));
    case SIROCCO_Q4_K:
    case SIROCCO_Q6_K: return sirocco_row_bytes(SIROCCO_Q8_K, k);
    case SIROCCO_Q8_K: break;
    }
    return -1;
}

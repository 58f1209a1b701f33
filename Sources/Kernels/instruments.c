// Instruments: what this machine's memory and arithmetic units do at most. No model can run faster than these figures.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "instruments.h"

enum { passes = 7, most_threads = 256, huge_page = 2 << 20 };

/// Long enough that starting threads does not count: some tens of milliseconds.
static const int64_t rounds_in_a_pass = 8000000;

typedef struct {
    sirocco_instrument load;
    const char *memory;
    int64_t amount;
    uint64_t result;
} part;

static void *run_part(void *argument) {
    part *mine = argument;
    mine->result = mine->load(mine->memory, mine->amount);
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/// Seconds of the shortest of several passes in which so many threads do one part each; part i reads `memory + i * amount`, if there is memory.
/// 0 when the threads cannot be had.
static double shortest_pass(sirocco_instrument load, int threads, const char *memory, int64_t amount) {
    double best = 0;
    for (int pass = 0; pass < passes; pass++) {
        pthread_t handles[most_threads];
        part parts[most_threads];
        int started = 0;
        double start = now();
        for (; started < threads; started++) {
            parts[started] = (part){load, memory == NULL ? NULL : memory + started * amount, amount, 0};
            if (pthread_create(&handles[started], NULL, run_part, &parts[started]) != 0) break;
        }
        uint64_t seen = 0;
        for (int i = 0; i < started; i++) {
            pthread_join(handles[i], NULL);
            seen |= parts[i].result;
        }
        double seconds = now() - start;
        // The results are looked at, so that the work cannot be left out.
        if (started < threads || seen == 0) return 0;
        if (best == 0 || seconds < best) best = seconds;
    }
    return best;
}

/// The order of the sums does not matter here, so that the compiler may use every vector unit that the function's target has.
#define SUM_WORDS(name)                                                                  \
    static uint64_t name(const char *memory, int64_t bytes) {                            \
        const uint64_t *words = (const uint64_t *)memory;                                \
        uint64_t sums[32] = {0}, sum = 0;                                                \
        for (int64_t i = 0; i + 32 <= bytes / 8; i += 32) {                              \
            for (int j = 0; j < 32; j++) sums[j] += words[i + j];                        \
        }                                                                                \
        for (int j = 0; j < 32; j++) sum += sums[j];                                     \
        return sum;                                                                      \
    }

SUM_WORDS(sum_words)
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
SUM_WORDS(sum_words_avx2)
#pragma clang attribute pop
#endif

double sirocco_read_bandwidth(int threads, int64_t bytes) {
    if (threads < 1 || threads > most_threads || bytes < 4096 || bytes > INT64_MAX / threads / 2) return 0;
    bytes -= bytes % 4096;
    size_t all = (size_t)threads * (size_t)bytes;
    void *buffer;
    if (posix_memalign(&buffer, huge_page, all) != 0) return 0;
#if defined(__linux__)
    madvise(buffer, all, MADV_HUGEPAGE);
#endif
    memset(buffer, 1, all);
    sirocco_instrument load = sum_words;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) load = sum_words_avx2;
#endif
    double seconds = shortest_pass(load, threads, buffer, bytes);
    free(buffer);
    return seconds > 0 ? (double)all / seconds : 0;
}

double sirocco_arithmetic_peak(const char *table, enum sirocco_arithmetic arithmetic, int threads) {
    if (threads < 1 || threads > most_threads) return 0;
    double best = 0;
    for (const sirocco_peak *peak = sirocco_peaks(); peak->load != NULL; peak++) {
        if (peak->arithmetic != arithmetic || (table != NULL && strcmp(peak->table, table) != 0) || !peak->runs()) continue;
        double seconds = shortest_pass(peak->load, threads, NULL, rounds_in_a_pass);
        double rate = seconds > 0 ? (double)threads * (double)rounds_in_a_pass * peak->operations / seconds : 0;
        if (rate > best) best = rate;
    }
    return best;
}

// An instrument: how fast this machine's memory is read. Decoding cannot be faster than this.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels.h"

enum { passes = 5, most_threads = 256 };

typedef struct {
    const uint64_t *start;
    int64_t words;
    uint64_t sum;
} share;

/// Sums a share in four independent streams of additions, which the compiler turns into vector loads.
static void *read_share(void *argument) {
    share *mine = argument;
    uint64_t sums[16] = {0};
    for (int64_t i = 0; i + 16 <= mine->words; i += 16) {
        for (int j = 0; j < 16; j++) sums[j] += mine->start[i + j];
    }
    for (int j = 0; j < 16; j++) mine->sum += sums[j];
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double sirocco_read_bandwidth(int threads, int64_t bytes) {
    if (threads < 1 || threads > most_threads || bytes < 4096) return 0;
    int64_t words = bytes / 8;
    uint64_t *buffer = malloc((size_t)threads * (size_t)words * 8);
    if (buffer == NULL) return 0;
    memset(buffer, 1, (size_t)threads * (size_t)words * 8);
    double best = 0;
    for (int pass = 0; pass < passes; pass++) {
        pthread_t handles[most_threads];
        share shares[most_threads];
        int started = 0;
        double start = now();
        for (; started < threads; started++) {
            shares[started] = (share){buffer + started * words, words, 0};
            if (pthread_create(&handles[started], NULL, read_share, &shares[started]) != 0) break;
        }
        for (int i = 0; i < started; i++) pthread_join(handles[i], NULL);
        double rate = (double)started * (double)words * 8 / (now() - start);
        // The sums are looked at, so that the reads cannot be left out.
        if (started == threads && shares[0].sum != 0 && rate > best) best = rate;
    }
    free(buffer);
    return best;
}

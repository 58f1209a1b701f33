// What instruments.c and peaks.c share: loops that do nothing but one kind of work.
#ifndef SIROCCO_INSTRUMENTS_H
#define SIROCCO_INSTRUMENTS_H

#include "kernels.h"

/// Does `amount` of work (bytes to read, or rounds of arithmetic) and returns something other than 0 that depends on all of it.
typedef uint64_t (*sirocco_instrument)(const char *memory, int64_t amount);

/// A loop that keeps one CPU level's units for one kind of arithmetic busy.
typedef struct {
    /// The kernel table whose products may use these instructions.
    const char *table;
    enum sirocco_arithmetic arithmetic;
    int (*runs)(void);
    sirocco_instrument load;
    /// Multiplications and additions, each counted, in one round.
    double operations;
} sirocco_peak;

/// All loops of this architecture; the last one has no load.
const sirocco_peak *sirocco_peaks(void);

#endif

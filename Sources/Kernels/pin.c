// A thread kept on one CPU: GNU's part of the C library, which Swift does not see.
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>

#include "kernels.h"

#if defined(__linux__)
int sirocco_pin_thread(int processor) {
    size_t bytes = CPU_ALLOC_SIZE(processor + 1);
    cpu_set_t *set = CPU_ALLOC(processor + 1);
    if (set == NULL) return -1;
    CPU_ZERO_S(bytes, set);
    CPU_SET_S(processor, bytes, set);
    int result = sched_setaffinity(0, bytes, set);
    CPU_FREE(set);
    return result;
}
#else
int sirocco_pin_thread(int processor) {
    (void)processor;
    return -1;
}
#endif

// The package manager calls an executable's main `TARGET_main`; libFuzzer brings its own. These hand the one to the other.
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *start, size_t count);
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*target)(const uint8_t *, size_t));

#define MAIN_OF(target) \
    int target##_main(int argc, char **argv) { return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput); }

MAIN_OF(FuzzJSON)
MAIN_OF(FuzzGGUF)
MAIN_OF(FuzzSafetensors)
MAIN_OF(FuzzTokenizer)
MAIN_OF(FuzzJinja)
MAIN_OF(FuzzLines)
MAIN_OF(FuzzSchema)
MAIN_OF(FuzzGrammar)

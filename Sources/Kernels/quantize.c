// Quantizers for any CPU.
#include "quantize.h"

int sirocco_reference_quantize(enum sirocco_type type, const float *x, int64_t k, const float *importance, void *out) {
    return quantize_row(type, x, k, importance, out);
}

int sirocco_has_quantizer(enum sirocco_type type) { return quantize_row(type, NULL, 0, NULL, NULL) == 0; }

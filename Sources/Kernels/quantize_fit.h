// Least squares for quantizers: scales and minima for eight groups of values at once, one group a lane.
//
// Vectors of eight are the compiler's own (`vector_size`), so that each table gets its instructions and all tables the same bits. The values of a group
// are divided by their greatest magnitude beforehand: nothing overflows, whatever the model's weights are.
#ifndef SIROCCO_QUANTIZE_FIT_H
#define SIROCCO_QUANTIZE_FIT_H

#include <math.h>

#include "unpack.h"

#define FIT static inline __attribute__((always_inline))

// Every function with such vectors is inlined into its caller, so that no two files need to agree on how they are passed.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float f8 __attribute__((vector_size(32)));
typedef int32_t n8 __attribute__((vector_size(32)));

FIT f8 all8(float value) { return (f8){} + value; }
FIT f8 pick8(n8 mask, f8 yes, f8 no) { return (f8)((mask & (n8)yes) | (~mask & (n8)no)); }
FIT f8 min8(f8 a, f8 b) { return pick8(a < b, a, b); }
FIT f8 max8(f8 a, f8 b) { return pick8(a > b, a, b); }
FIT f8 abs8(f8 a) { return (f8)((n8)a & 0x7fffffff); }

/// To the nearest integer, ties to even, for magnitudes below 2^22.
FIT f8 round8(f8 v) { return (v + 0x1.8p23f) - 0x1.8p23f; }
FIT f8 clamp8(f8 v, float low, float high) { return min8(max8(v, all8(low)), all8(high)); }
/// 1 / v, or 0 where v is 0 or too small to be divided by.
FIT f8 inverse8(f8 v) {
    n8 usable = abs8(v) > 0x1p-100f;
    return pick8(usable, 1.0f / pick8(usable, v, all8(1)), all8(0));
}
FIT float sum8_of(f8 v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

/// Up to eight groups of up to 256 values, value j of group g in lane g of x[j]; w holds what each value's squared error counts.
typedef struct {
    f8 x[256];
    f8 w[256];
    /// The greatest magnitude of each group before the values were divided by it, 0 for groups of (almost) nothing but zeros.
    f8 largest;
    /// 1 where the value of greatest magnitude is positive, else -1.
    f8 sign;
    /// Whether some values count more than others.
    int weighted;
} group_lanes;

/// Where scales are looked for: `steps` places from `first` on, `step` apart.
typedef struct {
    float first, step;
    int steps;
} search_range;

/// Important values may all be small ones: then the search goes on in places that cut the others off.
enum { far_steps = 8 };
FIT int places_of(search_range range, const group_lanes *l) { return range.steps + (l->weighted ? far_steps : 0); }
FIT float place_of(search_range range, int c) {
    float place = range.first + range.step * (float)(c < range.steps ? c : range.steps - 1);
    for (int far = range.steps; far <= c; far++) place *= 1.125f;
    return place;
}

/// Reads `count` groups of n values that follow each other. `importance` is one number a value, not negative, or NULL for ones.
FIT void gather(const float *x, const float *importance, int count, int n, group_lanes *out) {
    f8 low = all8(0), high = all8(0), weight = all8(0);
    for (int j = 0; j < n; j++) {
        f8 v = all8(0), w = all8(0);
        for (int g = 0; g < count; g++) {
            v[g] = x[g * n + j];
            w[g] = importance == NULL ? 1 : importance[g * n + j];
        }
        out->x[j] = v;
        out->w[j] = w;
        low = min8(low, v);
        high = max8(high, v);
        weight = max8(weight, w);
    }
    f8 largest = max8(high, -low);
    n8 something = largest > 0x1p-100f;
    out->weighted = importance != NULL;
    out->largest = pick8(something, largest, all8(0));
    out->sign = pick8(high >= -low, all8(1), all8(-1));
    f8 inverse = inverse8(largest), share = inverse8(weight);
    // Where nothing is important, everything is the same.
    n8 unimportant = weight <= 0x1p-100f;
    for (int j = 0; j < n; j++) {
        out->x[j] *= inverse;
        out->w[j] = pick8(unimportant, all8(1), out->w[j] * share);
    }
}

// ---- x ≈ s · q ----

/// The sums that decide how well s · q can fit: the gain of the best s over zero is (Σ w x q)² / Σ w q².
typedef struct {
    f8 xq, qq;
} scale_sums;

/// Keeps s where it fits better than what was kept.
FIT void keep_scale(scale_sums sums, f8 *best_gain, f8 *best) {
    f8 s = sums.xq * inverse8(sums.qq), gain = s * sums.xq;
    n8 better = gain > *best_gain;
    *best_gain = pick8(better, gain, *best_gain);
    *best = pick8(better, s, *best);
}

FIT scale_sums sums_of_integers(const group_lanes *l, int n, f8 inverse, float low, float high) {
    scale_sums sums = {all8(0), all8(0)};
    for (int j = 0; j < n; j++) {
        f8 q = clamp8(round8(l->x[j] * inverse), low, high), wq = l->w[j] * q;
        sums.xq += wq * l->x[j];
        sums.qq += wq * q;
    }
    return sums;
}

/// The scale for integers from low to high: the value of greatest magnitude is tried at the places of the range on both sides of zero; then the best is
/// improved on by its own rounding.
FIT f8 fit_scale(const group_lanes *l, int n, float low, float high, search_range range) {
    f8 gain = all8(0), best = all8(0);
    const int places = places_of(range, l);
    for (int c = 0; c < 2 * places; c++) {
        f8 inverse = l->sign * ((c % 2 == 0 ? -1.0f : 1.0f) * place_of(range, c / 2));
        keep_scale(sums_of_integers(l, n, inverse, low, high), &gain, &best);
    }
    for (int turn = 0; turn < 2; turn++) keep_scale(sums_of_integers(l, n, inverse8(best), low, high), &gain, &best);
    return best;
}

// ---- x ≈ s · value, value from a codebook ----

/// The value of an ascending codebook of `count` that is nearest.
FIT f8 nearest_value(f8 v, const int8_t *values, int count) {
    f8 result = all8(values[0]);
    for (int i = 1; i < count; i++) {
        n8 above = v > 0.5f * (float)(values[i - 1] + values[i]);
        result = pick8(above, all8(values[i]), result);
    }
    return result;
}

FIT scale_sums sums_of_values(const group_lanes *l, int n, f8 inverse, const int8_t *values, int count) {
    scale_sums sums = {all8(0), all8(0)};
    for (int j = 0; j < n; j++) {
        f8 v = nearest_value(l->x[j] * inverse, values, count), wv = l->w[j] * v;
        sums.xq += wv * l->x[j];
        sums.qq += wv * v;
    }
    return sums;
}

/// The scale for a codebook of `count` values, looked for as by fit_scale.
FIT f8 fit_codebook(const group_lanes *l, int n, const int8_t *values, int count, search_range range) {
    f8 gain = all8(0), best = all8(0);
    const int places = places_of(range, l);
    for (int c = 0; c < 2 * places; c++) {
        f8 inverse = l->sign * ((c % 2 == 0 ? -1.0f : 1.0f) * place_of(range, c / 2));
        keep_scale(sums_of_values(l, n, inverse, values, count), &gain, &best);
    }
    for (int turn = 0; turn < 2; turn++) keep_scale(sums_of_values(l, n, inverse8(best), values, count), &gain, &best);
    return best;
}

// ---- x ≈ s · q + m ----

typedef struct {
    f8 scale, minimum, gain;
} line_fit;

/// Rounds to s · q + m, then solves for the best s and m with these q (normal equations), and keeps them where they fit better.
FIT void improve_line(const group_lanes *l, int n, float levels, int free_minimum, f8 weight, f8 wx, f8 inverse, f8 minimum, line_fit *best) {
    f8 q1 = all8(0), q2 = all8(0), xq = all8(0);
    for (int j = 0; j < n; j++) {
        f8 q = clamp8(round8((l->x[j] - minimum) * inverse), 0, levels), wq = l->w[j] * q;
        q1 += wq;
        q2 += wq * q;
        xq += wq * l->x[j];
    }
    f8 determinant = weight * q2 - q1 * q1;
    // Where all q are the same, there is no line but through zero.
    n8 single = determinant <= 1e-5f * weight * q2;
    f8 inverse_determinant = pick8(single, all8(0), inverse8(determinant));
    f8 s = (weight * xq - wx * q1) * inverse_determinant, m = (q2 * wx - q1 * xq) * inverse_determinant;
    if (!free_minimum) {
        n8 through_zero = single | (m > 0.0f);
        s = pick8(through_zero, xq * inverse8(q2), s);
        m = pick8(through_zero, all8(0), m);
    }
    f8 gain = s * xq + m * wx;
    n8 better = (gain > best->gain) & (s > 0.0f);
    best->gain = pick8(better, gain, best->gain);
    best->scale = pick8(better, s, best->scale);
    best->minimum = pick8(better, m, best->minimum);
}

/// Scale and minimum for integers from 0 to levels; a minimum that is not free is never positive. The whole range of the values is tried as
/// so many levels as the places of `range` say.
FIT line_fit fit_line(const group_lanes *l, int n, float levels, int free_minimum, search_range range) {
    f8 low = all8(free_minimum ? 2 : 0), high = all8(-2), weight = all8(0), wx = all8(0);
    for (int j = 0; j < n; j++) {
        low = min8(low, l->x[j]);
        high = max8(high, l->x[j]);
        weight += l->w[j];
        wx += l->w[j] * l->x[j];
    }
    f8 mean = wx * inverse8(weight);
    if (!free_minimum) mean = min8(mean, all8(0));
    line_fit best = {all8(0), mean, mean * (2.0f * wx - mean * weight)};
    f8 width = inverse8(high - low);
    const int places = places_of(range, l);
    for (int c = 0; c < places; c++) improve_line(l, n, levels, free_minimum, weight, wx, width * place_of(range, c), low, &best);
    for (int turn = 0; turn < 2; turn++) improve_line(l, n, levels, free_minimum, weight, wx, inverse8(best.scale), best.minimum, &best);
    return best;
}

#endif

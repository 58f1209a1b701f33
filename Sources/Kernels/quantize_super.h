// Quantizers of super-blocks: 256 values in groups whose scales (and minima) are integers times one step.
#ifndef SIROCCO_QUANTIZE_SUPER_H
#define SIROCCO_QUANTIZE_SUPER_H

#include "quantize_blocks.h"

// ---- Super-blocks whose groups have a scale: Q3_K, Q6_K, IQ4_XS ----

/// How a type's groups are quantized: `groups` of n values, integers from low to high (or the IQ4 codebook), scales from least to most.
typedef struct {
    int groups, n;
    float low, high, least, most;
    int codebook;
    search_range range;
    int refits;
} scaled_format;

/// The squared error with scale s.
FIT f8 error_of_scale(const scaled_format *f, const group_lanes *l, f8 s) {
    f8 error = all8(0), inverse = inverse8(s);
    for (int j = 0; j < f->n; j++) {
        f8 v = l->x[j] * inverse;
        v = f->codebook ? nearest_value(v, values_iq4, 16) : clamp8(round8(v), f->low, f->high);
        f8 difference = l->x[j] - v * s;
        error += l->w[j] * difference * difference;
    }
    return error;
}

/// The best scales that are integers times `step`, given near ones; returns the squared error of all groups.
FIT float choose_scales(const scaled_format *f, const group_lanes *l, const f8 *s, float step, f8 *codes) {
    float inverse_step = step != 0 ? 1 / step : 0, total = 0;
    for (int p = 0; p < f->groups / 8; p++) {
        f8 middle = clamp8(round8(s[p] * inverse_step), f->least, f->most), best_error = all8(__builtin_inff());
        f8 unit = step * inverse8(l[p].largest);
        for (int c = -1; c <= 1; c++) {
            f8 candidate = clamp8(middle + (float)c, f->least, f->most), error = error_of_scale(f, &l[p], candidate * unit);
            n8 better = error < best_error;
            best_error = pick8(better, error, best_error);
            codes[p] = pick8(better, candidate, codes[p]);
        }
        total += sum8_of(best_error * l[p].largest * l[p].largest);
    }
    return total;
}

/// The step that fits best when every group keeps its integers: Σ code · x q / Σ code² · q q.
FIT float refit_step(const scaled_format *f, const group_lanes *l, const f8 *codes, float step) {
    float xq = 0, qq = 0;
    for (int p = 0; p < f->groups / 8; p++) {
        f8 inverse = inverse8(codes[p] * step) * l[p].largest;
        scale_sums sums = f->codebook ? sums_of_values(&l[p], f->n, inverse, values_iq4, 16)
                                      : sums_of_integers(&l[p], f->n, inverse, f->low, f->high);
        xq += sum8_of(codes[p] * sums.xq * l[p].largest);
        qq += sum8_of(codes[p] * codes[p] * sums.qq);
    }
    return qq > 0 ? xq / qq : step;
}

/// Scales of the groups as integers times d, and q as the format's unsigned integers.
FIT int quantize_scaled(const scaled_format *f, const float *x, const float *importance, sirocco_half *d, int8_t scales[16], uint8_t q[256]) {
    const int parts = f->groups / 8;
    group_lanes l[2];
    f8 s[2], codes[2], other_codes[2];
    float extreme = 0;
    int too_large = 0;
    for (int p = 0; p < parts; p++) {
        const int at = p * 8 * f->n;
        gather(x + at, importance == NULL ? NULL : importance + at, 8, f->n, &l[p]);
        s[p] = f->codebook ? fit_codebook(&l[p], f->n, values_iq4, 16, f->range)
                           : fit_scale(&l[p], f->n, f->low, f->high, f->range);
        s[p] *= l[p].largest;
        for (int g = 0; g < 8; g++) {
            if (fabsf(s[p][g]) > fabsf(extreme)) extreme = s[p][g];
        }
    }
    // The scale of greatest magnitude becomes the least integer; then the step is fitted to what came out.
    *d = stored_half(extreme / f->least, &too_large);
    float step = float_of_half(*d), error = choose_scales(f, l, s, step, codes);
    for (int turn = 0; turn < f->refits; turn++) {
        sirocco_half other = half_of_float(refit_step(f, l, codes, step));
        float other_error = choose_scales(f, l, s, float_of_half(other), other_codes);
        if (!(other_error < error)) break;
        *d = other;
        step = float_of_half(other);
        error = other_error;
        memcpy(codes, other_codes, sizeof codes);
    }
    for (int p = 0; p < parts; p++) {
        for (int g = 0; g < 8; g++) scales[8 * p + g] = (int8_t)codes[p][g];
        uint8_t *to = q + p * 8 * f->n;
        f8 inverse = inverse8(codes[p] * step) * l[p].largest;
        if (f->codebook) {
            store_places(&l[p], 8, f->n, inverse, values_iq4, 16, to);
        } else {
            store_integers(&l[p], 8, f->n, inverse, all8(0), f->low, f->high, -(int)f->low, to);
        }
    }
    return too_large ? -1 : 0;
}

FIT void pack_twos(const uint8_t *q, uint8_t *qs) {
    for (int j = 0; j < 64; j++) {
        const uint8_t *at = q + j / 32 * 128 + j % 32;
        qs[j] = (uint8_t)((at[0] & 3) | (at[32] & 3) << 2 | (at[64] & 3) << 4 | (at[96] & 3) << 6);
    }
}

FIT int quantize_q3_K(const float *x, const float *importance, block_q3_K *out) {
    const scaled_format format = {16, 16, -4, 3, -32, 31, 0, {2.6f, 0.2f, 11}, 2};
    int8_t scales[16];
    uint8_t q[256];
    int result = quantize_scaled(&format, x, importance, &out->d, scales, q);
    memset(out->scales, 0, sizeof out->scales);
    for (int g = 0; g < 16; g++) {
        int scale = scales[g] + 32;
        out->scales[g % 8] |= (uint8_t)((scale & 15) << (g < 8 ? 0 : 4));
        out->scales[8 + g % 4] |= (uint8_t)((scale >> 4) << (2 * (g / 4)));
    }
    pack_twos(q, out->qs);
    for (int l = 0; l < 32; l++) {
        out->hmask[l] = 0;
        for (int g = 0; g < 8; g++) out->hmask[l] |= (uint8_t)((q[g * 32 + l] >> 2) << g);
    }
    return result;
}

FIT int quantize_q6_K(const float *x, const float *importance, block_q6_K *out) {
    const scaled_format format = {16, 16, -32, 31, -128, 127, 0, {28.5f, 0.5f, 9}, 0};
    uint8_t q[256];
    int result = quantize_scaled(&format, x, importance, &out->d, out->scales, q);
    for (int half = 0; half < 2; half++) {
        const uint8_t *from = q + 128 * half;
        for (int l = 0; l < 32; l++) {
            out->ql[64 * half + l] = (uint8_t)((from[l] & 15) | (from[l + 64] & 15) << 4);
            out->ql[64 * half + 32 + l] = (uint8_t)((from[l + 32] & 15) | (from[l + 96] & 15) << 4);
            out->qh[32 * half + l] = (uint8_t)(from[l] >> 4 | (from[l + 32] >> 4) << 2 | (from[l + 64] >> 4) << 4 | (from[l + 96] >> 4) << 6);
        }
    }
    return result;
}

FIT int quantize_iq4_xs(const float *x, const float *importance, block_iq4_xs *out) {
    const scaled_format format = {8, 32, 0, 0, -32, 31, 1, {84, 6, 9}, 0};
    int8_t scales[16];
    uint8_t q[256];
    int result = quantize_scaled(&format, x, importance, &out->d, scales, q);
    out->scales_h = 0;
    memset(out->scales_l, 0, sizeof out->scales_l);
    for (int g = 0; g < 8; g++) {
        int scale = scales[g] + 32;
        out->scales_l[g / 2] |= (uint8_t)((scale & 15) << (4 * (g % 2)));
        out->scales_h |= (uint16_t)((scale >> 4) << (2 * g));
        pack_nibbles(q + 32 * g, out->qs + 16 * g);
    }
    return result;
}

// ---- Super-blocks whose groups have a scale and a minimum: Q2_K, Q4_K, Q5_K ----

/// `groups` of n values, integers up to levels, scales and minima up to most.
typedef struct {
    int groups, n;
    float levels, most;
    search_range range;
    int refits;
} lined_format;

/// The squared error of s · q − m.
FIT f8 error_of_line(const lined_format *f, const group_lanes *l, f8 s, f8 m) {
    f8 error = all8(0), inverse = inverse8(s);
    for (int j = 0; j < f->n; j++) {
        f8 shifted = l->x[j] + m, q = clamp8(round8(shifted * inverse), 0, f->levels), difference = shifted - q * s;
        error += l->w[j] * difference * difference;
    }
    return error;
}

/// Steps of a super-block, and its groups' integers for them.
typedef struct {
    sirocco_half d, dmin;
    f8 scales[2], minima[2];
} line_codes;

/// The best integers for the steps in `codes`, near given scales and minima; returns the squared error of all groups.
FIT float choose_lines(const lined_format *f, const group_lanes *l, const f8 *s, const f8 *m, line_codes *codes) {
    float d = float_of_half(codes->d), dmin = float_of_half(codes->dmin), inverse_d = d > 0 ? 1 / d : 0, inverse_dmin = dmin > 0 ? 1 / dmin : 0;
    float total = 0;
    for (int p = 0; p < f->groups / 8; p++) {
        f8 scale = clamp8(round8(s[p] * inverse_d), 0, f->most), minimum = clamp8(round8(m[p] * inverse_dmin), 0, f->most);
        f8 best_error = all8(__builtin_inff()), inverse = inverse8(l[p].largest);
        for (int c = 0; c < 9; c++) {
            f8 s_code = clamp8(scale + (float)(c / 3 - 1), 0, f->most), m_code = clamp8(minimum + (float)(c % 3 - 1), 0, f->most);
            f8 error = error_of_line(f, &l[p], s_code * d * inverse, m_code * dmin * inverse);
            n8 better = error < best_error;
            best_error = pick8(better, error, best_error);
            codes->scales[p] = pick8(better, s_code, codes->scales[p]);
            codes->minima[p] = pick8(better, m_code, codes->minima[p]);
        }
        total += sum8_of(best_error * l[p].largest * l[p].largest);
    }
    return total;
}

/// The steps that fit best when every group keeps its integers: normal equations of x ≈ d · (scale q) − dmin · minimum.
FIT void refit_lines(const lined_format *f, const group_lanes *l, const line_codes *codes, float *d, float *dmin) {
    float aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
    for (int p = 0; p < f->groups / 8; p++) {
        f8 scale = codes->scales[p], minimum = codes->minima[p], inverse = inverse8(l[p].largest);
        f8 low = minimum * float_of_half(codes->dmin) * inverse, inverse_s = inverse8(scale * float_of_half(codes->d) * inverse);
        f8 q1 = all8(0), q2 = all8(0), xq = all8(0), wx = all8(0), w = all8(0);
        for (int j = 0; j < f->n; j++) {
            f8 q = clamp8(round8((l[p].x[j] + low) * inverse_s), 0, f->levels), wq = l[p].w[j] * q;
            q1 += wq;
            q2 += wq * q;
            xq += wq * l[p].x[j];
            wx += l[p].w[j] * l[p].x[j];
            w += l[p].w[j];
        }
        aa += sum8_of(scale * scale * q2);
        ab += sum8_of(scale * minimum * q1);
        bb += sum8_of(minimum * minimum * w);
        xa += sum8_of(scale * xq * l[p].largest);
        xb += sum8_of(minimum * wx * l[p].largest);
    }
    float determinant = aa * bb - ab * ab;
    if (determinant <= 1e-6f * aa * bb) return;
    *d = (xa * bb - xb * ab) / determinant;
    *dmin = (xa * ab - xb * aa) / determinant;
}

/// Scales and minima of the groups as integers times d and dmin, and q.
FIT int quantize_lined(const lined_format *f, const float *x, const float *importance, line_codes *codes, uint8_t q[256]) {
    const int parts = f->groups / 8;
    group_lanes l[2];
    f8 s[2], m[2];
    float largest_scale = 0, largest_minimum = 0;
    int too_large = 0;
    for (int p = 0; p < parts; p++) {
        const int at = p * 8 * f->n;
        gather(x + at, importance == NULL ? NULL : importance + at, 8, f->n, &l[p]);
        line_fit fit = fit_line(&l[p], f->n, f->levels, 0, f->range);
        s[p] = fit.scale * l[p].largest;
        m[p] = -fit.minimum * l[p].largest;
        for (int g = 0; g < 8; g++) {
            largest_scale = s[p][g] > largest_scale ? s[p][g] : largest_scale;
            largest_minimum = m[p][g] > largest_minimum ? m[p][g] : largest_minimum;
        }
    }
    codes->d = stored_half(largest_scale / f->most, &too_large);
    codes->dmin = stored_half(largest_minimum / f->most, &too_large);
    float error = choose_lines(f, l, s, m, codes);
    for (int turn = 0; turn < f->refits; turn++) {
        line_codes other = *codes;
        float d = float_of_half(codes->d), dmin = float_of_half(codes->dmin);
        refit_lines(f, l, codes, &d, &dmin);
        if (!(d > 0 && dmin >= 0)) break;
        other.d = half_of_float(d);
        other.dmin = half_of_float(dmin);
        float other_error = choose_lines(f, l, s, m, &other);
        if (!(other_error < error)) break;
        error = other_error;
        *codes = other;
    }
    for (int p = 0; p < parts; p++) {
        f8 inverse = inverse8(l[p].largest);
        store_integers(&l[p], 8, f->n, inverse8(codes->scales[p] * float_of_half(codes->d) * inverse),
                       -(codes->minima[p] * float_of_half(codes->dmin) * inverse), 0, f->levels, 0, q + p * 8 * f->n);
    }
    return too_large ? -1 : 0;
}

FIT int quantize_q2_K(const float *x, const float *importance, block_q2_K *out) {
    const lined_format format = {16, 16, 3, 15, {2, 0.1f, 16}, 2};
    line_codes codes;
    uint8_t q[256];
    int result = quantize_lined(&format, x, importance, &codes, q);
    out->d = codes.d;
    out->dmin = codes.dmin;
    for (int g = 0; g < 16; g++) out->scales[g] = (uint8_t)((int)codes.scales[g / 8][g % 8] | (int)codes.minima[g / 8][g % 8] << 4);
    pack_twos(q, out->qs);
    return result;
}

/// The twelve bytes that q4_K_group reads.
FIT void pack_scales_K(const line_codes *codes, uint8_t *packed) {
    int scales[8], minima[8];
    for (int g = 0; g < 8; g++) {
        scales[g] = (int)codes->scales[0][g];
        minima[g] = (int)codes->minima[0][g];
    }
    for (int g = 0; g < 4; g++) {
        packed[g] = (uint8_t)(scales[g] | (scales[g + 4] >> 4) << 6);
        packed[g + 4] = (uint8_t)(minima[g] | (minima[g + 4] >> 4) << 6);
        packed[g + 8] = (uint8_t)((scales[g + 4] & 15) | (minima[g + 4] & 15) << 4);
    }
}

FIT void pack_fours(const uint8_t *q, uint8_t *qs) {
    for (int j = 0; j < 128; j++) {
        const uint8_t *at = q + j / 32 * 64 + j % 32;
        qs[j] = (uint8_t)((at[0] & 15) | (at[32] & 15) << 4);
    }
}

FIT int quantize_q4_K(const float *x, const float *importance, block_q4_K *out) {
    const lined_format format = {8, 32, 15, 63, {13.5f, 0.2f, 11}, 0};
    line_codes codes;
    uint8_t q[256];
    int result = quantize_lined(&format, x, importance, &codes, q);
    out->d = codes.d;
    out->dmin = codes.dmin;
    pack_scales_K(&codes, out->scales);
    pack_fours(q, out->qs);
    return result;
}

FIT int quantize_q5_K(const float *x, const float *importance, block_q5_K *out) {
    const lined_format format = {8, 32, 31, 63, {29.5f, 0.3f, 9}, 0};
    line_codes codes;
    uint8_t q[256];
    int result = quantize_lined(&format, x, importance, &codes, q);
    out->d = codes.d;
    out->dmin = codes.dmin;
    pack_scales_K(&codes, out->scales);
    pack_fours(q, out->qs);
    for (int l = 0; l < 32; l++) {
        out->qh[l] = 0;
        for (int g = 0; g < 8; g++) out->qh[l] |= (uint8_t)((q[g * 32 + l] >> 4) << g);
    }
    return result;
}

#endif

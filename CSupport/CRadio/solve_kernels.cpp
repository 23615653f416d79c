#include "radio_solve.h"

#include <cmath>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif
#define INLINE static inline __attribute__((always_inline))

namespace {

typedef float Lanes __attribute__((vector_size(RADIO_LANES * sizeof(float))));
typedef uint8_t Bytes __attribute__((vector_size(RADIO_LANES)));
typedef double WideLanes __attribute__((vector_size(RADIO_LANES * sizeof(double))));
// Vectors pass between functions by reference only: by value their calling convention differs between the clones.
typedef float LanesInMemory __attribute__((vector_size(RADIO_LANES * sizeof(float)), aligned(4), may_alias));
#define LANES_AT(pointer) (*reinterpret_cast<LanesInMemory *>(pointer))
#define CONST_LANES_AT(pointer) (*reinterpret_cast<const LanesInMemory *>(pointer))

INLINE float sum(const Lanes &v) {
    float total = 0;
    for (int lane = 0; lane < RADIO_LANES; lane++) total += v[lane];
    return total;
}

/// sin and cos of 2 pi x for |x| <= 1/2: Taylor series on a quarter turn, folded; error below 2e-7.
INLINE void turn(const Lanes &x, Lanes *sine, Lanes *cosine) {
    // Fold to [-1/4, 1/4]: sin is kept, cos changes its sign.
    const Lanes half = x - x + 0.5f;
    auto upper = x > 0.25f, lower = x < -0.25f;
    Lanes folded = upper ? half - x : (lower ? -half - x : x);
    Lanes sign = (upper | lower) ? -(half + half) : half + half;
    Lanes y = folded * 6.2831853071795864769f;
    Lanes z = y * y;
    *sine = y * (1.0f + z * (-1.6666667163e-1f + z * (8.3333337680e-3f + z * (-1.9841270114e-4f
            + z * (2.7557314297e-6f + z * -2.5050759689e-8f)))));
    *cosine = sign * (1.0f + z * (-0.5f + z * (4.1666667908e-2f + z * (-1.3888889225e-3f + z * (2.4801587642e-5f
              + z * (-2.7557314297e-7f + z * 2.0875723372e-9f))))));
}

struct Tile {
    Lanes re[2][2], im[2][2];
};

INLINE void write_model(const Lanes &re, const Lanes &im_ab, long a, long b, long antennas, const int32_t *row_of,
                        float *out_re, float *out_im, long stride, long channel, long lanes) {
    if (a >= antennas || b >= antennas) return;
    Lanes im = im_ab;
    long row = row_of[a * antennas + b];
    if (row < 0) {
        row = row_of[b * antennas + a];
        if (row < 0) return;
        im = -im;
    }
    float *to_re = out_re + row * stride + channel, *to_im = out_im + row * stride + channel;
    if (lanes == RADIO_LANES) {
        LANES_AT(to_re) = re;
        LANES_AT(to_im) = im;
    } else {
        for (long lane = 0; lane < lanes; lane++) {
            to_re[lane] = re[lane];
            to_im[lane] = im[lane];
        }
    }
}

}  // namespace

extern "C" {

WIDE void radio_steering(const double *delays_s, long antennas, long sources, const double *frequencies_hz,
                         float *steering) {
    WideLanes frequency;
    std::memcpy(&frequency, frequencies_hz, sizeof frequency);
    for (long i = 0; i < antennas * sources; i++) {
        WideLanes turns = frequency * -delays_s[i];
        // Adding and taking away 1.5 * 2^52 rounds to the nearest whole number.
        const double magic = 6755399441055744.0;
        WideLanes whole = (turns + magic) - magic;
        Lanes fraction = __builtin_convertvector(turns - whole, Lanes), sine, cosine;
        turn(fraction, &sine, &cosine);
        LANES_AT(steering + i * 2 * RADIO_LANES) = cosine;
        LANES_AT(steering + (i * 2 + 1) * RADIO_LANES) = sine;
    }
}

WIDE void radio_model(const float *steering, const float *flux, long antennas, long sources, const int32_t *row_of,
                      float *scratch, float *re, float *im, long stride, long channel, long lanes) {
    const long antenna_floats = sources * 2 * RADIO_LANES;
    for (long a = 0; a < antennas; a += 2) {
        long a1 = a + 1 < antennas ? a + 1 : a;
        const float *rows[2] = {steering + a * antenna_floats, steering + a1 * antenna_floats};
        for (int k = 0; k < 2; k++) {
            for (long s = 0; s < sources; s++) {
                Lanes f = CONST_LANES_AT(flux + s * RADIO_LANES);
                const float *from = rows[k] + s * 2 * RADIO_LANES;
                float *to = scratch + k * antenna_floats + s * 2 * RADIO_LANES;
                LANES_AT(to) = f * CONST_LANES_AT(from);
                LANES_AT(to + RADIO_LANES) = f * CONST_LANES_AT(from + RADIO_LANES);
            }
        }
        for (long b = a; b < antennas; b += 2) {
            long b1 = b + 1 < antennas ? b + 1 : b;
            const float *p0 = scratch, *p1 = scratch + antenna_floats;
            const float *q0 = steering + b * antenna_floats, *q1 = steering + b1 * antenna_floats;
            Tile t = {};
            for (long s = 0; s < sources; s++) {
                Lanes f0r = CONST_LANES_AT(p0), f0i = CONST_LANES_AT(p0 + RADIO_LANES);
                Lanes f1r = CONST_LANES_AT(p1), f1i = CONST_LANES_AT(p1 + RADIO_LANES);
                Lanes e0r = CONST_LANES_AT(q0), e0i = CONST_LANES_AT(q0 + RADIO_LANES);
                Lanes e1r = CONST_LANES_AT(q1), e1i = CONST_LANES_AT(q1 + RADIO_LANES);
                p0 += 2 * RADIO_LANES, p1 += 2 * RADIO_LANES, q0 += 2 * RADIO_LANES, q1 += 2 * RADIO_LANES;
                t.re[0][0] += f0r * e0r; t.re[0][0] += f0i * e0i;
                t.im[0][0] += f0i * e0r; t.im[0][0] -= f0r * e0i;
                t.re[0][1] += f0r * e1r; t.re[0][1] += f0i * e1i;
                t.im[0][1] += f0i * e1r; t.im[0][1] -= f0r * e1i;
                t.re[1][0] += f1r * e0r; t.re[1][0] += f1i * e0i;
                t.im[1][0] += f1i * e0r; t.im[1][0] -= f1r * e0i;
                t.re[1][1] += f1r * e1r; t.re[1][1] += f1i * e1i;
                t.im[1][1] += f1i * e1r; t.im[1][1] -= f1r * e1i;
            }
            for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 2; j++) {
                    if (a + i > b + j) continue;
                    write_model(t.re[i][j], t.im[i][j], a + i, b + j, antennas, row_of, re, im, stride, channel,
                                lanes);
                }
            }
        }
    }
}

long radio_planes(const float *row, uint8_t *flags, long channels, long correlations, long correlation, long bin,
                  float *re, float *im, uint8_t *counts) {
    long bad = 0;
    for (long start = 0, out = 0; start < channels; start += bin, out++) {
        float sum_re = 0, sum_im = 0;
        int count = 0;
        for (long c = start; c < channels && c < start + bin; c++) {
            long sample = c * correlations + correlation;
            float x = row[2 * sample], y = row[2 * sample + 1];
            if (flags[sample]) continue;
            if (!std::isfinite(x) || !std::isfinite(y) || (x == 0 && y == 0)) {
                flags[sample] = 1;
                bad++;
                continue;
            }
            sum_re += x;
            sum_im += y;
            count++;
        }
        float scale = count ? 1.0f / count : 0.0f;
        re[out] = sum_re * scale;
        im[out] = sum_im * scale;
        counts[out] = static_cast<uint8_t>(count);
    }
    return bad;
}

WIDE void radio_times_conjugate(float *re, float *im, const float *model_re, const float *model_im, long channels,
                                float *power) {
    for (long c = 0; c < channels; c++) {
        float x = re[c], y = im[c], u = model_re[c], v = model_im[c];
        re[c] = x * u + y * v;
        im[c] = y * u - x * v;
    }
    if (power == nullptr) return;
    for (long c = 0; c < channels; c++) power[c] = model_re[c] * model_re[c] + model_im[c] * model_im[c];
}

WIDE void radio_accumulate_channels(const float *__restrict re, const float *__restrict im,
                                    const uint8_t *__restrict counts, const float *__restrict power, float weight,
                                    float factor_re, float factor_im, long channels, float *__restrict n_re,
                                    float *__restrict n_im, float *__restrict d, float *__restrict chi,
                                    float *__restrict samples) {
    float known = factor_re * factor_re + factor_im * factor_im;
    if (known == 0) return;
    for (long c = 0; c < channels; c++) {
        float w = weight * static_cast<float>(counts[c]);
        float x = re[c], y = im[c], p = power[c];
        n_re[c] += w * (x * factor_re - y * factor_im);
        n_im[c] += w * (x * factor_im + y * factor_re);
        d[c] += w * p * known;
        // |V|^2 = |V conj(M)|^2 / |M|^2
        chi[c] += p > 0 ? w * (x * x + y * y) / p : 0.0f;
        samples[c] += static_cast<float>(counts[c]);
    }
}

WIDE void radio_accumulate_row(const float *__restrict re, const float *__restrict im,
                               const uint8_t *__restrict counts, const float *__restrict power, float weight,
                               const float *__restrict a_re, const float *__restrict a_im,
                               const float *__restrict b_re, const float *__restrict b_im, long channels,
                               double *__restrict out) {
    Lanes n_re = {}, n_im = {}, d = {}, chi = {}, samples = {};
    for (long c = 0; c < channels; c += RADIO_LANES) {
        long lanes = channels - c < RADIO_LANES ? channels - c : RADIO_LANES;
        Lanes x = {}, y = {}, p = {}, ar = {}, ai = {}, br = {}, bi = {};
        Bytes bytes = {};
        std::memcpy(&bytes, counts + c, static_cast<size_t>(lanes));
        if (lanes == RADIO_LANES) {
            x = CONST_LANES_AT(re + c), y = CONST_LANES_AT(im + c), p = CONST_LANES_AT(power + c);
            ar = CONST_LANES_AT(a_re + c), ai = CONST_LANES_AT(a_im + c);
            br = CONST_LANES_AT(b_re + c), bi = CONST_LANES_AT(b_im + c);
        } else {
            for (long l = 0; l < lanes; l++) {
                x[l] = re[c + l], y[l] = im[c + l], p[l] = power[c + l];
                ar[l] = a_re[c + l], ai[l] = a_im[c + l], br[l] = b_re[c + l], bi[l] = b_im[c + l];
            }
        }
        const Lanes count = __builtin_convertvector(bytes, Lanes);
        // conj(g_a) g_b
        Lanes jr = ar * br + ai * bi, ji = ar * bi - ai * br;
        Lanes known = jr * jr + ji * ji;
        auto used = (known > 0) & (p > 0) & (count > 0);
        Lanes zero = {};
        Lanes weights = used ? count * weight : zero;
        n_re += weights * (x * jr - y * ji);
        n_im += weights * (x * ji + y * jr);
        d += weights * p * known;
        chi += used ? weights * (x * x + y * y) / (p + (used ? zero : zero + 1.0f)) : zero;
        samples += used ? count : zero;
    }
    out[0] += sum(n_re);
    out[1] += sum(n_im);
    out[2] += sum(d);
    out[3] += sum(chi);
    out[4] += sum(samples);
}

WIDE int radio_stefcal(const float *n_re, const float *n_im, const float *d, long antennas, long stride,
                       int phase_only, int iterations_max, float tolerance, float *g_re, float *g_im,
                       float *scratch) {
    float *next_re = scratch, *next_im = scratch + stride, *power = scratch + 2 * stride;
    std::memset(scratch, 0, 3 * stride * sizeof(float));
    for (int iteration = 1; iteration <= iterations_max; iteration++) {
        for (long b = 0; b < stride; b++) power[b] = g_re[b] * g_re[b] + g_im[b] * g_im[b];
        double change = 0, size = 0;
        for (long a = 0; a < antennas; a++) {
            if (power[a] == 0) continue;
            const float *row_re = n_re + a * stride, *row_im = n_im + a * stride, *row_d = d + a * stride;
            Lanes top_re = {}, top_im = {}, bottom = {};
            for (long b = 0; b < stride; b += RADIO_LANES) {
                Lanes x = CONST_LANES_AT(row_re + b), y = CONST_LANES_AT(row_im + b);
                Lanes gr = CONST_LANES_AT(g_re + b), gi = CONST_LANES_AT(g_im + b);
                top_re += x * gr;
                top_re -= y * gi;
                top_im += x * gi;
                top_im += y * gr;
                bottom += CONST_LANES_AT(row_d + b) * CONST_LANES_AT(power + b);
            }
            float re = sum(top_re), im = sum(top_im);
            float below = phase_only ? std::sqrt(re * re + im * im) : sum(bottom);
            if (!(below > 0)) {
                next_re[a] = g_re[a], next_im[a] = g_im[a];
                continue;
            }
            re /= below, im /= below;
            // Every second iterate is the mean of the last two: without it the iteration oscillates.
            if (iteration % 2 == 0) {
                re = 0.5f * (re + g_re[a]), im = 0.5f * (im + g_im[a]);
                if (phase_only) {
                    float length = std::sqrt(re * re + im * im);
                    if (length > 0) re /= length, im /= length;
                }
            }
            double dr = re - g_re[a], di = im - g_im[a];
            change += dr * dr + di * di;
            size += double(re) * re + double(im) * im;
            next_re[a] = re, next_im[a] = im;
        }
        std::memcpy(g_re, next_re, stride * sizeof(float));
        std::memcpy(g_im, next_im, stride * sizeof(float));
        if (iteration % 2 == 0 && change <= double(tolerance) * tolerance * size) return iteration;
    }
    return -iterations_max;
}

WIDE long radio_correct_row(const float *__restrict data, float *__restrict corrected, uint8_t *__restrict flags,
                            const float *__restrict inverse_a, const float *__restrict inverse_b, long samples) {
    long flagged = 0;
    for (long i = 0; i < samples; i++) {
        float ar = inverse_a[2 * i], ai = inverse_a[2 * i + 1], br = inverse_b[2 * i], bi = inverse_b[2 * i + 1];
        // 1 / (g_a conj(g_b)) = inverse_a conj(inverse_b)
        float jr = ar * br + ai * bi, ji = ai * br - ar * bi;
        float x = data[2 * i], y = data[2 * i + 1];
        float u = x * jr - y * ji, v = x * ji + y * jr;
        bool missing = (jr == 0 && ji == 0) || !(std::fabs(u) + std::fabs(v) < 3.0e38f);
        corrected[2 * i] = missing ? x : u;
        corrected[2 * i + 1] = missing ? y : v;
        flagged += missing && !flags[i];
        flags[i] |= static_cast<uint8_t>(missing);
    }
    return flagged;
}

}  // extern "C"

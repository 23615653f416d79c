// The arithmetic of calibration on plain float planes: model prediction, normal equations, StEFCal, and applying gains.
//
// Every function is pure: it reads and writes only the arrays that it is given and may run on many threads at once.
// The loops are compiled for x86-64 v2, v3 and v4 and the processor's best is chosen when the program is loaded, so
// that a generic build still uses wide vectors.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Channels that the prediction treats at once.
#define RADIO_LANES 8

/// Steering phasors exp(-2 pi i f tau) of one block of RADIO_LANES channels.
/// delays_s: [antenna][source], in double because f tau is tens of thousands of turns; frequencies_hz: RADIO_LANES.
/// steering: [antenna][source][re, im][lane], 64-byte aligned.
void radio_steering(const double *delays_s, long antennas, long sources, const double *frequencies_hz, float *steering);

/// Model visibilities sum_s flux_s E_as conj(E_bs) of one block of channels.
/// flux: [source][lane]. row_of: [antenna][antenna], the row of baseline (a, b) or -1; both orders are looked up.
/// scratch: 2 * sources * 2 * RADIO_LANES floats. re, im: [row][stride]; `lanes` channels from `channel` are written.
void radio_model(const float *steering, const float *flux, long antennas, long sources, const int32_t *row_of,
                 float *scratch, float *re, float *im, long stride, long channel, long lanes);

/// One row of visibilities, complex [channel][correlation] interleaved, into planes of one correlation.
/// `bin` channels are averaged into one; flagged, zero and non-finite samples are left out.
/// counts: samples in each output channel, 0 where nothing is valid. Returns how many samples were newly found bad
/// (zero or not finite though not flagged); these are set in `flags` as well.
long radio_planes(const float *row, uint8_t *flags, long channels, long correlations, long correlation, long bin,
                  float *re, float *im, uint8_t *counts);

/// V -> V conj(M) in place over one row of planes, and |M|^2 into `power` (which may be NULL when already known).
void radio_times_conjugate(float *re, float *im, const float *model_re, const float *model_im, long channels,
                           float *power);

/// Adds one row to the normal equations of its channels, with the factor conj(j_a) j_b of gains that are known:
/// n += w X j, d += w |M|^2 |j|^2, chi += w |V|^2, samples += count. All arrays: [channel].
void radio_accumulate_channels(const float *re, const float *im, const uint8_t *counts, const float *power,
                               float weight, float factor_re, float factor_im, long channels, float *n_re,
                               float *n_im, float *d, float *chi, float *samples);

/// Sum over one row's channels with known gains per channel of both antennas (planes of [channel]).
/// out: n_re, n_im, d, chi, samples are added to.
void radio_accumulate_row(const float *re, const float *im, const uint8_t *counts, const float *power, float weight,
                          const float *a_re, const float *a_im, const float *b_re, const float *b_im, long channels,
                          double *out);

/// StEFCal (Salvini & Wijnholds 2014): antenna gains g that minimise sum |V_ab - g_a M_ab conj(g_b)|^2.
/// n_re, n_im: Hermitian [antenna][stride] sums of V conj(M); d: sums of |M|^2; stride a multiple of RADIO_LANES and
/// the padding zero. g_re, g_im: [stride], start and result; an antenna with g = 0 at the start stays out.
/// Returns the iterations used, or -iterations_max when |g - g_before| / |g| is still above tolerance.
int radio_stefcal(const float *n_re, const float *n_im, const float *d, long antennas, long stride, int phase_only,
                  int iterations_max, float tolerance, float *g_re, float *g_im, float *scratch);

/// corrected = data / (g_a conj(g_b)) over one row, complex [channel][correlation] interleaved.
/// inverse_a, inverse_b: 1 / g, interleaved complex [channel][correlation], 0 where there is no solution.
/// flags are set where there is no solution or the result is not finite. Returns how many flags were set anew.
long radio_correct_row(const float *data, float *corrected, uint8_t *flags, const float *inverse_a,
                       const float *inverse_b, long samples);

#ifdef __cplusplus
}
#endif

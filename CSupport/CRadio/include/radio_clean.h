// Pieces of CLEAN: Högbom's loop on the pixels that can matter (Clark 1980), the noise, the beam's fit and restoring.
// Images are [height][width] floats, row 0 the south, column 0 the east.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct radio_clean_settings {
    int32_t width, height;
    float gain;
    float stop_jy;          // the loop ends when no active pixel is above it
    float divergence;       // and when one is above this many times the peak at the start
    int64_t iterations_max;
    int32_t border;         // pixels along each edge that are never cleaned
} radio_clean_settings;

// Subtracts components at the largest |residual| from the pixels whose |residual| is at least the stop, where `mask`
// (NULL: everywhere) is not 0, and adds them to `model`. `psf` is as large as the image and peaks at 1 in
// [height / 2][width / 2]. Other pixels of `residual` stay; so a new residual must be gridded afterwards.
// Returns how many iterations were done, or -1 without memory. *peak: the largest |active residual| at the end.
// *diverged: whether the loop ended by divergence.
int64_t radio_clean_minor(float *residual, const float *psf, float *model, const uint8_t *mask,
                          const radio_clean_settings *settings, float *peak, int *diverged);

// Largest |value| inside the border where `mask` (or NULL) is not 0; 0 when there is none.
float radio_clean_peak(const float *image, const uint8_t *mask, int32_t width, int32_t height, int32_t border);

// 1.4826 times the median absolute deviation from the median; NaN without memory or finite pixels.
double radio_clean_noise(const float *image, int64_t count);

// Least-squares elliptical Gaussian of height 1 to the main lobe of a psf: full widths at half maximum in pixels and
// the angle of the major axis from north through east in radians. Returns -1 where there is none.
int radio_clean_fit_beam(const float *psf, int32_t width, int32_t height, double *major, double *minor,
                         double *angle);

// image += model convolved with such a Gaussian of height 1.
void radio_clean_restore(const float *model, int32_t width, int32_t height, double major, double minor, double angle,
                         float *image);

#ifdef __cplusplus
}
#endif

// Background and detection of SEP (Source Extractor as a library): Barbary 2016, JOSS 1, 58; Bertin & Arnouts 1996.
// Images are float32, row 0 first; NaN pixels are ignored. Functions return 0, or -1 with one line in `why`.
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

// Fills `background` and `rms` (width * height each) with the spline through meshes of `mesh` pixels, median-filtered
// over `filter` meshes.
int radio_sep_background(const float *pixels, int width, int height, int mesh, int filter, float *background, float *rms,
                         char *why, int why_bytes);

typedef struct {
    double x, y;                     // first moments, pixels from 0
    int peak_x, peak_y;
    int x_min, x_max, y_min, y_max;  // inclusive bounds of the island
    int pixel_count;
    double peak, flux;               // of the unconvolved image; flux is the sum over the island
    double a, b, theta;              // second-moment ellipse, pixels and radians from the x axis
    int flags;
} radio_sep_object;

// Detects islands of at least `area_min` pixels above `threshold` * rms(x, y) after convolution with `kernel`
// (kernel_width squared values, or NULL). *objects is allocated here and released with radio_sep_free.
int radio_sep_detect(const float *pixels, const float *rms, int width, int height, float threshold, int area_min,
                     const float *kernel, int kernel_width, int deblend_levels, double deblend_contrast,
                     radio_sep_object **objects, int *count, char *why, int why_bytes);
void radio_sep_free(radio_sep_object *objects);

// Sum within a circle, exact overlap. Returns NaN outside the image.
double radio_sep_aperture_sum(const float *pixels, int width, int height, double x, double y, double radius);

#ifdef __cplusplus
}
#endif

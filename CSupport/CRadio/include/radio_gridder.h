// Images from visibilities and back: improved w-stacking ("w-gridding") after Arras, Reinecke, Westermann & Ensslin
// 2021, A&A 646 A58, with the exponential-of-semicircle kernel (Barnett et al. 2019) and its numerical correction.
//
// Conventions are the Measurement Set's: V(u, v, w) = sum I(l, m) exp(+2 pi i (u l + v m + w (n - 1))), u, v, w in
// wavelengths. Images are [height][width] floats, row 0 the south, column 0 the east: l = (width / 2 - x) cell,
// m = (y - height / 2) cell. No division by n and none by the sum of weights happens here.
// Functions return 0, or -1 with one line in `why`. One gridder is used by one thread at a time; it starts its own.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct radio_gridder radio_gridder;

// Rows of visibilities that stay the caller's and must outlive the gridder. A sample is one channel of one row.
typedef struct radio_gridder_samples {
    int64_t row_count;
    const double *uvw_m;              // [row][3], metres
    const int32_t *windows;           // [row], below window_count
    const int64_t *first_samples;     // [row], where its channels begin in values and weights
    int32_t window_count;
    const int32_t *first_channels;    // [window_count + 1], into frequencies_hz
    const double *frequencies_hz;
    float *values;                    // [sample][re, im]
    const float *weights;             // [sample]; 0 leaves the sample out of everything
} radio_gridder_samples;

typedef struct radio_gridder_geometry {
    int32_t width, height;  // pixels, even
    double cell_rad;
    double accuracy;        // relative L2 error of an image, 1e-2 to 1e-6
    int32_t threads;
} radio_gridder_geometry;

// Bytes that the planes and images of such a gridder need beside the samples and about 12 bytes for each 20 of them.
int64_t radio_gridder_bytes(const radio_gridder_geometry *geometry);

// Sorts the samples by w-plane and tile. Samples of weight 0 are skipped; every other one must lie within
// |u|, |v| <= 1 / (2 cell).
int radio_gridder_create(const radio_gridder_samples *samples, const radio_gridder_geometry *geometry,
                         radio_gridder **out, char *why, int why_bytes);
void radio_gridder_free(radio_gridder *gridder);

// image = sum over samples of weight * Re(value * exp(-2 pi i (u l + v m + w (n - 1)))).
int radio_gridder_image(radio_gridder *gridder, float *image, char *why, int why_bytes);
// The same with every value 1: the point spread function times the sum of weights.
int radio_gridder_psf(radio_gridder *gridder, float *image, char *why, int why_bytes);
// values = scale * values + factor * prediction of `model` (Jy a pixel).
int radio_gridder_predict(radio_gridder *gridder, const float *model, float scale, float factor, char *why,
                          int why_bytes);

typedef struct radio_gridder_shape {
    int32_t support, grid_width, grid_height, planes;
    int64_t segments;
} radio_gridder_shape;
void radio_gridder_get_shape(const radio_gridder *gridder, radio_gridder_shape *out);

// Stokes I of rows of visibilities, [row][channel][correlation], with correlations `first` and `last` averaged (the
// same twice takes one). weight_stride: correlations for a weight per row, channels * correlations for one per sample.
// A sample with a flag, without weight or not finite gets weight 0 and value 0. The weight of an average is that of
// its worse half.
void radio_gridder_stokes(const float *data, const uint8_t *flags, const float *weights, int64_t rows, int64_t channels,
                          int64_t correlations, int64_t first, int64_t last, int64_t weight_stride, float *values,
                          float *out_weights);

typedef enum radio_weighting { RADIO_NATURAL = 0, RADIO_UNIFORM = 1, RADIO_BRIGGS = 2 } radio_weighting;

// Turns natural weights into imaging weights on the uv grid (Briggs 1995) of the image with
// WSClean's margin of a fifth, in place; samples beyond the
// grid or outside [uv_min, uv_max] wavelengths get 0. *sum: of the new weights.
int radio_gridder_weigh(const radio_gridder_samples *samples, float *weights, const radio_gridder_geometry *geometry,
                        radio_weighting weighting, double robust, double uv_min, double uv_max, double *sum, char *why,
                        int why_bytes);

#ifdef __cplusplus
}
#endif

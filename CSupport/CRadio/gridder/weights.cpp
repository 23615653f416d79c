#include <algorithm>
#include <cmath>
#include <cstdio>
#include <new>
#include <vector>

#include "dispatch.hpp"
#include "radio_gridder.h"
#include "threads.hpp"

WIDE void radio_gridder_stokes(const float *data, const uint8_t *flags, const float *weights, int64_t rows,
                               int64_t channels, int64_t correlations, int64_t first, int64_t last,
                               int64_t weight_stride, float *values, float *out_weights) {
    const bool is_per_sample = weight_stride != correlations || channels == 1;
    for (int64_t row = 0; row < rows; row++) {
        const float *row_weights = weights + row * weight_stride;
        for (int64_t channel = 0; channel < channels; channel++) {
            const int64_t at = (row * channels + channel) * correlations, a = at + first, b = at + last;
            const float *of = is_per_sample ? row_weights + channel * correlations : row_weights;
            float re = 0.5f * (data[2 * a] + data[2 * b]), im = 0.5f * (data[2 * a + 1] + data[2 * b + 1]);
            float weight = of[first] < of[last] ? of[first] : of[last];
            // A difference from itself is 0 for finite numbers only.
            bool is_good = !(flags[a] | flags[b]) & (weight > 0) & (re - re == 0) & (im - im == 0)
                & (weight - weight == 0);
            int64_t to = row * channels + channel;
            values[2 * to] = is_good ? re : 0;
            values[2 * to + 1] = is_good ? im : 0;
            out_weights[to] = is_good ? weight : 0;
        }
    }
}

namespace {

struct UVGrid {
    long width, height;
    double scale_x, scale_y;  // cells a wavelength

    /// The cell of (u, v) or its conjugate in the half plane v >= 0; -1 outside.
    long cell(double u, double v) const {
        if (v < 0) {
            u = -u;
            v = -v;
        }
        long x = (long)std::floor(u * scale_x + width / 2), y = (long)std::floor(v * scale_y);
        return x >= 0 && x < width && y >= 0 && y < height / 2 ? x + y * width : -1;
    }
};

/// WSClean counts its weights on the grid of an image with a margin: a fifth more, up to a multiple of four.
long padded(long side) { return ((long)std::ceil(side * 1.2) + 3) / 4 * 4; }

template <class Body>
void each_sample(const radio_gridder_samples &samples, int64_t from, int64_t to, const Body &body) {
    for (int64_t row = from; row < to; row++) {
        const int32_t window = samples.windows[row], first = samples.first_channels[window];
        const double u = samples.uvw_m[3 * row] / 299792458.0, v = samples.uvw_m[3 * row + 1] / 299792458.0;
        const int64_t sample = samples.first_samples[row];
        for (int32_t channel = first; channel < samples.first_channels[window + 1]; channel++)
            body(u * samples.frequencies_hz[channel], v * samples.frequencies_hz[channel], sample + channel - first);
    }
}

}  // namespace

int radio_gridder_weigh(const radio_gridder_samples *samples, float *weights, const radio_gridder_geometry *geometry,
                        radio_weighting weighting, double robust, double uv_min, double uv_max, double *sum, char *why,
                        int why_bytes) try {
    const long width = padded(geometry->width), height = padded(geometry->height);
    const UVGrid grid{width, height, width * geometry->cell_rad, height * geometry->cell_rad};
    const double least = uv_min * uv_min, most = uv_max * uv_max;
    std::vector<double> cells(weighting == RADIO_NATURAL ? 0 : grid.width * grid.height / 2, 0);
    double total = 0;
    each_sample(*samples, 0, samples->row_count, [&](double u, double v, int64_t sample) {
        double weight = weights[sample], squared = u * u + v * v;
        long cell = weight > 0 && squared >= least && squared <= most ? grid.cell(u, v) : -1;
        if (cell < 0) {
            weights[sample] = 0;
            return;
        }
        if (!cells.empty()) cells[cell] += weight;
        total += weight;
    });
    if (weighting == RADIO_BRIGGS) {
        double squares = 0;
        for (double w : cells) squares += w * w;
        double f = 5 * std::pow(10.0, -robust), strength = total > 0 ? f * f / (squares / total) : 0;
        for (double &w : cells) w = 1 / (1 + w * strength);
    } else if (weighting == RADIO_UNIFORM) {
        for (double &w : cells) w = w > 0 ? 1 / w : 0;
    }
    const int parts = std::max(1, geometry->threads);
    std::vector<double> sums(parts, 0);
    gridder::parallel(parts, parts, [&](int, long part) {
        double mine = 0;
        each_sample(*samples, samples->row_count * part / parts, samples->row_count * (part + 1) / parts,
                    [&](double u, double v, int64_t sample) {
                        if (weights[sample] == 0) return;
                        if (!cells.empty()) weights[sample] = (float)(weights[sample] * cells[grid.cell(u, v)]);
                        mine += weights[sample];
                    });
        sums[part] = mine;
    });
    *sum = 0;
    for (double part : sums) *sum += part;
    return 0;
} catch (const std::bad_alloc &) {
    std::snprintf(why, why_bytes, "not enough memory for the grid of weights");
    return -1;
}

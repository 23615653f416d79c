// The inner loops: samples of one tile and one w-plane to and from a small cube that stays in the cache.
#pragma once
#include <cstdint>

#include "kernel.hpp"

namespace gridder {

constexpr int tile = 16;                       // grid cells, in u and v
constexpr int cube_stride = tile + taps_max;   // complex cells between rows of the cube
constexpr int cube_rows = tile + taps_max;

/// One row of the Measurement Set: cells for each Hz along u and v, planes along w, turns of the centred n - 1.
struct Row {
    double u, v, w, turns;
    int64_t sample;      // its first
    int32_t window;
    float conjugate;     // -1 where w was negative and the row stands for its conjugate
};

/// Where the first tap of a sample lies.
struct Place {
    int32_t tile_u, tile_v, plane;
};

/// Channels of a row that lie in the same tile and start at the same plane.
struct Segment {
    uint32_t row;
    uint16_t channel, count, plane;
    int16_t tile_u, tile_v;  // may lie a little outside the grid, which wraps around

    bool is_at(const Place &place) const {
        return tile_u == place.tile_u && tile_v == place.tile_v && plane == place.plane;
    }
};

struct TileJob {
    const Segment *segments;
    long count;
    const Row *rows;
    const int32_t *first_channels;
    const double *frequencies;
    float *values;
    const float *weights;
    const TapTable *taps;
    double shift_w;      // subtracted from a row's w * frequency gives planes
    float scale, factor; // of the prediction
};

/// Places of the channels of a row; `half` is half the support.
void find_places(const Row &row, const double *frequencies, long count, double half, double shift_w, Place *places);
/// Adds weight * value (or weight alone) to `cube`: [support][cube_rows][cube_stride] complex.
void grid_tile(const TileJob &job, bool is_psf, float *cube);
/// values = scale * values + factor * prediction from `cube`.
void degrid_tile(const TileJob &job, const float *cube);

}  // namespace gridder

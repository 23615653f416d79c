// The gridder behind radio_gridder.h: samples sorted by plane and tile, a ring of w-planes, transforms.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "fft.hpp"
#include "kernel.hpp"
#include "radio_gridder.h"
#include "tiles.hpp"

namespace gridder {

struct Freed {
    void operator()(void *memory) const;
};
template <class T>
using Memory = std::unique_ptr<T[], Freed>;
/// Zeroed, aligned for vectors; std::bad_alloc when there is none.
template <class T>
Memory<T> memory(size_t count);

/// Numbers that follow from a geometry alone.
struct Layout {
    explicit Layout(const radio_gridder_geometry &geometry);
    long width, height, grid_u, grid_v;
    double cell, oversampling;
    double deepest;   // n - 1 at the corners
    double spacing;   // of the w-planes, wavelengths
    int support, threads;
    long tiles_u() const { return grid_u / tile; }
    long tiles_v() const { return grid_v / tile; }
    int64_t bytes() const;
};

}  // namespace gridder

/// Tiles of one plane in one row of tiles along v.
struct TileRow {
    long tile_u;
    long first_group, last_group;
};

struct radio_gridder {
    radio_gridder(const radio_gridder_samples &samples, const radio_gridder_geometry &geometry);
    void image(bool is_psf, float *out);
    void predict(const float *model, float scale, float factor);
    radio_gridder_shape shape() const;

private:
    struct Group {
        long first, count;  // segments
        long tile_u, tile_v;
    };

    void make_rows();
    void make_segments();
    void sort(std::vector<std::vector<gridder::Segment>> &parts);
    gridder::TileJob job(const Group &group) const;
    float *line(long plane, long u) const;
    std::vector<TileRow> tile_rows(long plane, int parity) const;
    void grid_plane(long plane, bool is_psf);
    void flush(long plane, const Group &group, const float *cube);
    void fetch(long plane, const Group &group, float *cube) const;
    void plane_to_image(long plane, float *sums);
    void image_to_plane(long plane, const float *model);
    void corrections(float *table) const;
    double plane_w(long plane) const;

    radio_gridder_samples samples_;
    gridder::Layout layout_;
    gridder::Kernel kernel_;
    gridder::FFT fft_u_, fft_v_;
    std::vector<gridder::Row> rows_;
    std::vector<gridder::Segment> segments_;
    std::vector<Group> groups_;           // by plane, tile_u, tile_v
    std::vector<long> plane_groups_;      // [planes + 1]: the first group of each starting plane
    long planes_ = 0;
    double lowest_w_ = 0;
    gridder::Memory<float> ring_;         // [support][grid_u][grid_v] complex
    std::vector<std::vector<char>> used_; // [support][tiles_u]: rows of tiles that hold something
    gridder::Memory<float> cubes_;        // one a thread
    gridder::Memory<gridder::Cell> cells_;// two sequences a thread
};

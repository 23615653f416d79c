#include "gridder.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

#include "planes.hpp"
#include "threads.hpp"

// Who writes what: tiles of one parity of rows never share a line of the grid (a cube is at most two tiles high), so
// threads take whole rows of tiles, even ones first, and need no lock; each line of the grid gets its sums in the same
// order however many threads there are. Transforms and images are split by line.
namespace gridder {

void Freed::operator()(void *memory) const { std::free(memory); }

template <class T>
Memory<T> memory(size_t count) {
    size_t bytes = (count * sizeof(T) + 127) / 64 * 64;
    void *raw = std::aligned_alloc(64, bytes);
    if (!raw) throw std::bad_alloc();
    std::memset(raw, 0, bytes);
    return Memory<T>(static_cast<T *>(raw));
}

Layout::Layout(const radio_gridder_geometry &g) : width(g.width), height(g.height), cell(g.cell_rad) {
    if (width < 16 || height < 16 || width % 2 || height % 2)
        throw std::invalid_argument("the image's sides must be even and at least 16 pixels");
    double l = width / 2.0 * cell, m = height / 2.0 * cell, r2 = l * l + m * m;
    if (!(cell > 0) || r2 >= 1) throw std::invalid_argument("the image reaches beyond the horizon");
    // Two-fold oversampling: each tap is worth a decimal digit.
    double digits = -std::log10(std::min(1e-2, std::max(1e-7, g.accuracy)));
    support = std::min(taps_max, std::max(4, (int)std::ceil(digits - 1e-9) + 1));
    grid_u = fast_length(2 * width, 2 * tile);
    grid_v = fast_length(2 * height, 2 * tile);
    oversampling = std::min((double)grid_u / width, (double)grid_v / height);
    deepest = -r2 / (1 + std::sqrt(1 - r2));
    spacing = 1 / (2 * oversampling * (-deepest / 2));
    threads = std::max(1, g.threads);
}

int64_t Layout::bytes() const {
    int64_t plane = (int64_t)grid_u * grid_v * 8, cube = (int64_t)support * cube_rows * cube_stride * 8;
    return plane * support + (cube + 2 * std::max(grid_u, grid_v) * (int64_t)sizeof(Cell)) * threads
        + (int64_t)width * height * 8;
}

}  // namespace gridder

using namespace gridder;

radio_gridder::radio_gridder(const radio_gridder_samples &samples, const radio_gridder_geometry &geometry)
    : samples_(samples), layout_(geometry), kernel_(layout_.support, layout_.oversampling), fft_u_(layout_.grid_u),
      fft_v_(layout_.grid_v) {
    make_rows();
    make_segments();
    ring_ = memory<float>((size_t)layout_.support * layout_.grid_u * layout_.grid_v * 2);
    used_.assign(layout_.support, std::vector<char>(layout_.tiles_u(), 0));
    cubes_ = memory<float>((size_t)layout_.threads * layout_.support * cube_rows * cube_stride * 2);
    cells_ = memory<Cell>((size_t)layout_.threads * 2 * std::max(layout_.grid_u, layout_.grid_v));
}

radio_gridder_shape radio_gridder::shape() const {
    return {layout_.support, (int32_t)layout_.grid_u, (int32_t)layout_.grid_v, (int32_t)planes_,
            (int64_t)segments_.size()};
}

double radio_gridder::plane_w(long plane) const {
    return lowest_w_ + (plane + 1 - layout_.support / 2.0) * layout_.spacing;
}

/// Turns rows to w >= 0 and to the grid's units. The grid's phases are +2 pi (a x + b y + c (n - 1)) with x against l.
void radio_gridder::make_rows() {
    const double c0 = 299792458.0;
    rows_.resize(samples_.row_count);
    lowest_w_ = std::numeric_limits<double>::infinity();
    std::vector<std::pair<double, double>> bands(samples_.window_count);
    for (int32_t window = 0; window < samples_.window_count; window++) {
        const double *first = samples_.frequencies_hz + samples_.first_channels[window];
        const double *last = samples_.frequencies_hz + samples_.first_channels[window + 1];
        if (last - first > 65535) throw std::invalid_argument("a window has more than 65535 channels");
        bands[window] = {*std::min_element(first, last), *std::max_element(first, last)};
    }
    for (int64_t index = 0; index < samples_.row_count; index++) {
        const double *uvw = samples_.uvw_m + 3 * index;
        Row &row = rows_[index];
        double sign = uvw[2] > 0 ? -1 : 1;
        row.window = samples_.windows[index];
        row.sample = samples_.first_samples[index];
        row.conjugate = (float)sign;
        row.u = sign * uvw[0] / c0 * layout_.grid_u * layout_.cell;
        row.v = -sign * uvw[1] / c0 * layout_.grid_v * layout_.cell;
        row.w = std::fabs(uvw[2]) / c0 / layout_.spacing;
        row.turns = std::fabs(uvw[2]) / c0 * (layout_.deepest / 2);
        lowest_w_ = std::min(lowest_w_, std::fabs(uvw[2]) / c0 * bands[row.window].first);
    }
    if (!std::isfinite(lowest_w_)) lowest_w_ = 0;
}

void radio_gridder::make_segments() {
    const int parts_count = layout_.threads;
    std::vector<std::vector<Segment>> parts(parts_count);
    const double half = layout_.support / 2.0, shift_w = lowest_w_ / layout_.spacing;
    std::atomic<bool> is_outside{false};
    long longest = 0;
    for (int32_t window = 0; window < samples_.window_count; window++)
        longest = std::max(longest, (long)(samples_.first_channels[window + 1] - samples_.first_channels[window]));
    parallel(layout_.threads, parts_count, [&](int, long part) {
        std::vector<Segment> &out = parts[part];
        std::vector<Place> places(longest);
        int64_t end = samples_.row_count * (part + 1) / parts_count;
        for (int64_t index = samples_.row_count * part / parts_count; index < end; index++) {
            const Row &row = rows_[index];
            const int32_t first = samples_.first_channels[row.window];
            const long channels = samples_.first_channels[row.window + 1] - first;
            const float *weights = samples_.weights + row.sample;
            find_places(row, samples_.frequencies_hz + first, channels, half, shift_w, places.data());
            bool is_open = false;
            for (long channel = 0; channel < channels; channel++) {
                if (weights[channel] == 0) {
                    is_open = false;
                    continue;
                }
                const Place &place = places[channel];
                if (is_open && out.back().is_at(place)) {
                    out.back().count++;
                    continue;
                }
                is_open = std::labs(place.tile_u) <= layout_.tiles_u() / 2 + 1
                    && std::labs(place.tile_v) <= layout_.tiles_v() / 2 + 1 && place.plane < 65000;
                if (!is_open) {
                    is_outside = true;
                    break;
                }
                out.push_back({(uint32_t)index, (uint16_t)channel, 1, (uint16_t)place.plane, (int16_t)place.tile_u,
                               (int16_t)place.tile_v});
            }
        }
    });
    if (is_outside) throw std::invalid_argument("a visibility with weight lies outside the uv grid");
    sort(parts);
}

/// By plane, then tile; the rows' order stays within a tile, so that results do not depend on the threads.
void radio_gridder::sort(std::vector<std::vector<Segment>> &parts) {
    const long tiles_u = layout_.tiles_u(), tiles_v = layout_.tiles_v();
    size_t total = 0;
    long last_plane = -1;
    for (const auto &part : parts) {
        total += part.size();
        for (const Segment &s : part) last_plane = std::max(last_plane, (long)s.plane);
    }
    planes_ = last_plane < 0 ? 0 : last_plane + layout_.support;
    auto key = [&](const Segment &s) {
        long u = s.tile_u < 0 ? s.tile_u + tiles_u : s.tile_u % tiles_u;
        long v = s.tile_v < 0 ? s.tile_v + tiles_v : s.tile_v % tiles_v;
        return ((long)s.plane * tiles_u + u) * tiles_v + v;
    };
    std::vector<int64_t> starts((last_plane + 1) * tiles_u * tiles_v + 1, 0);
    for (const auto &part : parts)
        for (const Segment &s : part) starts[key(s) + 1]++;
    plane_groups_.assign(planes_ + 1, 0);
    for (size_t k = 0; k + 1 < starts.size(); k++) {
        long count = (long)starts[k + 1];
        starts[k + 1] += starts[k];
        if (k % (tiles_u * tiles_v) == 0) plane_groups_[k / (tiles_u * tiles_v)] = (long)groups_.size();
        if (count)
            groups_.push_back({(long)starts[k], count, (long)(k / tiles_v) % tiles_u, (long)k % tiles_v});
    }
    for (long plane = last_plane + 1; plane <= planes_; plane++) plane_groups_[plane] = (long)groups_.size();
    segments_.resize(total);
    for (auto &part : parts) {
        for (const Segment &s : part) segments_[starts[key(s)]++] = s;
        std::vector<Segment>().swap(part);
    }
}

TileJob radio_gridder::job(const Group &group) const {
    return {segments_.data() + group.first, group.count, rows_.data(), samples_.first_channels, samples_.frequencies_hz,
            samples_.values, samples_.weights, &kernel_.table(), lowest_w_ / layout_.spacing, 0, 1};
}

float *radio_gridder::line(long plane, long u) const {
    return ring_.get() + ((plane % layout_.support) * layout_.grid_u + u) * layout_.grid_v * 2;
}

/// Rows of tiles of one parity (or all: -1) with samples that start at `plane`.
std::vector<TileRow> radio_gridder::tile_rows(long plane, int parity) const {
    std::vector<TileRow> rows;
    for (long g = plane_groups_[plane]; g < plane_groups_[plane + 1];) {
        long first = g, u = groups_[g].tile_u;
        while (g < plane_groups_[plane + 1] && groups_[g].tile_u == u) g++;
        if (parity < 0 || u % 2 == parity) rows.push_back({u, first, g});
    }
    return rows;
}

void radio_gridder::flush(long plane, const Group &group, const float *cube) {
    const long side = tile + layout_.support - 1, v0 = group.tile_v * tile;
    const long before = std::min(side, layout_.grid_v - v0);
    for (int q = 0; q < layout_.support; q++)
        for (long i = 0; i < side; i++) {
            const float *from = cube + ((long)q * cube_rows + i) * cube_stride * 2;
            float *to = line(plane + q, (group.tile_u * tile + i) % layout_.grid_u);
            for (long j = 0; j < 2 * before; j++) to[2 * v0 + j] += from[j];
            for (long j = 0; j < 2 * (side - before); j++) to[j] += from[2 * before + j];
        }
}

void radio_gridder::fetch(long plane, const Group &group, float *cube) const {
    const long side = tile + layout_.support - 1, v0 = group.tile_v * tile;
    const long before = std::min(side, layout_.grid_v - v0);
    for (int q = 0; q < layout_.support; q++)
        for (long i = 0; i < side; i++) {
            float *to = cube + ((long)q * cube_rows + i) * cube_stride * 2;
            const float *from = line(plane + q, (group.tile_u * tile + i) % layout_.grid_u);
            std::memcpy(to, from + 2 * v0, before * 8);
            std::memcpy(to + 2 * before, from, (side - before) * 8);
        }
}

void radio_gridder::grid_plane(long plane, bool is_psf) {
    const size_t cube_size = (size_t)layout_.support * cube_rows * cube_stride * 2;
    for (int parity : {0, 1}) {
        std::vector<TileRow> rows = tile_rows(plane, parity);
        for (const TileRow &row : rows)
            for (int q = 0; q < layout_.support; q++)
                for (long u : {row.tile_u, (row.tile_u + 1) % layout_.tiles_u()})
                    used_[(plane + q) % layout_.support][u] = 1;
        parallel(layout_.threads, (long)rows.size(), [&](int worker, long item) {
            float *cube = cubes_.get() + worker * cube_size;
            for (long g = rows[item].first_group; g < rows[item].last_group; g++) {
                std::memset(cube, 0, cube_size * sizeof(float));
                grid_tile(job(groups_[g]), is_psf, cube);
                flush(plane, groups_[g], cube);
            }
        });
    }
}

/// Transforms a finished plane, adds it to `sums` ([x][y]) and leaves its place in the ring empty.
void radio_gridder::plane_to_image(long plane, float *sums) {
    const long nu = layout_.grid_u, nv = layout_.grid_v, width = layout_.width, half = layout_.height / 2;
    const long longest = std::max(nu, nv);
    std::vector<char> &used = used_[plane % layout_.support];
    std::vector<long> lines_used;
    for (long t = 0; t < layout_.tiles_u(); t++)
        if (used[t]) lines_used.push_back(t * tile);
    if (lines_used.empty()) return;
    parallel(layout_.threads, (long)lines_used.size(), [&](int worker, long item) {
        Cell *cells = cells_.get() + worker * 2 * longest;
        float *rows = line(plane, lines_used[item]);
        load_rows(rows, 2 * nv, nv, cells);
        exchange(cells, nv);
        Cell *done = fft_v_.forward(cells, cells + longest);
        exchange(done, half);
        exchange(done + nv - half, half);
        store_rows(done, half, rows, 2 * nv);
        store_rows(done + nv - half, half, rows + 2 * (nv - half), 2 * nv);
    });
    const long blocks = (half + lines - 1) / lines;
    const double w = plane_w(plane), middle = layout_.deepest / 2, cell = layout_.cell;
    parallel(layout_.threads, 2 * blocks, [&](int worker, long item) {
        Cell *cells = cells_.get() + worker * 2 * longest;
        // Pixels of the northern half come first in the transform, those of the southern one last.
        const long y0 = (item < blocks ? half : 0) + item % blocks * lines;
        const long end = item < blocks ? 2 * half : half;
        const int count = (int)std::min((long)lines, end - y0);
        load_columns(line(plane, 0) + 2 * ((y0 + nv - half) % nv), 2 * nv, nu, count, cells);
        exchange(cells, nu);
        Cell *done = fft_u_.forward(cells, cells + longest);
        for (long x = 0; x < width; x++) {
            Cell &pixel = done[(x + nu - width / 2) % nu];
            exchange(&pixel, 1);
            add_pixels(pixel, (x - width / 2) * cell, (y0 - half) * cell, cell, w, middle, count,
                       sums + x * layout_.height + y0);
        }
    });
    parallel(layout_.threads, (long)lines_used.size(), [&](int, long item) {
        std::memset(line(plane, lines_used[item]), 0, (size_t)tile * nv * 8);
    });
    std::fill(used.begin(), used.end(), 0);
}

void radio_gridder::image(bool is_psf, float *out) {
    const long width = layout_.width, height = layout_.height;
    Memory<float> sums = memory<float>((size_t)width * height), table = memory<float>((size_t)width * height);
    const long starts = planes_ - layout_.support + 1;
    for (long plane = 0; plane < planes_; plane++) {
        if (plane < starts) grid_plane(plane, is_psf);
        plane_to_image(plane, sums.get());
    }
    corrections(table.get());
    parallel(layout_.threads, (height + 15) / 16, [&](int, long block) {
        for (long x = 0; x < width; x++)
            for (long y = block * 16; y < std::min(height, block * 16 + 16); y++)
                out[y * width + x] = sums[x * height + y] * table[x * height + y];
    });
}

/// 1 / (transforms of the kernel along l, m and n), [x][y].
void radio_gridder::corrections(float *table) const {
    const long width = layout_.width, height = layout_.height;
    std::vector<double> along_x(width), along_y(height);
    for (long x = 0; x < width; x++) along_x[x] = 1 / kernel_.transform((double)(x - width / 2) / layout_.grid_u);
    for (long y = 0; y < height; y++) along_y[y] = 1 / kernel_.transform((double)(y - height / 2) / layout_.grid_v);
    // Along n by cubic interpolation in a table over [-1, 1] times half the depth.
    const int steps = 2048;
    std::vector<double> depth(steps + 4);
    const double half = -layout_.deepest / 2;
    for (int i = 0; i < steps + 4; i++)
        depth[i] = 1 / kernel_.transform((2.0 * (i - 1) / steps - 1) * half * layout_.spacing);
    parallel(layout_.threads, width, [&](int, long x) {
        double l = (x - width / 2) * layout_.cell;
        for (long y = 0; y < height; y++) {
            double m = (y - height / 2) * layout_.cell, r2 = l * l + m * m;
            double n = -r2 / (1 + std::sqrt(1 - r2)) + half;
            double place = (n / half + 1) / 2 * steps;
            long i = std::min((long)steps - 1, std::max(0L, (long)place));
            double t = place - i;
            const double *p = &depth[i];
            double value = -t * (t - 1) * (t - 2) / 6 * p[0] + (t + 1) * (t - 1) * (t - 2) / 2 * p[1]
                - (t + 1) * t * (t - 2) / 2 * p[2] + (t + 1) * t * (t - 1) / 6 * p[3];
            table[x * height + y] = (float)(along_x[x] * along_y[y] * value);
        }
    });
}

/// `model` is corrected and [x][y]. Only rows of tiles that some sample needs are made.
void radio_gridder::image_to_plane(long plane, const float *model) {
    const long nu = layout_.grid_u, nv = layout_.grid_v, width = layout_.width, half = layout_.height / 2;
    const long longest = std::max(nu, nv), blocks = (half + lines - 1) / lines;
    std::vector<char> needed(layout_.tiles_u(), 0);
    for (long start = std::max(0L, plane - layout_.support + 1); start <= plane && start < planes_; start++)
        for (long g = plane_groups_[start]; g < plane_groups_[start + 1]; g++)
            needed[groups_[g].tile_u] = needed[(groups_[g].tile_u + 1) % layout_.tiles_u()] = 1;
    std::vector<long> lines_needed;
    for (long t = 0; t < layout_.tiles_u(); t++)
        if (needed[t]) lines_needed.push_back(t * tile);
    if (lines_needed.empty()) return;
    const double w = plane_w(plane), middle = layout_.deepest / 2, cell = layout_.cell;
    parallel(layout_.threads, 2 * blocks, [&](int worker, long item) {
        Cell *cells = cells_.get() + worker * 2 * longest;
        const long y0 = (item < blocks ? half : 0) + item % blocks * lines;
        const long end = item < blocks ? 2 * half : half;
        const int count = (int)std::min((long)lines, end - y0);
        std::memset(static_cast<void *>(cells), 0, nu * sizeof(Cell));
        for (long x = 0; x < width; x++)
            take_pixels(model + x * layout_.height + y0, (x - width / 2) * cell, (y0 - half) * cell, cell, w, middle,
                        count, &cells[(x + nu - width / 2) % nu]);
        Cell *done = fft_u_.forward(cells, cells + longest);
        for (long start : lines_needed)
            store_columns(done + start, tile, count, line(plane, start) + 2 * ((y0 + nv - half) % nv), 2 * nv);
    });
    parallel(layout_.threads, (long)lines_needed.size(), [&](int worker, long item) {
        Cell *cells = cells_.get() + worker * 2 * longest;
        float *rows = line(plane, lines_needed[item]);
        load_rows(rows, 2 * nv, half, cells);
        std::memset(static_cast<void *>(cells + half), 0, (nv - 2 * half) * sizeof(Cell));
        load_rows(rows + 2 * (nv - half), 2 * nv, half, cells + nv - half);
        Cell *done = fft_v_.forward(cells, cells + longest);
        store_rows(done, nv, rows, 2 * nv);
    });
}

void radio_gridder::predict(const float *model, float scale, float factor) {
    const long width = layout_.width, height = layout_.height;
    Memory<float> table = memory<float>((size_t)width * height);
    corrections(table.get());
    for (long x = 0; x < width; x++)
        for (long y = 0; y < height; y++) table[x * height + y] *= model[y * width + x];
    const size_t cube_size = (size_t)layout_.support * cube_rows * cube_stride * 2;
    const long starts = planes_ - layout_.support + 1;
    long made = 0;
    for (long plane = 0; plane < starts; plane++) {
        for (; made < plane + layout_.support; made++) image_to_plane(made, table.get());
        std::vector<TileRow> rows = tile_rows(plane, -1);
        parallel(layout_.threads, (long)rows.size(), [&](int worker, long item) {
            float *cube = cubes_.get() + worker * cube_size;
            for (long g = rows[item].first_group; g < rows[item].last_group; g++) {
                fetch(plane, groups_[g], cube);
                TileJob job = this->job(groups_[g]);
                job.scale = scale;
                job.factor = factor;
                degrid_tile(job, cube);
            }
        });
    }
    // The next image adds to an empty ring.
    std::memset(ring_.get(), 0, (size_t)layout_.support * layout_.grid_u * layout_.grid_v * 8);
}

#include "tiles.hpp"

#include <cmath>
#include <cstring>

#include "dispatch.hpp"
#include "turns.hpp"

namespace gridder {

namespace {

// Vectors pass between functions by reference only: by value their calling convention differs between the clones.
typedef float Taps __attribute__((vector_size(taps_max * sizeof(float))));
typedef float Pairs __attribute__((vector_size(2 * taps_max * sizeof(float))));
typedef long long Words __attribute__((vector_size(2 * taps_max * sizeof(float))));
typedef float PairsInMemory __attribute__((vector_size(2 * taps_max * sizeof(float)), aligned(4), may_alias));

constexpr int batch = 64;
constexpr long cube_plane = (long)cube_rows * cube_stride * 2;

/// Samples of a segment made ready: positions within taps, places in the cube, phases.
struct Batch {
    float zu[batch], zv[batch], zw[batch], cosine[batch], sine[batch];
    float value[2 * batch];
    int32_t place[batch];
};

INLINE void locate(const TileJob &job, const Segment &segment, long start, long count, Batch &b) {
    const Row &row = job.rows[segment.row];
    const double *frequencies = job.frequencies + job.first_channels[row.window] + segment.channel + start;
    const double half = job.taps->support / 2.0;
    const double shift_u = half + (double)segment.tile_u * tile, shift_v = half + (double)segment.tile_v * tile;
    const double shift_w = job.shift_w + (double)segment.plane;
    for (long i = 0; i < count; i++) {
        double f = frequencies[i];
        float u = (float)(row.u * f - shift_u), v = (float)(row.v * f - shift_v), w = (float)(row.w * f - shift_w);
        // Rounding may carry a position just across the tile's edge: clamping costs nothing then.
        float iu = std::ceil(u), iv = std::ceil(v);
        iu = iu < 0 ? 0 : (iu > tile - 1 ? tile - 1 : iu);
        iv = iv < 0 ? 0 : (iv > tile - 1 ? tile - 1 : iv);
        b.zu[i] = 2 * (iu - u) - 1;
        b.zv[i] = 2 * (iv - v) - 1;
        b.zw[i] = 1 - 2 * w;
        b.place[i] = ((int32_t)iu * cube_stride + (int32_t)iv) * 2;
        double turns = row.turns * f;
        float s, c;
        sine_cosine((float)(turns - std::rint(turns)), &s, &c);
        b.sine[i] = s;
        b.cosine[i] = c;
    }
}

INLINE void take_values(const TileJob &job, const Segment &segment, long start, long count, bool is_psf, Batch &b) {
    const Row &row = job.rows[segment.row];
    const float *weights = job.weights + row.sample + segment.channel + start;
    if (is_psf) {
        for (long i = 0; i < count; i++) {
            b.value[2 * i] = weights[i] * b.cosine[i];
            b.value[2 * i + 1] = weights[i] * b.sine[i];
        }
        return;
    }
    const float *values = job.values + 2 * (row.sample + segment.channel + start);
    for (long i = 0; i < count; i++) {
        float re = weights[i] * values[2 * i], im = weights[i] * values[2 * i + 1] * row.conjugate;
        b.value[2 * i] = re * b.cosine[i] - im * b.sine[i];
        b.value[2 * i + 1] = re * b.sine[i] + im * b.cosine[i];
    }
}

template <int support>
INLINE void taps_at(const TapTable &table, const Batch &b, long i, float *u, float *w, Pairs &v) {
    constexpr int terms = support + 4;
    const float zu = b.zu[i], zv = b.zv[i], zw = b.zw[i];
    Taps ku, kw;
    std::memcpy(&ku, table.single[0], sizeof ku);
    kw = ku;
    std::memcpy(&v, table.doubled[0], sizeof v);
    for (int term = 1; term < terms; term++) {
        Taps c;
        Pairs d;
        std::memcpy(&c, table.single[term], sizeof c);
        std::memcpy(&d, table.doubled[term], sizeof d);
        ku = ku * zu + c;
        kw = kw * zw + c;
        v = v * zv + d;
    }
    std::memcpy(u, &ku, sizeof ku);
    std::memcpy(w, &kw, sizeof kw);
}

template <int support>
INLINE void grid(const TileJob &job, bool is_psf, float *cube) {
    Batch b;
    alignas(64) float ku[taps_max], kw[taps_max];
    for (long index = 0; index < job.count; index++) {
        const Segment &segment = job.segments[index];
        for (long start = 0; start < segment.count; start += batch) {
            long count = segment.count - start < batch ? segment.count - start : batch;
            locate(job, segment, start, count, b);
            take_values(job, segment, start, count, is_psf, b);
            for (long i = 0; i < count; i++) {
                Pairs v;
                taps_at<support>(*job.taps, b, i, ku, kw, v);
                long long both;
                std::memcpy(&both, b.value + 2 * i, sizeof both);
                Words words = Words{} + both;
                Pairs value;
                std::memcpy(&value, &words, sizeof value);
                v *= value;
                float *base = cube + b.place[i];
#pragma clang loop unroll(full)
                for (int q = 0; q < support; q++) {
                    Pairs line = v * kw[q];
                    float *to = base + q * cube_plane;
#pragma clang loop unroll(full)
                    for (int a = 0; a < support; a++)
                        *reinterpret_cast<PairsInMemory *>(to + a * cube_stride * 2) += line * ku[a];
                }
            }
        }
    }
}

template <int support>
INLINE void degrid(const TileJob &job, const float *cube) {
    Batch b;
    alignas(64) float ku[taps_max], kw[taps_max];
    for (long index = 0; index < job.count; index++) {
        const Segment &segment = job.segments[index];
        const Row &row = job.rows[segment.row];
        for (long start = 0; start < segment.count; start += batch) {
            long count = segment.count - start < batch ? segment.count - start : batch;
            locate(job, segment, start, count, b);
            for (long i = 0; i < count; i++) {
                Pairs v;
                taps_at<support>(*job.taps, b, i, ku, kw, v);
                const float *base = cube + b.place[i];
                Pairs total = Pairs{};
#pragma clang loop unroll(full)
                for (int q = 0; q < support; q++) {
                    const float *from = base + q * cube_plane;
                    Pairs line = Pairs{};
#pragma clang loop unroll(full)
                    for (int a = 0; a < support; a++)
                        line += *reinterpret_cast<const PairsInMemory *>(from + a * cube_stride * 2) * ku[a];
                    total += line * kw[q];
                }
                total *= v;
                float re = 0, im = 0;
                for (int tap = 0; tap < taps_max; tap++) {
                    re += total[2 * tap];
                    im += total[2 * tap + 1];
                }
                b.value[2 * i] = re;
                b.value[2 * i + 1] = im;
            }
            float *values = job.values + 2 * (row.sample + segment.channel + start);
            for (long i = 0; i < count; i++) {
                float re = b.value[2 * i] * b.cosine[i] + b.value[2 * i + 1] * b.sine[i];
                float im = (b.value[2 * i + 1] * b.cosine[i] - b.value[2 * i] * b.sine[i]) * row.conjugate;
                values[2 * i] = job.scale * values[2 * i] + job.factor * re;
                values[2 * i + 1] = job.scale * values[2 * i + 1] + job.factor * im;
            }
        }
    }
}

}  // namespace

WIDE void find_places(const Row &row, const double *frequencies, long count, double half, double shift_w,
                      Place *places) {
    for (long i = 0; i < count; i++) {
        double f = frequencies[i];
        int32_t plane = (int32_t)std::ceil(row.w * f - shift_w) - 1;
        places[i].tile_u = (int32_t)std::floor(std::ceil(row.u * f - half) * (1.0 / tile));
        places[i].tile_v = (int32_t)std::floor(std::ceil(row.v * f - half) * (1.0 / tile));
        places[i].plane = plane < 0 ? 0 : plane;
    }
}

WIDE void grid_tile(const TileJob &job, bool is_psf, float *cube) {
    switch (job.taps->support) {
    case 4: grid<4>(job, is_psf, cube); break;
    case 5: grid<5>(job, is_psf, cube); break;
    case 6: grid<6>(job, is_psf, cube); break;
    case 7: grid<7>(job, is_psf, cube); break;
    default: grid<8>(job, is_psf, cube); break;
    }
}

WIDE void degrid_tile(const TileJob &job, const float *cube) {
    switch (job.taps->support) {
    case 4: degrid<4>(job, cube); break;
    case 5: degrid<5>(job, cube); break;
    case 6: degrid<6>(job, cube); break;
    case 7: degrid<7>(job, cube); break;
    default: degrid<8>(job, cube); break;
    }
}

}  // namespace gridder

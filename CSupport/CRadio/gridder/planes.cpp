#include "planes.hpp"

#include <cmath>

#include "dispatch.hpp"
#include "turns.hpp"

namespace gridder {

WIDE void load_rows(const float *rows, long stride, long count, Cell *cells) {
    // In blocks that stay in the first cache: reading runs along the rows, writing across the lanes.
    for (long start = 0; start < count; start += 16) {
        long end = start + 16 < count ? start + 16 : count;
        for (int lane = 0; lane < lines; lane++) {
            const float *row = rows + lane * stride;
            for (long j = start; j < end; j++) {
                reinterpret_cast<float *>(&cells[j].re)[lane] = row[2 * j];
                reinterpret_cast<float *>(&cells[j].im)[lane] = row[2 * j + 1];
            }
        }
    }
}

WIDE void store_rows(const Cell *cells, long count, float *rows, long stride) {
    for (long start = 0; start < count; start += 16) {
        long end = start + 16 < count ? start + 16 : count;
        for (int lane = 0; lane < lines; lane++) {
            float *row = rows + lane * stride;
            for (long j = start; j < end; j++) {
                row[2 * j] = reinterpret_cast<const float *>(&cells[j].re)[lane];
                row[2 * j + 1] = reinterpret_cast<const float *>(&cells[j].im)[lane];
            }
        }
    }
}

WIDE void load_columns(const float *plane, long stride, long count, int width, Cell *cells) {
    for (long j = 0; j < count; j++, plane += stride) {
        float *re = reinterpret_cast<float *>(&cells[j].re), *im = reinterpret_cast<float *>(&cells[j].im);
        if (width == lines) {
            for (int lane = 0; lane < lines; lane++) {
                re[lane] = plane[2 * lane];
                im[lane] = plane[2 * lane + 1];
            }
        } else {
            for (int lane = 0; lane < lines; lane++) {
                re[lane] = lane < width ? plane[2 * lane] : 0;
                im[lane] = lane < width ? plane[2 * lane + 1] : 0;
            }
        }
    }
}

WIDE void store_columns(const Cell *cells, long count, int width, float *plane, long stride) {
    for (long j = 0; j < count; j++, plane += stride) {
        const float *re = reinterpret_cast<const float *>(&cells[j].re);
        const float *im = reinterpret_cast<const float *>(&cells[j].im);
        for (int lane = 0; lane < width; lane++) {
            plane[2 * lane] = re[lane];
            plane[2 * lane + 1] = im[lane];
        }
    }
}

WIDE void exchange(Cell *cells, long count) {
    for (long j = 0; j < count; j++) {
        Lines re = cells[j].re;
        cells[j].re = cells[j].im;
        cells[j].im = re;
    }
}

namespace {

INLINE void phases(double l, double m, double cell_rad, double w, double middle, float *sine, float *cosine) {
    for (int lane = 0; lane < lines; lane++) {
        double mm = m + lane * cell_rad, r2 = l * l + mm * mm;
        double below = r2 < 1 ? 1 - r2 : 0;
        double turns = w * (-r2 / (1 + std::sqrt(below)) - middle);
        sine_cosine((float)(turns - std::rint(turns)), sine + lane, cosine + lane);
    }
}

}  // namespace

WIDE void add_pixels(const Cell &cell, double l, double m, double cell_rad, double w, double middle, int width,
                     float *sums) {
    alignas(64) float sine[lines], cosine[lines], total[lines];
    phases(l, m, cell_rad, w, middle, sine, cosine);
    const float *re = reinterpret_cast<const float *>(&cell.re), *im = reinterpret_cast<const float *>(&cell.im);
    for (int lane = 0; lane < lines; lane++) total[lane] = re[lane] * cosine[lane] - im[lane] * sine[lane];
    for (int lane = 0; lane < width; lane++) sums[lane] += total[lane];
}

WIDE void take_pixels(const float *pixels, double l, double m, double cell_rad, double w, double middle, int width,
                      Cell *cell) {
    alignas(64) float sine[lines], cosine[lines], value[lines] = {};
    phases(l, m, cell_rad, w, middle, sine, cosine);
    for (int lane = 0; lane < width; lane++) value[lane] = pixels[lane];
    float *re = reinterpret_cast<float *>(&cell->re), *im = reinterpret_cast<float *>(&cell->im);
    for (int lane = 0; lane < lines; lane++) {
        re[lane] = value[lane] * cosine[lane];
        im[lane] = -value[lane] * sine[lane];
    }
}

}  // namespace gridder

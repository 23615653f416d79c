// Loops between planes, lines of the transform and images, compiled for each level of the processor.
#pragma once
#include "fft.hpp"

namespace gridder {

/// `count` complex numbers of each of 16 rows, `stride` floats apart, into cells.
void load_rows(const float *rows, long stride, long count, Cell *cells);
void store_rows(const Cell *cells, long count, float *rows, long stride);
/// One cell from or to up to 16 neighbouring complex numbers.
void load_columns(const float *plane, long stride, long count, int width, Cell *cells);
void store_columns(const Cell *cells, long count, int width, float *plane, long stride);
void exchange(Cell *cells, long count);

/// A line of 16 pixels along m at one l: sums += Re(cell * exp(2 pi i w (n - 1 - middle))); width of them are real.
void add_pixels(const Cell &cell, double l, double m, double cell_rad, double w, double middle, int width, float *sums);
/// cell = pixels * exp(-2 pi i w (n - 1 - middle)).
void take_pixels(const float *pixels, double l, double m, double cell_rad, double w, double middle, int width,
                 Cell *cell);

}  // namespace gridder

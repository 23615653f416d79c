// Fourier transforms of many lines at once: each lane of a vector is a line of its own.
#pragma once
#include <cstddef>
#include <vector>

namespace gridder {

constexpr int lines = 16;
typedef float Lines __attribute__((vector_size(lines * sizeof(float))));

/// One element of `lines` complex sequences.
struct Cell {
    Lines re, im;
};

/// Lengths are products of 2, 3 and 5.
class FFT {
public:
    explicit FFT(long length);
    long length() const { return length_; }
    /// exp(-2 pi i j k / n) sums of `data`; `spare` is as long. Returns where the result is: one of both.
    /// Exchange re and im of input and output for the other sign.
    Cell *forward(Cell *data, Cell *spare) const;

    struct Pass {
        long radix, rest;                // the length before the pass is radix * rest
        std::vector<float> twiddles;     // [rest][radix - 1][re, im]
    };

private:
    long length_;
    std::vector<Pass> passes_;
};

/// The next product of 2, 3 and 5 that is a multiple of `unit` and not below `least`.
long fast_length(long least, long unit);

}  // namespace gridder

// The gridding kernel exp(beta (sqrt(1 - x^2) - 1)) on |x| <= 1, its taps as polynomials and its Fourier transform.
#pragma once
#include <vector>

namespace gridder {

constexpr int taps_max = 8;
constexpr int terms_max = 16;

/// Taps as polynomials of z in [-1, 1], where z = 2 t - 1 and the first tap stands at t - support / 2 from the sample.
struct alignas(64) TapTable {
    int support, terms;
    float single[terms_max][taps_max];      // highest power first; taps beyond the support are 0
    float doubled[terms_max][2 * taps_max]; // each tap twice, for interleaved complex values
};

class Kernel {
public:
    Kernel(int support, double oversampling);
    /// Numerical Fourier transform at k turns per cell.
    double transform(double k) const;
    const TapTable &table() const { return table_; }

private:
    double value(double x) const;
    int support_;
    double beta_;
    std::vector<double> nodes_, weights_;
    TapTable table_;
};

}  // namespace gridder

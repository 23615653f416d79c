#include "kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace gridder {

namespace {

/// Nodes and weights of Gauss and Legendre's rule on [-1, 1], by Newton's method.
void gauss_legendre(int count, std::vector<double> &nodes, std::vector<double> &weights) {
    nodes.resize(count);
    weights.resize(count);
    for (int i = 0; i < count; i++) {
        double x = std::cos(M_PI * (i + 0.75) / (count + 0.5)), slope = 1;
        for (int step = 0; step < 100; step++) {
            double p0 = 1, p1 = x;
            for (int k = 2; k <= count; k++) {
                double p2 = ((2 * k - 1) * x * p1 - (k - 1) * p0) / k;
                p0 = p1;
                p1 = p2;
            }
            slope = count * (x * p1 - p0) / (x * x - 1);
            double change = p1 / slope;
            x -= change;
            if (std::fabs(change) < 1e-15) break;
        }
        nodes[i] = x;
        weights[i] = 2 / ((1 - x * x) * slope * slope);
    }
}

/// Power series, lowest first, of the polynomial through `values` at Chebyshev's nodes.
std::vector<double> power_series(const std::vector<double> &values) {
    int n = (int)values.size();
    std::vector<double> series(n, 0), before(n, 0), now(n, 0);
    before[0] = 1;  // T0
    if (n > 1) now[1] = 1;  // T1
    for (int k = 0; k < n; k++) {
        double c = 0;
        for (int j = 0; j < n; j++) c += values[j] * std::cos(M_PI * k * (j + 0.5) / n);
        c *= (k == 0 ? 1.0 : 2.0) / n;
        const std::vector<double> &t = k == 0 ? before : now;
        for (int i = 0; i < n; i++) series[i] += c * t[i];
        if (k == 0) continue;
        std::vector<double> next(n, 0);
        for (int i = 0; i < n; i++) next[i] = (i > 0 ? 2 * now[i - 1] : 0) - before[i];
        before = now;
        now = next;
    }
    return series;
}

}  // namespace

Kernel::Kernel(int support, double oversampling) : support_(support) {
    // Barnett, Magland & af Klinteberg 2019, section 4: just below the first zero's bound.
    beta_ = 0.976 * M_PI * support * (1 - 1 / (2 * oversampling));
    gauss_legendre(40 + 8 * support, nodes_, weights_);
    std::memset(&table_, 0, sizeof table_);
    table_.support = support;
    table_.terms = std::min(terms_max, support + 4);
    for (int tap = 0; tap < support; tap++) {
        std::vector<double> values(table_.terms);
        for (int j = 0; j < table_.terms; j++) {
            double t = (std::cos(M_PI * (j + 0.5) / table_.terms) + 1) / 2;
            values[j] = value(2 * (t + tap) / support - 1);
        }
        std::vector<double> series = power_series(values);
        for (int term = 0; term < table_.terms; term++) {
            float c = (float)series[table_.terms - 1 - term];
            table_.single[term][tap] = table_.doubled[term][2 * tap] = table_.doubled[term][2 * tap + 1] = c;
        }
    }
}

double Kernel::value(double x) const {
    return std::fabs(x) > 1 ? 0 : std::exp(beta_ * (std::sqrt((1 - x) * (1 + x)) - 1));
}

double Kernel::transform(double k) const {
    double sum = 0, half = support_ / 2.0;
    for (size_t i = 0; i < nodes_.size(); i++)
        sum += weights_[i] * value(nodes_[i]) * std::cos(2 * M_PI * k * half * nodes_[i]);
    return sum * half;
}

}  // namespace gridder

#include "radio_clean.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "dispatch.hpp"

namespace gridder {

/// Active pixels of one row of the image, side by side in the list.
struct ActiveRow {
    long first, end, y;
};

/// values -= amount * psf around the component, over the active pixels; returns the place of the new largest |value|.
WIDE long subtract_and_find(const ActiveRow *rows, long row_count, const int32_t *columns, float *values,
                            const float *psf, long width, long height, long x0, long y0, float amount) {
    long best = 0;
    float largest = -1;
    for (long r = 0; r < row_count; r++) {
        const ActiveRow &row = rows[r];
        const long py = row.y - y0 + height / 2;
        if (py >= 0 && py < height) {
            const float *line = psf + py * width;
            const long shift = width / 2 - x0;
            for (long i = row.first; i < row.end; i++) {
                long px = columns[i] + shift;
                bool is_inside = px >= 0 && px < width;
                values[i] -= is_inside ? amount * line[is_inside ? px : 0] : 0;
            }
        }
        float in_row = 0;
        for (long i = row.first; i < row.end; i++) in_row = std::max(in_row, std::fabs(values[i]));
        if (in_row > largest) {
            largest = in_row;
            for (best = row.first; std::fabs(values[best]) != in_row;) best++;
        }
    }
    return best;
}

}  // namespace gridder

int64_t radio_clean_minor(float *residual, const float *psf, float *model, const uint8_t *mask,
                          const radio_clean_settings *settings, float *peak, int *diverged) try {
    const long width = settings->width, height = settings->height, border = settings->border;
    std::vector<gridder::ActiveRow> rows;
    std::vector<int32_t> columns;
    std::vector<float> values;
    *diverged = 0;
    for (long y = border; y < height - border; y++) {
        long first = (long)values.size();
        for (long x = border; x < width - border; x++) {
            long at = y * width + x;
            if ((!mask || mask[at]) && std::fabs(residual[at]) >= settings->stop_jy) {
                columns.push_back((int32_t)x);
                values.push_back(residual[at]);
            }
        }
        if ((long)values.size() > first) rows.push_back({first, (long)values.size(), y});
    }
    *peak = 0;
    if (values.empty()) return 0;
    std::vector<int32_t> row_of(values.size());
    for (size_t r = 0; r < rows.size(); r++)
        for (long i = rows[r].first; i < rows[r].end; i++) row_of[i] = (int32_t)rows[r].y;
    auto next = [&](long x, long y, float amount) {
        return gridder::subtract_and_find(rows.data(), (long)rows.size(), columns.data(), values.data(), psf, width,
                                          height, x, y, amount);
    };
    long at = next(0, 0, 0);
    const float limit = settings->divergence * std::fabs(values[at]);
    int64_t done = 0;
    for (; done < settings->iterations_max && std::fabs(values[at]) > settings->stop_jy; done++) {
        if (std::fabs(values[at]) > limit) {
            *diverged = 1;
            break;
        }
        float amount = settings->gain * values[at];
        model[(long)row_of[at] * width + columns[at]] += amount;
        at = next(columns[at], row_of[at], amount);
    }
    for (size_t i = 0; i < values.size(); i++) residual[(long)row_of[i] * width + columns[i]] = values[i];
    *peak = std::fabs(values[at]);
    return done;
} catch (const std::bad_alloc &) {
    return -1;
}

float radio_clean_peak(const float *image, const uint8_t *mask, int32_t width, int32_t height, int32_t border) {
    float peak = 0;
    for (long y = border; y < height - border; y++)
        for (long x = border; x < width - border; x++) {
            long at = y * width + x;
            float value = std::fabs(image[at]);
            if (value > peak && (!mask || mask[at])) peak = value;
        }
    return peak;
}

double radio_clean_noise(const float *image, int64_t count) try {
    std::vector<float> values;
    values.reserve(count);
    for (int64_t i = 0; i < count; i++)
        if (std::isfinite(image[i])) values.push_back(image[i]);
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    auto middle = values.begin() + values.size() / 2;
    std::nth_element(values.begin(), middle, values.end());
    const float median = *middle;
    for (float &value : values) value = std::fabs(value - median);
    std::nth_element(values.begin(), middle, values.end());
    return 1.4826 * *middle;
} catch (const std::bad_alloc &) {
    return std::numeric_limits<double>::quiet_NaN();
}

namespace {

/// The Gaussian exp(-(a e^2 + 2 b e n + c n^2)) with e, n pixels to the east and north.
struct Form {
    double a, b, c;
};

/// The smaller eigenvalue: along the major axis.
double lowest(const Form &form) { return (form.a + form.c) / 2 - std::hypot((form.a - form.c) / 2, form.b); }

/// Solves the 3 x 3 system in place; false when it is singular.
bool solve(double m[3][4]) {
    for (int i = 0; i < 3; i++) {
        int pivot = i;
        for (int r = i + 1; r < 3; r++)
            if (std::fabs(m[r][i]) > std::fabs(m[pivot][i])) pivot = r;
        if (std::fabs(m[pivot][i]) < 1e-300) return false;
        for (int k = 0; k < 4; k++) std::swap(m[i][k], m[pivot][k]);
        for (int r = 0; r < 3; r++) {
            if (r == i) continue;
            double f = m[r][i] / m[i][i];
            for (int k = i; k < 4; k++) m[r][k] -= f * m[i][k];
        }
    }
    return true;
}

/// Gauss and Newton's steps with Levenberg and Marquardt's damping over the given pixels.
bool refine(const std::vector<std::array<double, 3>> &pixels, Form &form) {
    auto misfit = [&](const Form &f) {
        double sum = 0;
        for (const auto &p : pixels) {
            double d = p[2] - std::exp(-(f.a * p[0] * p[0] + 2 * f.b * p[0] * p[1] + f.c * p[1] * p[1]));
            sum += d * d;
        }
        return sum;
    };
    double damping = 1e-3, now = misfit(form);
    for (int step = 0; step < 100; step++) {
        double m[3][4] = {};
        for (const auto &p : pixels) {
            double shape[3] = {p[0] * p[0], 2 * p[0] * p[1], p[1] * p[1]};
            double value = std::exp(-(form.a * shape[0] + form.b * shape[1] + form.c * shape[2]));
            for (int i = 0; i < 3; i++) {
                for (int k = 0; k < 3; k++) m[i][k] += shape[i] * shape[k] * value * value;
                m[i][3] += -shape[i] * value * (p[2] - value);
            }
        }
        for (int i = 0; i < 3; i++) m[i][i] *= 1 + damping;
        if (!solve(m)) return false;
        Form tried{form.a + m[0][3] / m[0][0], form.b + m[1][3] / m[1][1], form.c + m[2][3] / m[2][2]};
        double then = misfit(tried);
        if (then <= now) {
            bool is_done = now - then <= 1e-12 * now;
            form = tried;
            now = then;
            damping /= 10;
            if (is_done) break;
        } else if ((damping *= 10) > 1e12) {
            break;
        }
    }
    return form.a > 0 && form.c > 0 && form.a * form.c > form.b * form.b;
}

}  // namespace

int radio_clean_fit_beam(const float *psf, int32_t width, int32_t height, double *major, double *minor,
                         double *angle) try {
    const long cx = width / 2, cy = height / 2;
    const float level = 0.3f;  // above the first sidelobes of any sensible array, below half
    if (!(psf[cy * width + cx] > level)) return -1;
    // The lobe: pixels above the level that hang together with the centre.
    std::vector<std::array<double, 3>> pixels;
    std::vector<std::pair<long, long>> open{{cx, cy}};
    std::vector<uint8_t> seen((size_t)width * height, 0);
    seen[cy * width + cx] = 1;
    while (!open.empty()) {
        auto [x, y] = open.back();
        open.pop_back();
        pixels.push_back({(double)(cx - x), (double)(y - cy), psf[y * width + x]});
        for (auto [dx, dy] : {std::pair<long, long>{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
            long nx = x + dx, ny = y + dy;
            if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
            long at = ny * width + nx;
            // A lobe as narrow as a pixel still has its neighbours.
            bool is_near = std::labs(nx - cx) <= 1 && std::labs(ny - cy) <= 1;
            if (!seen[at] && (psf[at] > level || is_near)) {
                seen[at] = 1;
                open.push_back({nx, ny});
            }
        }
    }
    // The start: a circle of the lobe's area at the level.
    double radius2 = pixels.size() / M_PI, start = -std::log(level) / radius2;
    Form form{start, 0, start};
    Form lobe = form;
    if (refine(pixels, lobe)) form = lobe;
    lobe = form;
    // Then all pixels of a box of ten widths, as WSClean fits: the same beam whichever program images.
    for (int attempt = 0; attempt < 10; attempt++) {
        const double widest = 2 * std::sqrt(std::log(2.0) / lowest(form));
        long box = std::max(10L, (long)std::ceil(10 * widest));
        box += box % 2;
        const long box_width = std::min(box, (long)width), box_height = std::min(box, (long)height);
        pixels.clear();
        for (long y = cy - box_height / 2; y < cy - box_height / 2 + box_height; y++)
            for (long x = cx - box_width / 2; x < cx - box_width / 2 + box_width; x++)
                pixels.push_back({(double)(cx - x), (double)(y - cy), psf[y * width + x]});
        if (!refine(pixels, form) || lowest(form) * 100 < lowest(lobe)) {
            // Sidelobes as high as those of a few antennas draw the fit away from the lobe.
            form = lobe;
            break;
        }
        const double fitted = 2 * std::sqrt(std::log(2.0) / lowest(form));
        if (8 * fitted < box_width || box_width == width) break;
    }
    double mean = (form.a + form.c) / 2, spread = std::hypot((form.a - form.c) / 2, form.b);
    *major = 2 * std::sqrt(std::log(2.0) / (mean - spread));
    *minor = 2 * std::sqrt(std::log(2.0) / (mean + spread));
    // The major axis is where the form is smallest: direction (sin angle, cos angle) in (east, north).
    *angle = 0.5 * std::atan2(-2 * form.b, form.a - form.c);
    return 0;
} catch (const std::bad_alloc &) {
    return -1;
}

void radio_clean_restore(const float *model, int32_t width, int32_t height, double major, double minor, double angle,
                         float *image) {
    const double k = 4 * std::log(2.0), s = std::sin(angle), c = std::cos(angle);
    const long reach = (long)std::ceil(2.2 * major) + 1;  // the Gaussian is below 2e-6 there
    std::vector<float> stamp((2 * reach + 1) * (2 * reach + 1));
    for (long y = -reach; y <= reach; y++)
        for (long x = -reach; x <= reach; x++) {
            double along = -x * s + y * c, across = -x * c - y * s;
            stamp[(y + reach) * (2 * reach + 1) + x + reach] =
                (float)std::exp(-k * (along * along / (major * major) + across * across / (minor * minor)));
        }
    for (long y = 0; y < height; y++)
        for (long x = 0; x < width; x++) {
            float flux = model[y * width + x];
            if (flux == 0) continue;
            long x_first = std::max(0L, x - reach), x_last = std::min((long)width - 1, x + reach);
            for (long row = std::max(0L, y - reach); row <= std::min((long)height - 1, y + reach); row++) {
                const float *from = stamp.data() + (row - y + reach) * (2 * reach + 1) + reach - x;
                for (long column = x_first; column <= x_last; column++)
                    image[row * width + column] += flux * from[column];
            }
        }
}

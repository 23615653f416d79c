#include "fft.hpp"

#include <cmath>

#include "dispatch.hpp"

// Stockham's autosorting decimation in frequency: every pass reads one buffer and writes the other in order.
namespace gridder {

namespace {

INLINE void turned(Cell &to, const Lines &re, const Lines &im, const float *w) {
    to.re = re * w[0] - im * w[1];
    to.im = re * w[1] + im * w[0];
}

INLINE void pass2(const Cell *x, Cell *y, long rest, long stride, const float *twiddles) {
    for (long p = 0; p < rest; p++, twiddles += 2)
        for (long q = 0; q < stride; q++) {
            const Cell &a = x[q + stride * p], &b = x[q + stride * (p + rest)];
            Cell *to = y + q + stride * 2 * p;
            to[0].re = a.re + b.re;
            to[0].im = a.im + b.im;
            turned(to[stride], a.re - b.re, a.im - b.im, twiddles);
        }
}

INLINE void pass3(const Cell *x, Cell *y, long rest, long stride, const float *twiddles) {
    const float half_root3 = 0.86602540378443864676f;
    for (long p = 0; p < rest; p++, twiddles += 4)
        for (long q = 0; q < stride; q++) {
            const Cell &a = x[q + stride * p], &b = x[q + stride * (p + rest)], &c = x[q + stride * (p + 2 * rest)];
            Cell *to = y + q + stride * 3 * p;
            Lines sum_re = b.re + c.re, sum_im = b.im + c.im;
            Lines cross_re = (b.im - c.im) * half_root3, cross_im = (c.re - b.re) * half_root3;
            Lines mid_re = a.re - 0.5f * sum_re, mid_im = a.im - 0.5f * sum_im;
            to[0].re = a.re + sum_re;
            to[0].im = a.im + sum_im;
            turned(to[stride], mid_re + cross_re, mid_im + cross_im, twiddles);
            turned(to[2 * stride], mid_re - cross_re, mid_im - cross_im, twiddles + 2);
        }
}

INLINE void pass4(const Cell *x, Cell *y, long rest, long stride, const float *twiddles) {
    for (long p = 0; p < rest; p++, twiddles += 6)
        for (long q = 0; q < stride; q++) {
            const Cell &a = x[q + stride * p], &b = x[q + stride * (p + rest)];
            const Cell &c = x[q + stride * (p + 2 * rest)], &d = x[q + stride * (p + 3 * rest)];
            Cell *to = y + q + stride * 4 * p;
            Lines even_re = a.re + c.re, even_im = a.im + c.im, odd_re = b.re + d.re, odd_im = b.im + d.im;
            Lines diff_re = a.re - c.re, diff_im = a.im - c.im;
            Lines turn_re = b.im - d.im, turn_im = d.re - b.re;
            to[0].re = even_re + odd_re;
            to[0].im = even_im + odd_im;
            turned(to[stride], diff_re + turn_re, diff_im + turn_im, twiddles);
            turned(to[2 * stride], even_re - odd_re, even_im - odd_im, twiddles + 2);
            turned(to[3 * stride], diff_re - turn_re, diff_im - turn_im, twiddles + 4);
        }
}

INLINE void pass5(const Cell *x, Cell *y, long rest, long stride, const float *twiddles) {
    const float c1 = 0.30901699437494742410f, c2 = -0.80901699437494742410f;
    const float s1 = 0.95105651629515357212f, s2 = 0.58778525229247312917f;
    for (long p = 0; p < rest; p++, twiddles += 8)
        for (long q = 0; q < stride; q++) {
            const Cell *in = x + q + stride * p;
            const Cell &a = in[0], &b = in[stride * rest], &c = in[2 * stride * rest], &d = in[3 * stride * rest];
            const Cell &e = in[4 * stride * rest];
            Cell *to = y + q + stride * 5 * p;
            Lines p1r = b.re + e.re, p1i = b.im + e.im, m1r = b.re - e.re, m1i = b.im - e.im;
            Lines p2r = c.re + d.re, p2i = c.im + d.im, m2r = c.re - d.re, m2i = c.im - d.im;
            to[0].re = a.re + p1r + p2r;
            to[0].im = a.im + p1i + p2i;
            Lines u1r = a.re + c1 * p1r + c2 * p2r, u1i = a.im + c1 * p1i + c2 * p2i;
            Lines u2r = a.re + c2 * p1r + c1 * p2r, u2i = a.im + c2 * p1i + c1 * p2i;
            Lines v1r = s1 * m1r + s2 * m2r, v1i = s1 * m1i + s2 * m2i;
            Lines v2r = s2 * m1r - s1 * m2r, v2i = s2 * m1i - s1 * m2i;
            turned(to[stride], u1r + v1i, u1i - v1r, twiddles);
            turned(to[2 * stride], u2r + v2i, u2i - v2r, twiddles + 2);
            turned(to[3 * stride], u2r - v2i, u2i + v2r, twiddles + 4);
            turned(to[4 * stride], u1r - v1i, u1i + v1r, twiddles + 6);
        }
}

}  // namespace

WIDE Cell *transform(const FFT::Pass *passes, long count, Cell *data, Cell *spare) {
    long stride = 1;
    for (long index = 0; index < count; index++) {
        const FFT::Pass &pass = passes[index];
        const float *twiddles = pass.twiddles.data();
        switch (pass.radix) {
        case 2: pass2(data, spare, pass.rest, stride, twiddles); break;
        case 3: pass3(data, spare, pass.rest, stride, twiddles); break;
        case 4: pass4(data, spare, pass.rest, stride, twiddles); break;
        default: pass5(data, spare, pass.rest, stride, twiddles); break;
        }
        stride *= pass.radix;
        Cell *swapped = data;
        data = spare;
        spare = swapped;
    }
    return data;
}

Cell *FFT::forward(Cell *data, Cell *spare) const {
    return transform(passes_.data(), (long)passes_.size(), data, spare);
}

FFT::FFT(long length) : length_(length) {
    long rest = length;
    for (long radix : {4L, 2L, 3L, 5L})
        while (rest % radix == 0) {
            Pass pass{radix, rest / radix, {}};
            for (long p = 0; p < pass.rest; p++)
                for (long k = 1; k < radix; k++) {
                    double angle = -2 * M_PI * (double)(p * k) / (double)rest;
                    pass.twiddles.push_back((float)std::cos(angle));
                    pass.twiddles.push_back((float)std::sin(angle));
                }
            passes_.push_back(pass);
            rest /= radix;
        }
}

long fast_length(long least, long unit) {
    for (long length = (least + unit - 1) / unit * unit;; length += unit) {
        long rest = length;
        for (long factor : {2L, 3L, 5L})
            while (rest % factor == 0) rest /= factor;
        if (rest == 1) return length;
    }
}

}  // namespace gridder

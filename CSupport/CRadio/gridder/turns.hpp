#pragma once
#include "dispatch.hpp"

/// sin and cos of 2 pi x for |x| <= 1/2: Taylor series on a quarter turn, folded; error below 2e-7.
INLINE void sine_cosine(float x, float *sine, float *cosine) {
    float folded = x > 0.25f ? 0.5f - x : (x < -0.25f ? -0.5f - x : x);
    float sign = x > 0.25f || x < -0.25f ? -1.0f : 1.0f;
    float y = folded * 6.2831853071795864769f;
    float z = y * y;
    *sine = y * (1.0f + z * (-1.6666667163e-1f + z * (8.3333337680e-3f + z * (-1.9841270114e-4f
            + z * (2.7557314297e-6f + z * -2.5050759689e-8f)))));
    *cosine = sign * (1.0f + z * (-0.5f + z * (4.1666667908e-2f + z * (-1.3888889225e-3f + z * (2.4801587642e-5f
              + z * (-2.7557314297e-7f + z * 2.0875723372e-9f))))));
}

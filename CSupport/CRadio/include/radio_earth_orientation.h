// A shipped table of Earth orientation: nothing is downloaded at run time.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t ut1_minus_utc_10us;
    int16_t polar_x_100uas;
    int16_t polar_y_100uas;
} radio_earth_orientation;

extern const double radio_earth_orientation_first_mjd;
extern const double radio_earth_orientation_step_days;
extern const int radio_earth_orientation_count;
// Row `index` of the table, 0 ... count - 1.
radio_earth_orientation radio_earth_orientation_row(int index);

#ifdef __cplusplus
}
#endif

// Calibration tables in CASA's layout (NewCalTable), so that CASA's own tools read what we solve and we read theirs.
//
// The calling rules are those of radio_ms.h: 0 or -1, radio_ms_error() has the reason, one thread at a time.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a table holds. Every row is one antenna's solution in one window at one time; its cells are
// [channel][polarisation], the polarisation running fastest.
typedef struct radio_caltable_plan {
    const char *path;     // nothing may exist here
    const char *ms_path;  // ANTENNA, FIELD, OBSERVATION and SPECTRAL_WINDOW are copied from it
    const char *vis_cal;  // "K Jones", "B Jones", "G Jones"
    const char *pol_basis;  // "linear" or "circular"
    const char *history;
    int32_t polarization_count;

    int32_t window_count;  // as many as the Measurement Set has
    const int32_t *channel_counts;
    const double *const *frequencies_hz;  // [window] -> [channel]
    const double *const *widths_hz;
    const double *reference_frequencies_hz;  // [window]; the frequency that delays are about

    int64_t row_count;
    const double *times_s;  // MJD UTC
    const double *intervals_s;
    const int32_t *windows;
    const int32_t *antennas;
    const int32_t *reference_antennas;
    int32_t field;
    int32_t scan;
} radio_caltable_plan;

// One row's cells. `gains`: channel_count * polarization_count complex numbers (two floats); where delays are written
// (K), only the real part counts and is in nanoseconds.
typedef struct radio_caltable_cells {
    const float *gains;
    const float *errors;
    const uint8_t *flags;
    const float *snr;
} radio_caltable_cells;

int radio_caltable_write(const radio_caltable_plan *plan, const radio_caltable_cells *rows);

typedef struct radio_caltable radio_caltable;

int radio_caltable_open(const char *path, radio_caltable **out);
void radio_caltable_close(radio_caltable *table);

typedef struct radio_caltable_summary {
    const char *vis_cal;  // lives as long as the table
    int64_t rows;
    int32_t windows;
    int32_t antennas;
} radio_caltable_summary;

int radio_caltable_summarize(radio_caltable *table, radio_caltable_summary *out);

// The name lives until the next call.
int radio_caltable_antenna(radio_caltable *table, int32_t index, const char **name);

// Room for `room` channels; *channels says how many there are. The reference frequency is what delays are about.
int radio_caltable_window(radio_caltable *table, int32_t index, int32_t room, int32_t *channels,
                          double *reference_frequency_hz, double *frequencies_hz, double *widths_hz);

typedef struct radio_caltable_row {
    double time_s;
    double interval_s;
    int32_t window;
    int32_t antenna;
    int32_t reference_antenna;
    int32_t channels;
    int32_t polarizations;
} radio_caltable_row;

int radio_caltable_get_row(radio_caltable *table, int64_t row, radio_caltable_row *out);
// Arrays of channels * polarizations, gains complex; delays come as (nanoseconds, 0). snr and errors may be NULL.
int radio_caltable_get_cells(radio_caltable *table, int64_t row, float *gains, float *errors, uint8_t *flags,
                             float *snr);

#ifdef __cplusplus
}
#endif

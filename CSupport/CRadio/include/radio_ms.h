// Measurement Sets (version 2) over casacore, as plain C: no C++ type and no exception crosses this header.
//
// A call that can fail returns 0 for success and -1 for failure; radio_ms_error() then says why, in words that a
// person can read, for the calling thread. casacore's tables are not thread-safe: at most one thread of a process may
// be inside these functions at a time. Bulk data therefore has a second way in and out: radio_ms_layout() tells where
// a column lies as one flat array in one file, and any number of threads may pread and pwrite there.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct radio_ms radio_ms;

// The calling thread's last failure; never NULL.
const char *radio_ms_error(void);

// What a new Measurement Set describes. Every window has the same number of channels.
typedef struct radio_ms_plan {
    const char *path;
    int64_t row_count;

    const char *telescope_name;
    const char *observer;
    const char *project;
    double array_position_m[3];        // ITRF
    double time_range_s[2];            // MJD UTC, seconds

    int32_t antenna_count;
    const char *const *antenna_names;
    const char *const *station_names;
    const double *antenna_positions_m; // [antenna][3], ITRF
    const double *dish_diameters_m;    // [antenna]
    const char *mount;                 // as in the ANTENNA subtable: "alt-az"

    int32_t window_count;
    int32_t channel_count;
    const double *frequencies_hz;      // [window][channel], ascending
    const double *channel_widths_hz;   // [window][channel], positive

    int32_t polarization_count;
    const int32_t *correlation_types;  // casacore's Stokes numbers: XX 9, XY 10, YX 11, YY 12

    int32_t field_count;
    const char *const *field_names;
    const double *field_directions_rad; // [field][2], ICRS right ascension and declination
    const double *field_times_s;        // [field], MJD UTC, seconds

    const char *history_application;
    const char *history_message;
} radio_ms_plan;

// Creates the main table and its subtables with `row_count` rows. Bulk columns are zero; the caller writes TIME,
// TIME_CENTROID, INTERVAL, EXPOSURE, DATA_DESC_ID, FIELD_ID and SCAN_NUMBER (runs) and ANTENNA1, ANTENNA2.
// The handle is open for writing. Nothing may exist at `path`.
int radio_ms_create(const radio_ms_plan *plan, radio_ms **out);

int radio_ms_open(const char *path, bool writable, radio_ms **out);

// Writes everything back and frees the handle, also when it fails.
int radio_ms_close(radio_ms *ms);

int radio_ms_flush(radio_ms *ms);

typedef struct radio_ms_counts {
    int64_t rows;
    int32_t antennas;
    int32_t windows;
    int32_t fields;
    int32_t data_descriptions;
} radio_ms_counts;

int radio_ms_count(radio_ms *ms, radio_ms_counts *out);

// Strings live until the handle is closed or the same function is called again.
typedef struct radio_ms_antenna {
    const char *name;
    const char *station;
    double position_m[3];
    double dish_diameter_m;
} radio_ms_antenna;

int radio_ms_get_antenna(radio_ms *ms, int32_t index, radio_ms_antenna *out);

typedef struct radio_ms_field {
    const char *name;
    double direction_rad[2];  // the phase centre, ICRS whatever frame the table holds
} radio_ms_field;

int radio_ms_get_field(radio_ms *ms, int32_t index, radio_ms_field *out);

typedef struct radio_ms_window {
    const char *name;
    int32_t channel_count;
    double reference_frequency_hz;
} radio_ms_window;

int radio_ms_get_window(radio_ms *ms, int32_t index, radio_ms_window *out);
// Both arrays have room for `channel_count` doubles.
int radio_ms_get_channels(radio_ms *ms, int32_t index, double *frequencies_hz, double *widths_hz);

typedef struct radio_ms_description {
    int32_t window;
    int32_t correlation_count;
    int32_t correlation_types[4];
} radio_ms_description;

int radio_ms_get_description(radio_ms *ms, int32_t index, radio_ms_description *out);

typedef struct radio_ms_observation {
    const char *telescope_name;
    double time_range_s[2];
} radio_ms_observation;

int radio_ms_get_observation(radio_ms *ms, radio_ms_observation *out);

typedef enum radio_ms_element {
    RADIO_MS_OTHER = 0,
    RADIO_MS_BOOL,       // one byte
    RADIO_MS_INT32,
    RADIO_MS_FLOAT32,
    RADIO_MS_FLOAT64,
    RADIO_MS_COMPLEX64,  // two floats
} radio_ms_element;

// One column of the main table.
typedef struct radio_ms_layout {
    radio_ms_element element;
    int64_t elements_per_row;  // of row 0; -1 where it is undefined
    int32_t dimensions;
    int64_t shape[4];          // fastest axis first: (polarisation, channel)
    // Not "": the whole column is one C-order array [row][...fastest axis last] in this file, little-endian; a Bool
    // column is packed eight to a byte, lowest bit first.
    char flat_file[4096];
} radio_ms_layout;

int radio_ms_has_column(radio_ms *ms, const char *column, bool *out);
int radio_ms_get_layout(radio_ms *ms, const char *column, radio_ms_layout *out);

// Rows [first, first + count) of a column to or from `values`, [row][...fastest axis last], elements as in its layout.
int radio_ms_read(radio_ms *ms, const char *column, int64_t first, int64_t count, void *values, int64_t bytes);
int radio_ms_write(radio_ms *ms, const char *column, int64_t first, int64_t count, const void *values, int64_t bytes);

// As radio_ms_write for a scalar column in which a value stands for the rows after it too: writes only the first row
// and the rows that differ from the one before. Rows must be written in ascending order.
int radio_ms_write_runs(
    radio_ms *ms, const char *column, int64_t first, int64_t count, const void *values, int64_t bytes);

// Adds a visibility column shaped and stored like DATA (CORRECTED_DATA, MODEL_DATA); does nothing where it exists.
int radio_ms_add_visibilities(radio_ms *ms, const char *column);

// Adds SIGMA_SPECTRUM, floats shaped like DATA; does nothing where it exists.
int radio_ms_add_sigma_spectrum(radio_ms *ms);

int radio_ms_add_history(radio_ms *ms, const char *application, const char *message, double time_s);

#ifdef __cplusplus
}
#endif

// The inner loop of the conversion from UVH5 to a Measurement Set. May be called from any number of threads.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Some rows of one sub-band. In: file order, [row][channel][polarisation], pyuvdata's sign. Out: ascending channels,
// the Measurement Set's order of polarisations and its sign (the complex conjugate).
typedef struct radio_convert_block {
    int64_t rows;
    int32_t channels;
    int32_t polarizations;
    bool reverse_channels;
    const int32_t *polarization_source;          // [out] -> in
    const int32_t *polarization_source_swapped;  // the same for rows whose antennas change places

    const float *visibilities;  // real, imaginary
    const uint8_t *flags;
    const float *samples;

    // [row]; antennas as they stand in the Measurement Set
    const int32_t *antenna1;
    const int32_t *antenna2;
    const uint8_t *swapped;      // 1: the file has the antennas the other way round
    const int32_t *integration;  // index into `phasors`
    // [integration][antenna][out channel], real and imaginary: exp(2 pi i delta nu / c), delta being the metres by
    // which the antenna's w grows with the new phase centre. NULL: the phase centre stays.
    const float *phasors;
    int32_t antennas;

    float *data;             // real, imaginary
    uint8_t *out_flags;      // one byte each
    float *weight_spectrum;
    float *weight;           // [row][polarisation]: the median of the row's channels
    float *sigma;            // [row][polarisation]: weight^-0.5, -1 where there is no weight
} radio_convert_block;

typedef struct radio_convert_counts {
    int64_t flagged;     // of the values written
    int64_t not_finite;  // visibilities or weights that are no numbers, or negative weights: flagged, and made 0
} radio_convert_counts;

radio_convert_counts radio_convert(const radio_convert_block *block);

#ifdef __cplusplus
}
#endif

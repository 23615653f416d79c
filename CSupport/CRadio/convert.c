#include "radio_convert.h"

#include <math.h>
#include <string.h>

enum { channels_on_stack = 4096 };

static float median(const float *values, int32_t count, int32_t stride) {
    bool equal = true;
    for (int32_t index = 1; index < count; index++) {
        if (values[(int64_t)index * stride] != values[0]) {
            equal = false;
            break;
        }
    }
    if (equal || count > channels_on_stack) { return values[0]; }
    // Few values, mostly in order already: insertion is quicker than anything clever.
    float sorted[channels_on_stack];
    for (int32_t index = 0; index < count; index++) {
        const float value = values[(int64_t)index * stride];
        int32_t place = index;
        for (; place > 0 && sorted[place - 1] > value; place--) { sorted[place] = sorted[place - 1]; }
        sorted[place] = value;
    }
    return count % 2 ? sorted[count / 2] : 0.5F * (sorted[count / 2 - 1] + sorted[count / 2]);
}

// One row: order, sign, flags and weights. Returns how many values are no numbers.
static int64_t scatter(const radio_convert_block *block, int64_t row, float *data, uint8_t *flags, float *weights) {
    const int32_t channels = block->channels;
    const int32_t polarizations = block->polarizations;
    const int64_t cell = (int64_t)channels * polarizations;
    const float *visibilities = block->visibilities + 2 * row * cell;
    const uint8_t *in_flags = block->flags + row * cell;
    const float *samples = block->samples + row * cell;
    const bool swapped = block->swapped[row];
    const int32_t *source = swapped ? block->polarization_source_swapped : block->polarization_source;
    // The conjugate once for the convention, once more when the antennas change places.
    const float sign = swapped ? 1.0F : -1.0F;
    int64_t not_finite = 0;
    for (int32_t channel = 0; channel < channels; channel++) {
        const int64_t in_channel = block->reverse_channels ? channels - 1 - channel : channel;
        for (int32_t polarization = 0; polarization < polarizations; polarization++) {
            const int64_t in = in_channel * polarizations + source[polarization];
            const int64_t out = (int64_t)channel * polarizations + polarization;
            float real = visibilities[2 * in];
            float imaginary = sign * visibilities[2 * in + 1];
            float weight = samples[in];
            uint8_t flag = in_flags[in] != 0;
            if (!(isfinite(real) && isfinite(imaginary) && weight >= 0 && isfinite(weight))) {
                real = 0;
                imaginary = 0;
                weight = 0;
                flag = 1;
                not_finite++;
            }
            data[2 * out] = real;
            data[2 * out + 1] = imaginary;
            weights[out] = weight;
            flags[out] = flag;
        }
    }
    return not_finite;
}

// Turns one row to the new phase centre.
static void rotate(const radio_convert_block *block, int64_t row, float *data) {
    const int32_t channels = block->channels;
    const int32_t polarizations = block->polarizations;
    const float *integration = block->phasors + 2 * (int64_t)block->integration[row] * block->antennas * channels;
    const float *first = integration + 2 * (int64_t)block->antenna1[row] * channels;
    const float *second = integration + 2 * (int64_t)block->antenna2[row] * channels;
    for (int32_t channel = 0; channel < channels; channel++) {
        const float a = first[2 * channel], b = first[2 * channel + 1];
        const float c = second[2 * channel], d = second[2 * channel + 1];
        const float real = c * a + d * b;
        const float imaginary = d * a - c * b;
        float *value = data + 2 * (int64_t)channel * polarizations;
        for (int32_t polarization = 0; polarization < polarizations; polarization++) {
            const float x = value[2 * polarization], y = value[2 * polarization + 1];
            value[2 * polarization] = x * real - y * imaginary;
            value[2 * polarization + 1] = x * imaginary + y * real;
        }
    }
}

radio_convert_counts radio_convert(const radio_convert_block *block) {
    radio_convert_counts counts = {0, 0};
    const int64_t cell = (int64_t)block->channels * block->polarizations;
    for (int64_t row = 0; row < block->rows; row++) {
        float *data = block->data + 2 * row * cell;
        uint8_t *flags = block->out_flags + row * cell;
        float *weights = block->weight_spectrum + row * cell;
        counts.not_finite += scatter(block, row, data, flags, weights);
        if (block->phasors && block->antenna1[row] != block->antenna2[row]) { rotate(block, row, data); }
        int64_t flagged = 0;
        for (int64_t index = 0; index < cell; index++) { flagged += flags[index]; }
        counts.flagged += flagged;
        for (int32_t polarization = 0; polarization < block->polarizations; polarization++) {
            const float weight = median(weights + polarization, block->channels, block->polarizations);
            block->weight[row * block->polarizations + polarization] = weight;
            block->sigma[row * block->polarizations + polarization] = weight > 0 ? 1.0F / sqrtf(weight) : -1.0F;
        }
    }
    return counts;
}

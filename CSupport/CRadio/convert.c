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

// MARK: Two polarisations in the file's order: nearly every row of this telescope

typedef float pair_values __attribute__((vector_size(16)));  // two polarisations, real and imaginary
typedef uint32_t pair_bits __attribute__((vector_size(16)));

// Whether all are finite, and no weight is negative.
static bool is_plain(const float *visibilities, const float *samples, int32_t channels) {
    const pair_bits exponent = {0x7f800000U, 0x7f800000U, 0x7f800000U, 0x7f800000U};
    const pair_values zero = {0, 0, 0, 0};
    pair_bits wrong = {0, 0, 0, 0};
    for (int32_t channel = 0; channel < channels; channel++) {
        pair_bits bits;
        memcpy(&bits, visibilities + 4 * channel, sizeof bits);
        wrong |= (pair_bits)((bits & exponent) == exponent);
    }
    for (int32_t channel = 0; channel + 2 <= channels; channel += 2) {
        pair_values weights;
        memcpy(&weights, samples + 2 * channel, sizeof weights);
        wrong |= (pair_bits)(((pair_bits)weights & exponent) == exponent) | (pair_bits)(weights < zero);
    }
    if (channels % 2) {
        for (int32_t index = 2 * channels - 2; index < 2 * channels; index++) {
            if (!(samples[index] >= 0 && isfinite(samples[index]))) { return false; }
        }
    }
    return (wrong[0] | wrong[1] | wrong[2] | wrong[3]) == 0;
}

static bool are_equal(const float *values, int32_t count) {
    uint32_t first, difference = 0;
    memcpy(&first, values, sizeof first);
    for (int32_t index = 0; index < count; index++) {
        uint32_t bits;
        memcpy(&bits, values + index, sizeof bits);
        difference |= bits ^ first;
    }
    return difference == 0;
}

// Signs, order and the turn to the new phase centre in one pass: two polarisations are one register.
static void move_pairs(const radio_convert_block *block, int64_t row, const float *in, float *data) {
    const int32_t channels = block->channels;
    const float sign = block->swapped[row] ? 1.0F : -1.0F;
    const pair_values signs = {1, sign, 1, sign};
    const int64_t start = block->reverse_channels ? 4 * (int64_t)(channels - 1) : 0;
    const int64_t step = block->reverse_channels ? -4 : 4;
    if (!block->phasors || block->antenna1[row] == block->antenna2[row]) {
        for (int32_t channel = 0; channel < channels; channel++) {
            pair_values value;
            memcpy(&value, in + start + step * channel, sizeof value);
            value *= signs;
            memcpy(data + 4 * (int64_t)channel, &value, sizeof value);
        }
        return;
    }
    const float *integration = block->phasors + 2 * (int64_t)block->integration[row] * block->antennas * channels;
    const float *first = integration + 2 * (int64_t)block->antenna1[row] * channels;
    const float *second = integration + 2 * (int64_t)block->antenna2[row] * channels;
    for (int32_t channel = 0; channel < channels; channel++) {
        const float a = first[2 * channel], b = first[2 * channel + 1];
        const float c = second[2 * channel], d = second[2 * channel + 1];
        const float real = c * a + d * b;
        const float imaginary = d * a - c * b;
        pair_values value;
        memcpy(&value, in + start + step * channel, sizeof value);
        value *= signs;
        const pair_values crossed = __builtin_shufflevector(value, value, 1, 0, 3, 2);
        const pair_values turn = {-imaginary, imaginary, -imaginary, imaginary};
        value = value * real + crossed * turn;
        memcpy(data + 4 * (int64_t)channel, &value, sizeof value);
    }
}

// Returns false where the row needs the longer way: other polarisations, or something that is no number.
static bool convert_pairs(const radio_convert_block *block, int64_t row, float *data, uint8_t *flags, float *weights,
                          int64_t *flagged) {
    const int32_t channels = block->channels;
    const int32_t *source = block->swapped[row] ? block->polarization_source_swapped : block->polarization_source;
    if (block->polarizations != 2 || source[0] != 0 || source[1] != 1 || channels < 2) { return false; }
    const int64_t cell = 2 * (int64_t)channels;
    const float *visibilities = block->visibilities + 2 * row * cell;
    const float *samples = block->samples + row * cell;
    const uint8_t *in_flags = block->flags + row * cell;
    if (!is_plain(visibilities, samples, channels)) { return false; }
    move_pairs(block, row, visibilities, data);

    uint8_t any = 0;
    for (int64_t index = 0; index < cell; index++) { any |= in_flags[index]; }
    int64_t count = 0;
    if (any) {
        for (int32_t channel = 0; channel < channels; channel++) {
            const int64_t in = 2 * (int64_t)(block->reverse_channels ? channels - 1 - channel : channel);
            flags[2 * channel] = in_flags[in] != 0;
            flags[2 * channel + 1] = in_flags[in + 1] != 0;
            count += flags[2 * channel] + flags[2 * channel + 1];
        }
    } else {
        memset(flags, 0, (size_t)cell);
    }
    *flagged = count;

    float *weight = block->weight + 2 * row, *sigma = block->sigma + 2 * row;
    if (are_equal(samples, (int32_t)cell)) {
        memcpy(weights, samples, (size_t)cell * sizeof *weights);
        weight[0] = weight[1] = samples[0];
        sigma[0] = sigma[1] = samples[0] > 0 ? 1.0F / sqrtf(samples[0]) : -1.0F;
        return true;
    }
    for (int32_t channel = 0; channel < channels; channel++) {
        const int64_t in = 2 * (int64_t)(block->reverse_channels ? channels - 1 - channel : channel);
        weights[2 * channel] = samples[in];
        weights[2 * channel + 1] = samples[in + 1];
    }
    for (int32_t polarization = 0; polarization < 2; polarization++) {
        weight[polarization] = median(weights + polarization, channels, 2);
        sigma[polarization] = weight[polarization] > 0 ? 1.0F / sqrtf(weight[polarization]) : -1.0F;
    }
    return true;
}

radio_convert_counts radio_convert(const radio_convert_block *block) {
    radio_convert_counts counts = {0, 0};
    const int64_t cell = (int64_t)block->channels * block->polarizations;
    for (int64_t row = 0; row < block->rows; row++) {
        float *data = block->data + 2 * row * cell;
        uint8_t *flags = block->out_flags + row * cell;
        float *weights = block->weight_spectrum + row * cell;
        int64_t flagged = 0;
        if (convert_pairs(block, row, data, flags, weights, &flagged)) {
            counts.flagged += flagged;
            continue;
        }
        counts.not_finite += scatter(block, row, data, flags, weights);
        if (block->phasors && block->antenna1[row] != block->antenna2[row]) { rotate(block, row, data); }
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

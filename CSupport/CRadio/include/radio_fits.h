// FITS images through cfitsio. Pixels are float32, row 0 first; NaN marks a blank pixel.
// Every function returns 0, or -1 with one line in `why`.
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    long width, height;
    // The header's cards as they stand in the file, 80 bytes each, without END.
    char *cards;
    int card_count;
    // The first plane of the image: width * height values.
    float *pixels;
} radio_fits_image;

int radio_fits_read(const char *path, radio_fits_image *image, char *why, int why_bytes);
void radio_fits_free(radio_fits_image *image);

// Writes a float32 image with `axis_count` axes of which the first two are width and height and the others 1.
// `cards` (80 bytes each) are appended as given; none of them may describe the structure (SIMPLE, BITPIX, NAXIS...).
// An existing file is replaced.
int radio_fits_write(const char *path, int axis_count, long width, long height, const float *pixels, const char *cards,
                     int card_count, char *why, int why_bytes);

// Appends cards to the primary header of an existing file.
int radio_fits_append_cards(const char *path, const char *cards, int card_count, char *why, int why_bytes);

#ifdef __cplusplus
}
#endif

#include "radio_fits.h"

#include <fitsio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(int status, char *why, int why_bytes) {
    char text[FLEN_STATUS], detail[FLEN_ERRMSG] = "";
    fits_get_errstatus(status, text);
    fits_read_errmsg(detail);
    fits_clear_errmsg();
    snprintf(why, (size_t)why_bytes, detail[0] ? "%s (%s)" : "%s", text, detail);
    return -1;
}

// The `!` of cfitsio's extended file names, brackets and the like must not change the meaning of a path, hence the
// disk-file variants everywhere.
static int read_image(fitsfile *file, radio_fits_image *image, char *why, int why_bytes) {
    int status = 0, axis_count = 0, bitpix = 0, card_count = 0;
    long sizes[9] = {0};
    fits_get_img_param(file, 9, &bitpix, &axis_count, sizes, &status);
    if (status) return refuse(status, why, why_bytes);
    if (axis_count < 2 || axis_count > 9 || sizes[0] < 1 || sizes[1] < 1) {
        snprintf(why, (size_t)why_bytes, "the primary HDU holds no image (NAXIS = %d)", axis_count);
        return -1;
    }
    fits_get_hdrspace(file, &card_count, NULL, &status);
    if (status) return refuse(status, why, why_bytes);
    image->width = sizes[0];
    image->height = sizes[1];
    image->card_count = card_count;
    image->cards = malloc((size_t)card_count * 80 + 1);
    image->pixels = malloc((size_t)sizes[0] * (size_t)sizes[1] * sizeof(float));
    if (!image->cards || !image->pixels) {
        snprintf(why, (size_t)why_bytes, "no memory for %ld x %ld pixels", sizes[0], sizes[1]);
        return -1;
    }
    for (int i = 0; i < card_count; i++) {
        char card[FLEN_CARD] = "";
        fits_read_record(file, i + 1, card, &status);
        if (status) return refuse(status, why, why_bytes);
        size_t length = strlen(card);
        memset(image->cards + (size_t)i * 80, ' ', 80);
        memcpy(image->cards + (size_t)i * 80, card, length < 80 ? length : 80);
    }
    long first[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    fits_read_pix(file, TFLOAT, first, (LONGLONG)sizes[0] * sizes[1], NULL, image->pixels, NULL, &status);
    return status ? refuse(status, why, why_bytes) : 0;
}

int radio_fits_read(const char *path, radio_fits_image *image, char *why, int why_bytes) {
    memset(image, 0, sizeof *image);
    fitsfile *file = NULL;
    int status = 0;
    fits_open_diskfile(&file, path, READONLY, &status);
    if (status) return refuse(status, why, why_bytes);
    int result = read_image(file, image, why, why_bytes);
    int ignored = 0;
    fits_close_file(file, &ignored);
    if (result) radio_fits_free(image);
    return result;
}

void radio_fits_free(radio_fits_image *image) {
    free(image->cards);
    free(image->pixels);
    memset(image, 0, sizeof *image);
}

static void write_cards(fitsfile *file, const char *cards, int card_count, int *status) {
    for (int i = 0; i < card_count && !*status; i++) {
        char card[FLEN_CARD];
        memcpy(card, cards + (size_t)i * 80, 80);
        card[80] = 0;
        fits_write_record(file, card, status);
    }
}

int radio_fits_write(const char *path, int axis_count, long width, long height, const float *pixels, const char *cards,
                     int card_count, char *why, int why_bytes) {
    fitsfile *file = NULL;
    int status = 0;
    long sizes[9] = {width, height, 1, 1, 1, 1, 1, 1, 1};
    remove(path);
    fits_create_diskfile(&file, path, &status);
    if (status) return refuse(status, why, why_bytes);
    fits_create_img(file, FLOAT_IMG, axis_count, sizes, &status);
    write_cards(file, cards, card_count, &status);
    // cfitsio takes the values without const and does not change them.
    fits_write_img(file, TFLOAT, 1, (LONGLONG)width * height, (void *)pixels, &status);
    int failed = status;
    if (failed) refuse(failed, why, why_bytes);
    int closing = 0;
    fits_close_file(file, &closing);
    if (failed) return -1;
    return closing ? refuse(closing, why, why_bytes) : 0;
}

int radio_fits_append_cards(const char *path, const char *cards, int card_count, char *why, int why_bytes) {
    fitsfile *file = NULL;
    int status = 0;
    fits_open_diskfile(&file, path, READWRITE, &status);
    if (status) return refuse(status, why, why_bytes);
    write_cards(file, cards, card_count, &status);
    int failed = status;
    if (failed) refuse(failed, why, why_bytes);
    int closing = 0;
    fits_close_file(file, &closing);
    if (failed) return -1;
    return closing ? refuse(closing, why, why_bytes) : 0;
}

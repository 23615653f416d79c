#include "radio_png.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int radio_png_write(const char *path, int width, int height, const unsigned char *rgb, char *why, int why_bytes) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    image.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&image, path, 0, rgb, 0, NULL)) return 0;
    snprintf(why, (size_t)why_bytes, "libpng: %s", image.message);
    return -1;
}

int radio_png_read(const char *path, int *width, int *height, unsigned char **rgb, char *why, int why_bytes) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_file(&image, path)) {
        image.format = PNG_FORMAT_RGB;
        *rgb = malloc(PNG_IMAGE_SIZE(image));
        if (*rgb && png_image_finish_read(&image, NULL, *rgb, 0, NULL)) {
            *width = (int)image.width;
            *height = (int)image.height;
            return 0;
        }
        free(*rgb);
        *rgb = NULL;
    }
    snprintf(why, (size_t)why_bytes, "libpng: %s", image.message);
    png_image_free(&image);
    return -1;
}

void radio_png_free(unsigned char *rgb) { free(rgb); }

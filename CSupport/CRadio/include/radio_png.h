// PNG through libpng: 8-bit RGB, row 0 on top. Functions return 0, or -1 with one line in `why`.
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

int radio_png_write(const char *path, int width, int height, const unsigned char *rgb, char *why, int why_bytes);

// *rgb is allocated here and released with radio_png_free.
int radio_png_read(const char *path, int *width, int *height, unsigned char **rgb, char *why, int why_bytes);
void radio_png_free(unsigned char *rgb);

#ifdef __cplusplus
}
#endif

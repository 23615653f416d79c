// Celestial coordinates of a FITS header through wcslib. Pixels are counted from 0 at the centre of the first one,
// longitude and latitude are degrees in the header's own frame (ICRS/FK5 for the images made here).
// One radio_wcs must not be used by two threads at once: wcslib keeps scratch values in it.
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

typedef struct radio_wcs radio_wcs;

// `cards`: 80 bytes each, without END. NULL with one line in `why` where there are no celestial axes.
radio_wcs *radio_wcs_open(const char *cards, int card_count, char *why, int why_bytes);
void radio_wcs_close(radio_wcs *wcs);

// Converts `count` pairs (x, y) to (longitude, latitude); a pair without an answer becomes NaN.
void radio_wcs_to_world(radio_wcs *wcs, int count, const double *pixels, double *world);
void radio_wcs_to_pixels(radio_wcs *wcs, int count, const double *world, double *pixels);

#ifdef __cplusplus
}
#endif

#include "radio_wcs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wcslib/wcs.h>
#include <wcslib/wcsfix.h>
#include <wcslib/wcshdr.h>

struct radio_wcs {
    struct wcsprm celestial;
};

// Keeps only the two celestial axes, longitude first, of the header's primary description.
static int reduce(struct wcsprm *full, struct wcsprm *celestial, char *why, int why_bytes) {
    int count = 2, axes[2] = {WCSSUB_LONGITUDE, WCSSUB_LATITUDE};
    celestial->flag = -1;
    int status = wcssub(1, full, &count, axes, celestial);
    if (status) {
        snprintf(why, (size_t)why_bytes, "wcslib: %s", wcs_errmsg[status]);
        return -1;
    }
    if (count != 2 || axes[0] == 0 || axes[1] == 0) {
        snprintf(why, (size_t)why_bytes, "the header has no pair of celestial axes");
        return -1;
    }
    if ((status = wcsset(celestial))) {
        snprintf(why, (size_t)why_bytes, "wcslib: %s", wcs_errmsg[status]);
        return -1;
    }
    if (celestial->lng != 0 || celestial->lat != 1) {
        snprintf(why, (size_t)why_bytes, "the header's celestial axes are not its first two");
        return -1;
    }
    return 0;
}

radio_wcs *radio_wcs_open(const char *cards, int card_count, char *why, int why_bytes) {
    char *copy = malloc((size_t)(card_count + 1) * 80 + 1);
    radio_wcs *result = calloc(1, sizeof *result);
    if (!copy || !result) {
        free(copy);
        free(result);
        snprintf(why, (size_t)why_bytes, "no memory");
        return NULL;
    }
    memcpy(copy, cards, (size_t)card_count * 80);
    memset(copy + (size_t)card_count * 80, ' ', 80);
    memcpy(copy + (size_t)card_count * 80, "END", 3);
    int rejected = 0, count = 0;
    struct wcsprm *all = NULL;
    int status = wcspih(copy, card_count + 1, WCSHDR_all, 0, &rejected, &count, &all);
    free(copy);
    if (status || count < 1) {
        snprintf(why, (size_t)why_bytes, status ? "wcslib can't parse the header" : "the header has no coordinates");
        free(result);
        return NULL;
    }
    int fixed[NWCSFIX];
    wcsfix(7, NULL, all, fixed);
    status = reduce(all, &result->celestial, why, why_bytes);
    wcsvfree(&count, &all);
    if (status) {
        radio_wcs_close(result);
        return NULL;
    }
    return result;
}

void radio_wcs_close(radio_wcs *wcs) {
    if (!wcs) return;
    wcsfree(&wcs->celestial);
    free(wcs);
}

void radio_wcs_to_world(radio_wcs *wcs, int count, const double *pixels, double *world) {
    for (int i = 0; i < count; i++) {
        double pixel[2] = {pixels[2 * i] + 1, pixels[2 * i + 1] + 1}, plane[2], phi, theta;
        int bad = 0;
        if (wcsp2s(&wcs->celestial, 1, 2, pixel, plane, &phi, &theta, world + 2 * i, &bad) || bad)
            world[2 * i] = world[2 * i + 1] = NAN;
    }
}

void radio_wcs_to_pixels(radio_wcs *wcs, int count, const double *world, double *pixels) {
    for (int i = 0; i < count; i++) {
        double plane[2], pixel[2], phi, theta;
        int bad = 0;
        if (wcss2p(&wcs->celestial, 1, 2, world + 2 * i, &phi, &theta, plane, pixel, &bad) || bad) {
            pixels[2 * i] = pixels[2 * i + 1] = NAN;
        } else {
            pixels[2 * i] = pixel[0] - 1;
            pixels[2 * i + 1] = pixel[1] - 1;
        }
    }
}

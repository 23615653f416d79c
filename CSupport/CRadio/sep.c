#include "radio_sep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sep.h>  // needs stddef.h before it

static int refuse(int status, char *why, int why_bytes) {
    char text[512] = "", detail[1024] = "";
    sep_get_errmsg(status, text);
    sep_get_errdetail(detail);
    snprintf(why, (size_t)why_bytes, detail[0] ? "SEP: %s (%s)" : "SEP: %s", text, detail);
    return -1;
}

static sep_image image_of(const float *pixels, int width, int height) {
    sep_image image;
    memset(&image, 0, sizeof image);
    image.data = pixels;
    image.dtype = image.ndtype = SEP_TFLOAT;
    image.mdtype = image.sdtype = SEP_TINT;
    image.w = width;
    image.h = height;
    image.noise_type = SEP_NOISE_NONE;
    return image;
}

int radio_sep_background(const float *pixels, int width, int height, int mesh, int filter, float *background, float *rms,
                         char *why, int why_bytes) {
    sep_image image = image_of(pixels, width, height);
    sep_bkg *model = NULL;
    int status = sep_background(&image, mesh, mesh, filter, filter, 0.0, &model);
    if (!status) status = sep_bkg_array(model, background, SEP_TFLOAT);
    if (!status) status = sep_bkg_rmsarray(model, rms, SEP_TFLOAT);
    if (model) sep_bkg_free(model);
    return status ? refuse(status, why, why_bytes) : 0;
}

static radio_sep_object object_of(const sep_catalog *found, int i) {
    radio_sep_object object = {
        .x = found->x[i],
        .y = found->y[i],
        .peak_x = found->xpeak[i],
        .peak_y = found->ypeak[i],
        .x_min = found->xmin[i],
        .x_max = found->xmax[i],
        .y_min = found->ymin[i],
        .y_max = found->ymax[i],
        .pixel_count = found->npix[i],
        .peak = found->peak[i],
        .flux = found->flux[i],
        .a = found->a[i],
        .b = found->b[i],
        .theta = found->theta[i],
        .flags = found->flag[i],
    };
    return object;
}

int radio_sep_detect(const float *pixels, const float *rms, int width, int height, float threshold, int area_min,
                     const float *kernel, int kernel_width, int deblend_levels, double deblend_contrast,
                     radio_sep_object **objects, int *count, char *why, int why_bytes) {
    *objects = NULL;
    *count = 0;
    sep_image image = image_of(pixels, width, height);
    image.noise = rms;
    image.noise_type = SEP_NOISE_STDDEV;
    sep_set_extract_pixstack((size_t)width * (size_t)height / 4 + 300000);
    sep_set_sub_object_limit(4096);
    sep_catalog *found = NULL;
    int status = sep_extract(&image, threshold, SEP_THRESH_REL, area_min, kernel, kernel ? kernel_width : 0,
                             kernel ? kernel_width : 0, SEP_FILTER_CONV, deblend_levels, deblend_contrast, 1, 1.0, &found);
    if (status) return refuse(status, why, why_bytes);
    *objects = calloc((size_t)found->nobj + 1, sizeof **objects);
    if (!*objects) {
        sep_catalog_free(found);
        snprintf(why, (size_t)why_bytes, "no memory for the detections");
        return -1;
    }
    *count = found->nobj;
    for (int i = 0; i < found->nobj; i++) (*objects)[i] = object_of(found, i);
    sep_catalog_free(found);
    return 0;
}

void radio_sep_free(radio_sep_object *objects) { free(objects); }

double radio_sep_aperture_sum(const float *pixels, int width, int height, double x, double y, double radius) {
    sep_image image = image_of(pixels, width, height);
    double sum = 0, error = 0, area = 0;
    short flags = 0;
    int status = sep_sum_circle(&image, x, y, radius, 0, 0, 0, &sum, &error, &area, &flags);
    return status || area <= 0 ? NAN : sum;
}

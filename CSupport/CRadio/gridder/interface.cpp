#include <cstdio>
#include <exception>

#include "gridder.hpp"

namespace {

/// No exception leaves through a C function.
template <class Body>
int guarded(char *why, int why_bytes, const Body &body) {
    try {
        body();
        return 0;
    } catch (const std::bad_alloc &) {
        std::snprintf(why, why_bytes, "not enough memory");
    } catch (const std::exception &error) {
        std::snprintf(why, why_bytes, "%s", error.what());
    }
    return -1;
}

}  // namespace

int64_t radio_gridder_bytes(const radio_gridder_geometry *geometry) {
    int64_t bytes = -1;
    char why[8];
    guarded(why, sizeof why, [&] { bytes = gridder::Layout(*geometry).bytes(); });
    return bytes;
}

int radio_gridder_create(const radio_gridder_samples *samples, const radio_gridder_geometry *geometry,
                         radio_gridder **out, char *why, int why_bytes) {
    return guarded(why, why_bytes, [&] { *out = new radio_gridder(*samples, *geometry); });
}

void radio_gridder_free(radio_gridder *gridder) { delete gridder; }

int radio_gridder_image(radio_gridder *gridder, float *image, char *why, int why_bytes) {
    return guarded(why, why_bytes, [&] { gridder->image(false, image); });
}

int radio_gridder_psf(radio_gridder *gridder, float *image, char *why, int why_bytes) {
    return guarded(why, why_bytes, [&] { gridder->image(true, image); });
}

int radio_gridder_predict(radio_gridder *gridder, const float *model, float scale, float factor, char *why,
                          int why_bytes) {
    return guarded(why, why_bytes, [&] { gridder->predict(model, scale, factor); });
}

void radio_gridder_get_shape(const radio_gridder *gridder, radio_gridder_shape *out) { *out = gridder->shape(); }

// A pure C header over the C++ and C libraries of radio astronomy: one header a library.
#pragma once
#include "radio_earth_orientation.h"
#include "radio_fits.h"
#include "radio_hdf5.h"
#include "radio_png.h"
#include "radio_sep.h"
#include "radio_wcs.h"
#include "radio_chunk_map.h"
#include "radio_convert.h"
#include "radio_ms.h"
#include "radio_solve.h"
#include "radio_caltable.h"

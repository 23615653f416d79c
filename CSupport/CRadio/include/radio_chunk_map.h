// Where the chunks of an HDF5 dataset lie in its file, and reading them from there.
//
// libhdf5 answers one chunk's place in about 18 microseconds and copies its bytes three times, under one lock for the
// whole process. A chunked, unfiltered dataset in the classic format (object header 1, layout 3, B-tree 1) needs none
// of that. Whatever else a file holds is for libhdf5: opening then gives NULL, reading then gives 1.
#pragma once
#include <stdint.h>

#include "radio_hdf5.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct radio_chunk_map radio_chunk_map;

// `dataset` is an open dataset of the file at `path` with the axes (rows, [1,] channels, polarisations), its elements
// little-endian and exactly of `kind` (F32, COMPLEX_F32 or BOOL). A map is for one thread at a time.
radio_chunk_map *radio_chunk_map_open(radio_h5_id dataset, radio_h5_kind kind, const char *path);
void radio_chunk_map_close(radio_chunk_map *map);

// Rows [first, first + count), all channels and polarisations, to `out` in C order.
// 0: done. 1: a chunk was never written or the file ends before it: libhdf5 knows what that means.
int radio_chunk_map_read(radio_chunk_map *map, int64_t first, int64_t count, void *out);

#ifdef __cplusplus
}
#endif

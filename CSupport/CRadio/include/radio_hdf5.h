// HDF5 without its macros: what UVH5 needs of it, as plain functions on 64-bit handles.
//
// One lock serialises every call (libhdf5 has one inside as well, or none at all, depending on how it was built), so the
// functions may be called from any thread. A negative result is a failure, radio_h5_error() then says why on that thread.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t radio_h5_id;

enum { RADIO_H5_RANK_MAX = 8 };

// What a buffer in memory holds. A complex value is {float r, float i}.
typedef enum {
    RADIO_H5_F32 = 0,
    RADIO_H5_F64 = 1,
    RADIO_H5_I32 = 2,
    RADIO_H5_I64 = 3,
    RADIO_H5_COMPLEX_F32 = 4,
    RADIO_H5_BOOL = 5,  // one byte a value, 0 or 1; in the file h5py's enumeration FALSE, TRUE
} radio_h5_kind;

// What a dataset in the file holds.
typedef enum {
    RADIO_H5_IS_OTHER = 0,
    RADIO_H5_IS_INTEGER = 1,
    RADIO_H5_IS_FLOAT = 2,
    RADIO_H5_IS_STRING = 3,
    RADIO_H5_IS_BOOL = 4,
    RADIO_H5_IS_COMPLEX_FLOAT = 5,
    RADIO_H5_IS_COMPLEX_INTEGER = 6,
} radio_h5_class;

// Why the last call on this thread failed: the innermost message of libhdf5's error stack.
const char *radio_h5_error(void);

radio_h5_id radio_h5_open(const char *path);
radio_h5_id radio_h5_create(const char *path);
// Hands everything written so far to the kernel.
int radio_h5_flush(radio_h5_id file);
int radio_h5_close(radio_h5_id file);

// 1 when the link exists, 0 when it does not.
int radio_h5_exists(radio_h5_id file, const char *path);
// 1 when the object is a group, 0 when it is something else.
int radio_h5_is_group(radio_h5_id file, const char *path);
int64_t radio_h5_member_count(radio_h5_id file, const char *group);
// Writes the zero-terminated name of member `index`, in name order; returns its length.
int64_t radio_h5_member_name(radio_h5_id file, const char *group, int64_t index, char *name, size_t capacity);

radio_h5_id radio_h5_dataset_open(radio_h5_id file, const char *path);
int radio_h5_dataset_close(radio_h5_id dataset);
// Returns the rank (0: a scalar) and fills dims; -2 for an empty ("null") dataset.
int radio_h5_dataset_shape(radio_h5_id dataset, uint64_t *dims);
// Returns the rank and fills dims when the dataset is chunked, 0 when it is not.
int radio_h5_dataset_chunk(radio_h5_id dataset, uint64_t *dims);
radio_h5_class radio_h5_dataset_class(radio_h5_id dataset);
// Bytes of one element in the file.
int64_t radio_h5_dataset_element_bytes(radio_h5_id dataset);

// Reads the box start..<start+count (both NULL: everything), converting to `kind`.
int radio_h5_read(
    radio_h5_id dataset, radio_h5_kind kind, const uint64_t *start, const uint64_t *count, void *buffer);
// Reads `count` strings, fixed or variable in length, each zero-padded or cut to `width` bytes.
int radio_h5_read_strings(radio_h5_id dataset, char *buffer, size_t count, size_t width);

int radio_h5_group_create(radio_h5_id file, const char *path);
// Creates a dataset without a time stamp. chunk NULL: contiguous. With chunks the first axis may grow, no fill is written.
radio_h5_id radio_h5_dataset_create(
    radio_h5_id file, const char *path, radio_h5_kind kind, int rank, const uint64_t *dims, const uint64_t *chunk);
int radio_h5_write(
    radio_h5_id dataset, radio_h5_kind kind, const uint64_t *start, const uint64_t *count, const void *buffer);
// Writes one whole chunk of an unfiltered dataset as it stands in memory.
int radio_h5_write_chunk(radio_h5_id dataset, const uint64_t *start, const void *buffer, size_t bytes);
// A fixed-length string: rank 0 (count 0) or 1; `buffer` holds count × width bytes, zero-padded.
int radio_h5_write_strings(radio_h5_id file, const char *path, const char *buffer, size_t count, size_t width);

#ifdef __cplusplus
}
#endif

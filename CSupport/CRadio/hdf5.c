#include "radio_hdf5.h"

#include "lzf.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local char last_error[512];

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *entry, void *unused) {
    (void)depth;
    (void)unused;
    // The walk is downward from the API call, so what remains is the innermost message.
    snprintf(last_error, sizeof last_error, "%s", entry->desc ? entry->desc : "unknown HDF5 error");
    return 0;
}

static void enter(void) {
    pthread_mutex_lock(&lock);
    H5open();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Eclear2(H5E_DEFAULT);
}

static int64_t leave(int64_t result) {
    if (result < 0) {
        snprintf(last_error, sizeof last_error, "unknown HDF5 error");
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_innermost, NULL);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

const char *radio_h5_error(void) { return last_error; }

// MARK: Types

static hid_t complex_type(hid_t member) {
    size_t size = H5Tget_size(member);
    hid_t type = H5Tcreate(H5T_COMPOUND, 2 * size);
    H5Tinsert(type, "r", 0, member);
    H5Tinsert(type, "i", size, member);
    return type;
}

static hid_t boolean_type(void) {
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    int8_t value = 0;
    H5Tenum_insert(type, "FALSE", &value);
    value = 1;
    H5Tenum_insert(type, "TRUE", &value);
    return type;
}

// The caller closes the result.
static hid_t type_of(radio_h5_kind kind) {
    switch (kind) {
        case RADIO_H5_F32: return H5Tcopy(H5T_NATIVE_FLOAT);
        case RADIO_H5_F64: return H5Tcopy(H5T_NATIVE_DOUBLE);
        case RADIO_H5_I32: return H5Tcopy(H5T_NATIVE_INT32);
        case RADIO_H5_I64: return H5Tcopy(H5T_NATIVE_INT64);
        case RADIO_H5_COMPLEX_F32: return complex_type(H5T_NATIVE_FLOAT);
        case RADIO_H5_BOOL: return boolean_type();
    }
    return -1;
}

// MARK: Files and groups

radio_h5_id radio_h5_open(const char *path) {
    enter();
    static int knows_lzf = 0;
    static hid_t access = -1;
    if (!knows_lzf) {
        if (radio_lzf_register() < 0) return leave(-1);
        knows_lzf = 1;
    }
    if (access < 0) {
        // Without the library's lock: a finished file is read here, a lock would fail on file systems that have none, and
        // one that its writer took outlives the writer in any child that was starting at that moment.
        access = H5Pcreate(H5P_FILE_ACCESS);
        if (access < 0 || H5Pset_file_locking(access, 0, 1) < 0) return leave(-1);
    }
    return leave(H5Fopen(path, H5F_ACC_RDONLY, access));
}

radio_h5_id radio_h5_create(const char *path) {
    enter();
    return leave(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
}

int radio_h5_flush(radio_h5_id file) {
    enter();
    return (int)leave(H5Fflush(file, H5F_SCOPE_GLOBAL));
}

int radio_h5_close(radio_h5_id file) {
    enter();
    return (int)leave(H5Fclose(file));
}

int radio_h5_exists(radio_h5_id file, const char *path) {
    enter();
    // H5Lexists fails, rather than saying no, when an earlier part of the path is missing.
    char prefix[512];
    size_t length = strlen(path);
    if (length >= sizeof prefix) return (int)leave(0);
    memcpy(prefix, path, length + 1);
    for (char *slash = strchr(prefix + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        htri_t found = H5Lexists(file, prefix, H5P_DEFAULT);
        if (found <= 0) return (int)leave(found);
        *slash = '/';
    }
    return (int)leave(H5Lexists(file, path, H5P_DEFAULT));
}

int radio_h5_is_group(radio_h5_id file, const char *path) {
    enter();
    hid_t object = H5Oopen(file, path, H5P_DEFAULT);
    if (object < 0) return (int)leave(-1);
    H5I_type_t type = H5Iget_type(object);
    H5Oclose(object);
    return (int)leave(type == H5I_GROUP);
}

int64_t radio_h5_member_count(radio_h5_id file, const char *group) {
    enter();
    H5G_info_t info;
    herr_t status = H5Gget_info_by_name(file, group, &info, H5P_DEFAULT);
    return leave(status < 0 ? -1 : (int64_t)info.nlinks);
}

int64_t radio_h5_member_name(radio_h5_id file, const char *group, int64_t index, char *name, size_t capacity) {
    enter();
    return leave(H5Lget_name_by_idx(
        file, group, H5_INDEX_NAME, H5_ITER_INC, (hsize_t)index, name, capacity, H5P_DEFAULT));
}

int radio_h5_group_create(radio_h5_id file, const char *path) {
    enter();
    hid_t group = H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (group < 0) return (int)leave(-1);
    return (int)leave(H5Gclose(group));
}

// MARK: Datasets

radio_h5_id radio_h5_dataset_open(radio_h5_id file, const char *path) {
    enter();
    return leave(H5Dopen2(file, path, H5P_DEFAULT));
}

int radio_h5_dataset_close(radio_h5_id dataset) {
    enter();
    return (int)leave(H5Dclose(dataset));
}

int radio_h5_dataset_shape(radio_h5_id dataset, uint64_t *dims) {
    enter();
    hid_t space = H5Dget_space(dataset);
    if (space < 0) return (int)leave(-1);
    int rank = H5Sget_simple_extent_ndims(space);
    if (H5Sget_simple_extent_type(space) == H5S_NULL) {
        rank = -2;
    } else if (rank > RADIO_H5_RANK_MAX) {
        rank = -1;
    } else if (rank > 0) {
        hsize_t size[RADIO_H5_RANK_MAX];
        H5Sget_simple_extent_dims(space, size, NULL);
        for (int axis = 0; axis < rank; axis++) dims[axis] = size[axis];
    }
    H5Sclose(space);
    return (int)leave(rank);
}

int radio_h5_dataset_chunk(radio_h5_id dataset, uint64_t *dims) {
    enter();
    hid_t list = H5Dget_create_plist(dataset);
    if (list < 0) return (int)leave(-1);
    int rank = 0;
    if (H5Pget_layout(list) == H5D_CHUNKED) {
        hsize_t size[H5S_MAX_RANK];
        rank = H5Pget_chunk(list, H5S_MAX_RANK, size);
        if (rank > RADIO_H5_RANK_MAX) rank = -1;
        for (int axis = 0; axis < rank; axis++) dims[axis] = size[axis];
    }
    H5Pclose(list);
    return (int)leave(rank);
}

static radio_h5_class class_of_compound(hid_t type) {
    if (H5Tget_nmembers(type) != 2) return RADIO_H5_IS_OTHER;
    int real = H5Tget_member_index(type, "r"), imaginary = H5Tget_member_index(type, "i");
    if (real < 0 || imaginary < 0) return RADIO_H5_IS_OTHER;
    H5T_class_t first = H5Tget_member_class(type, (unsigned)real);
    if (first != H5Tget_member_class(type, (unsigned)imaginary)) return RADIO_H5_IS_OTHER;
    if (first == H5T_FLOAT) return RADIO_H5_IS_COMPLEX_FLOAT;
    return first == H5T_INTEGER ? RADIO_H5_IS_COMPLEX_INTEGER : RADIO_H5_IS_OTHER;
}

radio_h5_class radio_h5_dataset_class(radio_h5_id dataset) {
    enter();
    hid_t type = H5Dget_type(dataset);
    radio_h5_class answer = RADIO_H5_IS_OTHER;
    if (type >= 0) {
        switch (H5Tget_class(type)) {
            case H5T_INTEGER: answer = RADIO_H5_IS_INTEGER; break;
            case H5T_FLOAT: answer = RADIO_H5_IS_FLOAT; break;
            case H5T_STRING: answer = RADIO_H5_IS_STRING; break;
            case H5T_ENUM: answer = H5Tget_size(type) == 1 ? RADIO_H5_IS_BOOL : RADIO_H5_IS_OTHER; break;
            case H5T_COMPOUND: answer = class_of_compound(type); break;
            default: break;
        }
        H5Tclose(type);
    }
    return (radio_h5_class)leave(answer);
}

int64_t radio_h5_dataset_element_bytes(radio_h5_id dataset) {
    enter();
    hid_t type = H5Dget_type(dataset);
    if (type < 0) return leave(-1);
    int64_t bytes = (int64_t)H5Tget_size(type);
    H5Tclose(type);
    return leave(bytes);
}

// MARK: Transfers

typedef struct {
    hid_t memory, file;
} selection;

static int select_box(hid_t dataset, const uint64_t *start, const uint64_t *count, selection *out) {
    out->memory = H5S_ALL;
    out->file = H5S_ALL;
    if (!start || !count) return 0;
    out->file = H5Dget_space(dataset);
    int rank = H5Sget_simple_extent_ndims(out->file);
    if (rank < 1 || rank > RADIO_H5_RANK_MAX) return -1;
    hsize_t from[RADIO_H5_RANK_MAX], size[RADIO_H5_RANK_MAX];
    for (int axis = 0; axis < rank; axis++) {
        from[axis] = start[axis];
        size[axis] = count[axis];
    }
    if (H5Sselect_hyperslab(out->file, H5S_SELECT_SET, from, NULL, size, NULL) < 0) return -1;
    out->memory = H5Screate_simple(rank, size, NULL);
    return out->memory < 0 ? -1 : 0;
}

static void release(selection *box) {
    if (box->memory > 0) H5Sclose(box->memory);
    if (box->file > 0) H5Sclose(box->file);
}

int radio_h5_read(
    radio_h5_id dataset, radio_h5_kind kind, const uint64_t *start, const uint64_t *count, void *buffer) {
    enter();
    selection box;
    int status = select_box(dataset, start, count, &box);
    hid_t type = type_of(kind);
    if (kind == RADIO_H5_BOOL) {
        // An enumeration converts only to one with the same names: read one-byte values as they stand.
        hid_t stored = H5Dget_type(dataset);
        if (H5Tget_size(stored) == 1) {
            H5Tclose(type);
            type = stored;
        } else {
            H5Tclose(stored);
        }
    }
    if (status == 0) status = H5Dread(dataset, type, box.memory, box.file, H5P_DEFAULT, buffer);
    int64_t result = leave(status);
    pthread_mutex_lock(&lock);
    H5Tclose(type);
    release(&box);
    pthread_mutex_unlock(&lock);
    return (int)result;
}

static int read_variable(hid_t dataset, char *buffer, size_t count, size_t width) {
    char **texts = calloc(count, sizeof *texts);
    if (!texts) return -1;
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    hid_t stored = H5Dget_type(dataset);
    H5Tset_cset(type, H5Tget_cset(stored));
    int status = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts);
    for (size_t index = 0; index < count && status >= 0; index++) {
        if (texts[index]) strncpy(buffer + index * width, texts[index], width);
        H5free_memory(texts[index]);
    }
    H5Tclose(stored);
    H5Tclose(type);
    free(texts);
    return status;
}

int radio_h5_read_strings(radio_h5_id dataset, char *buffer, size_t count, size_t width) {
    enter();
    memset(buffer, 0, count * width);
    hid_t stored = H5Dget_type(dataset);
    if (stored < 0) return (int)leave(-1);
    int status;
    if (H5Tis_variable_str(stored) > 0) {
        status = read_variable(dataset, buffer, count, width);
    } else {
        hid_t type = H5Tcopy(stored);
        H5Tset_size(type, width);
        H5Tset_strpad(type, H5T_STR_NULLPAD);
        status = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
        H5Tclose(type);
    }
    int64_t result = leave(status);
    pthread_mutex_lock(&lock);
    H5Tclose(stored);
    pthread_mutex_unlock(&lock);
    return (int)result;
}

radio_h5_id radio_h5_dataset_create(
    radio_h5_id file, const char *path, radio_h5_kind kind, int rank, const uint64_t *dims, const uint64_t *chunk) {
    enter();
    if (rank < 0 || rank > RADIO_H5_RANK_MAX) return leave(-1);
    hsize_t size[RADIO_H5_RANK_MAX], most[RADIO_H5_RANK_MAX], piece[RADIO_H5_RANK_MAX];
    for (int axis = 0; axis < rank; axis++) {
        size[axis] = most[axis] = dims[axis];
        if (chunk) piece[axis] = chunk[axis];
    }
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    // Time stamps would make two equal observations differ.
    H5Pset_obj_track_times(list, 0);
    if (chunk && rank > 0) {
        most[0] = H5S_UNLIMITED;
        H5Pset_chunk(list, rank, piece);
        H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    }
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, size, most);
    hid_t type = type_of(kind);
    hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    int64_t result = leave(dataset);
    pthread_mutex_lock(&lock);
    H5Tclose(type);
    H5Sclose(space);
    H5Pclose(list);
    pthread_mutex_unlock(&lock);
    return result;
}

int radio_h5_write(
    radio_h5_id dataset, radio_h5_kind kind, const uint64_t *start, const uint64_t *count, const void *buffer) {
    enter();
    selection box;
    int status = select_box(dataset, start, count, &box);
    hid_t type = type_of(kind);
    if (status == 0) status = H5Dwrite(dataset, type, box.memory, box.file, H5P_DEFAULT, buffer);
    int64_t result = leave(status);
    pthread_mutex_lock(&lock);
    H5Tclose(type);
    release(&box);
    pthread_mutex_unlock(&lock);
    return (int)result;
}

int radio_h5_write_chunk(radio_h5_id dataset, const uint64_t *start, const void *buffer, size_t bytes) {
    enter();
    hsize_t from[RADIO_H5_RANK_MAX] = {0};
    hid_t space = H5Dget_space(dataset);
    int rank = H5Sget_simple_extent_ndims(space);
    H5Sclose(space);
    if (rank < 1 || rank > RADIO_H5_RANK_MAX) return (int)leave(-1);
    for (int axis = 0; axis < rank; axis++) from[axis] = start[axis];
    return (int)leave(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, from, bytes, buffer));
}

int radio_h5_write_strings(radio_h5_id file, const char *path, const char *buffer, size_t count, size_t width) {
    enter();
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    hsize_t size = count;
    hid_t space = count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, NULL);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(list, 0);
    hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    int status = dataset < 0 ? -1 : H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer);
    int64_t result = leave(status);
    pthread_mutex_lock(&lock);
    if (dataset >= 0) H5Dclose(dataset);
    H5Pclose(list);
    H5Sclose(space);
    H5Tclose(type);
    pthread_mutex_unlock(&lock);
    return (int)result;
}

#include "radio_chunk_map.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { run_bytes = 1 << 17 };
enum { node_bytes_max = 1 << 16, tree_depth_max = 8, tree_nodes_max = 1 << 20, header_messages_max = 256 };

struct radio_chunk_map {
    int file;
    int64_t element_bytes;
    int64_t dims[3];         // rows, channels, polarisations
    int64_t chunk[3];
    int64_t chunks[3];       // how many along each axis
    int rank;                // of the dataset: 3, or 4 with a window axis of length 1
    int64_t nodes_left;
    uint64_t *addresses;     // [row chunk][channel chunk][polarisation chunk]; 0: never written
    char *chunk_bytes;       // a run of chunks that lie one after the other
    int64_t run_capacity;    // in chunks
};

static uint64_t number(const unsigned char *bytes, int count) {
    uint64_t value = 0;
    for (int index = count - 1; index >= 0; index--) { value = value << 8 | bytes[index]; }
    return value;
}

static bool read_at(int file, void *buffer, int64_t count, uint64_t offset) {
    char *target = buffer;
    while (count > 0) {
        const ssize_t done = pread(file, target, (size_t)count, (off_t)offset);
        if (done < 0 && errno == EINTR) { continue; }
        if (done <= 0) { return false; }
        target += done;
        offset += (uint64_t)done;
        count -= done;
    }
    return true;
}

// The B-tree's address in the object header's layout message, or 0.
static uint64_t find_tree(int file, uint64_t header) {
    unsigned char prefix[16];
    if (!read_at(file, prefix, sizeof prefix, header) || prefix[0] != 1) { return 0; }
    uint64_t block = header + 16;
    int64_t bytes = (int64_t)number(prefix + 8, 4);
    uint64_t next_block = 0;
    int64_t next_bytes = 0;
    int messages = 0;
    unsigned char body[node_bytes_max];
    while (bytes > 0) {
        if (bytes > node_bytes_max || !read_at(file, body, bytes, block)) { return 0; }
        for (int64_t at = 0; at + 8 <= bytes;) {
            const int64_t size = (int64_t)number(body + at + 2, 2);
            if (at + 8 + size > bytes || ++messages > header_messages_max) { return 0; }
            const unsigned char *data = body + at + 8;
            switch (number(body + at, 2)) {
            case 0x0008: // layout: version 3, class 2 is chunked by a B-tree
                return size >= 11 && data[0] == 3 && data[1] == 2 ? number(data + 3, 8) : 0;
            case 0x0010: // the header goes on elsewhere
                if (size < 16) { return 0; }
                next_block = number(data, 8);
                next_bytes = (int64_t)number(data + 8, 8);
                break;
            default: break;
            }
            at += 8 + size;
        }
        block = next_block;
        bytes = next_bytes;
        next_bytes = 0;
    }
    return 0;
}

// Enters the chunks below a node.
static bool walk(radio_chunk_map *map, uint64_t node, int depth) {
    if (depth > tree_depth_max || --map->nodes_left < 0) { return false; }
    unsigned char head[24];
    if (!read_at(map->file, head, sizeof head, node)) { return false; }
    if (memcmp(head, "TREE", 4) != 0 || head[4] != 1) { return false; }
    const int level = head[5];
    const int64_t entries = (int64_t)number(head + 6, 2);
    const int64_t key_bytes = 8 + 8 * (map->rank + 1);
    const int64_t bytes = entries * (key_bytes + 8);
    unsigned char *body = malloc((size_t)bytes + 1);
    bool fine = body && read_at(map->file, body, bytes, node + 24);
    for (int64_t entry = 0; fine && entry < entries; entry++) {
        const unsigned char *key = body + entry * (key_bytes + 8);
        const uint64_t child = number(key + key_bytes, 8);
        if (level > 0) {
            fine = walk(map, child, depth + 1);
            continue;
        }
        if (number(key + 4, 4) != 0) { fine = false; }
        int64_t place = 0;
        for (int axis = 0; fine && axis < 3; axis++) {
            const int in_file = axis == 0 ? 0 : axis + map->rank - 3;
            const int64_t at = (int64_t)number(key + 8 + 8 * in_file, 8) / map->chunk[axis];
            fine = at >= 0 && at < map->chunks[axis];
            place = place * map->chunks[axis] + at;
        }
        if (fine) { map->addresses[place] = child; }
    }
    free(body);
    return fine;
}

static bool has_elements(hid_t dataset, radio_h5_kind kind, int64_t *bytes) {
    const hid_t type = H5Dget_type(dataset);
    if (type < 0) { return false; }
    bool fine = false;
    switch (kind) {
    case RADIO_H5_F32:
        *bytes = 4;
        fine = H5Tequal(type, H5T_IEEE_F32LE) > 0;
        break;
    case RADIO_H5_COMPLEX_F32:
        *bytes = 8;
        fine = H5Tget_class(type) == H5T_COMPOUND && H5Tget_size(type) == 8 && H5Tget_nmembers(type) == 2;
        for (unsigned member = 0; fine && member < 2; member++) {
            const hid_t part = H5Tget_member_type(type, member);
            char *name = H5Tget_member_name(type, member);
            fine = H5Tequal(part, H5T_IEEE_F32LE) > 0 && H5Tget_member_offset(type, member) == 4 * member && name &&
                   name[0] == (member == 0 ? 'r' : 'i');
            H5free_memory(name);
            H5Tclose(part);
        }
        break;
    case RADIO_H5_BOOL:
        *bytes = 1;
        fine = H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1;
        break;
    default: break;
    }
    H5Tclose(type);
    return fine;
}

// Shape, chunks and the absence of filters; the B-tree's place through the object's address.
static bool describe(radio_chunk_map *map, hid_t dataset, uint64_t *header) {
    hsize_t dims[4] = {0};
    hsize_t chunk[4] = {0};
    const hid_t space = H5Dget_space(dataset);
    map->rank = H5Sget_simple_extent_ndims(space);
    const bool has_shape = (map->rank == 3 || map->rank == 4) && H5Sget_simple_extent_dims(space, dims, NULL) >= 0;
    H5Sclose(space);
    const hid_t creation = H5Dget_create_plist(dataset);
    bool fine = has_shape && H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_nfilters(creation) == 0 &&
                H5Pget_chunk(creation, 4, chunk) == map->rank && (map->rank == 3 || dims[1] == 1);
    H5Pclose(creation);
    const hid_t file = H5Iget_file_id(dataset);
    const hid_t file_creation = H5Fget_create_plist(file);
    hsize_t user_block = 1;
    size_t offset_bytes = 0, length_bytes = 0;
    fine = fine && H5Pget_userblock(file_creation, &user_block) >= 0 && user_block == 0 &&
           H5Pget_sizes(file_creation, &offset_bytes, &length_bytes) >= 0 && offset_bytes == 8 && length_bytes == 8;
    H5Pclose(file_creation);
    H5Fclose(file);
    H5O_info_t info;
    fine = fine && H5Oget_info2(dataset, &info, H5O_INFO_BASIC) >= 0;
    if (!fine) { return false; }
    *header = info.addr;
    for (int axis = 0; axis < 3; axis++) {
        const int in_file = axis == 0 ? 0 : axis + map->rank - 3;
        map->dims[axis] = (int64_t)dims[in_file];
        map->chunk[axis] = (int64_t)chunk[in_file];
        map->chunks[axis] = (map->dims[axis] + map->chunk[axis] - 1) / map->chunk[axis];
    }
    return true;
}

radio_chunk_map *radio_chunk_map_open(radio_h5_id dataset, radio_h5_kind kind, const char *path) {
    radio_chunk_map *map = calloc(1, sizeof *map);
    if (!map) { return NULL; }
    map->file = -1;
    uint64_t header = 0;
    if (has_elements(dataset, kind, &map->element_bytes) && describe(map, dataset, &header)) {
        const int64_t count = map->chunks[0] * map->chunks[1] * map->chunks[2];
        const int64_t chunk_bytes = map->chunk[0] * map->chunk[1] * map->chunk[2] * map->element_bytes;
        // Larger chunks than this are few: libhdf5 does them well.
        if (count > 0 && count < tree_nodes_max * 8LL && chunk_bytes <= 1 << 20) {
            map->nodes_left = tree_nodes_max;
            // A run stays in the second-level cache until it is scattered.
            map->run_capacity = chunk_bytes < run_bytes ? run_bytes / chunk_bytes : 1;
            map->file = open(path, O_RDONLY | O_CLOEXEC);
            map->addresses = calloc((size_t)count, sizeof *map->addresses);
            map->chunk_bytes = malloc((size_t)(map->run_capacity * chunk_bytes));
            const bool has_parts = map->file >= 0 && map->addresses && map->chunk_bytes;
            const uint64_t tree = has_parts ? find_tree(map->file, header) : 0;
            if (tree != 0 && tree != UINT64_MAX && walk(map, tree, 0)) { return map; }
        }
    }
    radio_chunk_map_close(map);
    return NULL;
}

void radio_chunk_map_close(radio_chunk_map *map) {
    if (!map) { return; }
    if (map->file >= 0) { close(map->file); }
    free(map->addresses);
    free(map->chunk_bytes);
    free(map);
}

// Copies the part of one chunk that lies in the wanted rows to its places. One loop for each size of element: with the
// size known, a copy is one move.
#define SCATTER(type)                                                                                                  \
    static void scatter_##type(const radio_chunk_map *map, const int64_t at[3], const char *bytes, int64_t first,      \
                               int64_t count, void *out) {                                                             \
        const type *source = (const type *)bytes;                                                                      \
        type *target = out;                                                                                            \
        const int64_t begin = at[0] * map->chunk[0];                                                                   \
        const int64_t channel0 = at[1] * map->chunk[1], polarization0 = at[2] * map->chunk[2];                         \
        int64_t channels = map->dims[1] - channel0, polarizations = map->dims[2] - polarization0;                      \
        if (channels > map->chunk[1]) { channels = map->chunk[1]; }                                                    \
        if (polarizations > map->chunk[2]) { polarizations = map->chunk[2]; }                                          \
        if (polarizations == 1 && map->chunk[2] == 1 && map->dims[2] == 2) {                                           \
            /* the telescope's: with the strides known the compiler moves several at once */                           \
            int64_t from = first - begin, to = first + count - begin;                                                  \
            if (from < 0) { from = 0; }                                                                                \
            if (to > map->chunk[0]) { to = map->chunk[0]; }                                                            \
            for (int64_t row = from; row < to; row++) {                                                                \
                const type *restrict line = source + row * map->chunk[1];                                              \
                type *restrict place = target + ((begin + row - first) * map->dims[1] + channel0) * 2 + polarization0; \
                for (int64_t channel = 0; channel < channels; channel++) { place[2 * channel] = line[channel]; }       \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t row = 0; row < map->chunk[0]; row++) {                                                            \
            const int64_t to = begin + row - first;                                                                    \
            if (to < 0 || to >= count) { continue; }                                                                   \
            const type *line = source + row * map->chunk[1] * map->chunk[2];                                           \
            type *place = target + (to * map->dims[1] + channel0) * map->dims[2] + polarization0;                      \
            for (int64_t channel = 0; channel < channels; channel++) {                                                 \
                for (int64_t index = 0; index < polarizations; index++) {                                              \
                    place[channel * map->dims[2] + index] = line[channel * map->chunk[2] + index];                     \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

SCATTER(uint8_t)
SCATTER(uint32_t)
SCATTER(uint64_t)

int radio_chunk_map_read(radio_chunk_map *map, int64_t first, int64_t count, void *out) {
    const int64_t chunk_bytes = map->chunk[0] * map->chunk[1] * map->chunk[2] * map->element_bytes;
    const int64_t per_row = map->chunks[1] * map->chunks[2];
    const int64_t begin = first / map->chunk[0] * per_row;
    const int64_t end = (first + count + map->chunk[0] - 1) / map->chunk[0] * per_row;
    for (int64_t start = begin; start < end;) {
        // As many as lie one after the other come in one read.
        int64_t run = 1;
        const uint64_t address = map->addresses[start];
        if (address == 0) { return 1; }
        while (start + run < end && run < map->run_capacity &&
               map->addresses[start + run] == address + (uint64_t)(run * chunk_bytes)) {
            run++;
        }
        if (!read_at(map->file, map->chunk_bytes, run * chunk_bytes, address)) { return 1; }
        for (int64_t index = 0; index < run; index++) {
            const int64_t place = start + index;
            const int64_t at[3] = {place / per_row, place / map->chunks[2] % map->chunks[1], place % map->chunks[2]};
            const char *bytes = map->chunk_bytes + index * chunk_bytes;
            switch (map->element_bytes) {
            case 1: scatter_uint8_t(map, at, bytes, first, count, out); break;
            case 4: scatter_uint32_t(map, at, bytes, first, count, out); break;
            default: scatter_uint64_t(map, at, bytes, first, count, out); break;
            }
        }
        start += run;
    }
    return 0;
}

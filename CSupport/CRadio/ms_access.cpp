// Opens, reads and changes a Measurement Set, ours or another program's.
#include <casacore/measures/Measures/MCDirection.h>
#include <casacore/measures/Measures/MeasConvert.h>
#include <casacore/tables/DataMan/TiledColumnStMan.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/TableRecord.h>

#include <sys/stat.h>

#include <cstring>
#include <stdexcept>

#include "ms_internal.h"

using namespace casacore;

namespace {

radio_ms_element element_of(DataType type) {
    switch (type) {
    case TpBool: return RADIO_MS_BOOL;
    case TpInt: return RADIO_MS_INT32;
    case TpFloat: return RADIO_MS_FLOAT32;
    case TpDouble: return RADIO_MS_FLOAT64;
    case TpComplex: return RADIO_MS_COMPLEX64;
    default: return RADIO_MS_OTHER;
    }
}

int64_t element_bytes(radio_ms_element element) {
    switch (element) {
    case RADIO_MS_BOOL: return 1;
    case RADIO_MS_INT32: return 4;
    case RADIO_MS_FLOAT32: return 4;
    case RADIO_MS_FLOAT64: return 8;
    case RADIO_MS_COMPLEX64: return 8;
    case RADIO_MS_OTHER: break;
    }
    throw std::invalid_argument("the column holds neither numbers nor flags");
}

void check_rows(const Table &table, int64_t first, int64_t count) {
    if (first < 0 || count < 0 || first + count > int64_t(table.nrow())) {
        throw std::out_of_range("rows " + std::to_string(first) + " to " + std::to_string(first + count) +
                                " are not in the table");
    }
}

// The storage manager that holds `column`, as Table::dataManagerInfo describes it.
Record manager_of(const Table &table, const String &column) {
    const Record all = table.dataManagerInfo();
    for (uInt index = 0; index < all.nfields(); index++) {
        const Record manager = all.subRecord(Int(index));
        const Vector<String> columns(manager.asArrayString("COLUMNS"));
        if (anyEQ(columns, column)) { return manager; }
    }
    return Record();
}

// The file that is the column's C-order array, or "".
std::string flat_file(const Table &table, const String &column, int64_t row_bits) {
    if (table.tableType() != Table::Plain || table.endianFormat() != Table::LittleEndian) { return ""; }
    if (row_bits <= 0) { return ""; }
    const Record manager = manager_of(table, column);
    if (manager.nfields() == 0 || manager.asString("TYPE") != "TiledColumnStMan") { return ""; }
    const Record cubes = manager.subRecord("SPEC").subRecord("HYPERCUBES");
    if (Vector<String>(manager.asArrayString("COLUMNS")).size() != 1 || cubes.nfields() != 1) { return ""; }
    const Record cube = cubes.subRecord(0);
    const Vector<Int> cube_shape(cube.toArrayInt("CubeShape"));
    const Vector<Int> tile_shape(cube.toArrayInt("TileShape"));
    int64_t tile_elements = 1;
    for (size_t axis = 0; axis + 1 < cube_shape.size(); axis++) {
        if (tile_shape[axis] != cube_shape[axis]) { return ""; }
    }
    for (const Int length : tile_shape) { tile_elements *= length; }
    if (tile_elements % 8 != 0) { return ""; }
    const std::string path =
        std::string(table.tableName()) + "/table.f" + std::to_string(manager.asuInt("SEQNR")) + "_TSM0";
    struct stat status;
    if (stat(path.c_str(), &status) != 0 || int64_t(status.st_size) < (int64_t(table.nrow()) * row_bits + 7) / 8) {
        return "";
    }
    return path;
}

template <typename Value> void copy_rows(Table &table, const char *name, const Slicer &rows, void *values, bool scalar,
                                         const IPosition &shape, bool writes) {
    Array<Value> view(shape, static_cast<Value *>(values), SHARE);
    if (scalar) {
        ScalarColumn<Value> column(table, name);
        Vector<Value> vector(view);
        if (writes) { column.putColumnRange(rows, vector); } else { column.getColumnRange(rows, vector); }
    } else {
        ArrayColumn<Value> column(table, name);
        if (writes) { column.putColumnRange(rows, view); } else { column.getColumnRange(rows, view); }
    }
}

void transfer(radio_ms *ms, const char *name, int64_t first, int64_t count, void *values, int64_t bytes, bool writes) {
    check_rows(ms->set, first, count);
    if (count == 0) { return; }
    const ColumnDesc &description = ms->set.tableDesc().columnDesc(name);
    const radio_ms_element element = element_of(description.dataType());
    const bool scalar = description.isScalar();
    IPosition shape = scalar ? IPosition() : TableColumn(ms->set, name).shape(first);
    shape = shape.concatenate(IPosition(1, count));
    if (shape.product() * element_bytes(element) != bytes) {
        throw std::invalid_argument(std::string(name) + ": the buffer holds " + std::to_string(bytes) + " bytes, not " +
                                    std::to_string(shape.product() * element_bytes(element)));
    }
    const Slicer rows(IPosition(1, first), IPosition(1, count));
    switch (element) {
    case RADIO_MS_BOOL: return copy_rows<Bool>(ms->set, name, rows, values, scalar, shape, writes);
    case RADIO_MS_INT32: return copy_rows<Int>(ms->set, name, rows, values, scalar, shape, writes);
    case RADIO_MS_FLOAT32: return copy_rows<Float>(ms->set, name, rows, values, scalar, shape, writes);
    case RADIO_MS_FLOAT64: return copy_rows<Double>(ms->set, name, rows, values, scalar, shape, writes);
    case RADIO_MS_COMPLEX64: return copy_rows<Complex>(ms->set, name, rows, values, scalar, shape, writes);
    case RADIO_MS_OTHER: break;
    }
}

template <typename Value>
void put_runs(Table &table, const char *name, int64_t first, int64_t count, const void *values) {
    ScalarColumn<Value> column(table, name);
    const Value *value = static_cast<const Value *>(values);
    for (int64_t index = 0; index < count; index++) {
        if (index == 0 || value[index] != value[index - 1]) { column.put(first + index, value[index]); }
    }
}

} // namespace

extern "C" int radio_ms_open(const char *path, bool writable, radio_ms **out) {
    return radio::guarded([&] {
        *out = nullptr;
        auto handle = std::make_unique<radio_ms>();
        handle->set = writable ? MeasurementSet(path, TableLock(TableLock::PermanentLocking), Table::Update)
                               : MeasurementSet(path, TableLock(TableLock::NoLocking), Table::Old);
        *out = handle.release();
    });
}

extern "C" int radio_ms_flush(radio_ms *ms) {
    return radio::guarded([&] { ms->set.flush(False); });
}

extern "C" int radio_ms_close(radio_ms *ms) {
    const int result = radio::guarded([&] {
        if (ms->set.isWritable()) { ms->set.flush(False); }
    });
    const int freed = radio::guarded([&] { delete ms; });
    return result == 0 ? freed : result;
}

extern "C" int radio_ms_count(radio_ms *ms, radio_ms_counts *out) {
    return radio::guarded([&] {
        out->rows = ms->set.nrow();
        out->antennas = ms->set.antenna().nrow();
        out->windows = ms->set.spectralWindow().nrow();
        out->fields = ms->set.field().nrow();
        out->data_descriptions = ms->set.dataDescription().nrow();
    });
}

extern "C" int radio_ms_get_antenna(radio_ms *ms, int32_t index, radio_ms_antenna *out) {
    return radio::guarded([&] {
        const MSAntennaColumns columns(ms->set.antenna());
        ms->first_text = columns.name()(index);
        ms->second_text = columns.station()(index);
        out->name = ms->first_text.c_str();
        out->station = ms->second_text.c_str();
        const Vector<Double> position(columns.position()(index));
        for (int axis = 0; axis < 3; axis++) { out->position_m[axis] = position[axis]; }
        out->dish_diameter_m = columns.dishDiameter()(index);
    });
}

extern "C" int radio_ms_get_field(radio_ms *ms, int32_t index, radio_ms_field *out) {
    return radio::guarded([&] {
        const MSFieldColumns columns(ms->set.field());
        ms->first_text = columns.name()(index);
        out->name = ms->first_text.c_str();
        const MDirection direction = columns.phaseDirMeas(index);
        const MDirection icrs = MDirection::Convert(direction, MDirection::ICRS)();
        const Vector<Double> angles = icrs.getAngle("rad").getValue();
        out->direction_rad[0] = angles[0];
        out->direction_rad[1] = angles[1];
    });
}

extern "C" int radio_ms_get_window(radio_ms *ms, int32_t index, radio_ms_window *out) {
    return radio::guarded([&] {
        const MSSpWindowColumns columns(ms->set.spectralWindow());
        ms->first_text = columns.name()(index);
        out->name = ms->first_text.c_str();
        out->channel_count = columns.numChan()(index);
        out->reference_frequency_hz = columns.refFrequency()(index);
    });
}

extern "C" int radio_ms_get_channels(radio_ms *ms, int32_t index, double *frequencies_hz, double *widths_hz) {
    return radio::guarded([&] {
        const MSSpWindowColumns columns(ms->set.spectralWindow());
        const Vector<Double> frequencies(columns.chanFreq()(index));
        const Vector<Double> widths(columns.chanWidth()(index));
        std::copy(frequencies.begin(), frequencies.end(), frequencies_hz);
        std::copy(widths.begin(), widths.end(), widths_hz);
    });
}

extern "C" int radio_ms_get_description(radio_ms *ms, int32_t index, radio_ms_description *out) {
    return radio::guarded([&] {
        const MSDataDescColumns columns(ms->set.dataDescription());
        const MSPolarizationColumns polarizations(ms->set.polarization());
        const Vector<Int> types(polarizations.corrType()(columns.polarizationId()(index)));
        if (types.size() > 4) { throw std::invalid_argument("a polarisation setup has more than 4 correlations"); }
        out->window = columns.spectralWindowId()(index);
        out->correlation_count = types.size();
        std::memset(out->correlation_types, 0, sizeof(out->correlation_types));
        std::copy(types.begin(), types.end(), out->correlation_types);
    });
}

extern "C" int radio_ms_get_observation(radio_ms *ms, radio_ms_observation *out) {
    return radio::guarded([&] {
        const MSObservationColumns columns(ms->set.observation());
        if (ms->set.observation().nrow() == 0) { throw std::invalid_argument("the OBSERVATION table is empty"); }
        ms->first_text = columns.telescopeName()(0);
        out->telescope_name = ms->first_text.c_str();
        const Vector<Double> range(columns.timeRange()(0));
        for (int end = 0; end < 2; end++) { out->time_range_s[end] = range[end]; }
    });
}

extern "C" int radio_ms_has_column(radio_ms *ms, const char *column, bool *out) {
    return radio::guarded([&] { *out = ms->set.tableDesc().isColumn(column); });
}

extern "C" int radio_ms_get_layout(radio_ms *ms, const char *column, radio_ms_layout *out) {
    return radio::guarded([&] {
        const ColumnDesc &description = ms->set.tableDesc().columnDesc(column);
        std::memset(out, 0, sizeof(*out));
        out->element = element_of(description.dataType());
        out->elements_per_row = 1;
        if (!description.isScalar()) {
            TableColumn cells(ms->set, column);
            if (ms->set.nrow() == 0 || !cells.isDefined(0)) {
                out->elements_per_row = -1;
                return;
            }
            const IPosition shape = cells.shape(0);
            if (shape.size() > 4) { throw std::invalid_argument("a cell has more than 4 axes"); }
            out->dimensions = shape.size();
            for (size_t axis = 0; axis < shape.size(); axis++) { out->shape[axis] = shape[axis]; }
            out->elements_per_row = shape.product();
        }
        if (out->element == RADIO_MS_OTHER) { return; }
        const int64_t bits = out->element == RADIO_MS_BOOL ? 1 : 8 * element_bytes(out->element);
        const std::string path = flat_file(ms->set, column, bits * out->elements_per_row);
        if (path.size() < sizeof(out->flat_file)) { std::strcpy(out->flat_file, path.c_str()); }
    });
}

extern "C" int radio_ms_read(radio_ms *ms, const char *column, int64_t first, int64_t count, void *values,
                             int64_t bytes) {
    return radio::guarded([&] { transfer(ms, column, first, count, values, bytes, false); });
}

extern "C" int radio_ms_write(radio_ms *ms, const char *column, int64_t first, int64_t count, const void *values,
                              int64_t bytes) {
    return radio::guarded([&] { transfer(ms, column, first, count, const_cast<void *>(values), bytes, true); });
}

extern "C" int radio_ms_write_runs(radio_ms *ms, const char *column, int64_t first, int64_t count, const void *values,
                                   int64_t bytes) {
    return radio::guarded([&] {
        check_rows(ms->set, first, count);
        const radio_ms_element element = element_of(ms->set.tableDesc().columnDesc(column).dataType());
        if (count * element_bytes(element) != bytes) { throw std::invalid_argument("the buffer has the wrong size"); }
        switch (element) {
        case RADIO_MS_BOOL: return put_runs<Bool>(ms->set, column, first, count, values);
        case RADIO_MS_INT32: return put_runs<Int>(ms->set, column, first, count, values);
        case RADIO_MS_FLOAT64: return put_runs<Double>(ms->set, column, first, count, values);
        default: throw std::invalid_argument("only flags, whole numbers and doubles come in runs");
        }
    });
}

extern "C" int radio_ms_add_visibilities(radio_ms *ms, const char *column) {
    return radio::guarded([&] {
        if (ms->set.tableDesc().isColumn(column)) { return; }
        const ColumnDesc &like = ms->set.tableDesc().columnDesc("DATA");
        if (!like.isFixedShape()) { throw std::invalid_argument("DATA has no fixed shape"); }
        const IPosition cell = like.shape();
        const std::string manager = std::string("Tiled_") + column;
        ms->set.addColumn(ArrayColumnDesc<Complex>(column, "", manager, manager, cell,
                                                   ColumnDesc::Direct | ColumnDesc::FixedShape),
                          TiledColumnStMan(manager, radio::flat_tile(cell)));
        ms->set.flush();
    });
}

extern "C" int radio_ms_add_sigma_spectrum(radio_ms *ms) {
    return radio::guarded([&] {
        const char *column = "SIGMA_SPECTRUM";
        if (ms->set.tableDesc().isColumn(column)) { return; }
        const ColumnDesc &like = ms->set.tableDesc().columnDesc("DATA");
        if (!like.isFixedShape()) { throw std::invalid_argument("DATA has no fixed shape"); }
        const IPosition cell = like.shape();
        ms->set.addColumn(ArrayColumnDesc<Float>(column, "", "Tiled_SIGMA_SPECTRUM", "Tiled_SIGMA_SPECTRUM", cell,
                                                 ColumnDesc::Direct | ColumnDesc::FixedShape),
                          TiledColumnStMan("Tiled_SIGMA_SPECTRUM", radio::flat_tile(cell)));
        ms->set.flush();
    });
}

extern "C" int radio_ms_add_history(radio_ms *ms, const char *application, const char *message, double time_s) {
    return radio::guarded([&] {
        if (!ms->set.history().isWritable()) { ms->set.history().reopenRW(); }
        radio::append_history(ms->set, application, message, time_s);
        ms->set.history().flush();
    });
}

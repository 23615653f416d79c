// Creates a Measurement Set whose bulk columns are flat arrays on disk.
#include <casacore/casa/Arrays/Vector.h>
#include <casacore/tables/DataMan/IncrementalStMan.h>
#include <casacore/tables/DataMan/StandardStMan.h>
#include <casacore/tables/DataMan/TiledColumnStMan.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/TableDesc.h>

#include <algorithm>

#include "ms_internal.h"

using namespace casacore;

namespace {

thread_local std::string last_error = "no error";

TableDesc main_description(const IPosition &cell, const IPosition &per_polarization) {
    TableDesc description = MS::requiredTableDesc();
    const ColumnDesc::Option fixed = ColumnDesc::Option(ColumnDesc::Direct | ColumnDesc::FixedShape);
    MS::addColumnToDesc(description, MS::DATA, cell, fixed);
    MS::addColumnToDesc(description, MS::WEIGHT_SPECTRUM, cell, fixed);
    // The required description leaves the shapes of these open; a tile needs them fixed.
    description.removeColumn("FLAG");
    MS::addColumnToDesc(description, MS::FLAG, cell, fixed);
    for (const char *name : {"WEIGHT", "SIGMA"}) {
        description.removeColumn(name);
    }
    MS::addColumnToDesc(description, MS::WEIGHT, per_polarization, fixed);
    MS::addColumnToDesc(description, MS::SIGMA, per_polarization, fixed);
    return description;
}

void bind_columns(SetupNewTable &setup, const IPosition &cell, const IPosition &per_polarization) {
    StandardStMan standard("Standard", 32768);
    setup.bindAll(standard);
    IncrementalStMan incremental("Incremental");
    for (const char *name : {"TIME", "TIME_CENTROID", "INTERVAL", "EXPOSURE", "DATA_DESC_ID", "FIELD_ID",
                             "SCAN_NUMBER", "ARRAY_ID", "OBSERVATION_ID", "PROCESSOR_ID", "STATE_ID", "FEED1", "FEED2",
                             "FLAG_ROW"}) {
        setup.bindColumn(name, incremental);
    }
    const auto tiled = [&](const char *column, const char *manager, const IPosition &shape) {
        TiledColumnStMan storage(manager, radio::flat_tile(shape));
        setup.bindColumn(column, storage);
    };
    tiled("DATA", "TiledData", cell);
    tiled("FLAG", "TiledFlag", cell);
    tiled("WEIGHT_SPECTRUM", "TiledWeightSpectrum", cell);
    tiled("WEIGHT", "TiledWeight", per_polarization);
    tiled("SIGMA", "TiledSigma", per_polarization);
    tiled("UVW", "TiledUVW", IPosition(1, 3));
}

template <typename Value> void fill(Table &table, const char *column, Value value) {
    // In the incremental storage manager a value stands for the rows after it too.
    ScalarColumn<Value>(table, column).put(0, value);
}

} // namespace

// A tile that spans the whole cell makes the tile file the C-order array (row, channel, polarisation). A multiple of
// eight rows keeps that true of packed bits as well.
IPosition radio::flat_tile(const IPosition &cell) {
    const int64_t tile_elements = 16384; // 128 kB of visibilities
    const int64_t rows = tile_elements / std::max<int64_t>(1, cell.product()) / 8 * 8;
    return cell.concatenate(IPosition(1, std::max<int64_t>(8, rows)));
}

void radio::remember_error(const char *text) {
    try {
        last_error = text;
    } catch (...) {
        last_error.clear(); // Out of memory; the empty text is still a failure.
    }
}

extern "C" const char *radio_ms_error(void) { return last_error.c_str(); }

extern "C" int radio_ms_create(const radio_ms_plan *plan, radio_ms **out) {
    return radio::guarded([&] {
        *out = nullptr;
        const IPosition cell(2, plan->polarization_count, plan->channel_count);
        const IPosition per_polarization(1, plan->polarization_count);
        SetupNewTable setup(plan->path, main_description(cell, per_polarization), Table::NewNoReplace);
        bind_columns(setup, cell, per_polarization);
        // Memory-mapped tile files grow by one seek, without a zero written to every tile.
        Table table(setup, TableLock(TableLock::PermanentLocking), plan->row_count, False, Table::LittleEndian,
                    TSMOption(TSMOption::Cache));
        auto handle = std::make_unique<radio_ms>();
        handle->set = MeasurementSet(table);
        handle->set.createDefaultSubtables(Table::New);
        handle->set.initRefs();
        if (plan->row_count > 0) {
            // Only what nobody else writes: a second put to row 0 would change that row alone.
            for (const char *name : {"ARRAY_ID", "OBSERVATION_ID", "PROCESSOR_ID", "STATE_ID", "FEED1", "FEED2"}) {
                fill<Int>(handle->set, name, 0);
            }
            fill<Bool>(handle->set, "FLAG_ROW", False);
        }
        radio::fill_subtables(handle->set, *plan);
        *out = handle.release();
    });
}

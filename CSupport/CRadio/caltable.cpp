// Writes and reads calibration tables in CASA's layout.
//
// The layout is that of CASA's NewCalTable: a plain casacore table of type "Calibration" whose subtype, like the
// keyword VisCal, names the kind of Jones matrix; complex parameters lie in CPARAM, real ones in FPARAM.
#include <casacore/casa/Arrays/Matrix.h>
#include <casacore/measures/Measures/MEpoch.h>
#include <casacore/measures/TableMeasures/TableMeasDesc.h>
#include <casacore/measures/TableMeasures/TableMeasRefDesc.h>
#include <casacore/measures/TableMeasures/TableMeasValueDesc.h>
#include <casacore/measures/TableMeasures/TableQuantumDesc.h>
#include <casacore/tables/DataMan/StandardStMan.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/ScaColDesc.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/TableCopy.h>
#include <casacore/tables/Tables/TableRecord.h>

#include <stdexcept>

#include "ms_internal.h"
#include "radio_caltable.h"

using namespace casacore;

struct radio_caltable {
    Table table;
    std::string vis_cal;
    std::string name;
};

namespace {

bool holds_delays(const std::string &vis_cal) { return vis_cal.rfind("K", 0) == 0; }

TableDesc description(bool real) {
    TableDesc desc;
    for (const char *name : {"TIME", "INTERVAL"}) { desc.addColumn(ScalarColumnDesc<Double>(name)); }
    for (const char *name : {"FIELD_ID", "SPECTRAL_WINDOW_ID", "ANTENNA1", "ANTENNA2", "SCAN_NUMBER",
                             "OBSERVATION_ID"}) {
        desc.addColumn(ScalarColumnDesc<Int>(name));
    }
    if (real) {
        desc.addColumn(ArrayColumnDesc<Float>("FPARAM", 2));
    } else {
        desc.addColumn(ArrayColumnDesc<Complex>("CPARAM", 2));
    }
    for (const char *name : {"PARAMERR", "SNR", "WEIGHT"}) { desc.addColumn(ArrayColumnDesc<Float>(name, 2)); }
    desc.addColumn(ArrayColumnDesc<Bool>("FLAG", 2));
    TableMeasRefDesc utc(MEpoch::UTC);
    TableMeasValueDesc value(desc, "TIME");
    TableMeasDesc<MEpoch>(value, utc).write(desc);
    TableQuantumDesc(desc, "TIME", Unit("s")).write(desc);
    TableQuantumDesc(desc, "INTERVAL", Unit("s")).write(desc);
    return desc;
}

void copy_subtables(Table &table, const Table &set, const std::string &path) {
    for (const char *name : {"OBSERVATION", "ANTENNA", "FIELD", "SPECTRAL_WINDOW", "HISTORY"}) {
        const Table from = set.keywordSet().asTable(name);
        const std::string to = path + "/" + name;
        from.deepCopy(to, Table::New, True, Table::LittleEndian);
        table.rwKeywordSet().defineTable(name, Table(to));
    }
}

void set_windows(Table &table, const radio_caltable_plan &plan) {
    Table windows(table.keywordSet().asTable("SPECTRAL_WINDOW").tableName(), Table::Update);
    if (rownr_t(plan.window_count) != windows.nrow()) {
        throw std::invalid_argument("the Measurement Set has " + std::to_string(windows.nrow()) +
                                    " spectral windows, the solution " + std::to_string(plan.window_count));
    }
    for (int32_t index = 0; index < plan.window_count; index++) {
        const int32_t count = plan.channel_counts[index];
        Vector<Double> frequencies(count), widths(count);
        std::copy(plan.frequencies_hz[index], plan.frequencies_hz[index] + count, frequencies.begin());
        std::copy(plan.widths_hz[index], plan.widths_hz[index] + count, widths.begin());
        ScalarColumn<Int>(windows, "NUM_CHAN").put(index, count);
        ArrayColumn<Double>(windows, "CHAN_FREQ").put(index, frequencies);
        for (const char *name : {"CHAN_WIDTH", "EFFECTIVE_BW", "RESOLUTION"}) {
            ArrayColumn<Double>(windows, name).put(index, widths);
        }
        ScalarColumn<Double>(windows, "REF_FREQUENCY").put(index, plan.reference_frequencies_hz[index]);
        ScalarColumn<Double>(windows, "TOTAL_BANDWIDTH").put(index, sum(abs(widths)));
        ScalarColumn<Bool>(windows, "FLAG_ROW").put(index, False);
    }
}

void put_history(Table &table, const radio_caltable_plan &plan) {
    Table history(table.keywordSet().asTable("HISTORY").tableName(), Table::Update);
    const rownr_t row = history.nrow();
    history.addRow(1);
    ScalarColumn<Double>(history, "TIME").put(row, plan.row_count > 0 ? plan.times_s[0] : 0);
    ScalarColumn<Int>(history, "OBSERVATION_ID").put(row, 0);
    ScalarColumn<Int>(history, "OBJECT_ID").put(row, 0);
    ScalarColumn<String>(history, "MESSAGE").put(row, plan.history);
    ScalarColumn<String>(history, "PRIORITY").put(row, "NORMAL");
    ScalarColumn<String>(history, "ORIGIN").put(row, "absurd");
    ScalarColumn<String>(history, "APPLICATION").put(row, "absurd");
    ArrayColumn<String>(history, "CLI_COMMAND").put(row, Vector<String>(1, ""));
    ArrayColumn<String>(history, "APP_PARAMS").put(row, Vector<String>(1, ""));
}

void put_rows(Table &table, const radio_caltable_plan &plan, const radio_caltable_cells *rows) {
    const bool real = holds_delays(plan.vis_cal);
    ScalarColumn<Double> time(table, "TIME"), interval(table, "INTERVAL");
    ScalarColumn<Int> field(table, "FIELD_ID"), window(table, "SPECTRAL_WINDOW_ID"), first(table, "ANTENNA1"),
        second(table, "ANTENNA2"), scan(table, "SCAN_NUMBER"), observation(table, "OBSERVATION_ID");
    ArrayColumn<Float> error(table, "PARAMERR"), snr(table, "SNR"), weight(table, "WEIGHT");
    ArrayColumn<Bool> flag(table, "FLAG");
    ArrayColumn<Complex> complex_gain;
    ArrayColumn<Float> real_gain;
    if (real) {
        real_gain.attach(table, "FPARAM");
    } else {
        complex_gain.attach(table, "CPARAM");
    }
    for (int64_t row = 0; row < plan.row_count; row++) {
        const IPosition shape(2, plan.polarization_count, plan.channel_counts[plan.windows[row]]);
        const int64_t count = shape.product();
        time.put(row, plan.times_s[row]);
        interval.put(row, plan.intervals_s[row]);
        field.put(row, plan.field);
        window.put(row, plan.windows[row]);
        first.put(row, plan.antennas[row]);
        second.put(row, plan.reference_antennas[row]);
        scan.put(row, plan.scan);
        observation.put(row, 0);
        Matrix<Float> errors(shape), signal(shape);
        Matrix<Bool> flags(shape);
        std::copy(rows[row].errors, rows[row].errors + count, errors.begin());
        std::copy(rows[row].snr, rows[row].snr + count, signal.begin());
        std::copy(rows[row].flags, rows[row].flags + count, flags.begin());
        if (real) {
            Matrix<Float> values(shape);
            for (int64_t index = 0; index < count; index++) { values.data()[index] = rows[row].gains[2 * index]; }
            real_gain.put(row, values);
        } else {
            Matrix<Complex> values(shape);
            for (int64_t index = 0; index < count; index++) {
                values.data()[index] = Complex(rows[row].gains[2 * index], rows[row].gains[2 * index + 1]);
            }
            complex_gain.put(row, values);
        }
        error.put(row, errors);
        snr.put(row, signal);
        flag.put(row, flags);
        weight.put(row, Matrix<Float>(shape, 1.0f));
    }
}

} // namespace

extern "C" int radio_caltable_write(const radio_caltable_plan *plan, const radio_caltable_cells *rows) {
    return radio::guarded([&] {
        const bool real = holds_delays(plan->vis_cal);
        const Table set(plan->ms_path, Table::Old);
        SetupNewTable setup(plan->path, description(real), Table::NewNoReplace);
        StandardStMan standard("Standard", 32768);
        setup.bindAll(standard);
        Table table(setup, TableLock(TableLock::PermanentLocking), plan->row_count, False, Table::LittleEndian);
        table.tableInfo().setType("Calibration");
        table.tableInfo().setSubType(plan->vis_cal);
        table.rwKeywordSet().define("ParType", real ? "Float" : "Complex");
        std::string name = plan->ms_path;
        while (name.size() > 1 && name.back() == '/') { name.pop_back(); }
        table.rwKeywordSet().define("MSName", String(name.substr(name.rfind('/') + 1)));
        table.rwKeywordSet().define("VisCal", plan->vis_cal);
        table.rwKeywordSet().define("PolBasis", plan->pol_basis);
        copy_subtables(table, set, plan->path);
        set_windows(table, *plan);
        put_history(table, *plan);
        put_rows(table, *plan, rows);
        table.flush(True, True);
    });
}

extern "C" int radio_caltable_open(const char *path, radio_caltable **out) {
    return radio::guarded([&] {
        *out = nullptr;
        auto handle = std::make_unique<radio_caltable>();
        handle->table = Table(path, Table::Old);
        if (handle->table.tableInfo().type() != "Calibration" || !handle->table.keywordSet().isDefined("VisCal")) {
            throw std::invalid_argument("it is not a calibration table");
        }
        handle->vis_cal = handle->table.keywordSet().asString("VisCal");
        *out = handle.release();
    });
}

extern "C" void radio_caltable_close(radio_caltable *table) {
    radio::guarded([&] { delete table; });
}

extern "C" int radio_caltable_summarize(radio_caltable *table, radio_caltable_summary *out) {
    return radio::guarded([&] {
        out->vis_cal = table->vis_cal.c_str();
        out->rows = int64_t(table->table.nrow());
        out->windows = int32_t(table->table.keywordSet().asTable("SPECTRAL_WINDOW").nrow());
        out->antennas = int32_t(table->table.keywordSet().asTable("ANTENNA").nrow());
    });
}

extern "C" int radio_caltable_antenna(radio_caltable *table, int32_t index, const char **name) {
    return radio::guarded([&] {
        table->name = ScalarColumn<String>(table->table.keywordSet().asTable("ANTENNA"), "NAME")(rownr_t(index));
        *name = table->name.c_str();
    });
}

extern "C" int radio_caltable_window(radio_caltable *table, int32_t index, int32_t room, int32_t *channels,
                                     double *reference_frequency_hz, double *frequencies_hz, double *widths_hz) {
    return radio::guarded([&] {
        const Table windows = table->table.keywordSet().asTable("SPECTRAL_WINDOW");
        const Vector<Double> frequencies = ArrayColumn<Double>(windows, "CHAN_FREQ")(rownr_t(index));
        const Vector<Double> widths = ArrayColumn<Double>(windows, "CHAN_WIDTH")(rownr_t(index));
        *channels = int32_t(frequencies.size());
        // CASA since 5.3, which names itself in its tables, takes delays about the middle of the window instead.
        *reference_frequency_hz = table->table.keywordSet().isDefined("CASA_Version")
                                      ? mean(frequencies)
                                      : ScalarColumn<Double>(windows, "REF_FREQUENCY")(rownr_t(index));
        for (int32_t channel = 0; channel < std::min(room, *channels); channel++) {
            frequencies_hz[channel] = frequencies[channel];
            widths_hz[channel] = widths[channel];
        }
    });
}

extern "C" int radio_caltable_get_row(radio_caltable *table, int64_t row, radio_caltable_row *out) {
    return radio::guarded([&] {
        const auto integer = [&](const char *name) { return ScalarColumn<Int>(table->table, name)(rownr_t(row)); };
        out->time_s = ScalarColumn<Double>(table->table, "TIME")(rownr_t(row));
        out->interval_s = ScalarColumn<Double>(table->table, "INTERVAL")(rownr_t(row));
        out->window = integer("SPECTRAL_WINDOW_ID");
        out->antenna = integer("ANTENNA1");
        out->reference_antenna = integer("ANTENNA2");
        const IPosition shape = ArrayColumn<Bool>(table->table, "FLAG").shape(rownr_t(row));
        out->polarizations = int32_t(shape(0));
        out->channels = int32_t(shape(1));
    });
}

extern "C" int radio_caltable_get_cells(radio_caltable *table, int64_t row, float *gains, float *errors,
                                        uint8_t *flags, float *snr) {
    return radio::guarded([&] {
        const Array<Bool> flag = ArrayColumn<Bool>(table->table, "FLAG")(rownr_t(row));
        std::copy(flag.begin(), flag.end(), flags);
        if (table->table.keywordSet().asString("ParType") == "Complex") {
            const Array<Complex> values = ArrayColumn<Complex>(table->table, "CPARAM")(rownr_t(row));
            for (const Complex &value : values) {
                *gains++ = value.real();
                *gains++ = value.imag();
            }
        } else {
            const Array<Float> values = ArrayColumn<Float>(table->table, "FPARAM")(rownr_t(row));
            for (const Float value : values) {
                *gains++ = value;
                *gains++ = 0;
            }
        }
        if (errors != nullptr) {
            const Array<Float> values = ArrayColumn<Float>(table->table, "PARAMERR")(rownr_t(row));
            std::copy(values.begin(), values.end(), errors);
        }
        if (snr != nullptr) {
            const Array<Float> values = ArrayColumn<Float>(table->table, "SNR")(rownr_t(row));
            std::copy(values.begin(), values.end(), snr);
        }
    });
}

// Fills the subtables of a new Measurement Set.
#include <casacore/casa/Arrays/Cube.h>
#include <casacore/casa/Arrays/Matrix.h>
#include <casacore/measures/Measures/MDirection.h>
#include <casacore/measures/Measures/Stokes.h>
#include <casacore/tables/Tables/ArrColDesc.h>

#include <limits>

#include "ms_internal.h"

using namespace casacore;

namespace {

Vector<Double> doubles(const double *values, int64_t count) {
    Vector<Double> result(count);
    std::copy(values, values + count, result.begin());
    return result;
}

void fill_antennas(MeasurementSet &set, const radio_ms_plan &plan) {
    MSAntennaColumns columns(set.antenna());
    columns.setPositionRef(MPosition::ITRF);
    set.antenna().addRow(plan.antenna_count);
    for (int32_t row = 0; row < plan.antenna_count; row++) {
        columns.name().put(row, plan.antenna_names[row]);
        columns.station().put(row, plan.station_names[row]);
        columns.type().put(row, "GROUND-BASED");
        columns.mount().put(row, plan.mount);
        columns.position().put(row, doubles(plan.antenna_positions_m + 3 * row, 3));
        columns.offset().put(row, Vector<Double>(3, 0.0));
        columns.dishDiameter().put(row, plan.dish_diameters_m[row]);
        columns.flagRow().put(row, False);
    }
}

void fill_feeds(MeasurementSet &set, const radio_ms_plan &plan) {
    set.feed().addRow(plan.antenna_count);
    MSFeedColumns columns(set.feed());
    Vector<String> types(2);
    const bool circular = plan.polarization_count > 0 && plan.correlation_types[0] >= Stokes::RR &&
                          plan.correlation_types[0] <= Stokes::LL;
    types[0] = circular ? "R" : "X";
    types[1] = circular ? "L" : "Y";
    Matrix<Complex> response(2, 2, Complex(0));
    response.diagonal() = Complex(1);
    for (int32_t row = 0; row < plan.antenna_count; row++) {
        columns.antennaId().put(row, row);
        columns.feedId().put(row, 0);
        columns.spectralWindowId().put(row, -1);
        columns.time().put(row, 0.5 * (plan.time_range_s[0] + plan.time_range_s[1]));
        columns.interval().put(row, std::numeric_limits<double>::max()); // always valid
        columns.numReceptors().put(row, 2);
        columns.beamId().put(row, -1);
        columns.beamOffset().put(row, Matrix<Double>(2, 2, 0.0));
        columns.polarizationType().put(row, types);
        columns.polResponse().put(row, response);
        columns.position().put(row, Vector<Double>(3, 0.0));
        columns.receptorAngle().put(row, Vector<Double>(2, 0.0));
    }
}

void fill_windows(MeasurementSet &set, const radio_ms_plan &plan) {
    set.spectralWindow().addRow(plan.window_count);
    MSSpWindowColumns columns(set.spectralWindow());
    for (int32_t row = 0; row < plan.window_count; row++) {
        const Vector<Double> frequencies =
            doubles(plan.frequencies_hz + int64_t(row) * plan.channel_count, plan.channel_count);
        const Vector<Double> widths =
            doubles(plan.channel_widths_hz + int64_t(row) * plan.channel_count, plan.channel_count);
        columns.numChan().put(row, plan.channel_count);
        columns.name().put(row, "SPW" + String::toString(row));
        columns.refFrequency().put(row, frequencies[0]);
        columns.chanFreq().put(row, frequencies);
        columns.chanWidth().put(row, widths);
        columns.effectiveBW().put(row, widths);
        columns.resolution().put(row, widths);
        columns.totalBandwidth().put(row, sum(widths));
        columns.measFreqRef().put(row, MFrequency::TOPO);
        columns.netSideband().put(row, 1);
        columns.ifConvChain().put(row, 0);
        columns.freqGroup().put(row, 0);
        columns.freqGroupName().put(row, "");
        columns.flagRow().put(row, False);
    }
}

void fill_polarization(MeasurementSet &set, const radio_ms_plan &plan) {
    set.polarization().addRow(1);
    MSPolarizationColumns columns(set.polarization());
    Vector<Int> types(plan.polarization_count);
    Matrix<Int> products(2, plan.polarization_count);
    for (int32_t index = 0; index < plan.polarization_count; index++) {
        types[index] = plan.correlation_types[index];
        const Fallible<Int> first = Stokes::receptor1(Stokes::type(types[index]));
        const Fallible<Int> second = Stokes::receptor2(Stokes::type(types[index]));
        products(0, index) = first.isValid() ? Int(first) : 0;
        products(1, index) = second.isValid() ? Int(second) : 0;
    }
    columns.numCorr().put(0, plan.polarization_count);
    columns.corrType().put(0, types);
    columns.corrProduct().put(0, products);
    columns.flagRow().put(0, False);
}

void fill_descriptions(MeasurementSet &set, const radio_ms_plan &plan) {
    set.dataDescription().addRow(plan.window_count);
    MSDataDescColumns columns(set.dataDescription());
    for (int32_t row = 0; row < plan.window_count; row++) {
        columns.spectralWindowId().put(row, row);
        columns.polarizationId().put(row, 0);
        columns.flagRow().put(row, False);
    }
}

void fill_fields(MeasurementSet &set, const radio_ms_plan &plan) {
    MSFieldColumns columns(set.field());
    columns.setDirectionRef(MDirection::ICRS);
    set.field().addRow(plan.field_count);
    for (int32_t row = 0; row < plan.field_count; row++) {
        Matrix<Double> direction(2, 1);
        direction(0, 0) = plan.field_directions_rad[2 * row];
        direction(1, 0) = plan.field_directions_rad[2 * row + 1];
        columns.name().put(row, plan.field_names[row]);
        columns.code().put(row, "");
        columns.time().put(row, plan.field_times_s[row]);
        columns.numPoly().put(row, 0);
        columns.delayDir().put(row, direction);
        columns.phaseDir().put(row, direction);
        columns.referenceDir().put(row, direction);
        columns.sourceId().put(row, -1);
        columns.flagRow().put(row, False);
    }
}

void fill_observation(MeasurementSet &set, const radio_ms_plan &plan) {
    MSObservation table = set.observation();
    // Not part of the standard, but the only place from which peers can read where the array stands.
    table.addColumn(ArrayColumnDesc<Double>("TELESCOPE_LOCATION", IPosition(1, 3), ColumnDesc::FixedShape));
    table.addRow(1);
    MSObservationColumns columns(table);
    columns.telescopeName().put(0, plan.telescope_name);
    columns.timeRange().put(0, doubles(plan.time_range_s, 2));
    columns.observer().put(0, plan.observer);
    columns.log().put(0, Vector<String>(1, ""));
    columns.scheduleType().put(0, "");
    columns.schedule().put(0, Vector<String>(1, ""));
    columns.project().put(0, plan.project);
    columns.releaseDate().put(0, plan.time_range_s[1]);
    columns.flagRow().put(0, False);
    ArrayColumn<Double>(table, "TELESCOPE_LOCATION").put(0, doubles(plan.array_position_m, 3));
}

void fill_processor_and_state(MeasurementSet &set) {
    set.processor().addRow(1);
    MSProcessorColumns processor(set.processor());
    processor.type().put(0, "CORRELATOR");
    processor.subType().put(0, "");
    processor.typeId().put(0, -1);
    processor.modeId().put(0, -1);
    processor.flagRow().put(0, False);

    set.state().addRow(1);
    MSStateColumns state(set.state());
    state.sig().put(0, True);
    state.ref().put(0, False);
    state.cal().put(0, 0);
    state.load().put(0, 0);
    state.subScan().put(0, 0);
    state.obsMode().put(0, "OBSERVE_TARGET.UNSPECIFIED");
    state.flagRow().put(0, False);
}

} // namespace

void radio::append_history(MeasurementSet &set, const std::string &application, const std::string &message,
                           double time_s) {
    const rownr_t row = set.history().nrow();
    set.history().addRow(1);
    MSHistoryColumns columns(set.history());
    columns.time().put(row, time_s);
    columns.observationId().put(row, 0);
    columns.message().put(row, message);
    columns.priority().put(row, "NORMAL");
    columns.origin().put(row, application);
    columns.objectId().put(row, 0);
    columns.application().put(row, application);
    columns.cliCommand().put(row, Vector<String>(1, ""));
    columns.appParams().put(row, Vector<String>(1, ""));
}

void radio::fill_subtables(MeasurementSet &set, const radio_ms_plan &plan) {
    fill_antennas(set, plan);
    fill_feeds(set, plan);
    fill_windows(set, plan);
    fill_polarization(set, plan);
    fill_descriptions(set, plan);
    fill_fields(set, plan);
    fill_observation(set, plan);
    fill_processor_and_state(set);
    append_history(set, plan.history_application, plan.history_message, plan.time_range_s[1]);
}

// What the files of the Measurement Set shim share.
#pragma once
#include <casacore/ms/MeasurementSets/MSColumns.h>
#include <casacore/ms/MeasurementSets/MeasurementSet.h>

#include <exception>
#include <memory>
#include <string>

#include "radio_ms.h"

struct radio_ms {
    casacore::MeasurementSet set;
    // The strings that the getters hand out.
    std::string first_text;
    std::string second_text;
};

namespace radio {

void remember_error(const char *text);

// Runs `body` and turns whatever it throws into -1 and this thread's error text.
template <typename Body> int guarded(Body body) {
    try {
        body();
        return 0;
    } catch (const std::exception &error) {
        remember_error(error.what());
    } catch (...) {
        remember_error("an exception of unknown type");
    }
    return -1;
}

// The tile of a column whose file is to be the C-order array (row, ...cell).
casacore::IPosition flat_tile(const casacore::IPosition &cell);

void fill_subtables(casacore::MeasurementSet &set, const radio_ms_plan &plan);
void append_history(casacore::MeasurementSet &set, const std::string &application, const std::string &message,
                    double time_s);

} // namespace radio

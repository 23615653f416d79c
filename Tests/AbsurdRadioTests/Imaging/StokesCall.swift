import CRadio

/// One row of four channels and three correlations, the first and last averaged, a weight for each sample.
func radioStokes(data: [Float], flags: [UInt8], weights: [Float], values: inout [Float], out: inout [Float]) {
    radio_gridder_stokes(data, flags, weights, 1, 4, 3, 0, 2, 12, &values, &out)
}

import CRadio

/// The visibilities of one spectral window as planes that the solver's loops run over.
///
/// While it is filled, row r of every plane belongs to whoever handles row r; afterwards the planes are only read.
/// Layout: re, im, counts: [polarisation][row][channel]; power: [row][channel].
public final class VisibilityPlanes: @unchecked Sendable {
    public let rows: BaselineRows
    /// Channel centres after binning, Hz.
    public let frequencies: [Double]
    public let polarizationCount: Int
    /// How many channels of the data were averaged into one here.
    public let channelBin: Int
    /// Weight of each row; 0 leaves a row out.
    public let weights: [Float]

    let re: SharedArray<Float>
    let im: SharedArray<Float>
    let counts: SharedArray<UInt8>
    let power: SharedArray<Float>
    private(set) var holdsProducts = false

    public var channelCount: Int { frequencies.count }

    /// - Parameters:
    ///   - frequencies: of the data's channels, Hz.
    ///   - weights: of each row; rows with 0 and autocorrelations are not used.
    public init(
        rows: BaselineRows, frequencies: [Double], polarizationCount: Int, weights: [Float], channelBin: Int = 1
    ) {
        self.rows = rows
        self.polarizationCount = polarizationCount
        self.channelBin = channelBin
        self.weights = zip(weights, zip(rows.antenna1, rows.antenna2)).map { $1.0 == $1.1 ? 0 : $0 }
        self.frequencies = stride(from: 0, to: frequencies.count, by: channelBin).map { start in
            let bin = frequencies[start..<min(start + channelBin, frequencies.count)]
            return bin.reduce(0, +) / Double(bin.count)
        }
        let samples = rows.count * self.frequencies.count
        re = SharedArray(samples * polarizationCount)
        im = SharedArray(samples * polarizationCount)
        counts = SharedArray(samples * polarizationCount)
        power = SharedArray(samples)
    }

    /// Takes one row of complex visibilities, [channel][correlation], and its flags, which gain the samples that are
    /// zero or not finite. Any thread may call this, one at a time for each row.
    ///
    /// - Parameter correlations: which correlations of the data are the polarisations here (XX and YY).
    /// - Returns: how many samples of these correlations were newly flagged.
    @discardableResult
    public func fill(
        row: Int, data: UnsafePointer<Float>, flags: UnsafeMutablePointer<UInt8>, channels: Int,
        correlationCount: Int, correlations: [Int]
    ) -> Int {
        var bad = 0
        for (polarization, correlation) in correlations.enumerated() {
            let offset = self.offset(polarization, row)
            bad += radio_planes(
                data, flags, channels, correlationCount, correlation, channelBin, re.start + offset,
                im.start + offset, counts.start + offset)
        }
        return bad
    }

    @inline(__always)
    func offset(_ polarization: Int, _ row: Int) -> Int { (polarization * rows.count + row) * channelCount }

    /// Replaces each visibility V by V·conj(M) and keeps |M|², where M is the model seen by the row's baseline.
    ///
    /// Prediction is by antenna: a phasor per (antenna, source, channel), in double until the whole turns are taken
    /// off, then all baselines as products of two antennas' phasors, which costs a multiplication a source where a
    /// sine and a cosine a source would stand otherwise.
    public func multiply(byModel model: SkyModel, geometry: ArrayGeometry, threads: Int) {
        precondition(!holdsProducts, "the planes hold products with a model already")
        holdsProducts = true
        let times = rows.times.count
        let fluxes = intrinsicFluxes(model)
        let workspaces = (0..<ParallelLoop.workers(times, threads: threads)).map { _ in
            PredictionWorkspace(
                antennas: rows.antennaCount, sources: model.sources.count,
                rows: rows.rowsOfTime.map(\.count).max() ?? 0, channels: channelCount)
        }
        ParallelLoop.run(times, threads: threads) { worker, time in
            let workspace = workspaces[worker]
            workspace.predict(
                time: time, rows: rows, frequencies: frequencies, model: model, fluxes: fluxes, geometry: geometry)
            for (local, row) in rows.rowsOfTime[time].lazy.map(Int.init).enumerated() {
                let (modelRe, modelIm) = (
                    workspace.re.start + local * channelCount, workspace.im.start + local * channelCount
                )
                for polarization in 0..<polarizationCount {
                    let offset = self.offset(polarization, row)
                    radio_times_conjugate(
                        re.start + offset, im.start + offset, modelRe, modelIm, channelCount,
                        polarization == 0 ? power.start + row * channelCount : nil)
                }
            }
        }
    }

    /// [source][channel], Jy, before the beam.
    private func intrinsicFluxes(_ model: SkyModel) -> [Float] {
        model.sources.flatMap { source in frequencies.map { Float(source.flux(at: $0)) } }
    }
}

/// One thread's memory for the prediction; used by that thread alone.
final class PredictionWorkspace: @unchecked Sendable {
    let re: SharedArray<Float>
    let im: SharedArray<Float>
    private let delays: SharedArray<Double>
    private let steering: SharedArray<Float>
    private let flux: SharedArray<Float>
    private let scratch: SharedArray<Float>

    private static let lanes = Int(RADIO_LANES)

    init(antennas: Int, sources: Int, rows: Int, channels: Int) {
        re = SharedArray(rows * channels)
        im = SharedArray(rows * channels)
        delays = SharedArray(antennas * sources)
        steering = SharedArray(antennas * sources * 2 * Self.lanes)
        flux = SharedArray(sources * Self.lanes)
        scratch = SharedArray(sources * 4 * Self.lanes)
    }

    /// Fills `re` and `im`, [row of this time][channel].
    func predict(
        time: Int, rows: BaselineRows, frequencies: [Double], model: SkyModel, fluxes: [Float],
        geometry: ArrayGeometry
    ) {
        let (antennas, sources, channels) = (rows.antennaCount, model.sources.count, frequencies.count)
        let pointing = geometry.pointings[time]
        var angles = [Double](repeating: 0, count: sources)
        for (index, source) in model.sources.enumerated() {
            let direction = (ra: source.ra * .pi / 180, dec: source.dec * .pi / 180)
            angles[index] = SkyModel.separation((direction.ra, direction.dec), (pointing.ra, pointing.dec))
            let (l, m, n1) = SkyModel.directionCosines(direction, about: geometry.phaseCentres[time])
            for antenna in 0..<antennas {
                let at = (time * antennas + antenna) * 3
                let path = geometry.coordinates[at] * l + geometry.coordinates[at + 1] * m
                // In a Measurement Set V = exp(2πi (ul + vm + w(n−1))) with uvw = x₂ − x₁: its phasors carry −x.
                delays.start[antenna * sources + index] =
                    (path + geometry.coordinates[at + 2] * n1) / speedOfLight
            }
        }
        let table = rows.rowTable(ofTime: time)
        for channel in stride(from: 0, to: channels, by: Self.lanes) {
            let lanes = min(Self.lanes, channels - channel)
            let block = (0..<Self.lanes).map { frequencies[min(channel + $0, channels - 1)] }
            for source in 0..<sources {
                for lane in 0..<lanes {
                    let attenuation = Float(model.beam(angles[source], block[lane]))
                    flux.start[source * Self.lanes + lane] = fluxes[source * channels + channel + lane] * attenuation
                }
            }
            radio_steering(delays.start, antennas, sources, block, steering.start)
            radio_model(
                steering.start, flux.start, antennas, sources, table, scratch.start, re.start, im.start, channels,
                channel, lanes)
        }
    }
}

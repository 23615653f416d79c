import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// Solves the gains of a Measurement Set. Each window's visibilities are read once; memory is that of one window.
public struct MeasurementSetSolve: Sendable {
    /// Where the primary beam points while the data have one phase centre.
    public enum Pointing: String, Sendable, CaseIterable {
        /// At the meridian, at the phase centre's declination: the sky drifts through.
        case meridian
        /// At the phase centre.
        case phaseCentre = "phase-centre"
    }

    public var solver = SolverSettings()
    public var channelBin = 1
    /// Baselines outside are not used, in wavelengths.
    public var uvRange = 0.0...Double.infinity
    public var pointing = Pointing.meridian
    /// Sources fainter than this through the beam are left out of the model, Jy.
    public var minimumModelFlux = 1e-3
    /// More flagged than this is a failure.
    public var maximumFlaggedFraction = 0.25
    /// Reference antennas by name, in order of preference; after them the outermost ones come.
    public var referenceNames: [String] = []

    public init() {}

    public struct Outcome: Sendable {
        public var solution: CalibrationSolution
        /// Of the cross-correlations, after all flagging.
        public var flaggedFraction: Double
        /// Of these, what came flagged.
        public var flaggedBefore: Double
        /// Samples of cross-correlations that were zero or not finite though not flagged.
        public var badSamples: Int
        /// Antennas that have rows; the set may describe stations that took no part.
        public var observingAntennas: [Int]
        public var modelSources: Int
        /// Jy through the beam, at mid-time.
        public var modelFlux: Double
    }

    /// - Parameters:
    ///   - set: open for writing: zeros, samples that are not finite and autocorrelations get flagged in it.
    ///   - model: its faint sources are left out here.
    /// - Throws: `Refusal` (bad data): too much flagged, nothing of the model in the beam, no solution.
    public func run(
        _ set: MeasurementSet, model: SkyModel, progress: @Sendable (Double, String) -> Void
    ) throws -> Outcome {
        let rows = try MeasurementRows(set)
        let hands = MeasurementSet.parallelHands(set.dataDescriptions.first?.correlations ?? [])
        guard !hands.isEmpty else {
            throw Refusal(
                "Measurement Set \(set.path)", why: "it has no parallel-hand correlations (XX, YY)",
                remedy: "convert the observation with both", exit: .badData)
        }
        let pointings = self.pointings(set, rows)
        let middle = pointings[pointings.count / 2]
        let centre = set.windows.flatMap(\.frequencies).reduce(0, +) / Double(set.windows.flatMap(\.frequencies).count)
        let used = model.trimmed(
            pointing: middle, frequency: centre, minimumFlux: minimumModelFlux, limit: Limits.skyModelSourcesMax)
        guard !used.sources.isEmpty else { throw outsideField(model, pointing: middle) }
        var settings = solver
        settings.referenceAntennas = referenceOrder(set)
        let gains = GainSolver(
            antennaCount: set.antennas.count, polarizationCount: hands.count, times: rows.distinctTimes,
            integrationSeconds: rows.integrationSeconds, settings: settings)
        var count = FlagCount()
        for (number, description) in set.dataDescriptions.enumerated() {
            progress(
                Double(number) / Double(set.dataDescriptions.count), "spectral window \(description.window)")
            let window = set.windows[description.window]
            let loaded = try load(set, rows, description: number, hands: hands, pointings: pointings)
            count.add(loaded.count)
            loaded.planes.multiply(byModel: used, geometry: loaded.geometry, threads: settings.threads)
            gains.add(
                window: description.window, planes: loaded.planes, frequencies: window.frequencies,
                channelWidths: window.widths)
        }
        guard count.fraction <= maximumFlaggedFraction else { throw tooMuchFlagged(count) }
        return Outcome(
            solution: try gains.finish(), flaggedFraction: count.fraction, flaggedBefore: count.fractionBefore,
            badSamples: count.bad, observingAntennas: Set(rows.antenna1 + rows.antenna2).map(Int.init).sorted(),
            modelSources: used.sources.count,
            modelFlux: used.apparentFlux(pointing: middle, frequency: centre))
    }

    private func tooMuchFlagged(_ count: FlagCount) -> Refusal {
        func percent(_ value: Double) -> String { "\((value * 1000).rounded() / 10) %" }
        return Refusal(
            "calibration",
            why: "\(percent(count.fraction)) of the visibilities are flagged (\(percent(count.fractionBefore)) before, "
                + "the rest zero or not finite), more than \(percent(maximumFlaggedFraction))",
            remedy: "look for missing sub-bands, dead antennas or interference", exit: .badData)
    }

    private func outsideField(_ model: SkyModel, pointing: (ra: Double, dec: Double)) -> Refusal {
        let degree = Double.pi / 180
        func round(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
        return Refusal(
            "sky model",
            why: "none of its \(model.sources.count) sources is brighter than \(minimumModelFlux) Jy within the beam "
                + "at ra \(round(pointing.ra / degree)) dec \(round(pointing.dec / degree)) degrees",
            remedy: "pass a catalogue of this field, or the calibrator that is in it", exit: .badData)
    }

    /// The antennas named, then the outermost first: outriggers see the least of each other's interference.
    private func referenceOrder(_ set: MeasurementSet) -> [Int] {
        let named = referenceNames.compactMap { name in
            set.antennas.firstIndex { $0.name == name || $0.station == name }
        }
        func median(_ axis: Int) -> Double {
            let sorted = set.antennas.map { $0.position[axis] }.sorted()
            return sorted[sorted.count / 2]
        }
        let centre = SIMD3(median(0), median(1), median(2))
        let distances = set.antennas.map { antenna in
            let d = antenna.position - centre
            return (d * d).sum()
        }
        let others = set.antennas.indices.filter { !named.contains($0) }.sorted { distances[$0] > distances[$1] }
        return named + others
    }

    /// Centre of the beam at each of the set's times.
    private func pointings(_ set: MeasurementSet, _ rows: MeasurementRows) -> [(ra: Double, dec: Double)] {
        let fields = Self.fieldOfTimes(rows)
        let centres = fields.map { (ra: set.fields[$0].rightAscension, dec: set.fields[$0].declination) }
        guard pointing == .meridian, Set(fields).count == 1, let centre = centres.first else { return centres }
        let site = set.site
        func frame(_ time: Double) -> ObservingFrame {
            ObservingFrame(julianDate: time / 86400 + 2_400_000.5, site: site)
        }
        let declination = frame(rows.distinctTimes[rows.distinctTimes.count / 2])
            .apparent(SkyDirection(rightAscension: centre.ra, declination: centre.dec)).declination
        return rows.distinctTimes.map { time in
            let frame = frame(time)
            let direction = frame.icrs(frame.apparent(hourAngle: 0, declination: declination))
            return (direction.rightAscension, direction.declination)
        }
    }

    private static func fieldOfTimes(_ rows: MeasurementRows) -> [Int] {
        var result = [Int](repeating: 0, count: rows.distinctTimes.count)
        for row in rows.times.indices {
            let time = max(0, rows.distinctTimes.partitioningIndex(above: rows.times[row] + 1e-9) - 1)
            result[time] = Int(rows.fields[row])
        }
        return result
    }
}

/// Samples of cross-correlations and how many of them are flagged.
struct FlagCount: Sendable {
    var samples = 0
    var before = 0
    var bad = 0

    mutating func add(_ other: FlagCount) {
        samples += other.samples
        before += other.before
        bad += other.bad
    }

    var fraction: Double { samples > 0 ? Double(before + bad) / Double(samples) : 1 }
    var fractionBefore: Double { samples > 0 ? Double(before) / Double(samples) : 1 }
}

import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// Solves antenna gains from visibilities and a sky model, one spectral window after the other.
///
/// For each window the visibilities are read once: each integration's phase, then the bandpass over all time, then
/// both again with the other known, then the equations of the gains. The delay is split off the bandpass at the end,
/// over the full band, which is the same as solving it first: K·B as a product is what the data determine.
///
/// Not thread-safe: windows are added one at a time; the work inside is spread over `settings.threads`.
/// Method: StEFCal, Salvini & Wijnholds 2014, A&A 571, A97.
public final class GainSolver {
    public let antennaCount: Int
    public let polarizationCount: Int
    public let settings: SolverSettings
    /// Mid-times of the observation's integrations, MJD s.
    public let times: [Double]
    public let integrationSeconds: Double

    private var windows: [SolvedWindow] = []
    private let intervals: [Int]
    private let combined: NormalEquations?
    private var antennaWeights: [Double]
    private var unconverged = 0
    private var solutions = 0

    private struct SolvedWindow {
        var id: Int
        var frequencies: [Double]
        var channelWidths: [Double]
        var bin: Int
        var bandpass: WindowSolution
        var gain: WindowSolution?
    }

    public init(
        antennaCount: Int, polarizationCount: Int, times: [Double], integrationSeconds: Double,
        settings: SolverSettings
    ) {
        self.antennaCount = antennaCount
        self.polarizationCount = polarizationCount
        self.settings = settings
        self.times = times
        self.integrationSeconds = integrationSeconds
        intervals = settings.gainInterval.bins(times)
        antennaWeights = [Double](repeating: 0, count: antennaCount)
        combined =
            settings.combinesWindows
            ? NormalEquations(systems: ((intervals.last ?? 0) + 1) * polarizationCount, antennas: antennaCount) : nil
    }

    /// Solves the bandpass of one window and adds its data to the gains' equations.
    ///
    /// - Parameters:
    ///   - planes: products with the model (`multiply(byModel:)`).
    ///   - frequencies: the data's channels before binning, Hz.
    public func add(window: Int, planes: VisibilityPlanes, frequencies: [Double], channelWidths: [Double]) {
        let middle = planes.channelCount / 2
        let reach = max(1, planes.channelCount / 8)
        var known = unitGains(planes.rows.times.count)
        if settings.takesPhaseFirst {
            let range = max(0, middle - reach)..<min(planes.channelCount, middle + reach)
            known = phases(
                of: planes,
                bandpass: .flat(
                    polarizations: polarizationCount, antennas: antennaCount, channels: planes.channelCount,
                    range: range))
        }
        var (solution, bandpass) = solveBandpass(planes, known: known)
        if settings.takesPhaseFirst {
            known = phases(of: planes, bandpass: bandpass)
            (solution, bandpass) = solveBandpass(planes, known: known)
        }
        solution.window = window
        let own =
            combined
            ?? NormalEquations(systems: ((intervals.last ?? 0) + 1) * polarizationCount, antennas: antennaCount)
        let ofTimes = planes.rows.times.map { time in intervals[nearestTime(time)] }
        planes.addTimes(to: own, intervals: ofTimes, bandpass: bandpass, threads: settings.threads)
        var solved = SolvedWindow(
            id: window, frequencies: frequencies, channelWidths: channelWidths, bin: planes.channelBin,
            bandpass: solution, gain: nil)
        if combined == nil { solved.gain = solveGains(own, window: window, frequencies: frequencies) }
        windows.append(solved)
    }

    private func nearestTime(_ time: Double) -> Int {
        let after = times.partitioningIndex(above: time)
        guard after > 0 else { return 0 }
        guard after < times.count else { return times.count - 1 }
        return time - times[after - 1] <= times[after] - time ? after - 1 : after
    }

    private func unitGains(_ count: Int) -> [[[ComplexGain]]] {
        let one = [ComplexGain](repeating: .one, count: antennaCount)
        return [[[ComplexGain]]](
            repeating: [[ComplexGain]](repeating: one, count: count), count: polarizationCount)
    }

    /// Each integration's phases without their mean over time, which is left to the bandpass.
    private func phases(of planes: VisibilityPlanes, bandpass: BandpassPlanes) -> [[[ComplexGain]]] {
        let count = planes.rows.times.count
        let equations = NormalEquations(systems: count * polarizationCount, antennas: antennaCount)
        planes.addTimes(to: equations, intervals: Array(0..<count), bandpass: bandpass, threads: settings.threads)
        let solved = solveAll(equations, phaseOnly: true)
        let reference = PhaseReference(order: referenceOrder())
        return (0..<polarizationCount).map { polarization in
            var gains = (0..<count).map { solved[$0 * polarizationCount + polarization].gains }
            reference.apply(to: &gains)
            for antenna in 0..<antennaCount {
                let mean = gains.reduce(ComplexGain.zero) { $0 + $1[antenna] }.unit.conjugate
                for time in 0..<count { gains[time][antenna] = gains[time][antenna] * mean }
            }
            return gains
        }
    }

    private func solveAll(_ equations: NormalEquations, phaseOnly: Bool) -> [SystemSolution] {
        let results = SystemSolutions(count: equations.systemCount)
        let settings = settings
        ParallelLoop.run(equations.systemCount, threads: settings.threads) { _, system in
            results.store[system] = equations.solve(
                system, phaseOnly: phaseOnly, minimumBaselines: settings.minimumBaselines,
                iterationsMax: settings.iterationsMax, tolerance: settings.tolerance)
        }
        return results.take()
    }

    private func solveBandpass(
        _ planes: VisibilityPlanes, known: [[[ComplexGain]]]
    ) -> (WindowSolution, BandpassPlanes) {
        let equations = planes.channelEquations(known: known, threads: settings.threads)
        let solved = solveAll(equations, phaseOnly: false)
        count(solved)
        for antenna in 0..<antennaCount { antennaWeights[antenna] += equations.weight(ofAntenna: antenna) }
        var solution = WindowSolution(
            window: 0, frequencies: planes.frequencies,
            channelWidths: [Double](repeating: 0, count: planes.channelCount), times: [middleTime],
            intervals: [spanSeconds], antennaCount: antennaCount, polarizationCount: polarizationCount)
        var bandpass = BandpassPlanes(
            polarizations: polarizationCount, antennas: antennaCount, channels: planes.channelCount)
        for polarization in 0..<polarizationCount {
            for channel in 0..<planes.channelCount {
                solution.set(
                    time: 0, channel: channel, polarization: polarization,
                    from: solved[polarization * planes.channelCount + channel], minimumSNR: settings.minimumSNR)
                for antenna in 0..<antennaCount {
                    let at = solution.index(
                        time: 0, antenna: antenna, channel: channel, polarization: polarization)
                    bandpass[polarization, antenna, channel] = solution.isFlagged[at] ? .zero : solution.gains[at]
                }
            }
        }
        return (solution, bandpass)
    }

    private var spanSeconds: Double { (times.last ?? 0) - (times.first ?? 0) + integrationSeconds }
    private var middleTime: Double { ((times.last ?? 0) + (times.first ?? 0)) / 2 }

    private func count(_ solved: [SystemSolution]) {
        solutions += solved.count
        unconverged += solved.count { !$0.hasConverged }
    }

    private func solveGains(_ equations: NormalEquations, window: Int, frequencies: [Double]) -> WindowSolution {
        let solved = solveAll(equations, phaseOnly: settings.gainMode == .phase)
        count(solved)
        let bins = (intervals.last ?? 0) + 1
        let spans = (0..<bins).map { bin -> (Double, Double) in
            let own = times.indices.filter { intervals[$0] == bin }
            let (first, last) = (times[own.first!], times[own.last!])
            return ((first + last) / 2, last - first + integrationSeconds)
        }
        var solution = WindowSolution(
            window: window, frequencies: [frequencies.reduce(0, +) / Double(max(1, frequencies.count))],
            channelWidths: [0], times: spans.map(\.0), intervals: spans.map(\.1), antennaCount: antennaCount,
            polarizationCount: polarizationCount)
        for bin in 0..<bins {
            for polarization in 0..<polarizationCount {
                solution.set(
                    time: bin, channel: 0, polarization: polarization,
                    from: solved[bin * polarizationCount + polarization], minimumSNR: settings.minimumSNR)
            }
        }
        return solution
    }

    /// Antennas by preference: the ones asked for, then those with the most data.
    ///
    /// One asked for that has less than half the data of the best antenna goes behind the others.
    private func referenceOrder() -> [Int] {
        let most = antennaWeights.max() ?? 0
        let wanted = settings.referenceAntennas.filter { (0..<antennaCount).contains($0) }
        let good = wanted.filter { antennaWeights[$0] >= most / 2 }
        let rest = (0..<antennaCount).filter { !good.contains($0) }
            .sorted { (antennaWeights[$0], $1) > (antennaWeights[$1], $0) }
        return good + rest
    }
}

/// Solutions that threads fill, each its own index.
private final class SystemSolutions: @unchecked Sendable {
    let store: UnsafeMutablePointer<SystemSolution>
    private let count: Int

    init(count: Int) {
        self.count = count
        store = .allocate(capacity: max(1, count))
        store.initialize(
            repeating: SystemSolution(gains: [], errors: [], snr: [], hasConverged: true), count: count)
    }

    func take() -> [SystemSolution] { Array(UnsafeBufferPointer(start: store, count: count)) }

    deinit {
        store.deinitialize(count: count)
        store.deallocate()
    }
}

extension GainSolver {
    /// Solves the gains, splits the delay off and refers all phases to one antenna.
    ///
    /// - Throws: `Refusal` when no antenna has a solution.
    public func finish() throws -> CalibrationSolution {
        if let combined {
            let common = solveGains(combined, window: 0, frequencies: windows.first?.frequencies ?? [0])
            for index in windows.indices {
                var own = common
                own.window = windows[index].id
                own.frequencies = [windows[index].frequencies.reduce(0, +) / Double(windows[index].frequencies.count)]
                windows[index].gain = own
            }
        }
        let order = referenceOrder()
        guard windows.contains(where: { $0.bandpass.isFlagged.contains(false) }),
            let reference = order.first(where: hasSolution)
        else {
            throw Refusal(
                "calibration", why: "no antenna has a solution: all data are flagged or too faint for the sky model",
                remedy: "check the flags, the sky model's fluxes and minsnr", exit: .badData)
        }
        let references = windows.map { $0.frequencies.reduce(0, +) / Double($0.frequencies.count) }
        let turn = PhaseReference(order: [reference] + order.filter { $0 != reference })
        referBandpass(turn)
        for index in windows.indices { windows[index].gain!.refer(turn) }
        let delay = settings.solvesDelay ? splitDelay(references: references) : nil
        return CalibrationSolution(
            delay: delay, bandpass: windows.map { $0.bandpass.expanded(to: $0.frequencies, widths: $0.channelWidths) },
            gain: windows.map { $0.gain! }, referenceFrequencies: references, referenceAntenna: reference,
            unconvergedCount: unconverged, solutionCount: solutions)
    }

    private func hasSolution(_ antenna: Int) -> Bool {
        windows.contains { window in
            (0..<window.bandpass.channelCount).contains { channel in
                !window.bandpass.isFlagged[
                    window.bandpass.index(time: 0, antenna: antenna, channel: channel, polarization: 0)]
            }
        }
    }

    /// Over all windows at once, so that a window without the reference antenna goes on from its neighbour.
    private func referBandpass(_ turn: PhaseReference) {
        for polarization in 0..<polarizationCount {
            var gains = windows.flatMap { window in
                (0..<window.bandpass.channelCount).map { channel in
                    window.bandpass.gains(time: 0, channel: channel, polarization: polarization)
                }
            }
            turn.apply(to: &gains)
            var next = 0
            for index in windows.indices {
                for channel in 0..<windows[index].bandpass.channelCount {
                    windows[index].bandpass.put(
                        gains[next], time: 0, channel: channel, polarization: polarization)
                    next += 1
                }
            }
        }
    }

    private func splitDelay(references: [Double]) -> DelaySolution {
        let frequencies = windows.flatMap(\.bandpass.frequencies)
        let count = antennaCount * polarizationCount
        var solution = DelaySolution(
            antennaCount: antennaCount, polarizationCount: polarizationCount,
            delays: [Double](repeating: 0, count: count), errors: [Double](repeating: 0, count: count),
            snr: [Float](repeating: 0, count: count), isFlagged: [Bool](repeating: true, count: count))
        for antenna in 0..<antennaCount {
            for polarization in 0..<polarizationCount {
                var (phasors, weights): ([ComplexGain], [Double]) = ([], [])
                for window in windows {
                    for channel in 0..<window.bandpass.channelCount {
                        let at = window.bandpass.index(
                            time: 0, antenna: antenna, channel: channel, polarization: polarization)
                        phasors.append(window.bandpass.isFlagged[at] ? .zero : window.bandpass.gains[at].unit)
                        let snr = Double(min(window.bandpass.snr[at], 1e4))
                        weights.append(snr * snr)
                    }
                }
                guard let fit = DelayFit.fit(frequencies: frequencies, phasors: phasors, weights: weights) else {
                    continue
                }
                let at = antenna * polarizationCount + polarization
                solution.delays[at] = fit.delay
                solution.errors[at] = fit.error
                solution.snr[at] = Float(fit.snr)
                solution.isFlagged[at] = false
                for index in windows.indices {
                    windows[index].bandpass.takeOff(
                        delay: fit.delay, reference: references[index], antenna: antenna, polarization: polarization)
                }
            }
        }
        return solution
    }
}

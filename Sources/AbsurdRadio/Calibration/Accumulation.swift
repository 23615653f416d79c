import CRadio

/// Gains of antennas over the channels of one window as planes for the loops; zero where there is no solution.
/// Layout: [polarisation][antenna][channel].
struct BandpassPlanes: Sendable {
    let channelCount: Int
    let antennaCount: Int
    /// Channels outside are zero for all antennas: sums need not visit them.
    private(set) var used: Range<Int>
    var re: [Float]
    var im: [Float]

    init(polarizations: Int, antennas: Int, channels: Int) {
        (antennaCount, channelCount) = (antennas, channels)
        used = 0..<channels
        re = [Float](repeating: 0, count: polarizations * antennas * channels)
        im = re
    }

    /// One on the channels of `range`, zero elsewhere.
    static func flat(
        polarizations: Int, antennas: Int, channels: Int, range: Range<Int>
    ) -> BandpassPlanes {
        var planes = BandpassPlanes(polarizations: polarizations, antennas: antennas, channels: channels)
        planes.used = range
        for row in 0..<polarizations * antennas {
            for channel in range { planes.re[row * channels + channel] = 1 }
        }
        return planes
    }

    func offset(_ polarization: Int, _ antenna: Int) -> Int {
        (polarization * antennaCount + antenna) * channelCount
    }

    subscript(polarization: Int, antenna: Int, channel: Int) -> ComplexGain {
        get {
            let at = offset(polarization, antenna) + channel
            return ComplexGain(re[at], im[at])
        }
        set {
            let at = offset(polarization, antenna) + channel
            (re[at], im[at]) = (newValue.re, newValue.im)
        }
    }
}

/// One thread's sums while baselines are added up; used by that thread alone.
private final class ChannelSums: @unchecked Sendable {
    let sums: SharedArray<Float>
    var chi: [Double]
    var samples: [Double]
    private let channels: Int

    init(channels: Int, systems: Int) {
        self.channels = channels
        sums = SharedArray(5 * channels)
        chi = [Double](repeating: 0, count: systems)
        samples = [Double](repeating: 0, count: systems)
    }

    func plane(_ index: Int) -> UnsafeMutablePointer<Float> { sums.start + index * channels }
}

extension VisibilityPlanes {
    /// Normal equations of gains that hold for one channel and all times: system = polarisation · channels + channel.
    ///
    /// - Parameter known: gains of each time that are taken off, [polarisation][time][antenna]; zero leaves data out.
    func channelEquations(known: [[[ComplexGain]]], threads: Int) -> NormalEquations {
        let equations = NormalEquations(systems: polarizationCount * channelCount, antennas: rows.antennaCount)
        let workers = ParallelLoop.workers(rows.baselines.count, threads: threads)
        let partial = (0..<workers).map { _ in
            ChannelSums(channels: channelCount, systems: equations.systemCount)
        }
        ParallelLoop.run(rows.baselines.count, threads: threads) { worker, index in
            let baseline = rows.baselines[index]
            for polarization in 0..<polarizationCount {
                addChannels(
                    baseline.rows, sign: 1, of: baseline, polarization: polarization, known: known[polarization],
                    equations: equations, sums: partial[worker])
                addChannels(
                    baseline.reversedRows, sign: -1, of: baseline, polarization: polarization,
                    known: known[polarization], equations: equations, sums: partial[worker])
            }
        }
        for mine in partial {
            for system in 0..<equations.systemCount {
                equations.chi[system] += mine.chi[system]
                equations.samples[system] += mine.samples[system]
            }
        }
        return equations
    }

    /// - Parameter sign: −1 for rows that run from the baseline's second antenna to its first.
    private func addChannels(
        _ selected: [Int32], sign: Float, of baseline: BaselineRows.Baseline, polarization: Int,
        known: [[ComplexGain]], equations: NormalEquations, sums: ChannelSums
    ) {
        guard !selected.isEmpty else { return }
        sums.sums.clear()
        for row in selected.lazy.map(Int.init) where weights[row] > 0 {
            let gains = known[Int(rows.timeIndex[row])]
            let factor = gains[Int(rows.antenna1[row])].conjugate * gains[Int(rows.antenna2[row])]
            let offset = self.offset(polarization, row)
            radio_accumulate_channels(
                re.start + offset, im.start + offset, counts.start + offset, power.start + row * channelCount,
                weights[row], factor.re, factor.im, channelCount, sums.plane(0), sums.plane(1), sums.plane(2),
                sums.plane(3), sums.plane(4))
        }
        for channel in 0..<channelCount {
            let system = polarization * channelCount + channel
            equations.add(
                system, baseline.first, baseline.second, re: sums.plane(0)[channel],
                im: sign * sums.plane(1)[channel], d: sums.plane(2)[channel])
            sums.chi[system] += Double(sums.plane(3)[channel])
            sums.samples[system] += Double(sums.plane(4)[channel])
        }
    }

    /// Adds this window to the equations of gains that hold for all its channels and for the times of one interval:
    /// system = interval · polarisations + polarisation.
    ///
    /// - Parameter intervals: the solution interval of each of the rows' times.
    func addTimes(
        to equations: NormalEquations, intervals: [Int], bandpass: BandpassPlanes, threads: Int
    ) {
        let workers = ParallelLoop.workers(rows.baselines.count, threads: threads)
        let partial = (0..<workers).map { _ in ChannelSums(channels: 0, systems: equations.systemCount) }
        bandpass.re.withUnsafeBufferPointer { re in
            bandpass.im.withUnsafeBufferPointer { im in
                nonisolated(unsafe) let (gainRe, gainIm) = (re.baseAddress!, im.baseAddress!)
                ParallelLoop.run(rows.baselines.count, threads: threads) { worker, index in
                    let baseline = rows.baselines[index]
                    for polarization in 0..<polarizationCount {
                        for row in (baseline.rows + baseline.reversedRows).lazy.map(Int.init)
                        where weights[row] > 0 {
                            let system =
                                intervals[Int(rows.timeIndex[row])] * polarizationCount + polarization
                            addRow(
                                row, polarization: polarization, system: system, baseline: baseline,
                                gainRe: gainRe, gainIm: gainIm, bandpass: bandpass, equations: equations,
                                sums: partial[worker])
                        }
                    }
                }
            }
        }
        for mine in partial {
            for system in 0..<equations.systemCount {
                equations.chi[system] += mine.chi[system]
                equations.samples[system] += mine.samples[system]
            }
        }
    }

    private func addRow(
        _ row: Int, polarization: Int, system: Int, baseline: BaselineRows.Baseline, gainRe: UnsafePointer<Float>,
        gainIm: UnsafePointer<Float>, bandpass: BandpassPlanes, equations: NormalEquations, sums: ChannelSums
    ) {
        let (first, second) = (Int(rows.antenna1[row]), Int(rows.antenna2[row]))
        let start = bandpass.used.lowerBound
        let (a, b) = (bandpass.offset(polarization, first) + start, bandpass.offset(polarization, second) + start)
        let offset = self.offset(polarization, row) + start
        var out = (0.0, 0.0, 0.0, 0.0, 0.0)
        withUnsafeMutableBytes(of: &out) { bytes in
            radio_accumulate_row(
                re.start + offset, im.start + offset, counts.start + offset,
                power.start + row * channelCount + start, weights[row], gainRe + a, gainIm + a, gainRe + b, gainIm + b,
                bandpass.used.count,
                bytes.assumingMemoryBound(to: Double.self).baseAddress!)
        }
        let sign: Double = first == baseline.first ? 1 : -1
        equations.add(
            system, baseline.first, baseline.second, re: Float(out.0), im: Float(sign * out.1), d: Float(out.2))
        sums.chi[system] += out.3
        sums.samples[system] += out.4
    }
}

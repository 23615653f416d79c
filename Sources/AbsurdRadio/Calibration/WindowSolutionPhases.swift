#if canImport(Glibc)
    import Glibc
#endif

extension WindowSolution {
    /// Gains of all antennas, zero where flagged.
    func gains(time: Int, channel: Int, polarization: Int) -> [ComplexGain] {
        (0..<antennaCount).map { antenna in
            let at = index(time: time, antenna: antenna, channel: channel, polarization: polarization)
            return isFlagged[at] ? .zero : gains[at]
        }
    }

    mutating func put(_ values: [ComplexGain], time: Int, channel: Int, polarization: Int) {
        for antenna in 0..<antennaCount {
            let at = index(time: time, antenna: antenna, channel: channel, polarization: polarization)
            if !isFlagged[at] { gains[at] = values[antenna] }
        }
    }

    /// Refers all solutions to one antenna, along time.
    mutating func refer(_ turn: PhaseReference) {
        for polarization in 0..<polarizationCount {
            for channel in 0..<channelCount {
                var along = times.indices.map { gains(time: $0, channel: channel, polarization: polarization) }
                turn.apply(to: &along)
                for time in times.indices {
                    put(along[time], time: time, channel: channel, polarization: polarization)
                }
            }
        }
    }

    mutating func takeOff(delay: Double, reference: Double, antenna: Int, polarization: Int) {
        for time in times.indices {
            for channel in 0..<channelCount {
                let at = index(time: time, antenna: antenna, channel: channel, polarization: polarization)
                guard !isFlagged[at] else { continue }
                let phase = -2 * Double.pi * remainder(delay * (frequencies[channel] - reference), 1)
                gains[at] = gains[at] * ComplexGain(amplitude: 1, phase: phase)
            }
        }
    }

    /// Each solution repeated for all channels that were averaged into it.
    func expanded(to fine: [Double], widths: [Double]) -> WindowSolution {
        let bin = (fine.count + channelCount - 1) / max(1, channelCount)
        var result = WindowSolution(
            window: window, frequencies: fine, channelWidths: widths, times: times, intervals: intervals,
            antennaCount: antennaCount, polarizationCount: polarizationCount)
        for time in times.indices {
            for antenna in 0..<antennaCount {
                for channel in fine.indices {
                    for polarization in 0..<polarizationCount {
                        let to = result.index(
                            time: time, antenna: antenna, channel: channel, polarization: polarization)
                        let from = index(
                            time: time, antenna: antenna, channel: channel / bin, polarization: polarization)
                        result.gains[to] = gains[from]
                        result.errors[to] = errors[from]
                        result.snr[to] = snr[from]
                        result.isFlagged[to] = isFlagged[from]
                    }
                }
            }
        }
        return result
    }
}

/// Gains of all antennas over channels and times of one spectral window.
public struct WindowSolution: Sendable {
    /// SPECTRAL_WINDOW_ID of the data.
    public var window: Int
    /// Channel centres that the values belong to; one for values that hold for the whole window. Hz.
    public var frequencies: [Double]
    public var channelWidths: [Double]
    /// Mid-times and lengths of the solution intervals, MJD s and s.
    public var times: [Double]
    public var intervals: [Double]
    public let antennaCount: Int
    public let polarizationCount: Int
    /// [time][antenna][channel][polarisation]
    public var gains: [ComplexGain]
    public var errors: [Float]
    public var snr: [Float]
    public var isFlagged: [Bool]

    public init(
        window: Int, frequencies: [Double], channelWidths: [Double], times: [Double], intervals: [Double],
        antennaCount: Int, polarizationCount: Int
    ) {
        (self.window, self.frequencies, self.channelWidths) = (window, frequencies, channelWidths)
        (self.times, self.intervals) = (times, intervals)
        (self.antennaCount, self.polarizationCount) = (antennaCount, polarizationCount)
        let count = times.count * antennaCount * frequencies.count * polarizationCount
        gains = [ComplexGain](repeating: .one, count: count)
        errors = [Float](repeating: 0, count: count)
        snr = [Float](repeating: 0, count: count)
        isFlagged = [Bool](repeating: true, count: count)
    }

    public var channelCount: Int { frequencies.count }

    @inline(__always)
    public func index(time: Int, antenna: Int, channel: Int, polarization: Int) -> Int {
        ((time * antennaCount + antenna) * channelCount + channel) * polarizationCount + polarization
    }

    mutating func set(
        time: Int, channel: Int, polarization: Int, from solution: SystemSolution, minimumSNR: Float
    ) {
        for antenna in 0..<antennaCount {
            let at = index(time: time, antenna: antenna, channel: channel, polarization: polarization)
            let gain = solution.gains[antenna]
            snr[at] = solution.snr[antenna]
            errors[at] = solution.errors[antenna]
            isFlagged[at] = gain == .zero || !(snr[at] >= minimumSNR)
            gains[at] = isFlagged[at] ? .one : gain
        }
    }
}

/// A delay for each antenna and polarisation, for the whole band.
public struct DelaySolution: Sendable {
    public let antennaCount: Int
    public let polarizationCount: Int
    /// [antenna][polarisation], seconds; the gain is exp(2πi τ (ν − ν₀)) about each window's reference frequency ν₀.
    public var delays: [Double]
    public var errors: [Double]
    public var snr: [Float]
    public var isFlagged: [Bool]
}

/// What solving gives.
public struct CalibrationSolution: Sendable {
    /// nil where no delay was asked for.
    public var delay: DelaySolution?
    /// One for each spectral window.
    public var bandpass: [WindowSolution]
    public var gain: [WindowSolution]
    /// The reference frequency of each window that delays are about, Hz.
    public var referenceFrequencies: [Double]
    public var referenceAntenna: Int
    public var unconvergedCount: Int
    public var solutionCount: Int
}

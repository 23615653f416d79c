import Glibc

/// Interference: half of its cells lie in channels that are always hit, half in short bursts of neighbouring channels.
///
/// A transmitter on the ground: one amplitude for a cell, a phase for each antenna that lasts as long as the channel.
struct SimulatedInterference: Sendable {
    struct Cell: Sendable, Hashable {
        var integration: Int
        /// Over the whole band: sub-band × channels + channel, in the files' order.
        var channel: Int
    }

    /// Jy; what has no entry is clean.
    let amplitudes: [Cell: Double]
    private let seed: UInt64
    private static let amplitudeJy = 30.0...600.0
    private static let burstChannels = 3

    init(_ plan: ObservationPlan) {
        let shape = plan.options.shape
        let channels = shape.subBands * shape.channels
        let wanted = Int(plan.options.interferenceFraction * Double(channels * shape.integrations))
        var generator = SeededGenerator(seed: plan.options.seed, purpose: .interference)
        var amplitudes: [Cell: Double] = [:]
        func amplitude() -> Double {
            Self.amplitudeJy.lowerBound
                * pow(Self.amplitudeJy.upperBound / Self.amplitudeJy.lowerBound, generator.uniform())
        }
        while amplitudes.count < wanted / 2 {
            let (channel, level) = (generator.index(below: channels), amplitude())
            for integration in 0..<shape.integrations {
                amplitudes[Cell(integration: integration, channel: channel)] = level * generator.uniform(0.7...1.3)
            }
        }
        while amplitudes.count < wanted {
            let integration = generator.index(below: shape.integrations)
            let (first, level) = (generator.index(below: channels), amplitude())
            for channel in first..<min(first + Self.burstChannels, channels) {
                amplitudes[Cell(integration: integration, channel: channel)] = level
            }
        }
        self.amplitudes = amplitudes
        seed = plan.options.seed
    }

    /// Phase factor of each antenna for a channel.
    func phasors(channel: Int, antennas: Int) -> [SIMD2<Float>] {
        var generator = SeededGenerator(seed: seed, purpose: .interference, index: channel + 1)
        return (0..<antennas).map { _ in
            let phase = generator.uniform(0...2 * .pi)
            return SIMD2(Float(cos(phase)), Float(sin(phase)))
        }
    }
}

import Glibc

/// What the antennas' electronics do to the signal.
///
/// The gain of antenna a, polarisation p is G(t) · B(ν) · exp(2πi τ (ν − ν₀)), ν₀ the middle of the band; in a
/// Measurement Set's convention V_observed = g₁ conj(g₂) V_true.
struct SimulatedGains: Sendable {
    struct Chain: Sendable {
        /// A value for each integration.
        var gain: [SIMD2<Double>]
        var delaySeconds: Double
        /// A value for each channel of each sub-band, in the files' order.
        var bandpass: [[Double]]
    }

    /// [antenna][polarisation].
    let chains: [[Chain]]
    let bandCentreHz: Double

    private static let amplitudeScatter = 0.1
    private static let driftRadians = 3 * Double.pi / 180
    private static let driftAmplitude = 0.01
    private static let delayScatterSeconds = 4e-9
    private static let rippleAmplitude = 0.05
    private static let channelScatter = 0.02

    init(_ plan: ObservationPlan) {
        let shape = plan.options.shape
        let deviates = NormalDeviates()
        bandCentreHz = plan.bandCentreHz
        chains = plan.antennas.map { station in
            (0..<2).map { polarization in
                guard plan.options.hasGains else {
                    return Chain(
                        gain: Array(repeating: SIMD2(1, 0), count: shape.integrations), delaySeconds: 0,
                        bandpass: Array(repeating: Array(repeating: 1, count: shape.channels), count: shape.subBands))
                }
                var generator = SeededGenerator(
                    seed: plan.options.seed, purpose: .gains, index: station.number * 2 + polarization)
                return Self.chain(plan, deviates, &generator)
            }
        }
    }

    private static func chain(
        _ plan: ObservationPlan, _ deviates: NormalDeviates, _ generator: inout SeededGenerator
    ) -> Chain {
        // Three sigma at most: no antenna is dead or backwards.
        func scatter(_ sigma: Double) -> Double { sigma * min(max(deviates.next(&generator), -3), 3) }
        let shape = plan.options.shape
        let amplitude = 1 + scatter(amplitudeScatter)
        let phase = generator.uniform(0...2 * .pi)
        let phaseDrift = generator.uniform(-driftRadians...driftRadians)
        let amplitudeDrift = generator.uniform(-driftAmplitude...driftAmplitude)
        let gain = (0..<shape.integrations).map { integration in
            // −1 to 1 over the observation.
            let time = (Double(integration) + 0.5) / Double(shape.integrations) * 2 - 1
            let size = amplitude * (1 + amplitudeDrift * time)
            return SIMD2(size * cos(phase + phaseDrift * time), size * sin(phase + phaseDrift * time))
        }
        let period = generator.uniform(20e6...60e6)
        let offset = generator.uniform(0...2 * .pi)
        let delay = scatter(delayScatterSeconds)
        let bandpass = (0..<shape.subBands).map { subBand in
            plan.frequenciesHz(subBand: subBand).map { frequency in
                (1 + rippleAmplitude * cos(2 * .pi * frequency / period + offset)) * (1 + scatter(channelScatter))
            }
        }
        return Chain(gain: gain, delaySeconds: delay, bandpass: bandpass)
    }

    func value(antenna: Int, polarization: Int, integration: Int, subBand: Int, channel: Int, frequencyHz: Double)
        -> SIMD2<Float>
    {
        let chain = chains[antenna][polarization]
        let gain = chain.gain[integration]
        let size = chain.bandpass[subBand][channel]
        let turn = 2 * .pi * chain.delaySeconds * (frequencyHz - bandCentreHz)
        let (s, c) = (sin(turn), cos(turn))
        return SIMD2(Float(size * (gain.x * c - gain.y * s)), Float(size * (gain.x * s + gain.y * c)))
    }
}

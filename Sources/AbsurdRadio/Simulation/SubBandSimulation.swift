import Glibc

// Who writes what: `fill` runs on one worker thread with buffers of its own; sky, gains and interference are only read.

/// Fills one sub-band's visibilities: sky through the gains, then noise and interference.
struct SubBandSimulation: Sendable {
    let plan: ObservationPlan
    let sky: SimulatedSky
    let delays: SourceDelays
    let gains: SimulatedGains
    let interference: SimulatedInterference
    let deviates: NormalDeviates

    init(_ plan: ObservationPlan) {
        self.plan = plan
        sky = SimulatedSky(plan)
        delays = SourceDelays(plan: plan, sky: sky)
        gains = SimulatedGains(plan)
        interference = SimulatedInterference(plan)
        deviates = NormalDeviates()
    }

    var baselineCount: Int { plan.antennas.count * (plan.antennas.count + 1) / 2 }
    var rowCount: Int { baselineCount * plan.frames.count }

    /// - Parameter out: (row, channel, polarisation), in UVH5's order and sign convention.
    func fill(subBand: Int, out: UnsafeMutablePointer<SIMD2<Float>>) {
        let frequencies = plan.frequenciesHz(subBand: subBand)
        let worker = SkyVisibilities(
            delays: delays, sky: sky, beam: plan.options.hasBeam ? PrimaryBeam() : nil)
        let perRow = frequencies.count * 2
        for integration in plan.frames.indices {
            worker.start(
                integration: integration, frequencyHz: frequencies[0], channelStepHz: -plan.channelWidthHz)
            for (channel, frequency) in frequencies.enumerated() {
                worker.prepare(integration: integration, frequencyHz: frequency)
                let cell = ChannelCell(
                    integration: integration, subBand: subBand, channel: channel, frequencyHz: frequency)
                fill(cell, from: worker, out: out + integration * baselineCount * perRow + channel * 2)
            }
        }
    }

    private struct ChannelCell {
        var integration: Int
        var subBand: Int
        var channel: Int
        var frequencyHz: Double
    }

    /// - Parameter out: the cell's place in the first row of the integration.
    private func fill(_ cell: ChannelCell, from worker: SkyVisibilities, out: UnsafeMutablePointer<SIMD2<Float>>) {
        let antennas = plan.antennas.count
        let channels = plan.options.shape.channels
        let bandChannel = cell.subBand * channels + cell.channel
        var generator = SeededGenerator(
            seed: plan.options.seed, purpose: .noise,
            index: cell.integration * channels * plan.options.shape.subBands + bandChannel)
        let gain = (0..<2).map { polarization in
            (0..<antennas).map {
                gains.value(
                    antenna: $0, polarization: polarization, integration: cell.integration, subBand: cell.subBand,
                    channel: cell.channel, frequencyHz: cell.frequencyHz)
            }
        }
        let noise = plan.options.hasNoise ? Float(plan.noiseJy) : 0
        let hit = interference.amplitudes[.init(integration: cell.integration, channel: bandChannel)]
        let transmitter = hit.map { amplitude in
            interference.phasors(channel: bandChannel, antennas: antennas).map { $0 * Float(sqrt(amplitude)) }
        }
        var place = out
        for first in 0..<antennas {
            worker.fillRow(first: first)
            for second in first..<antennas {
                var sky = SIMD2(worker.rowRe.start[second], worker.rowIm.start[second])
                if let transmitter { sky += Self.product(conjugate: transmitter[first], transmitter[second]) }
                for polarization in 0..<2 {
                    let through = Self.product(conjugate: gain[polarization][first], gain[polarization][second])
                    if first == second {
                        place[polarization] = SIMD2(autocorrelation(sky.x, noise, &generator) * through.x, 0)
                        continue
                    }
                    var value = SIMD2(
                        sky.x * through.x - sky.y * through.y, sky.x * through.y + sky.y * through.x)
                    if noise > 0 {
                        value.x += noise * Float(deviates.next(&generator))
                        value.y += noise * Float(deviates.next(&generator))
                    }
                    place[polarization] = value
                }
                place += channels * 2
            }
        }
    }

    /// A receiver hears its own noise, and that fluctuates by √2 more than a baseline's part.
    @inline(__always)
    private func autocorrelation(_ sky: Float, _ noise: Float, _ generator: inout SeededGenerator) -> Float {
        guard noise > 0 else { return sky }
        return sky + Float(ObservationPlan.sefdJy) + noise * 1.414_213_6 * Float(deviates.next(&generator))
    }

    @inline(__always)
    private static func product(conjugate a: SIMD2<Float>, _ b: SIMD2<Float>) -> SIMD2<Float> {
        SIMD2(a.x * b.x + a.y * b.y, a.x * b.y - a.y * b.x)
    }
}

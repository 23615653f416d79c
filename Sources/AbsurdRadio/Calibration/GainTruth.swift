import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// The gains that went into a simulated observation (truth/gains.json), to be compared with those that were solved.
public struct GainTruth: Sendable {
    private struct Chain: Sendable {
        var gain: [SIMD2<Double>]
        var bandpass: [SIMD2<Double>]
        var delay: Double
    }

    private let chains: [String: [Chain]]
    /// MJD s, UTC.
    private let times: [Double]
    private let frequencies: [Double]
    private let delayReference: Double

    /// - Throws: `Refusal` (bad data) when the file is missing or not of the simulator.
    public init(reading path: String) throws {
        func refusal(_ why: String) -> Refusal {
            Refusal(
                "truth \(path)", why: why, remedy: "pass truth/gains.json of a simulated observation", exit: .badData)
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: try TextFile.bytes(path, what: "truth"))
        } catch let error as JSONSyntaxError {
            throw refusal("\(error)")
        }
        func complex(_ value: JSONValue?) -> [SIMD2<Double>] {
            (value?.items ?? []).compactMap { item in
                guard let parts = item.items?.compactMap(\.double), parts.count == 2 else { return nil }
                return SIMD2(parts[0], parts[1])
            }
        }
        times = (value["times_jd_utc"]?.items ?? []).compactMap { $0.double.map { ($0 - 2_400_000.5) * 86400 } }
        frequencies = (value["frequencies_hz"]?.items ?? []).compactMap(\.double)
        delayReference = value["delay_reference_frequency_hz"]?.double ?? 0
        var chains: [String: [Chain]] = [:]
        for antenna in value["antennas"]?.items ?? [] {
            guard let name = antenna["name"]?.text else { continue }
            chains[name] = ["XX", "YY"].compactMap { antenna["polarisations"]?[$0] }.map { chain in
                Chain(
                    gain: complex(chain["gain"]), bandpass: complex(chain["bandpass"]),
                    delay: chain["delay_s"]?.double ?? 0)
            }
        }
        self.chains = chains
        let (timeCount, channelCount) = (times.count, frequencies.count)
        guard timeCount > 0, channelCount > 0, !chains.isEmpty,
            chains.values.joined().allSatisfy({ $0.gain.count == timeCount && $0.bandpass.count == channelCount })
        else { throw refusal("its lists are missing or of different lengths") }
    }

    /// How far solved gains are from the true ones, over all antennas, times, channels and polarisations that have a
    /// solution, after the phase that no observation can tell, that of the reference antenna, is taken off.
    public struct Errors: Sendable, Hashable {
        /// Of the amplitudes, relative.
        public var amplitudeRMS: Double
        public var phaseRMSDegrees: Double
        public var samples: Int
    }

    public func errors(of tables: [CalibrationTable]) throws -> Errors {
        guard let bandpass = tables.first(where: { $0.kind == .bandpass }) else {
            throw Refusal(
                "gains", why: "there is no bandpass among the tables", remedy: "pass K, B and G", exit: .badData)
        }
        let names = bandpass.antennaNames
        let application = try GainApplication(
            tables: tables, antennaNames: names,
            windows: bandpass.windows.map {
                GainApplication.Window(frequencies: $0.frequencies, receptors: [(0, 0), (1, 1)])
            })
        let inverse = InverseGains()
        var (amplitude, phase, count) = (0.0, 0.0, 0)
        for (number, window) in bandpass.windows.enumerated() {
            let channels = window.frequencies.map { nearest($0) }
            for (index, time) in times.enumerated() {
                inverse.prepare(application, window: number, time: time)
                for (channel, own) in channels.enumerated() {
                    for polarization in 0..<2 {
                        let common = truth(names[bandpass.referenceAntenna], polarization, index, own)
                        for antenna in names.indices {
                            let at = antenna * inverse.samples + channel * 2 + polarization
                            let found = inverse.first[at].inverse
                            guard found != .zero, let common,
                                let wanted = truth(names[antenna], polarization, index, own)
                            else { continue }
                            let size = (wanted * wanted).sum().squareRoot()
                            let turn = atan2(wanted.y, wanted.x) - atan2(common.y, common.x)
                            let (a, p) = (
                                Double(found.amplitude) / size - 1, remainder(Double(found.phase) - turn, 2 * .pi)
                            )
                            amplitude += a * a
                            phase += p * p
                            count += 1
                        }
                    }
                }
            }
        }
        let total = Double(max(1, count))
        return Errors(
            amplitudeRMS: (amplitude / total).squareRoot(), phaseRMSDegrees: (phase / total).squareRoot() * 180 / .pi,
            samples: count)
    }

    private func nearest(_ frequency: Double) -> Int {
        frequencies.indices.min { abs(frequencies[$0] - frequency) < abs(frequencies[$1] - frequency) } ?? 0
    }

    private func truth(_ name: String, _ polarization: Int, _ time: Int, _ channel: Int) -> SIMD2<Double>? {
        guard let chain = chains[name]?[polarization] else { return nil }
        let angle = 2 * Double.pi * remainder(chain.delay * (frequencies[channel] - delayReference), 1)
        func times(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> {
            SIMD2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x)
        }
        return times(times(chain.gain[time], chain.bandpass[channel]), SIMD2(cos(angle), sin(angle)))
    }
}

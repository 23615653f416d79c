import CRadio

#if canImport(Glibc)
    import Glibc
#endif

/// What a set of antenna gains is solved from: for each baseline the sums of w V conj(M) and w |M|² over the samples
/// that share one solution. Both halves of the Hermitian matrices are kept, so that StEFCal reads whole rows.
///
/// One system is `[3 planes][antenna][stride]`; `NormalEquations` holds many side by side.
final class NormalEquations: @unchecked Sendable {
    let antennaCount: Int
    let stride: Int
    let systemCount: Int
    /// A system's entries for baseline (a, b) are written by whoever handles that baseline.
    private let planes: SharedArray<Float>
    /// Sum of w |V|² and number of samples: [system], one thread at a time.
    var chi: [Double]
    var samples: [Double]

    init(systems: Int, antennas: Int) {
        let lanes = Int(RADIO_LANES)
        systemCount = systems
        antennaCount = antennas
        stride = (antennas + lanes - 1) / lanes * lanes
        planes = SharedArray(systems * 3 * antennas * stride)
        chi = [Double](repeating: 0, count: systems)
        samples = [Double](repeating: 0, count: systems)
    }

    @inline(__always)
    func plane(_ system: Int, _ plane: Int) -> UnsafeMutablePointer<Float> {
        planes.start + (system * 3 + plane) * antennaCount * stride
    }

    @inline(__always)
    func add(_ system: Int, _ a: Int, _ b: Int, re: Float, im: Float, d: Float) {
        let (upper, lower) = (a * stride + b, b * stride + a)
        let (planeRe, planeIm, planeD) = (plane(system, 0), plane(system, 1), plane(system, 2))
        planeRe[upper] += re
        planeRe[lower] += re
        planeIm[upper] += im
        planeIm[lower] -= im
        planeD[upper] += d
        planeD[lower] += d
    }

    /// Weight of all data that touch an antenna, summed over systems.
    func weight(ofAntenna antenna: Int) -> Double {
        var sum = 0.0
        for system in 0..<systemCount {
            let row = plane(system, 2) + antenna * stride
            for other in 0..<antennaCount { sum += Double(row[other]) }
        }
        return sum
    }
}

/// One solution of StEFCal for every antenna, with what is known about its noise.
struct SystemSolution {
    var gains: [ComplexGain]
    /// Standard deviation of real and imaginary part of the gain.
    var errors: [Float]
    /// 0 where there is no solution.
    var snr: [Float]
    var hasConverged: Bool
}

extension NormalEquations {
    /// - Parameters:
    ///   - minimumBaselines: antennas with data on fewer baselines get no solution.
    ///   - tolerance: relative change of all gains between iterations.
    func solve(
        _ system: Int, phaseOnly: Bool, minimumBaselines: Int, iterationsMax: Int, tolerance: Float
    ) -> SystemSolution {
        var solution = SystemSolution(
            gains: [ComplexGain](repeating: .zero, count: antennaCount),
            errors: [Float](repeating: 0, count: antennaCount), snr: [Float](repeating: 0, count: antennaCount),
            hasConverged: true)
        let isUsed = usableAntennas(system, minimumBaselines: minimumBaselines)
        guard isUsed.contains(true) else { return solution }
        var re = [Float](repeating: 0, count: stride)
        var im = re
        let start = startingGains(system, isUsed: isUsed, phaseOnly: phaseOnly)
        for antenna in 0..<antennaCount {
            re[antenna] = start[antenna].re
            im[antenna] = start[antenna].im
        }
        var scratch = [Float](repeating: 0, count: 3 * stride)
        let iterations = radio_stefcal(
            plane(system, 0), plane(system, 1), plane(system, 2), antennaCount, stride, phaseOnly ? 1 : 0,
            Int32(iterationsMax), tolerance, &re, &im, &scratch)
        solution.hasConverged = iterations > 0
        for antenna in 0..<antennaCount where isUsed[antenna] {
            let gain = ComplexGain(re[antenna], im[antenna])
            if gain.power.isFinite { solution.gains[antenna] = gain }
        }
        estimateNoise(system, phaseOnly: phaseOnly, solution: &solution)
        return solution
    }

    private func usableAntennas(_ system: Int, minimumBaselines: Int) -> [Bool] {
        var isUsed = [Bool](repeating: true, count: antennaCount)
        let d = plane(system, 2)
        var isShrinking = true
        while isShrinking {
            isShrinking = false
            for antenna in 0..<antennaCount where isUsed[antenna] {
                var baselines = 0
                for other in 0..<antennaCount where isUsed[other] && d[antenna * stride + other] > 0 { baselines += 1 }
                if baselines < max(1, minimumBaselines) {
                    isUsed[antenna] = false
                    isShrinking = true
                }
            }
        }
        return isUsed
    }

    /// Phases against the antenna with the most signal, one amplitude for all.
    private func startingGains(_ system: Int, isUsed: [Bool], phaseOnly: Bool) -> [ComplexGain] {
        let (nRe, nIm, d) = (plane(system, 0), plane(system, 1), plane(system, 2))
        var strongest = (antenna: 0, signal: -1.0)
        var (signal, power) = (0.0, 0.0)
        for antenna in 0..<antennaCount where isUsed[antenna] {
            var own = 0.0
            for other in 0..<antennaCount where isUsed[other] {
                let at = antenna * stride + other
                own += Double(nRe[at] * nRe[at] + nIm[at] * nIm[at]).squareRoot()
                power += Double(d[at])
            }
            signal += own
            if own > strongest.signal { strongest = (antenna, own) }
        }
        let size = phaseOnly || power <= 0 || signal <= 0 ? 1 : Float((signal / power).squareRoot())
        return (0..<antennaCount).map { antenna in
            guard isUsed[antenna] else { return .zero }
            let at = antenna * stride + strongest.antenna
            let direction = ComplexGain(nRe[at], nIm[at]).unit
            return antenna == strongest.antenna || direction == .zero ? ComplexGain(size, 0) : direction * size
        }
    }

    /// The noise of a sample from what the fit leaves, and from it the gains' errors by the curvature at the solution.
    private func estimateNoise(_ system: Int, phaseOnly: Bool, solution: inout SystemSolution) {
        let (nRe, nIm, d) = (plane(system, 0), plane(system, 1), plane(system, 2))
        let gains = solution.gains
        var overlap = [Double](repeating: 0, count: antennaCount)  // Σ_b Re(conj(g_a) N_ab g_b)
        var strength = overlap  // Σ_b |M_ab|² |g_b|²
        for a in 0..<antennaCount where gains[a] != .zero {
            for b in 0..<antennaCount where gains[b] != .zero {
                let at = a * stride + b
                let turned = gains[a].conjugate * gains[b]
                overlap[a] += Double(turned.re * nRe[at] - turned.im * nIm[at])
                strength[a] += Double(d[at] * gains[b].power)
            }
        }
        let explained = overlap.reduce(0, +) / 2
        var modelled = 0.0
        for a in 0..<antennaCount { modelled += strength[a] * Double(gains[a].power) / 2 }
        // Phases alone don't fit the amplitudes: the best common scale is taken off before the rest counts as noise.
        let scale = phaseOnly && modelled > 0 ? explained / modelled : 1
        let rest = max(0, chi[system] - 2 * scale * explained + scale * scale * modelled)
        let freedom = 2 * samples[system] - Double((phaseOnly ? 1 : 2) * gains.count { $0 != .zero })
        guard freedom > 0 else { return }
        let variance = max(rest / freedom, chi[system] / max(1, samples[system]) * 1e-12)
        for a in 0..<antennaCount where gains[a] != .zero {
            let curvature = phaseOnly ? scale * overlap[a] : strength[a]
            guard curvature > 0 else { continue }
            let error = (variance / curvature).squareRoot()
            solution.errors[a] = Float(error)
            solution.snr[a] = error > 0 ? Float(min(Double(gains[a].amplitude) / error, 1e6)) : 1e6
        }
    }
}

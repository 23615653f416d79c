import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

@Suite("Gain solver")
struct GainSolverTests {
    private static func settings(_ change: (inout SolverSettings) -> Void = { _ in }) -> SolverSettings {
        var settings = SolverSettings()
        settings.threads = 2
        settings.referenceAntennas = [3]
        change(&settings)
        return settings
    }

    @Test("Without noise the gains come back to the precision of single floats")
    func noiseless() throws {
        let observation = SyntheticObservation()
        let solution = try observation.solve(Self.settings())
        let errors = observation.errors(solution, reference: 3)
        #expect(errors.count == 12 * 2 * 2 * 16 * 6)
        // The bandpass is the mean over drifting amplitudes of order the phase drift squared; phases drift alone here.
        #expect(errors.amplitude < 2e-4)
        #expect(errors.phase < 2e-4)
        #expect(solution.referenceAntenna == 3)
        #expect(solution.unconvergedCount == 0)
    }

    @Test("With noise the errors stay at the noise limit of the bandpass and gain together")
    func noiseLimit() throws {
        var observation = SyntheticObservation()
        observation.noise = 1
        let solution = try observation.solve(Self.settings())
        let errors = observation.errors(solution, reference: 3)
        // σ of a gain's real part: σ_V / (S √((N − 1) n)), n = times for the bandpass and channels for the gain.
        let flux = 10.9
        let bandpass = 1 / (flux * sqrt(11.0 * 6))
        let gain = 1 / (flux * sqrt(11.0 * 32))
        let limit = sqrt(bandpass * bandpass + gain * gain)
        #expect(errors.amplitude < 1.25 * limit)
        #expect(errors.amplitude > 0.5 * limit)
        // Phases carry the reference antenna's noise too.
        #expect(errors.phase < 1.25 * limit * sqrt(2))
    }

    @Test("The delays come back, relative to the reference antenna")
    func delays() throws {
        let observation = SyntheticObservation()
        let solution = try observation.solve(Self.settings())
        let delay = try #require(solution.delay)
        for antenna in 0..<12 {
            for polarization in 0..<2 {
                let wanted = observation.delay(antenna, polarization) - observation.delay(3, polarization)
                #expect(abs(delay.delays[antenna * 2 + polarization] - wanted) < 0.05e-9)
            }
        }
    }

    @Test("A dead antenna is flagged and the others are not harmed")
    func deadAntenna() throws {
        var observation = SyntheticObservation()
        observation.deadAntenna = 5
        let solution = try observation.solve(Self.settings())
        for window in solution.bandpass {
            for channel in 0..<window.channelCount {
                #expect(window.isFlagged[window.index(time: 0, antenna: 5, channel: channel, polarization: 1)])
                #expect(!window.isFlagged[window.index(time: 0, antenna: 6, channel: channel, polarization: 1)])
            }
        }
        #expect(solution.delay?.isFlagged[5 * 2] == true)
        let errors = observation.errors(solution, reference: 3)
        #expect(errors.count == 11 * 2 * 2 * 16 * 6)
        #expect(errors.phase < 2e-4)
    }

    @Test("A reference antenna without data, or one that does not exist, gives way to the next that has some")
    func referenceFallback() throws {
        var observation = SyntheticObservation()
        observation.deadAntenna = 5
        let second = try observation.solve(Self.settings { $0.referenceAntennas = [99, 5, 7] })
        #expect(second.referenceAntenna == 7)
        #expect(observation.errors(second, reference: 7).phase < 2e-4)
        let any = try observation.solve(Self.settings { $0.referenceAntennas = [5] })
        #expect(any.referenceAntenna != 5)
    }

    @Test("When everything is flagged the refusal says so")
    func allFlagged() throws {
        let error = #expect(throws: Refusal.self) {
            try SyntheticObservation().solve(Self.settings(), allFlagged: true)
        }
        #expect(error?.why.contains("no antenna has a solution") == true)
        #expect(error?.exit == .badData)
    }

    @Test("Solutions fainter than minsnr are flagged, and without any left the solve is refused")
    func minimumSNR() throws {
        var observation = SyntheticObservation()
        observation.noise = 1
        #expect(throws: Refusal.self) { try observation.solve(Self.settings { $0.minimumSNR = 1e5 }) }
        // A bandpass solution here has an SNR of 10.9 √(11 · 6) = 88 on average: some lie on either side of that.
        let some = try observation.solve(Self.settings { $0.minimumSNR = 88 })
        let flags = some.bandpass.flatMap(\.isFlagged)
        #expect(flags.contains(true) && flags.contains(false))
    }

    @Test("Phase-only gains have unit amplitude and the same phases")
    func phaseOnly() throws {
        let observation = SyntheticObservation()
        let solution = try observation.solve(Self.settings { $0.gainMode = .phase })
        #expect(solution.gain[0].gains.allSatisfy { abs($0.amplitude - 1) < 1e-5 })
        #expect(observation.errors(solution, reference: 3).phase < 2e-4)
    }

    @Test("Gains of each window by itself agree with the truth as well")
    func separateWindows() throws {
        let observation = SyntheticObservation()
        let solution = try observation.solve(Self.settings { $0.combinesWindows = false })
        #expect(observation.errors(solution, reference: 3).phase < 2e-4)
    }

    @Test("Binned channels find the same delays and smooth gains")
    func binned() throws {
        let observation = SyntheticObservation()
        let solution = try observation.solve(Self.settings(), binned: 2)
        #expect(solution.bandpass[0].channelCount == 16)
        let errors = observation.errors(solution, reference: 3)
        #expect(errors.phase < 0.02)
        #expect(errors.amplitude < 0.02)
    }

    @Test(
        "Solution intervals are read from CASA's words",
        arguments: [
            ("int", SolutionInterval.integration), ("inf", .whole), ("60s", .seconds(60)), ("1.5min", .seconds(90)),
        ])
    func intervals(text: String, wanted: SolutionInterval) { #expect(SolutionInterval(text) == wanted) }

    @Test("A solution interval that means nothing is refused", arguments: ["", "s", "-5s", "60", "fast", "nans"])
    func badIntervals(text: String) { #expect(SolutionInterval(text) == nil) }

    @Test("An interval of 30 s holds three integrations of 10 s")
    func binsOfSeconds() {
        #expect(SolutionInterval.seconds(30).bins([0, 10, 20, 30, 40, 50, 60]) == [0, 0, 0, 1, 1, 1, 2])
    }
}

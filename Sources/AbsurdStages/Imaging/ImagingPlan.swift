import Absurd
import AbsurdPipeline
import AbsurdRadio
import Glibc

/// What the imaging stage learns from a Measurement Set before it starts WSClean.
struct ImagingInput: Sendable {
    var path: String
    /// Wavelengths: the longest baseline in the uv plane at the highest frequency.
    var longestBaseline: Double
    var lowFrequency: Double
    var highFrequency: Double
    var dataColumn: String
    /// Channels of all windows.
    var channelCount: Int
    /// Visibilities of all windows: rows times channels.
    var visibilityCount: Int
    var primaryBeam: DriftingBeam?

    /// - Throws: `Refusal` when it is no Measurement Set, has no rows or lacks the column asked for.
    init(reading path: String, dataColumn choice: String) throws {
        let set: MeasurementSet
        do {
            set = try MeasurementSet(opening: path)
        } catch let failure as MeasurementSetFailure {
            throw Refusal(
                "measurement set \(path)", why: "can't be opened: \(failure.description)",
                remedy: "give the path of a Measurement Set", exit: .badData)
        }
        defer { try? set.close() }
        let frequencies = set.windows.flatMap(\.frequencies)
        guard set.rowCount > 0, let low = frequencies.min(), let high = frequencies.max(), low > 0 else {
            throw Refusal(
                "measurement set \(path)", why: "it has no data rows or no channels", remedy: "convert it again",
                exit: .badData)
        }
        let hasCorrected = try set.hasColumn("CORRECTED_DATA")
        if choice == "CORRECTED_DATA" && !hasCorrected {
            throw Refusal(
                "measurement set \(path)", why: "it has no CORRECTED_DATA",
                remedy: "run calibration-apply first, or image DATA", exit: .badData)
        }
        dataColumn = choice == "auto" ? (hasCorrected ? "CORRECTED_DATA" : "DATA") : choice
        self.path = path
        (lowFrequency, highFrequency) = (low, high)
        channelCount = frequencies.count
        visibilityCount = set.rowCount * (set.windows.map(\.frequencies.count).max() ?? 1)
        longestBaseline = try Self.longestBaseline(set) * high / 299_792_458
        guard longestBaseline > 0 else {
            throw Refusal(
                "measurement set \(path)", why: "all its baselines have length zero", remedy: "convert it again",
                exit: .badData)
        }
        primaryBeam = Self.primaryBeam(set, low: low, high: high)
    }

    /// Metres in the plane across the line of sight.
    private static func longestBaseline(_ set: MeasurementSet) throws -> Double {
        let column = try set.column("UVW")
        var squared = 0.0
        for first in stride(from: 0, to: set.rowCount, by: 1 << 16) {
            let rows = first..<min(set.rowCount, first + 1 << 16)
            let uvw = try column.doubles(rows)
            for row in 0..<rows.count {
                let (u, v) = (uvw[3 * row], uvw[3 * row + 1])
                squared = max(squared, u * u + v * v)
            }
        }
        return squared.squareRoot()
    }

    /// The dishes point at the meridian at the field's declination while the sky drifts by.
    private static func primaryBeam(_ set: MeasurementSet, low: Double, high: Double) -> DriftingBeam? {
        var diameter = set.antennas.map(\.dishDiameter).max() ?? 0
        // Files of other writers leave the telescope's dishes out.
        if diameter == 0 && set.telescope.hasPrefix("DSA") { diameter = PrimaryBeam().diameterMetres }
        guard diameter > 0, let field = set.fields.isEmpty ? nil : set.fields[set.fields.count / 2] else { return nil }
        let centre = set.antennas.reduce(SIMD3<Double>()) { $0 + $1.position } / Double(set.antennas.count)
        let site = Site(position: centre)
        let (from, to) = (set.timeRange.0 / 86400 + 2_400_000.5, set.timeRange.1 / 86400 + 2_400_000.5)
        guard from > 2_436_935, to >= from else { return nil }
        let middle = ObservingFrame(julianDate: (from + to) / 2, site: site)
        let direction = SkyDirection(rightAscension: field.rightAscension, declination: field.declination)
        let declination = middle.apparent(direction).declination
        func axis(_ instant: Double) -> SkyDirection {
            let frame = ObservingFrame(julianDate: instant, site: site)
            return frame.icrs(frame.apparent(hourAngle: 0, declination: declination))
        }
        return DriftingBeam(
            beam: PrimaryBeam(diameterMetres: diameter), start: axis(from), end: axis(to),
            lowFrequency: low, highFrequency: high)
    }
}

/// Sizes and depths of an image: the tier's, unless said otherwise. Pure.
struct ImagingPlan: Sendable, Hashable {
    var cellArcseconds: Double
    var side: Int
    var iterations: Int
    /// Parts of the band.
    var channels: Int

    /// Cells: (0.5 λ / u_max) / 5; four times that in development; in the standard tier as much coarser, up to that, as
    /// brings the side below `imsize_max`. Side: the field of view, rounded up to a length whose Fourier transform is
    /// fast.
    init(longestBaseline: Double, parameters: StageParameters, task: String) throws {
        let tier = parameters.text("quality_tier") ?? "standard"
        let finest = 0.5 / longestBaseline / 5 * 180 / .pi * 3600
        let fieldOfView = parameters.double("field_of_view") ?? 3.5
        let fitting = fieldOfView * 3600 / Double(parameters.int("imsize") ?? parameters.int("imsize_max") ?? 2048)
        let growth = ["development": 4, "high_precision": 1][tier] ?? min(4, max(1, fitting / finest))
        cellArcseconds = parameters.double("cell") ?? Self.rounded(finest * growth)
        let wanted = parameters.int("imsize") ?? Int((fieldOfView * 3600 / cellArcseconds).rounded(.up))
        guard wanted <= 32768 else {
            throw Refusal(
                "task \(task)", why: "the image would be \(wanted) pixels wide, more than 32768",
                remedy: "set a larger config.cell or a smaller config.field_of_view", exit: .badData)
        }
        side = parameters.int("imsize") == nil ? Self.fastLength(max(64, wanted)) : wanted + wanted % 2
        iterations = try Self.iterations(parameters.int("niter"), tier: tier, task: task)
        channels = parameters.int("channels_out") ?? ["development": 1, "high_precision": 8][tier] ?? 3
    }

    private static func iterations(_ given: Int?, tier: String, task: String) throws -> Int {
        switch tier {
        case "development":
            return min(given ?? 300, 300)
        case "high_precision":
            if let given, given < 2000 {
                throw Refusal(
                    "task \(task)", why: "config.niter \(given) is below the 2000 of high_precision",
                    remedy: "raise niter or use the standard tier", exit: .badData)
            }
            return given ?? 200_000
        default:
            return given ?? 20_000
        }
    }

    /// Three significant digits: a cell that people can read.
    private static func rounded(_ value: Double) -> Double {
        let scale = pow(10, 2 - log10(value).rounded(.down))
        return (value * scale).rounded(.down) / scale
    }

    /// The next even number without prime factors above 7.
    static func fastLength(_ wanted: Int) -> Int {
        var length = wanted + wanted % 2
        while true {
            var rest = length
            for factor in [2, 3, 5, 7] { while rest % factor == 0 { rest /= factor } }
            if rest == 1 { return length }
            length += 2
        }
    }
}

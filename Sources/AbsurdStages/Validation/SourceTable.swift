import Absurd
import AbsurdRadio
import Glibc

/// A detected source with its intrinsic flux.
struct MeasuredSource: Sendable, Hashable {
    var name: String
    var found: DetectedSource
    /// Power gain of the primary beam that was divided out; 1 where the image had it divided out already.
    var primaryBeamGain: Double
    /// Hz.
    var frequency: Double

    /// Jy, intrinsic.
    var flux: Double { found.integrated / primaryBeamGain }
    var fluxError: Double { found.integratedError / primaryBeamGain }

    var matchable: MatchableSource {
        MatchableSource(ra: found.ra, dec: found.dec, flux: flux, frequency: frequency)
    }
}

extension MeasuredSource {
    /// The image's sources, named after their positions.
    static func measure(_ findings: SourceFinder.Findings, in image: FITSImage) -> [MeasuredSource] {
        let frequency = image.frequency ?? 0
        return findings.sources.compactMap { source in
            let gain = image.primaryBeamGain(ra: source.ra, dec: source.dec)
            guard gain > 0 else { return nil }
            return MeasuredSource(
                name: SourceName.text(ra: source.ra, dec: source.dec), found: source, primaryBeamGain: gain,
                frequency: frequency)
        }
    }

    static let columns =
        "name,ra_deg,dec_deg,ra_error_arcsec,dec_error_arcsec,flux_jy,flux_error_jy,apparent_flux_jy,"
        + "peak_jy_per_beam,peak_error_jy_per_beam,snr,rms_jy_per_beam,primary_beam_gain,resolved,major_arcsec,"
        + "minor_arcsec,position_angle_deg,x_pixel,y_pixel,reference_frequency_hz\n"

    var line: String {
        let arcseconds = 180 / Double.pi * 3600
        let fields: [Double] = [
            found.ra, found.dec, found.eastErrorArcseconds, found.northErrorArcseconds, flux, fluxError,
            found.integrated, found.peak, found.peakError, found.signalToNoise, found.rms, primaryBeamGain,
            found.isResolved ? 1 : 0, found.shape.major * arcseconds, found.shape.minor * arcseconds,
            found.shape.positionAngle * 180 / .pi, found.x, found.y, frequency,
        ]
        return name + "," + fields.map { "\($0)" }.joined(separator: ",") + "\n"
    }

    /// The table that validation leaves; other stages read its name, position, flux and frequency as a catalogue.
    static func write(_ sources: [MeasuredSource], to path: String) throws {
        try TextFile.write(columns + sources.map(\.line).joined(), to: path)
    }
}

/// IAU-style names: J133108.3+303033.
enum SourceName {
    static func text(ra: Double, dec: Double) -> String {
        let tenths = Int((ra - 360 * (ra / 360).rounded(.down)) * 2400)
        let seconds = Int(abs(dec) * 3600)
        return "J\(two(tenths / 36000))\(two(tenths / 600 % 60))\(two(tenths / 10 % 60)).\(tenths % 10)"
            + "\(dec < 0 ? "-" : "+")\(two(seconds / 3600))\(two(seconds / 60 % 60))\(two(seconds % 60))"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

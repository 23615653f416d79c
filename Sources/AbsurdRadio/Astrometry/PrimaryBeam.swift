import Glibc

/// The antennas' power pattern: the Airy pattern of a uniformly lit dish, 1 on its axis.
///
/// Half power at 0.514 λ/D from the axis: 1.36° at 1.4 GHz. One function serves the simulation, the calibration's
/// model, the correction of images and photometry.
public struct PrimaryBeam: Sendable, Hashable {
    public var diameterMetres: Double

    public init(diameterMetres: Double = 4.65) {
        self.diameterMetres = diameterMetres
    }

    /// Power gain, 0...1. (2 J₁(x)/x)² with x = π D sin θ ν/c.
    public func gain(offsetRadians: Double, frequencyHz: Double) -> Double {
        let x = Double.pi * diameterMetres * sin(abs(offsetRadians)) * frequencyHz / speedOfLight
        // Below this the series 1 − x²/4 is exact to double precision.
        guard x > 1e-4 else { return 1 - x * x / 4 }
        let field = 2 * j1(x) / x
        return field * field
    }

    /// The gain towards an ICRS direction averaged over the instants of an observation that points at a fixed hour
    /// angle: the sky drifts through the beam, by 1.1° in five minutes at declination 30°.
    ///
    /// An image made of all integrations shows a source's flux times this.
    public func meanGain(
        towards icrs: SkyDirection, frames: [ObservingFrame], hourAngle: Double = 0, declination: Double,
        frequencyHz: Double
    ) -> Double {
        guard !frames.isEmpty else { return 1 }
        var sum = 0.0
        for frame in frames {
            let axis = frame.apparent(hourAngle: hourAngle, declination: declination)
            sum += gain(offsetRadians: frame.apparent(icrs).separation(from: axis), frequencyHz: frequencyHz)
        }
        return sum / Double(frames.count)
    }
}

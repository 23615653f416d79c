import CRadio
import Glibc

/// CLEAN with major iterations on the visibilities (Schwab 1984) and minor ones on the pixels above their goal
/// (Clark 1980).
///
/// First it cleans freely down to `maskSigma` times the noise, then only where it found something, down to
/// `thresholdSigma`; the noise is the residual's, from its median absolute deviation.
public struct CottonSchwab: Sendable {
    public struct Settings: Sendable, Hashable {
        public var iterations = 50_000
        public var gain = 0.1
        /// Part of the peak that is cleaned between two griddings.
        public var majorGain = 0.8
        public var maskSigma = 3.0
        public var thresholdSigma = 0.5
        public var majorIterations = 60

        public init() {}
    }

    /// All images are side x side, row 0 the south.
    public struct Result: Sendable {
        public var pointSpread: [Float]
        public var dirty: [Float]
        public var residual: [Float]
        /// Jy a pixel.
        public var model: [Float]
        /// Residual plus the model in the restoring beam.
        public var image: [Float]
        /// Nil where the point spread function has no lobe that a Gaussian fits.
        public var beam: RestoringBeam?
        public var iterations = 0
        public var majorIterations = 0
        public var isThresholdReached = true
    }

    public var settings: Settings

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    /// - Parameter progress: gets a part of the whole and what happens now.
    public func run(_ gridder: WGridder, progress: (Double, String) -> Void = { _, _ in }) throws -> Result {
        let side = gridder.geometry.side
        progress(0.1, "gridding the PSF")
        let pointSpread = try gridder.pointSpread()
        progress(0.2, "gridding the dirty image")
        let dirty = try gridder.image()
        var result = Result(
            pointSpread: pointSpread, dirty: dirty, residual: dirty, model: [Float](repeating: 0, count: side * side),
            image: dirty, beam: Self.fit(pointSpread, side: side, cell: gridder.geometry.cell))
        if settings.iterations > 0 { try clean(gridder, &result, progress) }
        return result
    }

    private func clean(_ gridder: WGridder, _ result: inout Result, _ progress: (Double, String) -> Void) throws {
        let side = gridder.geometry.side
        var mask: [UInt8]?
        // The noise at which free cleaning last came to its end: sidelobes of what was found then are gone now.
        var settledNoise: Double?
        let farSidelobe = 1.2 * Self.farSidelobe(result.pointSpread, side: side)
        let firstPeak = Self.peak(result.residual, mask, side: side)
        var part = 0.0
        while true {
            let noise = radio_clean_noise(result.residual, Int64(side * side))
            let goal = noise * (mask == nil ? settings.maskSigma : settings.thresholdSigma)
            let peak = Self.peak(result.residual, mask, side: side)
            let isSettled = mask == nil && (settledNoise.map { noise > 0.9 * $0 } ?? false)
            if peak <= goal || isSettled {
                guard mask == nil, settings.thresholdSigma < settings.maskSigma, result.iterations > 0 else { break }
                mask = result.model.map { $0 == 0 ? 0 : 1 }
                continue
            }
            guard result.iterations < settings.iterations, result.majorIterations < settings.majorIterations else {
                result.isThresholdReached = false
                break
            }
            result.majorIterations += 1
            part = max(part, Self.part(peak, from: firstPeak, to: max(1e-12, noise * settings.thresholdSigma)))
            progress(0.28 + 0.64 * part, "cleaning, major iteration \(result.majorIterations)")
            let stop = max(peak * max(1 - settings.majorGain, farSidelobe), goal)
            let components = try minor(&result, mask, stop: stop, side: side)
            try gridder.subtract(components)
            result.residual = try gridder.image()
            guard Self.peak(result.residual, mask, side: side) < 4 * firstPeak else {
                throw CleanFailure(description: "CLEAN diverges; lower mgain or gain")
            }
            if mask == nil && stop == goal { settledNoise = noise }
        }
        progress(0.95, "restoring")
        result.image = Self.restored(result, side: side, cell: gridder.geometry.cell)
    }

    /// - Returns: the components found now.
    private func minor(_ result: inout Result, _ mask: [UInt8]?, stop: Double, side: Int) throws -> [Float] {
        var plan = radio_clean_settings(
            width: Int32(side), height: Int32(side), gain: Float(settings.gain), stop_jy: Float(stop), divergence: 4,
            iterations_max: Int64(settings.iterations - result.iterations), border: 0)
        var components = [Float](repeating: 0, count: side * side)
        var (peak, diverged) = (Float(0), Int32(0))
        let done = Self.withPointer(mask) { mask in
            radio_clean_minor(&result.residual, result.pointSpread, &components, mask, &plan, &peak, &diverged)
        }
        guard done >= 0 else { throw CleanFailure(description: "no memory for the active pixels") }
        result.iterations += Int(done)
        for index in components.indices where components[index] != 0 { result.model[index] += components[index] }
        return components
    }

    /// The largest sidelobe far out. A minor loop knows the point spread function half an image away only; what lies
    /// farther keeps such sidelobes of a bright source until the next gridding and must not be taken for sources.
    private static func farSidelobe(_ pointSpread: [Float], side: Int) -> Double {
        let near = side / 4..<side - side / 4
        var largest: Float = 0
        for y in 0..<side {
            for x in 0..<side where !(near.contains(x) && near.contains(y)) {
                largest = max(largest, abs(pointSpread[y * side + x]))
            }
        }
        return Double(largest)
    }

    /// How far down the peak is, in its logarithm.
    private static func part(_ peak: Double, from start: Double, to goal: Double) -> Double {
        guard start > goal, peak > 0 else { return 1 }
        return min(1, max(0, log(start / peak) / log(start / goal)))
    }

    private static func peak(_ image: [Float], _ mask: [UInt8]?, side: Int) -> Double {
        withPointer(mask) { Double(radio_clean_peak(image, $0, Int32(side), Int32(side), 0)) }
    }

    private static func withPointer<Value>(_ mask: [UInt8]?, _ body: (UnsafePointer<UInt8>?) -> Value) -> Value {
        guard let mask else { return body(nil) }
        return mask.withUnsafeBufferPointer { body($0.baseAddress) }
    }

    static func fit(_ pointSpread: [Float], side: Int, cell: Double) -> RestoringBeam? {
        var (major, minor, angle) = (0.0, 0.0, 0.0)
        guard radio_clean_fit_beam(pointSpread, Int32(side), Int32(side), &major, &minor, &angle) == 0 else {
            return nil
        }
        return RestoringBeam(major: major * cell, minor: minor * cell, positionAngle: angle)
    }

    private static func restored(_ result: Result, side: Int, cell: Double) -> [Float] {
        guard let beam = result.beam else { return result.residual }
        var image = result.residual
        radio_clean_restore(
            result.model, Int32(side), Int32(side), beam.major / cell, beam.minor / cell, beam.positionAngle, &image)
        return image
    }
}

/// CLEAN can't go on.
public struct CleanFailure: Error, Sendable, CustomStringConvertible {
    public var description: String
}

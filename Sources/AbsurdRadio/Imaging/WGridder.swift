import Absurd
import CRadio

/// Images from visibilities and visibilities from images: the w-gridder of `radio_gridder.h` as a Swift value's owner.
///
/// Used by one thread at a time; it starts threads of its own.
public final class WGridder {
    public struct Geometry: Sendable, Hashable {
        /// Pixels: both sides.
        public var side: Int
        /// Radians.
        public var cell: Double
        /// Relative error of an image (L2).
        public var accuracy: Double
        public var threads: Int

        public init(side: Int, cell: Double, accuracy: Double = 1e-5, threads: Int) {
            (self.side, self.cell, self.accuracy, self.threads) = (side, cell, accuracy, threads)
        }

        var raw: radio_gridder_geometry {
            radio_gridder_geometry(
                width: Int32(side), height: Int32(side), cell_rad: cell, accuracy: accuracy, threads: Int32(threads))
        }

        /// Bytes of planes and images, without the visibilities.
        public var bytes: Int {
            var geometry = raw
            return Int(radio_gridder_bytes(&geometry))
        }
    }

    public enum Weighting: Sendable, Hashable {
        case natural, uniform
        /// Robustness from -2 (near uniform) to 2 (near natural).
        case briggs(Double)
    }

    public let geometry: Geometry
    /// Sum of the imaging weights.
    public let weightSum: Double
    private let visibilities: ImagingVisibilities
    private let raw: OpaquePointer

    /// Weighs the visibilities, for good, and sorts them.
    /// - Parameter uvRange: wavelengths; samples outside are left out.
    /// - Throws: `Refusal` when nothing is left or memory is short.
    public init(
        _ visibilities: ImagingVisibilities, geometry: Geometry, weighting: Weighting = .natural,
        uvRange: ClosedRange<Double> = 0 ... .infinity
    ) throws {
        self.geometry = geometry
        self.visibilities = visibilities
        var (samples, plan, sum) = (visibilities.samples, geometry.raw, 0.0)
        let (kind, robust) =
            switch weighting {
            case .natural: (RADIO_NATURAL, 0.0)
            case .uniform: (RADIO_UNIFORM, 0.0)
            case .briggs(let robust): (RADIO_BRIGGS, robust)
            }
        try Self.refusing {
            radio_gridder_weigh(
                &samples, visibilities.weights.start, &plan, kind, robust, uvRange.lowerBound, uvRange.upperBound,
                &sum, $0, $1)
        }
        guard sum > 0 else {
            throw Refusal(
                "image", why: "every visibility is flagged, without weight or outside the uv range",
                remedy: "check the flags, uv_min and uv_max", exit: .badData)
        }
        weightSum = sum
        var made: OpaquePointer?
        try Self.refusing { radio_gridder_create(&samples, &plan, &made, $0, $1) }
        raw = made!
    }

    deinit { radio_gridder_free(raw) }

    /// The dirty image of the values as they stand: row 0 the south, column 0 the east.
    public func image() throws -> [Float] {
        try normalised { radio_gridder_image(raw, $0, $1, $2) }
    }

    /// The point spread function, 1 in its middle.
    public func pointSpread() throws -> [Float] {
        try normalised { radio_gridder_psf(raw, $0, $1, $2) }
    }

    /// Takes the model's visibilities out of the values.
    /// - Parameter model: Jy a pixel.
    public func subtract(_ model: [Float]) throws { try predict(model, scale: 1, factor: -1) }

    /// values = scale * values + factor * prediction.
    public func predict(_ model: [Float], scale: Float, factor: Float) throws {
        precondition(model.count == geometry.side * geometry.side)
        try model.withUnsafeBufferPointer { model in
            try Self.refusing { radio_gridder_predict(raw, model.baseAddress, scale, factor, $0, $1) }
        }
    }

    /// What the gridder chose, for the log.
    public var summary: String {
        var shape = radio_gridder_shape()
        radio_gridder_get_shape(raw, &shape)
        return "\(shape.support) taps, grid \(shape.grid_width) x \(shape.grid_height), \(shape.planes) w-planes, "
            + "\(shape.segments) segments"
    }

    private func normalised(
        _ body: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<CChar>, Int32) -> Int32
    ) throws -> [Float] {
        let count = geometry.side * geometry.side
        let scale = Float(1 / weightSum)
        return try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            try Self.refusing { body(buffer.baseAddress, $0, $1) }
            for index in 0..<count { buffer[index] *= scale }
            filled = count
        }
    }

    private static func refusing(_ body: (UnsafeMutablePointer<CChar>, Int32) -> Int32) throws {
        if let why = withWhy(body) {
            throw Refusal("image", why: why, remedy: "image fewer pixels or give more memory", exit: .badData)
        }
    }
}

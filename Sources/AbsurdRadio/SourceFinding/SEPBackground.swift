import Absurd
import CRadio

/// An image's smooth background and its local noise, each as large as the image.
public struct SEPBackground: Sendable {
    public var background: [Float]
    public var rms: [Float]

    /// - Parameters:
    ///   - mesh: side of a mesh in pixels; many beams, so that sources do not become background.
    ///   - filter: meshes of the median filter over the mesh grid.
    public init(_ image: FITSImage, mesh: Int, filter: Int = 3) throws {
        let side = max(8, min(mesh, min(image.width, image.height)))
        var background = [Float](repeating: 0, count: image.pixels.count)
        var rms = background
        let why = withWhy {
            radio_sep_background(
                image.pixels, Int32(image.width), Int32(image.height), Int32(side), Int32(filter), &background, &rms,
                $0,
                $1)
        }
        if let why {
            throw Refusal("source finding", why: why, remedy: "check the image for NaN", exit: .badData)
        }
        self.background = background
        self.rms = rms
    }
}

/// An island that SEP found, before any fit.
struct SEPIsland: Sendable {
    var x: Double
    var y: Double
    var peak: Double
    var pixelCount: Int
    /// Second moments along the ellipse's axes and its angle from the x axis: pixels, radians.
    var a: Double
    var b: Double
    var theta: Double
    var isTruncated: Bool

    /// - Parameters:
    ///   - image: background subtracted.
    ///   - threshold: sigma at which an island ends.
    static func detect(
        in image: FITSImage, rms: [Float], threshold: Double, areaMin: Int, deblendContrast: Double
    ) throws -> [SEPIsland] {
        // SEP compares NaN as if it were a number.
        let pixels = image.pixels.map { $0.isFinite ? $0 : 0 }
        var objects: UnsafeMutablePointer<radio_sep_object>?
        var count: Int32 = 0
        let why = withWhy {
            radio_sep_detect(
                pixels, rms, Int32(image.width), Int32(image.height), Float(threshold), Int32(areaMin), nil, 0, 32,
                deblendContrast, &objects, &count, $0, $1)
        }
        if let why {
            throw Refusal("source finding", why: why, remedy: "raise the threshold", exit: .badData)
        }
        defer { radio_sep_free(objects) }
        return UnsafeBufferPointer(start: objects, count: Int(count)).map {
            SEPIsland(
                x: Double($0.peak_x), y: Double($0.peak_y), peak: $0.peak, pixelCount: Int($0.pixel_count), a: $0.a,
                b: $0.b, theta: $0.theta, isTruncated: $0.flags & 0x2 != 0)
        }
    }
}

import Absurd
import CRadio

/// An image of the sky in memory: one plane of float32 pixels with its header.
public struct FITSImage: Sendable {
    public var width: Int
    public var height: Int
    /// Row 0 (the south) first; NaN is a blank pixel. In the header's BUNIT, Jy/beam for the images made here.
    public var pixels: [Float]
    public var header: FITSHeader

    /// - Parameter pixels: width * height values.
    public init(width: Int, height: Int, pixels: [Float], header: FITSHeader) {
        precondition(pixels.count == width * height)
        self.width = width
        self.height = height
        self.pixels = pixels
        self.header = header
    }

    /// Reads the first plane of the primary HDU.
    /// - Throws: `Refusal` (bad data) when the file is no FITS image.
    public init(path: String) throws {
        var image = radio_fits_image()
        let why = withWhy { radio_fits_read(path, &image, $0, $1) }
        if let why {
            throw Refusal(
                "image \(path)", why: "can't be read: \(why)", remedy: "give the path of a FITS image", exit: .badData)
        }
        defer { radio_fits_free(&image) }
        width = Int(image.width)
        height = Int(image.height)
        pixels = Array(UnsafeBufferPointer(start: image.pixels, count: width * height))
        let bytes = UnsafeRawBufferPointer(start: image.cards, count: Int(image.card_count) * 80)
        header = FITSHeader(
            cards: (0..<Int(image.card_count)).map { String(decoding: bytes[$0 * 80..<$0 * 80 + 80], as: UTF8.self) })
    }

    /// Writes the image with its header's descriptive cards, replacing a file that is there.
    /// - Throws: `Refusal` (cannot create).
    public func write(to path: String) throws {
        let axes = max(2, min(9, header.integer("NAXIS") ?? 2))
        let cards = header.descriptive
        let why = pixels.withUnsafeBufferPointer { values in
            withWhy {
                radio_fits_write(
                    path, Int32(axes), width, height, values.baseAddress, cards.joined(), Int32(cards.count), $0, $1)
            }
        }
        if let why {
            throw Refusal(
                "image \(path)", why: "can't be written: \(why)", remedy: "check the directory and free space",
                exit: .cannotCreate)
        }
    }

    /// Adds HISTORY lines to a FITS file in place.
    public static func appendHistory(_ lines: [String], to path: String) throws {
        let cards = lines.flatMap(FITSHeader.historyCards)
        if let why = withWhy({ radio_fits_append_cards(path, cards.joined(), Int32(cards.count), $0, $1) }) {
            throw Refusal("image \(path)", why: "can't add HISTORY: \(why)", remedy: "", exit: .cannotCreate)
        }
    }

    public subscript(x: Int, y: Int) -> Float {
        get { pixels[y * width + x] }
        set { pixels[y * width + x] = newValue }
    }

    /// - Throws: `Refusal` when no pixel holds a number, as after imaging flagged data only.
    public func requireFinitePixels(_ name: String) throws {
        if !pixels.contains(where: \.isFinite) {
            throw Refusal(
                name, why: "every pixel is NaN: nothing was imaged",
                remedy: "check the flags and weights of the measurement set", exit: .badData)
        }
    }
}

/// The restoring beam: an elliptical Gaussian, full widths at half maximum.
public struct RestoringBeam: Sendable, Hashable {
    /// Radians; the position angle counts from north through east.
    public var major: Double
    public var minor: Double
    public var positionAngle: Double

    public init(major: Double, minor: Double, positionAngle: Double) {
        self.major = major
        self.minor = minor
        self.positionAngle = positionAngle
    }

    /// Solid angle in steradians: 2π σ_major σ_minor.
    public var solidAngle: Double { Double.pi * major * minor / (4 * 0.6931471805599453) }
}

extension FITSImage {
    /// BMAJ, BMIN, BPA of the header; nil when absent or zero (an image without cleaning).
    public var beam: RestoringBeam? {
        guard let major = header.double("BMAJ"), let minor = header.double("BMIN"), major > 0, minor > 0 else {
            return nil
        }
        return RestoringBeam(
            major: major * .pi / 180, minor: minor * .pi / 180, positionAngle: (header.double("BPA") ?? 0) * .pi / 180)
    }

    /// Side of a pixel in radians (CDELT2).
    public var pixelSize: Double? {
        header.double("CDELT2").map { abs($0) * .pi / 180 }
    }

    /// Centre of the band in Hz: the reference value of the frequency axis.
    public var frequency: Double? {
        for axis in 1...9 where header.text("CTYPE\(axis)")?.hasPrefix("FREQ") == true {
            return header.double("CRVAL\(axis)")
        }
        return header.double("RESTFRQ") ?? header.double("FREQ")
    }
}

/// Runs a C function that explains itself in a buffer; nil when it succeeded.
func withWhy(_ body: (UnsafeMutablePointer<CChar>, Int32) -> Int32) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
        buffer.initialize(repeating: 0)
        guard body(buffer.baseAddress!, 1024) != 0 else { return nil }
        return String(cString: buffer.baseAddress!)
    }
}

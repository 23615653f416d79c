import Absurd
import CRadio

/// Pixels of a picture: 8-bit RGB, row 0 on top.
public struct RGBPicture: Sendable, Hashable {
    public var width: Int
    public var height: Int
    public var bytes: [UInt8]

    public init(width: Int, height: Int, bytes: [UInt8]) {
        precondition(bytes.count == width * height * 3)
        (self.width, self.height, self.bytes) = (width, height, bytes)
    }

    public func writePNG(to path: String) throws {
        if let why = withWhy({ radio_png_write(path, Int32(width), Int32(height), bytes, $0, $1) }) {
            throw Refusal(
                "picture \(path)", why: why, remedy: "check the directory and free space", exit: .cannotCreate)
        }
    }

    public init(readingPNG path: String) throws {
        var (width, height): (Int32, Int32) = (0, 0)
        var rgb: UnsafeMutablePointer<UInt8>?
        let why = withWhy { radio_png_read(path, &width, &height, &rgb, $0, $1) }
        guard let rgb, why == nil else {
            throw Refusal("picture \(path)", why: why ?? "", remedy: "give the path of a PNG", exit: .badData)
        }
        defer { radio_png_free(rgb) }
        self.init(
            width: Int(width), height: Int(height),
            bytes: Array(UnsafeBufferPointer(start: rgb, count: Int(width) * Int(height) * 3)))
    }
}

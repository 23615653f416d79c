import Absurd
import CRadio

/// The mapping between an image's pixels and the sky, by wcslib (Calabretta & Greisen 2002, A&A 395, 1077).
///
/// Pixels count from 0 at the centre of the south-east corner's pixel. Not Sendable: wcslib keeps scratch values.
public final class ImageCoordinates {
    private let wcs: OpaquePointer

    /// - Throws: `Refusal` (bad data) when the header has no celestial axes.
    public init(_ header: FITSHeader, name: String = "image") throws {
        var opened: OpaquePointer?
        let why = withWhy {
            opened = radio_wcs_open(header.cards.joined(), Int32(header.cards.count), $0, $1)
            return opened == nil ? -1 : 0
        }
        guard let opened else {
            throw Refusal(
                name, why: "it has no sky coordinates: \(why ?? "")", remedy: "give an image with RA and Dec axes",
                exit: .badData)
        }
        wcs = opened
    }

    deinit { radio_wcs_close(wcs) }

    /// - Returns: ICRS degrees, NaN off the projection.
    public func world(x: Double, y: Double) -> (ra: Double, dec: Double) {
        var pixel = [x, y]
        var world = [Double](repeating: .nan, count: 2)
        radio_wcs_to_world(wcs, 1, &pixel, &world)
        return (world[0] < 0 ? world[0] + 360 : world[0], world[1])
    }

    /// - Parameters: ICRS degrees.
    public func pixel(ra: Double, dec: Double) -> (x: Double, y: Double) {
        var world = [ra, dec]
        var pixel = [Double](repeating: .nan, count: 2)
        radio_wcs_to_pixels(wcs, 1, &world, &pixel)
        return (pixel[0], pixel[1])
    }

    /// The sky's axes at a pixel: what one pixel step means in radians east and north.
    /// - Returns: matrix (east per x, east per y, north per x, north per y) by central differences.
    func jacobian(x: Double, y: Double) -> (eastX: Double, eastY: Double, northX: Double, northY: Double) {
        let here = world(x: x, y: y)
        let scale = Double.pi / 180 / 2
        let cosine = cosineOfDegrees(here.dec)
        let (right, left) = (world(x: x + 1, y: y), world(x: x - 1, y: y))
        let (up, down) = (world(x: x, y: y + 1), world(x: x, y: y - 1))
        return (
            wrapped(right.ra - left.ra) * cosine * scale, wrapped(up.ra - down.ra) * cosine * scale,
            (right.dec - left.dec) * scale, (up.dec - down.dec) * scale
        )
    }
}

import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

/// Our readings of an image beside those of astropy and SEP's own Python.
@Suite struct ImagePeerTests {
    @Test func coordinatesBackgroundAndDetectionsAreThoseOfThePeers() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("a.fits")
        var image = try SyntheticSky.image(
            sources: SyntheticSky.field(count: 49, faintest: 0.004, brightest: 1), rms: 1e-3)
        image.header.addHistory("provenance")
        try image.write(to: path)
        let points: [(Double, Double)] = [(0, 0), (447, 447), (200, 31), (13.25, 400.75), (224, 224)]
        let peer = try Peer.run(
            "image_peer.py", [path, "64", "3", "8"],
            input: ["points": .array(points.map { [.number($0.0), .number($0.1)] })]
        ).json()

        let coordinates = try ImageCoordinates(image.header)
        let noise = try SEPBackground(image, mesh: 64)
        for (index, point) in points.enumerated() {
            let ours = coordinates.world(x: point.0, y: point.1)
            #expect(abs(ours.ra - (peer["world"]?.items?[index].items?[0].double ?? 0)) < 1e-10)
            #expect(abs(ours.dec - (peer["world"]?.items?[index].items?[1].double ?? 0)) < 1e-10)
            let at = Int(point.1.rounded()) * image.width + Int(point.0.rounded())
            #expect(abs(Double(noise.rms[at]) - (peer["rms"]?.items?[index].double ?? 0)) < 1e-8)
            #expect(abs(Double(noise.background[at]) - (peer["background"]?.items?[index].double ?? 0)) < 1e-8)
        }
        var flat = image
        for index in flat.pixels.indices { flat.pixels[index] -= noise.background[index] }
        let islands = try SEPIsland.detect(
            in: flat, rms: noise.rms, threshold: 3, areaMin: 8, deblendContrast: 0.005)
        let theirs = try #require(peer["sources"]?.items)
        #expect(islands.count == theirs.count && islands.count >= 45)
        for (island, their) in zip(islands, theirs) {
            #expect(Int64(island.x) == their.items?[0].int && Int64(island.y) == their.items?[1].int)
            #expect(Int64(island.pixelCount) == their.items?[3].int)
            #expect(abs(island.peak - (their.items?[2].double ?? 0)) < 1e-6)
        }
        #expect(peer["history"] == ["provenance"])
        #expect(peer["beam"]?.items?[0].double == image.header.double("BMAJ"))
        let sum = image.pixels.reduce(0) { $0 + Double($1) }
        #expect(abs(sum - (peer["sum"]?.double ?? 0)) < 1e-6 * abs(sum))
    }
}

import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

@Suite struct FITSImageTests {
    @Test func anImageIsReadBackAsItWasWritten() throws {
        let directory = TemporaryDirectory()
        var image = try SyntheticSky.image(
            side: 65, sources: [SyntheticSky.Source(202.78, 30.5, 1)], rms: 1e-3)
        image[3, 5] = .nan
        image.header.set("OBJECT", "it's a test")
        image.header.addHistory(String(repeating: "imaging niter=300 ", count: 12))
        try image.write(to: (directory.path + "/" + "a [1].fits"))
        let back = try FITSImage(path: (directory.path + "/" + "a [1].fits"))
        #expect(back.width == 65 && back.height == 65)
        #expect(zip(image.pixels, back.pixels).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
        #expect(back.header.text("OBJECT") == "it's a test")
        #expect(back.beam == image.beam)
        #expect(back.frequency == 1.4e9)
        #expect(back.header.history.count == 3)
    }

    @Test func historyIsAddedInPlace() throws {
        let directory = TemporaryDirectory()
        let path = (directory.path + "/" + "a.fits")
        try SyntheticSky.image(side: 16, sources: [], rms: 1).write(to: path)
        try FITSImage.appendHistory(["task 1", "wsclean 3.1"], to: path)
        #expect(try FITSImage(path: path).header.history == ["task 1", "wsclean 3.1"])
    }

    @Test func whatIsNotAnImageIsRefusedInOneLine() throws {
        let directory = TemporaryDirectory()
        try TextFile.write("not an image\n", to: (directory.path + "/" + "a.fits"))
        for path in [(directory.path + "/" + "a.fits"), (directory.path + "/" + "missing.fits"), directory.path] {
            let refusal = #expect(throws: Refusal.self) { try FITSImage(path: path) }
            let line = try #require(refusal).description
            #expect(line.contains(path) && line.contains("can't be read") && !line.contains("\n"))
        }
    }

    @Test func coordinatesGoThereAndBack() throws {
        let coordinates = try ImageCoordinates(SyntheticSky.header(side: 512))
        let centre = coordinates.world(x: 256, y: 256)
        #expect(abs(centre.ra - SyntheticSky.ra) < 1e-12 && abs(centre.dec - SyntheticSky.dec) < 1e-12)
        for (x, y) in [(0.0, 0.0), (511, 3), (100.25, 400.75)] {
            let world = coordinates.world(x: x, y: y)
            let back = coordinates.pixel(ra: world.ra, dec: world.dec)
            #expect(abs(back.x - x) < 1e-8 && abs(back.y - y) < 1e-8)
        }
        #expect(coordinates.world(x: 100, y: 256).ra > centre.ra, "east is left")
    }

    @Test func aHeaderWithoutTheSkyIsRefused() {
        let refusal = #expect(throws: Refusal.self) { try ImageCoordinates(FITSHeader()) }
        #expect(refusal?.why.contains("no sky coordinates") == true)
    }
}

@Suite struct PreviewTests {
    @Test func aPreviewShowsSourcesBrightOnADarkSkyAndIsReadBackFromItsFile() throws {
        let directory = TemporaryDirectory()
        let truth = SyntheticSky.field(count: 25, faintest: 0.02, brightest: 3)
        let image = try SyntheticSky.image(sources: truth, rms: 1e-3)
        let picture = try Preview().draw(image, title: "Absurd  13:31 +30:30  Stokes I", rms: 1e-3)
        try picture.writePNG(to: (directory.path + "/" + "a.png"))
        if let keep = ProcessInfo.processInfo.environment["ABSURD_KEEP_PREVIEW"] { try picture.writePNG(to: keep) }
        let back = try RGBPicture(readingPNG: (directory.path + "/" + "a.png"))
        #expect(back == picture)
        func brightness(_ x: Int, _ y: Int) -> Int {
            let at = (y * back.width + x) * 3
            return Int(back.bytes[at]) + Int(back.bytes[at + 1]) + Int(back.bytes[at + 2])
        }
        let coordinates = try ImageCoordinates(image.header)
        let brightest = try #require(truth.last)
        let (x, y) = coordinates.pixel(ra: brightest.ra, dec: brightest.dec)
        let row = 66 + 2 * (447 - Int(y.rounded()))
        #expect(brightness(118 + 2 * Int(x.rounded()), row + 1) > 500)
        #expect(brightness(118 + 2 * Int(x.rounded()) + 40, row + 28) < 200)
    }

    @Test func ticksAndLabelsReadWell() {
        #expect(Preview.ticks(low: -0.003, high: 2).sorted().suffix(3) == [0.5, 1, 2])
        #expect(
            [0.5, 0.002, 0, -0.01, 20, 0.00005].map(Preview.label) == ["0.5", "0.002", "0", "-0.01", "20", "0.00005"])
        #expect(CoordinateGrid.raLabel(202.5, step: 1.25) == "13h30m")
        #expect(CoordinateGrid.raLabel(-0.125, step: 0.125) == "23h59m30s")
        #expect(CoordinateGrid.decLabel(-0.5, step: 0.5) == "-00°30′")
        #expect(Preview.threeDigits(1.23456) == "1.23")
    }
}

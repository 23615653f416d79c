import Absurd
import AbsurdPipeline
import AbsurdRadio
import Foundation
import Testing

@testable import AbsurdStages

/// An image and a catalogue of a small field: point sources of the beam's shape on deterministic noise.
private struct Field {
    static let side = 320
    static let rms = 1e-3

    var image: FITSImage
    var catalogue: [CatalogueSource]

    /// - Parameter hasPrimaryBeam: whether the fluxes are dimmed by a beam that the header describes.
    init(hasPrimaryBeam: Bool = false) throws {
        var header = FITSHeader()
        for (key, text) in [
            ("BUNIT", "Jy/beam"), ("CTYPE1", "RA---SIN"), ("CTYPE2", "DEC--SIN"), ("CTYPE3", "FREQ"), ("CUNIT1", "deg"),
            ("CUNIT2", "deg"), ("CUNIT3", "Hz"),
        ] { header.set(key, text) }
        let numbers: [String: Double] = [
            "BMAJ": 40.0 / 3600, "BMIN": 32.0 / 3600, "BPA": 30, "CRPIX1": 161, "CRPIX2": 161, "CRPIX3": 1,
            "CRVAL1": 150, "CRVAL2": 30, "CRVAL3": 1.4e9, "CDELT1": -8.0 / 3600, "CDELT2": 8.0 / 3600, "CDELT3": 1e8,
        ]
        for (key, value) in numbers.sorted(by: { $0.key < $1.key }) { header.set(key, value) }
        let radians = Double.pi / 180
        let beam = DriftingBeam(
            beam: PrimaryBeam(), start: SkyDirection(rightAscension: 149.6 * radians, declination: 30 * radians),
            end: SkyDirection(rightAscension: 150.7 * radians, declination: 30 * radians), lowFrequency: 1.3e9,
            highFrequency: 1.5e9)
        if hasPrimaryBeam { beam.describe(in: &header) }
        var state: UInt64 = 42
        var noise = (0..<Self.side * Self.side).map { _ -> Float in
            var sum: Float = 0
            for _ in 0..<6 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                sum += Float(state >> 40) / Float(1 << 24) - 0.5
            }
            return sum
        }
        for step in [1, Self.side] {
            noise = noise.indices.map { index in
                (-2...2).reduce(Float(0)) { sum, tap in
                    sum + [1, 4, 6, 4, 1][tap + 2] * noise[(index + tap * step + noise.count) % noise.count]
                }
            }
        }
        let scale = (noise.reduce(0) { $0 + $1 * $1 } / Float(noise.count)).squareRoot()
        image = FITSImage(
            width: Self.side, height: Self.side, pixels: noise.map { $0 / scale * Float(Self.rms) }, header: header)
        catalogue = (0..<16).map { index in
            CatalogueSource(
                name: "c\(index)", ra: 150 + (Double(index % 4) - 1.5) * 0.16,
                dec: 30 + (Double(index / 4) - 1.5) * 0.14,
                flux: 0.03 * pow(1.35, Double(index)), frequency: 1.4e9, spectralIndex: -0.7)
        }
        for source in catalogue {
            try add(source, gain: hasPrimaryBeam ? beam.gain(ra: source.ra, dec: source.dec) : 1)
        }
    }

    private mutating func add(_ source: CatalogueSource, gain: Double) throws {
        let (x, y) = try ImageCoordinates(image.header).pixel(ra: source.ra, dec: source.dec)
        let (major, minor) = (40 / 8 / 2.35482, 32 / 8 / 2.35482)
        let (sine, cosine) = (sin(30 * Double.pi / 180), cos(30 * Double.pi / 180))
        for row in Int(y) - 15...Int(y) + 15 {
            for column in Int(x) - 15...Int(x) + 15 {
                let (east, north) = (x - Double(column), Double(row) - y)
                let (along, across) = (east * sine + north * cosine, east * cosine - north * sine)
                let form = pow(along / major, 2) + pow(across / minor, 2)
                image[column, row] += Float(source.flux * gain * exp(-0.5 * form))
            }
        }
    }

    /// Writes image.fits and catalogue.csv into a directory.
    func write(to directory: String) throws -> (image: String, catalogue: String) {
        try image.write(to: directory + "/image.fits")
        try CatalogueFile.write(catalogue, to: directory + "/catalogue.csv")
        return (directory + "/image.fits", directory + "/catalogue.csv")
    }
}

@Suite struct ImageStagesTests {
    @Test func `Validation finds the catalogue again and leaves tables and a report`() throws {
        let context = RecordingContext()
        let paths = try Field().write(to: context.directory)
        let result = try context.run(
            ValidationStage.self,
            ["outputs": ["image_path": .string(paths.image), "catalogue_path": .string(paths.catalogue)]])
        let figures = try #require(result.outputs["validation_results"])
        #expect(figures["passed"] == true && figures["completeness"]?.double == 1)
        #expect(abs(try #require(figures["flux"]?["median_ratio"]?.double) - 1) < 0.02)
        #expect(try #require(figures["astrometry"]?["rms_arcsec"]?.double) < 1)
        #expect(result.warnings.isEmpty)
        let report = try TextFile.read(context.directory + "/validation.json", what: "report")
        #expect(try JSONValue(parsing: report) == figures)
        let table = try CatalogueFile.read(try #require(result.outputs["detected_sources"]?.text)).sources
        #expect(table.count >= 16 && table[0].name.hasPrefix("J10") && table[0].frequency == 1.4e9)
    }

    @Test func `Fluxes are compared after the primary beam is divided out, whichever image is given`() throws {
        let context = RecordingContext()
        let field = try Field(hasPrimaryBeam: true)
        let paths = try field.write(to: context.directory)
        let corrected = context.directory + "/corrected.fits"
        try field.image.dividedByPrimaryBeam(try #require(DriftingBeam(field.image.header)), limit: 0.1)
            .write(to: corrected)
        for path in [paths.image, corrected] {
            let result = try context.run(
                ValidationStage.self,
                ["inputs": ["image_path": .string(path), "catalogue_path": .string(paths.catalogue)]])
            let ratio = try #require(result.outputs["validation_results"]?["flux"]?["median_ratio"]?.double)
            #expect(abs(ratio - 1) < 0.02, "\(path): \(ratio)")
        }
    }

    @Test func `Checks that fail are warnings, or a failure when asked`() throws {
        let context = RecordingContext()
        var field = try Field()
        for index in field.catalogue.indices { field.catalogue[index].flux *= 2 }
        let paths = try field.write(to: context.directory)
        let inputs: JSONValue = ["image_path": .string(paths.image), "catalogue_path": .string(paths.catalogue)]
        let result = try context.run(ValidationStage.self, ["inputs": inputs])
        #expect(result.outputs["validation_results"]?["passed"] == false)
        #expect(result.warnings.contains { $0.hasPrefix("flux ratio is ") })
        let refusal = #expect(throws: Refusal.self) {
            try context.run(ValidationStage.self, ["inputs": inputs, "config": ["fail_on_checks": true]])
        }
        #expect(refusal?.exit == .no)
    }

    @Test func `An empty catalogue and none at all are said aloud`() throws {
        let context = RecordingContext()
        let paths = try Field().write(to: context.directory)
        try CatalogueFile.write([], to: paths.catalogue)
        let empty = try context.run(
            ValidationStage.self,
            ["inputs": ["image_path": .string(paths.image), "catalogue_path": .string(paths.catalogue)]])
        #expect(empty.warnings.contains { $0.contains("is empty") })
        let none = try context.run(ValidationStage.self, ["inputs": ["image_path": .string(paths.image)]])
        #expect(none.warnings == ["no catalogue: the image was measured and not compared"])
        #expect(none.outputs["validation_results"]?["source_count"]?.int ?? 0 >= 16)
    }

    @Test func `What is not an image, or holds only NaN, is refused in one line by every stage`() throws {
        let context = RecordingContext()
        try TextFile.write("SIMPLE = no", to: context.directory + "/text.fits")
        var field = try Field()
        field.image.pixels = field.image.pixels.map { _ in .nan }
        let blank = try field.write(to: context.directory).image
        for (path, text) in [(context.directory + "/text.fits", "can't be read"), (blank, "every pixel is NaN")] {
            let inputs: JSONValue = ["inputs": ["image_path": .string(path)]]
            for refusal in [
                #expect(throws: Refusal.self) { try context.run(ValidationStage.self, inputs) },
                #expect(throws: Refusal.self) { try context.run(PhotometryStage.self, inputs) },
            ] {
                #expect(refusal?.why.contains(text) == true && refusal?.exit == .badData)
            }
        }
    }

    @Test func `Crossmatch reports offsets, flux scale and duplicates for each catalogue`() throws {
        let context = RecordingContext()
        let field = try Field()
        let paths = try field.write(to: context.directory)
        var doubled = field.catalogue
        doubled.append(doubled[15])
        doubled[16].name = "twin"
        doubled[16].dec += 1 / 3600.0
        doubled[16].flux /= 3
        try CatalogueFile.write(doubled, to: context.directory + "/detected.csv")
        let result = try context.run(
            CrossmatchStage.self,
            [
                "inputs": [
                    "detected_sources": .string(context.directory + "/detected.csv"),
                    "catalogue_paths": ["nvss": .string(paths.catalogue)],
                ]
            ])
        let nvss = try #require(result.outputs["crossmatch_results"]?["catalogues"]?["nvss"])
        #expect(nvss["matched"] == 16 && nvss["contested"] == 1)
        #expect(nvss["median_east_arcsec"]?.double == 0 && nvss["flux_scale"]?.double == 1)
        #expect(result.outputs["crossmatch_results"]?["duplicates"] == [["c15", "twin"]])
        let refusal = #expect(throws: Refusal.self) {
            try context.run(CrossmatchStage.self, ["inputs": ["image_path": .string(paths.image)]])
        }
        #expect(refusal?.why.contains("no catalogue") == true)
    }

    @Test func `Photometry measures given places, and leaves out those outside aloud`() throws {
        let context = RecordingContext()
        let field = try Field(hasPrimaryBeam: true)
        let paths = try field.write(to: context.directory)
        let sources = JSONValue.array(
            field.catalogue.map { ["name": .string($0.name), "ra_deg": .number($0.ra), "dec_deg": .number($0.dec)] }
                + [["ra_deg": 10, "dec_deg": 30]])
        let result = try context.run(
            PhotometryBatchStage.self,
            ["inputs": ["images": [.string(paths.image), .string(paths.image)], "sources": sources]])
        let figures = try #require(result.outputs["photometry_results"])
        #expect(figures["measured"] == 32 && figures["outside"] == 2 && result.warnings.count == 1)
        for (source, row) in zip(field.catalogue, figures["sources"]?.items ?? []) {
            let (flux, error) = (row["flux_jy"]?.double ?? 0, row["flux_error_jy"]?.double ?? 0)
            #expect(abs(flux - source.flux) < 5 * error + 0.01 * source.flux)
        }
        let bad = #expect(throws: Refusal.self) {
            try context.run(
                PhotometryStage.self,
                ["inputs": ["image_path": .string(paths.image), "sources": [["ra_deg": 10]]]])
        }
        #expect(bad?.why.contains("sources[0]") == true)
    }

    @Test func `Imaging refuses a threshold that is not below the mask's, before it reads anything`() {
        let refusal = #expect(throws: Refusal.self) {
            try RecordingContext().run(
                ImagingStage.self, ["inputs": ["ms_path": "/a.ms"], "config": ["auto_mask": 3, "auto_threshold": 3]])
        }
        #expect(refusal?.why.contains("auto_threshold") == true && refusal?.exit == .badData)
    }

    @Test func `A mosaic of shifted images holds intrinsic fluxes and less noise`() throws {
        let context = RecordingContext()
        let field = try Field(hasPrimaryBeam: true)
        let paths = try field.write(to: context.directory)
        var shifted = field.image
        for y in 0..<Field.side {
            for x in 0..<Field.side { shifted[x, y] = x >= 40 ? field.image[x - 40, y] : .nan }
        }
        shifted.header.set("CRPIX1", 201.0)
        try shifted.write(to: context.directory + "/shifted.fits")
        let result = try context.run(
            CreateMosaicStage.self,
            ["inputs": ["images": [.string(paths.image), .string(context.directory + "/shifted.fits")]]])
        let mosaic = try FITSImage(path: try #require(result.outputs["mosaic_path"]?.text))
        #expect(mosaic.width >= Field.side && mosaic.isPrimaryBeamCorrected)
        let photometry = try ForcedPhotometry(mosaic)
        for source in field.catalogue {
            let measured = try #require(photometry.measure(ra: source.ra, dec: source.dec))
            #expect(abs(measured.flux - source.flux) < 6 * Field.rms + 0.02 * source.flux, "\(source.name)")
        }
        let noise = try FITSImage(path: try #require(result.outputs["mosaic_noise_path"]?.text))
        let (x, y) = try ImageCoordinates(noise.header).pixel(ra: 150.15, dec: 30)
        #expect(abs(Double(noise[Int(x), Int(y)]) / (Field.rms / 2.0.squareRoot()) - 1) < 0.2)
        let refusal = #expect(throws: Refusal.self) {
            try context.run(CreateMosaicStage.self, ["inputs": ["images": []]])
        }
        #expect(refusal?.why == "inputs.images is not a list of paths")
    }

    @Test func `Products are linked by date and kind, and again without harm`() throws {
        let context = RecordingContext()
        let paths = try Field().write(to: context.directory)
        let params: JSONValue = [
            "outputs": ["image_path": .string(paths.image), "detected_sources": "/no/such.csv"],
            "config": ["directory": .string(context.directory + "/tree"), "date": "2025-06-15"],
        ]
        for _ in 0..<2 {
            let result = try context.run(OrganizeFilesStage.self, params)
            let link = context.directory + "/tree/2025-06-15/images/\(context.taskID)-image.fits"
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == paths.image)
            #expect(result.warnings == ["/no/such.csv is not there"])
        }
    }

    @Test func `Photometry of a Measurement Set alone says what to do`() {
        let refusal = #expect(throws: Refusal.self) {
            try RecordingContext().run(PhotometryStage.self, ["inputs": ["ms_path": "/a.ms"]])
        }
        #expect(refusal?.remedy == "run imaging on the ms_path first")
    }

    @Test func `Catalogue strips hold what lies near the pointing, and a missing catalogue is refused`() throws {
        let context = RecordingContext()
        let sources = (0..<20).map {
            CatalogueSource(
                name: "s\($0)", ra: 10, dec: Double($0) * 2, flux: 1, frequency: 1.4e9, spectralIndex: -0.7)
        }
        let input = context.directory + "/obs"
        try FileManager.default.createDirectory(atPath: input + "/truth", withIntermediateDirectories: true)
        try CatalogueFile.write(sources, to: input + "/truth/sources.csv")
        let result = try context.run(
            CatalogSetupStage.self, ["inputs": ["input_path": .string(input)], "config": ["declination": 20]])
        #expect(result.outputs["catalog_setup_status"] == "ready")
        let strip = try CatalogueFile.read(try #require(result.outputs["catalogue_path"]?.text)).sources
        #expect(strip.map(\.dec) == [14, 16, 18, 20, 22, 24, 26])
        let missing = #expect(throws: Refusal.self) {
            try context.run(
                CatalogSetupStage.self,
                [
                    "inputs": ["input_path": .string(input)],
                    "config": ["declination": 20, "catalogue": "/no/such.csv"],
                ])
        }
        #expect(missing?.description.contains("/no/such.csv") == true)
        let nowhere = #expect(throws: Refusal.self) {
            try context.run(CatalogSetupStage.self, ["inputs": ["input_path": "/no/such/observation"]])
        }
        #expect(nowhere?.why == "there is no such file or directory")
    }
}

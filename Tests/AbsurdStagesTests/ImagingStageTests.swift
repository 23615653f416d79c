import Absurd
import AbsurdPipeline
import AbsurdRadio
import Foundation
import Testing

@testable import AbsurdStages

/// The imaging stage with the real WSClean on the tiny simulated observation, whose sky is known.
@Suite struct ImagingStageTests {
    private func convert(_ context: RecordingContext) throws -> (set: String, truth: String) {
        let observation = context.directory + "/obs"
        _ = try Simulation(SimulationOptions(size: .tiny, seed: 3, hasGains: false)).write(to: observation, threads: 2)
        let converted = try context.run(ConvertStage.self, ["inputs": ["input_path": .string(observation)]])
        return (try #require(converted.outputs["ms_path"]?.text), observation + "/truth/sources.csv")
    }

    @Test func `A simulated sky comes back: calibrator in its place with its flux, products with their provenance`()
        throws
    {
        let context = RecordingContext()
        let (set, truth) = try convert(context)
        let result = try context.run(
            ImagingStage.self,
            [
                "inputs": ["ms_path": .string(set)],
                "config": [
                    "cell": 6, "imsize": 800, "niter": 2000, "channels_out": 2, "auto_threshold": 1,
                    "primary_beam_limit": 0.8,
                ],
            ])
        let path = try #require(result.outputs["image_path"]?.text)
        let image = try FITSImage(path: path)
        let calibrator = try #require(try CatalogueFile.read(truth).sources.first { $0.name == "3C286" })
        let measured = try #require(
            try ForcedPhotometry(image).measure(ra: calibrator.ra, dec: calibrator.dec))
        let gain = image.primaryBeamGain(ra: calibrator.ra, dec: calibrator.dec)
        #expect(gain > 0.9 && gain < 1)
        let expected = calibrator.flux(at: try #require(image.frequency)) * gain
        #expect(abs(measured.flux / expected - 1) < 0.05)
        let brightest = try #require(try SourceFinder().find(in: image).sources.first)
        let separation = separationDegrees(
            ra1: brightest.ra, dec1: brightest.dec, ra2: calibrator.ra, dec2: calibrator.dec)
        #expect(separation * 3600 < (image.beam?.minor ?? 0) * 180 / .pi * 3600 / 4)

        #expect(image.header.history.contains { $0.hasPrefix("Absurd task \(context.taskID) attempt 1") })
        #expect(image.header.text("PBCOR") == "NONE" && image.header.text("BUNIT") == "Jy/beam")
        let products = try #require(result.outputs["image_paths"]?.members)
        #expect(Set(products.keys) == ["image", "primary_beam_corrected", "residual", "model", "psf"])
        for product in products.values { #expect(try FITSImage(path: product.text!).width == 800) }
        let corrected = try FITSImage(path: try #require(products["primary_beam_corrected"]?.text))
        #expect(corrected.isPrimaryBeamCorrected && corrected.pixels.contains(where: \.isNaN))
        _ = try RGBPicture(readingPNG: try #require(result.outputs["preview_path"]?.text))

        let progress = context.progressed.filter { !$0.1.contains("reading") }.map(\.0)
        #expect(progress.contains { $0 > 0.3 && $0 < 0.95 })
        let left = try FileManager.default.contentsOfDirectory(atPath: context.directory)
        #expect(!left.contains { $0.hasPrefix("absurd-") }, "\(left)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: context.directory + "/scratch").isEmpty)
    }

    @Test func `What can't be imaged is refused or fails with WSClean's own reason`() throws {
        let context = RecordingContext()
        let missing = #expect(throws: Refusal.self) {
            try context.run(ImagingStage.self, ["inputs": ["ms_path": "/no/such.ms"]])
        }
        #expect(missing?.description.contains("/no/such.ms") == true)
        let (set, _) = try convert(context)
        let column = #expect(throws: Refusal.self) {
            try context.run(
                ImagingStage.self,
                ["inputs": ["ms_path": .string(set)], "config": ["data_column": "CORRECTED_DATA"]])
        }
        #expect(column?.why == "it has no CORRECTED_DATA")
        let empty = #expect(throws: Refusal.self) {
            try context.run(
                ImagingStage.self,
                ["inputs": ["ms_path": .string(set)], "config": ["uv_min": 900_000, "imsize": 64, "cell": 20]])
        }
        #expect(empty?.why.hasPrefix("every pixel is NaN") == true)
        let failure = #expect(throws: WSCleanFailure.self) {
            try context.run(
                ImagingStage.self,
                [
                    "inputs": ["ms_path": .string(set)],
                    "config": [
                        "imsize": 64, "cell": 20, "wsclean_options": ["pol": "V"],
                    ],
                ])
        }
        #expect(failure?.description.hasPrefix("wsclean ended with ") == true, "\(failure?.description ?? "")")
    }
}

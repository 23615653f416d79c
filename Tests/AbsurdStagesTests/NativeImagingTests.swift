import Absurd
import AbsurdPipeline
import AbsurdRadio
import Foundation
import Testing

@testable import AbsurdStages

/// The native backend beside WSClean on a tiny observation of perfect antennas.
@Suite struct NativeImagingTests {
    private let conversion = ConvertStageTests(context: RecordingContext())

    private func measurementSet() throws -> String {
        let options = SimulationOptions(size: .tiny, hasGains: false)
        return try #require(try conversion.convert(try conversion.simulate(options)).outputs["ms_path"]?.text)
    }

    private func image(_ ms: String, _ config: [String: JSONValue]) throws -> (FITSImage, StageResult, RecordingContext)
    {
        let context = RecordingContext()
        let common: [String: JSONValue] = ["imsize": 256, "cell": 20, "quality_tier": "development"]
        let result = try context.run(
            ImagingStage.self,
            ["inputs": ["ms_path": .string(ms)], "config": .object(common.merging(config) { _, given in given })])
        return (try FITSImage(path: try #require(result.outputs["image_path"]?.text)), result, context)
    }

    @Test(arguments: ["natural", "briggs"])
    func `The dirty image is WSClean's to a millionth of the peak`(weighting: String) throws {
        let ms = try measurementSet()
        let common: [String: JSONValue] = ["niter": 0, "weighting": .string(weighting)]
        let (ours, _, _) = try image(ms, common.merging(["backend": "native"]) { $1 })
        let exact: JSONValue = ["no-small-inversion": true, "wgridder-accuracy": 1e-6]
        let (theirs, _, _) = try image(
            ms, common.merging(["backend": "wsclean", "gridder": "wgridder", "wsclean_options": exact]) { $1 })
        let peak = theirs.pixels.map(abs).max()!
        let squares = zip(ours.pixels, theirs.pixels).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let rms = (squares / Double(ours.pixels.count)).squareRoot()
        #expect(rms < 1e-6 * Double(peak), "rms \(rms / Double(peak)) of the peak")
        for key in ["CRPIX1", "CRPIX2", "CDELT1", "CDELT2", "CRVAL3", "CDELT3"] {
            let (a, b) = (try #require(ours.header.double(key)), try #require(theirs.header.double(key)))
            #expect(abs(a - b) < 1e-9 * abs(b), "\(key) \(a) \(b)")
        }
        // WSClean writes its centre in FK5's axes, which stand 0.02 arcsec from ICRS.
        for key in ["CRVAL1", "CRVAL2"] {
            let turn = ours.header.double(key)! - theirs.header.double(key)!
            #expect(abs(turn.remainder(dividingBy: 360)) < 1e-5, "\(key) differs by \(turn)")
        }
    }

    @Test func `A cleaned image comes with residual, model, PSF, beam and provenance`() throws {
        let (image, result, context) = try image(try measurementSet(), ["backend": "native"])
        for kind in ["residual", "model", "psf"] {
            let path = try #require(result.outputs["image_paths"]?.members?[kind]?.text)
            #expect(try FITSImage(path: path).width == 256)
        }
        #expect(image.beam != nil)
        #expect(image.header.history.contains { $0.hasPrefix("Absurd w-gridder") })
        let fractions = context.progressed.map(\.0)
        #expect(fractions == fractions.sorted() && fractions.last! > 0.9)
        // The calibrator, 3C286, has 14.9 Jy.
        #expect((10...16).contains(image.pixels.max()!))
    }

    @Test func `Options of WSClean and too little memory are refused with a reason`() throws {
        let ms = try measurementSet()
        let options = #expect(throws: Refusal.self) {
            try image(ms, ["backend": "native", "wsclean_options": ["multiscale": true]])
        }
        #expect(options?.description.contains("native") == true)
        let memory = #expect(throws: Refusal.self) {
            try image(ms, ["backend": "native", "memory_gb": 0.1, "imsize": 4096])
        }
        #expect(memory?.description.contains("MiB") == true)
    }
}

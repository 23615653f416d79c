import Absurd
import AbsurdPipeline
import Foundation
import Testing

@testable import AbsurdStages

@Suite struct WSCleanTests {
    private var command: WSCleanCommand {
        WSCleanCommand(
            measurementSet: "/data/a.ms", prefix: "/work/absurd", temporaryDirectory: "/scratch/reordered",
            imageSide: 1200, cellArcseconds: 8, iterations: 50000, dataColumn: "CORRECTED_DATA", threads: 2,
            memoryGigabytes: 6.44)
    }

    @Test func `The command line of the installed version is exactly this`() {
        #expect(
            command.arguments(for: WSCleanVersion(3, 1)).joined(separator: " ") == """
                wsclean -reorder -field all -no-update-model-required -j 2 -abs-mem 6.44 -temp-dir /scratch/reordered \
                -name /work/absurd -size 1200 1200 -scale 8.0asec -data-column CORRECTED_DATA -pol I \
                -weight briggs 0.0 -use-wgridder -niter 50000 -gain 0.1 -mgain 0.8 -auto-mask 3.0 \
                -auto-threshold 0.5 -no-dirty /data/a.ms
                """)
    }

    @Test func `Later versions name the gridder in another way`() {
        let words = command.arguments(for: WSCleanVersion(3, 4))
        #expect(words.contains("-gridder") && !words.contains("-use-wgridder"))
    }

    @Test func `A dirty image asks for its PSF, natural weights have no robustness, options come last`() {
        var dirty = command
        dirty.iterations = 0
        dirty.weighting = "natural"
        dirty.gridder = .wstacking
        dirty.uvMin = 50
        dirty.uvMax = 2000
        dirty.extraWords = ["-pol", "V"]
        #expect(
            dirty.arguments(for: WSCleanVersion(3, 1)).joined(separator: " ") == """
                wsclean -reorder -field all -no-update-model-required -j 2 -abs-mem 6.44 -temp-dir /scratch/reordered \
                -name /work/absurd -size 1200 1200 -scale 8.0asec -data-column CORRECTED_DATA -weight natural \
                -minuv-l 50.0 -maxuv-l 2000.0 -niter 0 -make-psf -pol V /data/a.ms
                """)
        #expect(dirty.product("dirty") == "/work/absurd-dirty.fits")
    }

    @Test func `Several channels are cleaned together and their sum is the product`() {
        var wide = command
        wide.channels = 4
        let words = wide.arguments(for: WSCleanVersion(3, 1)).joined(separator: " ")
        #expect(words.hasSuffix("-no-dirty -channels-out 4 -join-channels -fit-spectral-pol 2 /data/a.ms"))
        #expect(wide.product("image") == "/work/absurd-MFS-image.fits")
    }

    @Test func `Options pass when they are known and in range, and are refused by name otherwise`() throws {
        let words = try WSCleanOption.arguments(
            ["multiscale": true, "-nmiter": 5, "local-rms": false, "pol": "V", "threshold": 0.01], task: "imaging")
        #expect(words == ["-nmiter", "5", "-multiscale", "-pol", "V", "-threshold", "0.01"])
        for (bad, text) in [
            (["apply-primary-beam": true], "apply-primary-beam is not allowed"), (["nmiter": 0], "nmiter is not"),
            (["pol": "I -name /etc/x"], "pol is not one of"), (["multiscale": 1], "multiscale is not true or false"),
        ] as [(JSONValue, String)] {
            let refusal = #expect(throws: Refusal.self) { try WSCleanOption.arguments(bad, task: "imaging") }
            #expect(refusal?.why.contains(text) == true)
        }
    }

    @Test func `Versions are read and compared`() {
        #expect(WSCleanVersion(line: "WSClean version 3.1.0 (2022-04-01)") == WSCleanVersion(3, 1, 0))
        #expect(WSCleanVersion(line: "This software package is released under the GPL version 3.") == nil)
        #expect(WSCleanVersion(3, 1, 9) < WSCleanVersion(3, 2))
    }

    @Test func `Progress rises with the cleaning and the reason of a failure is kept`() {
        var output = WSCleanOutput(autoThreshold: 0.5)
        var seen: [Double] = []
        for line in [
            "Reordering: 0%....100%", " == Constructing PSF ==", " == Constructing image ==", " == Deconvolving (1) ==",
            "Estimated standard deviation of background noise: 10 mJy", "Initial peak: 5 Jy at 512,512",
            "Performed 16 iterations in total, 16 in this major iteration with sub-minor optimization.",
            "Stopped on peak 50 mJy, because the minor-loop threshold was reached.", " == Deconvolving (2) ==",
            "Stopped on peak 5 mJy, because the threshold was reached.", "Rendering sources to restored image",
        ] {
            if output.take(line) { seen.append(output.fraction) }
        }
        #expect(seen == seen.sorted() && seen.last == 0.95)
        #expect(output.majorIterations == 2 && output.iterations == 16 && output.isThresholdReached)
        #expect(seen.contains { abs($0 - (0.28 + 0.64 * 2 / 3)) < 1e-9 }, "a hundredth of the peak, of a thousandth")
        _ = output.take("+ >>> Table /nonexist.ms does not exist")
        _ = output.take("+ + + + +")
        #expect(output.lastError == "Table /nonexist.ms does not exist")
    }

    private func plan(_ config: JSONValue, baseline: Double = 10000) throws -> ImagingPlan {
        let parameters = try StageParameters(
            ["inputs": ["ms_path": "/a"], "config": config], schema: ImagingDeclaration.declaration.schema,
            task: "imaging")
        return try ImagingPlan(longestBaseline: baseline, parameters: parameters, task: "imaging")
    }

    @Test func `Tiers set cells, sides and iterations`() throws {
        let exact = try plan(["quality_tier": "high_precision"])
        #expect(exact.cellArcseconds == 2.06 && exact.side == ImagingPlan.fastLength(6117))
        let standard = try plan([:])
        #expect(standard.cellArcseconds == 6.15 && standard.side == ImagingPlan.fastLength(2049))
        #expect(try plan([:], baseline: 13500).cellArcseconds == 6.11, "four times finest at most")
        #expect(try plan(["imsize_max": 8000]).cellArcseconds == 2.06)
        #expect(try plan(["imsize": 512]).cellArcseconds == 8.25)
        let quick = try plan(["quality_tier": "development", "niter": 5000])
        #expect(quick.cellArcseconds == 8.25 && quick.iterations == 300 && quick.channels == 1)
        #expect(try plan(["imsize": 1001, "cell": 5]).side == 1002)
        #expect(try plan(["quality_tier": "high_precision"]).iterations >= 2000)
        #expect(throws: Refusal.self) { try plan(["quality_tier": "high_precision", "niter": 100]) }
        #expect(throws: Refusal.self) { try plan(["cell": 0.1]) }
        #expect(throws: Refusal.self) { try plan(["robust": 3]) }
    }

    @Test func `Fast lengths have small prime factors`() {
        #expect([64, 65, 1021, 4561].map(ImagingPlan.fastLength) == [64, 70, 1024, 4608])
    }
}

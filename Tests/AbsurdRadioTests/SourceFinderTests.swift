import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

@Suite struct SourceFinderTests {
    /// The found source nearest to a true one, with its distance in arcseconds.
    private func nearest(_ source: SyntheticSky.Source, _ found: [DetectedSource]) -> (DetectedSource, Double)? {
        found.map { ($0, 3600 * separationDegrees(ra1: source.ra, dec1: source.dec, ra2: $0.ra, dec2: $0.dec)) }
            .min { $0.1 < $1.1 }
    }

    @Test func everySourceAboveTenSigmaIsFoundWithinItsErrors() throws {
        let rms = 1e-3
        let truth = SyntheticSky.field(count: 64, faintest: 10 * rms, brightest: 3)
        let findings = try SourceFinder().find(in: SyntheticSky.image(sources: truth, rms: rms))
        #expect(abs(findings.rms / rms - 1) < 0.1)
        var (pulls, fluxPulls): ([Double], [Double]) = ([], [])
        for source in truth {
            let (found, distance) = try #require(nearest(source, findings.sources))
            #expect(distance < 5 * hypot(found.eastErrorArcseconds, found.northErrorArcseconds) + 0.1)
            #expect(abs(found.integrated - source.flux) < 5 * found.integratedError + 0.01 * source.flux)
            #expect(!found.isResolved)
            pulls.append(wrapped(found.ra - source.ra) * cosineOfDegrees(source.dec) * 3600 / found.eastErrorArcseconds)
            fluxPulls.append((found.integrated - source.flux) / found.integratedError)
        }
        let position = try #require(RobustStatistics.rootMeanSquare(pulls.filter { abs($0) < 10 }))
        let flux = try #require(RobustStatistics.medianDeviation(fluxPulls)) * 1.4826
        #expect((0.6...1.6).contains(position), "errors are honest: pull \(position)")
        #expect((0.6...1.6).contains(flux), "errors are honest: pull \(flux)")
    }

    @Test func pureNoiseHasNoSources() throws {
        let findings = try SourceFinder().find(in: SyntheticSky.image(sources: [], rms: 1e-3, seed: 3))
        #expect(findings.sources.count <= 1)
    }

    @Test func anExtendedSourceKeepsItsFluxAndItsAngle() throws {
        let source = SyntheticSky.Source(202.8, 30.52, 0.4, size: (70, 20, 60))
        let findings = try SourceFinder().find(in: SyntheticSky.image(sources: [source], rms: 1e-3))
        let (found, distance) = try #require(nearest(source, findings.sources))
        #expect(distance < 0.5)
        #expect(found.isResolved)
        #expect(abs(found.integrated / 0.4 - 1) < 0.02)
        #expect(found.peak < 0.3)
        let angle = found.shape.positionAngle * 180 / .pi
        #expect(abs(angle - 56) < 8, "position angle \(angle)")
    }

    @Test func twoSourcesThatTouchAreSeparated() throws {
        let pair = [
            SyntheticSky.Source(202.78, 30.5, 0.2),
            SyntheticSky.Source(202.78 + 58 / 3600.0 / cos(30.5 * .pi / 180), 30.5, 0.12),
        ]
        let findings = try SourceFinder().find(in: SyntheticSky.image(sources: pair, rms: 5e-4))
        for source in pair {
            let (found, distance) = try #require(nearest(source, findings.sources))
            #expect(distance < 1.5)
            #expect(abs(found.integrated / source.flux - 1) < 0.04)
        }
    }

    @Test func anImageOfNaNIsRefusedInOneLine() throws {
        var image = try SyntheticSky.image(side: 64, sources: [], rms: 0)
        image.pixels = image.pixels.map { _ in .nan }
        let refusal = #expect(throws: Refusal.self) { try SourceFinder().find(in: image, name: "image x.fits") }
        #expect(refusal?.description.hasPrefix("image x.fits: every pixel is NaN") == true)
    }

    @Test func anImageWithoutABeamIsRefused() throws {
        var image = try SyntheticSky.image(side: 64, sources: [], rms: 1e-3)
        image.header = FITSHeader(cards: image.header.cards.filter { !$0.hasPrefix("BM") })
        let refusal = #expect(throws: Refusal.self) { try SourceFinder().find(in: image) }
        #expect(refusal?.why.contains("no beam") == true)
    }

    @Test func blankCornersDoNotDisturbTheRest() throws {
        let source = SyntheticSky.Source(202.78, 30.5, 0.05)
        var image = try SyntheticSky.image(sources: [source], rms: 1e-3)
        for y in 0..<100 { for x in 0..<100 { image[x, y] = .nan } }
        let findings = try SourceFinder().find(in: image)
        let (found, distance) = try #require(nearest(source, findings.sources))
        #expect(distance < 3 && abs(found.integrated / 0.05 - 1) < 0.15)
        #expect(findings.sources.count < 4)
    }
}

@Suite struct ForcedPhotometryTests {
    @Test func forcedFluxesAreUnbiasedAndTheNoiseIsTheAnnulus() throws {
        let rms = 1e-3
        let truth = SyntheticSky.field(count: 49, faintest: 1 * rms, brightest: 0.5)
        let photometry = try ForcedPhotometry(SyntheticSky.image(sources: truth, rms: rms, seed: 5))
        var pulls: [Double] = []
        for source in truth {
            let measured = try #require(photometry.measure(ra: source.ra, dec: source.dec))
            #expect((0.5...1.6).contains(measured.rms / rms))
            pulls.append((measured.flux - source.flux) / measured.fluxError)
        }
        let mean = pulls.reduce(0, +) / Double(pulls.count)
        #expect(abs(mean) < 0.6, "mean pull \(mean)")
        #expect(try #require(RobustStatistics.rootMeanSquare(pulls)) < 1.5)
    }

    @Test func aPositionOutsideTheImageHasNoFlux() throws {
        let photometry = try ForcedPhotometry(SyntheticSky.image(side: 64, sources: [], rms: 1e-3))
        #expect(photometry.measure(ra: 10, dec: 30) == nil)
        #expect(photometry.measure(ra: 202.78, dec: 35) == nil)
    }
}

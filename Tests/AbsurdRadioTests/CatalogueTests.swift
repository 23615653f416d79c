import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

@Suite struct CatalogueTests {
    @Test func columnsAreFoundByNameWhateverTheirOrder() throws {
        let text = """
            # a comment
            flux_mJy,dec_deg,extra,ra_deg,name
            120,30.25,x,-1.5,"3C, one"
            bad,30.25,x,10,two
            5,-91,x,10,three
            """
        let read = try CatalogueFile.parse(text, path: "a.csv", frequency: 1.4e9)
        #expect(read.skippedLines == 2)
        let source = try #require(read.sources.first)
        #expect(source.name == "3C, one" && source.ra == 358.5 && source.dec == 30.25)
        #expect(abs(source.flux - 0.12) < 1e-15 && source.frequency == 1.4e9)
    }

    @Test func aCatalogueIsReadBackDigitByDigit() throws {
        let directory = TemporaryDirectory()
        let sources = (0..<50).map {
            CatalogueSource(
                name: "s\($0)", ra: Double($0) * 7.1234567890123, dec: Double($0) - 25.3, flux: 0.1 / Double($0 + 1),
                frequency: 1.4e9, spectralIndex: -0.7)
        }
        try CatalogueFile.write(sources, to: (directory.path + "/" + "c.csv"))
        #expect(try CatalogueFile.read((directory.path + "/" + "c.csv")).sources == sources)
    }

    @Test(arguments: ["", "ra,flux_jy\n1,2\n"]) func aFileThatIsNoCatalogueIsRefused(text: String) throws {
        let refusal = #expect(throws: Refusal.self) {
            try CatalogueFile.parse(text, path: "bad.csv", frequency: 1.4e9)
        }
        #expect(refusal?.description.contains("bad.csv") == true)
    }

    @Test func aConeFindsWhatASearchOfAllSourcesFinds() {
        var random = SyntheticSky.Random(state: 99)
        let sources = (0..<4000).map { index in
            CatalogueSource(
                name: "\(index)", ra: random.uniform() * 360, dec: asin(2 * random.uniform() - 1) * 180 / .pi, flux: 1,
                frequency: 1.4e9, spectralIndex: 0)
        }
        let zones = SkyZones(sources, zoneHeight: 0.5)
        for (ra, dec, radius) in [
            (0.0, 0.0, 5.0), (359.9, 40, 3), (0.1, -60, 10), (123, 89.5, 4), (10, -90, 7), (77, 33, 0.1),
        ] {
            let found = Set(zones.cone(ra: ra, dec: dec, radius: radius).map { zones.sources[$0.index].name })
            let expected = Set(
                sources.filter { separationDegrees(ra1: ra, dec1: dec, ra2: $0.ra, dec2: $0.dec) <= radius }
                    .map(\.name))
            #expect(found == expected)
        }
        #expect(SkyZones([]).cone(ra: 0, dec: 0, radius: 180).isEmpty)
    }

    @Test func matchesCarryOffsetsScaleAndSpectralIndex() throws {
        let entries = (0..<20).map {
            CatalogueSource(
                name: "c\($0)", ra: 150 + Double($0) * 0.1, dec: 40, flux: 1, frequency: 1.4e9, spectralIndex: -0.8)
        }
        let cosine = cos(40 * Double.pi / 180)
        var sources = entries.map {
            MatchableSource(
                ra: $0.ra + 2 / 3600 / cosine, dec: $0.dec - 1 / 3600.0, flux: 1.1 * pow(3 / 1.4, -0.8),
                frequency: 3e9)
        }
        sources.append(MatchableSource(ra: 150 + 6 / 3600 / cosine, dec: 40, flux: 1, frequency: 3e9))
        sources.append(MatchableSource(ra: 170, dec: 40, flux: 1, frequency: 3e9))
        let result = Crossmatch.nearest(sources, in: SkyZones(entries), radiusArcseconds: 10)
        #expect(result.matches.count == 20)
        #expect(result.contested == [20])
        #expect(abs(try #require(result.medianEastArcseconds) - 2) < 1e-4)
        #expect(abs(try #require(result.medianNorthArcseconds) + 1) < 1e-6)
        #expect(abs(try #require(result.fluxScale) - 1.1) < 1e-12)
        let index = try #require(result.matches[0].spectralIndex)
        #expect(abs(index - (-0.8 + log(1.1) / log(3 / 1.4))) < 1e-12)
    }

    @Test func duplicatesAreGroupedAroundTheBrightest() {
        let sources = [
            MatchableSource(ra: 10, dec: 0, flux: 1, frequency: 1),
            MatchableSource(ra: 10.0004, dec: 0, flux: 3, frequency: 1),
            MatchableSource(ra: 11, dec: 0, flux: 1, frequency: 1),
        ]
        #expect(Crossmatch.duplicates(sources, radiusArcseconds: 2) == [[1, 0]])
    }
}

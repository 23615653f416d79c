import Foundation
import Testing

@testable import AbsurdRadio

/// A field of point sources on pixels, seen by a small array without gains or noise.
private struct GriddedField {
    static let side = 256

    var observation = SyntheticObservation(antennaCount: 9, timeCount: 2, windowCount: 2, channelCount: 4)
    /// Radians.
    var cell: Double
    /// (x, y, Jy)
    var sources: [(Int, Int, Double)]

    init(_ sources: [(Int, Int, Double)], cellArcseconds: Double) {
        self.sources = sources
        let cell = cellArcseconds / 3600 * .pi / 180
        self.cell = cell
        let (ra, dec) = observation.centre
        observation.sources = sources.map { x, y, flux in
            let (l, m) = (Double(Self.side / 2 - x) * cell, Double(y - Self.side / 2) * cell)
            let n = (1 - l * l - m * m).squareRoot()
            return CatalogueSource(
                name: "\(x),\(y)", ra: (ra + atan2(l, n * cos(dec) - m * sin(dec))) * 180 / .pi,
                dec: asin(m * cos(dec) + n * sin(dec)) * 180 / .pi, flux: flux, frequency: 1.4e9, spectralIndex: 0)
        }
    }

    /// What the array sees of a source: the observation dims it by a beam.
    func dimmed(_ source: (Int, Int, Double)) -> Double {
        let (l, m) = (Double(Self.side / 2 - source.0) * cell, Double(source.1 - Self.side / 2) * cell)
        let angle = asin((l * l + m * m).squareRoot())
        return source.2 * exp(-angle * angle * 1000)
    }

    /// - Parameter depth: w is this many times what it was, so that it matters in so small a field.
    func load(depth: Double = 1) throws -> ImagingVisibilities {
        let directory = TemporaryDirectory()
        let path = directory.file("field.ms")
        try observation.writeMeasurementSet(to: path)
        let set = try MeasurementSet(opening: path, writable: true)
        let rows = observation.rows.count
        for window in 0..<observation.windowCount {
            let values = observation.visibilities(window: window, withGains: false).map { SIMD2($0.0, $0.1) }
            try set.column("DATA").write(values, rows: window * rows..<(window + 1) * rows)
        }
        try set.close()
        let visibilities = try ImagingVisibilities(
            reading: MeasurementSet(opening: path), dataColumn: "DATA", threads: 2)
        for row in 0..<visibilities.rowCount { visibilities.uvw.start[3 * row + 2] *= depth }
        return visibilities
    }

    func gridder(
        _ visibilities: ImagingVisibilities, accuracy: Double = 1e-5, threads: Int = 2,
        weighting: WGridder.Weighting = .natural
    ) throws -> WGridder {
        try WGridder(
            visibilities,
            geometry: WGridder.Geometry(side: Self.side, cell: cell, accuracy: accuracy, threads: threads),
            weighting: weighting)
    }
}

@Suite struct WGridderTests {
    private static let sources = [(128, 128, 3.0), (60, 171, 1), (201, 90, 0.7)]
    private let field = GriddedField(sources, cellArcseconds: 25)

    @Test(arguments: [(1e-4, 3e-5), (1e-5, 3e-6), (1e-6, 1e-6)])
    func `The dirty image is the sum over the visibilities in double precision`(accuracy: Double, bound: Double) throws
    {
        let visibilities = try field.load(depth: 50)
        let gridder = try field.gridder(visibilities, accuracy: accuracy)
        let image = try gridder.image()
        let peak = Double(image.map(abs).max()!)
        var squares = 0.0
        let pixels = stride(from: 7, to: image.count, by: 331)
        for pixel in pixels {
            let difference = Double(image[pixel]) - directSum(visibilities, pixel: pixel) / gridder.weightSum
            squares += difference * difference
        }
        let rms = (squares / Double(pixels.underestimatedCount)).squareRoot()
        #expect(rms < bound * peak, "rms \(rms / peak) of the peak")
    }

    /// One pixel by definition.
    private func directSum(_ visibilities: ImagingVisibilities, pixel: Int) -> Double {
        let side = GriddedField.side
        let l = Double(side / 2 - pixel % side) * field.cell
        let m = Double(pixel / side - side / 2) * field.cell
        let n = (1 - l * l - m * m).squareRoot()
        var sum = 0.0
        for row in 0..<visibilities.rowCount {
            let uvw = visibilities.uvw.start + 3 * row
            let path = (uvw[0] * l + uvw[1] * m + uvw[2] * (n - 1)) / 299_792_458
            let window = Int(visibilities.windows.start[row])
            for channel in 0..<visibilities.channelCount {
                let at = row * visibilities.channelCount + channel
                let frequency = visibilities.frequencies.start[window * visibilities.channelCount + channel]
                let phase = -2 * Double.pi * path * frequency
                let value = visibilities.values.start + 2 * at
                let real = Double(value[0]) * cos(phase) - Double(value[1]) * sin(phase)
                sum += Double(visibilities.weights.start[at]) * real
            }
        }
        return sum
    }

    @Test func `Prediction is the adjoint of gridding`() throws {
        let visibilities = try field.load(depth: 50)
        let gridder = try field.gridder(visibilities)
        let image = try gridder.image()
        let data = Array(UnsafeBufferPointer(start: visibilities.values.start, count: visibilities.values.count))
        let model = image.indices.map { Float(($0 &* 2_654_435_761) % 1009) / 1009 - 0.5 }
        try gridder.predict(model, scale: 0, factor: 1)
        let inImage = zip(image, model).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } * gridder.weightSum
        var (inData, size) = (0.0, 0.0)
        for index in data.indices {
            let weight = Double(visibilities.weights.start[index / 2])
            let predicted = Double(visibilities.values.start[index])
            inData += weight * Double(data[index]) * predicted
            size += weight * abs(Double(data[index]) * predicted)
        }
        #expect(abs(inImage - inData) < 1e-6 * size)
    }

    @Test func `The image does not depend on the number of threads`() throws {
        let visibilities = try field.load()
        let alone = try field.gridder(visibilities, threads: 1).image()
        #expect(try field.gridder(visibilities, threads: 3).image() == alone)
    }

    @Test func `A flagged sample, one without weight and an autocorrelation have no part`() throws {
        let visibilities = try field.load()
        let (rows, channels) = (field.observation.rows, visibilities.channelCount)
        let autos = (0..<rows.count).filter { rows.antenna1[$0] == rows.antenna2[$0] }.count
        #expect(visibilities.goodCount == (rows.count - autos) * channels * field.observation.windowCount)
        var (values, weights) = ([Float](repeating: 9, count: 8), [Float](repeating: 9, count: 4))
        radioStokes(
            data: [1, 2, 9, 9, 3, 4, 1, 1, 9, 9, 1, 1, 1, 1, 9, 9, .nan, 1, 2, 2, 9, 9, 4, 0],
            flags: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            weights: [2, 1, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1], values: &values, out: &weights)
        #expect(values == [2, 3, 0, 0, 0, 0, 0, 0])
        #expect(weights == [2, 0, 0, 0])
    }

    @Test func `CLEAN gives each source its flux and leaves nothing`() throws {
        var field = GriddedField([(128, 128, 3), (100, 149, 1), (157, 108, 0.7)], cellArcseconds: 12)
        (field.observation.antennaCount, field.observation.channelCount) = (20, 8)
        let visibilities = try field.load()
        let gridder = try field.gridder(visibilities, weighting: .briggs(0))
        var settings = CottonSchwab.Settings()
        settings.iterations = 2000
        var told: [Double] = []
        let result = try CottonSchwab(settings).run(gridder) { part, _ in told.append(part) }
        for source in field.sources {
            let flux = Double(result.image[source.1 * GriddedField.side + source.0])
            #expect(abs(flux / field.dimmed(source) - 1) < 0.01, "\(source): \(flux)")
        }
        #expect(result.residual.map(abs).max()! < 0.03)
        #expect(result.beam != nil && result.iterations > 0)
        #expect(told == told.sorted())
    }

    @Test func `A set with nothing to image is refused`() throws {
        let visibilities = try field.load()
        visibilities.weights.clear()
        #expect(throws: (any Error).self) { try field.gridder(visibilities) }
    }
}

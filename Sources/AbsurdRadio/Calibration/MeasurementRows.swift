import Absurd
import CERFA
import Synchronization

/// What a Measurement Set's rows are, column by column, and which of them belong to one spectral window.
struct MeasurementRows: Sendable {
    let antenna1: [Int32]
    let antenna2: [Int32]
    let fields: [Int32]
    let descriptions: [Int32]
    let times: [Double]
    /// Distinct mid-times of the whole set, ascending, MJD s.
    let distinctTimes: [Double]
    let integrationSeconds: Double

    /// - Throws: `Refusal` (bad data) when the set is empty.
    init(_ set: MeasurementSet) throws {
        let all = 0..<set.rowCount
        guard set.rowCount > 0, set.antennas.count > 1 else {
            throw Refusal(
                "Measurement Set \(set.path)", why: "it holds no visibilities", remedy: "convert the observation again",
                exit: .badData)
        }
        antenna1 = try set.column("ANTENNA1").integers(all)
        antenna2 = try set.column("ANTENNA2").integers(all)
        fields = try set.column("FIELD_ID").integers(all)
        descriptions = try set.column("DATA_DESC_ID").integers(all)
        times = try set.column("TIME").doubles(all)
        integrationSeconds = try set.column("INTERVAL").doubles(0..<1)[0]
        let antennas = Int32(set.antennas.count)
        guard antenna1.allSatisfy({ (0..<antennas).contains($0) }), antenna2.allSatisfy({ (0..<antennas).contains($0) })
        else {
            throw Refusal(
                "Measurement Set \(set.path)", why: "rows name antennas that it does not describe",
                remedy: "convert the observation again", exit: .badData)
        }
        var distinct: [Double] = []
        for time in Set(times).sorted() where distinct.last.map({ time - $0 > 1e-3 }) ?? true { distinct.append(time) }
        distinctTimes = distinct
    }

    /// Contiguous ranges of the rows of one data description, none longer than `limit`.
    func runs(ofDescription description: Int, limit: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start: Int?
        for row in descriptions.indices {
            let isOwn = Int(descriptions[row]) == description
            if let first = start, !isOwn || row - first >= limit {
                result.append(first..<row)
                start = nil
            }
            if isOwn && start == nil { start = row }
        }
        if let first = start { result.append(first..<descriptions.count) }
        return result
    }
}

extension MeasurementSet {
    /// Where the antennas stand on average.
    var site: Site {
        let sum = antennas.reduce(SIMD3<Double>.zero) { $0 + $1.position }
        let mean = sum / Double(max(1, antennas.count))
        var (longitude, latitude, height) = (0.0, 0.0, 0.0)
        var xyz = (mean.x, mean.y, mean.z)
        withUnsafeMutablePointer(to: &xyz) { pointer in
            pointer.withMemoryRebound(to: Double.self, capacity: 3) { xyz in
                _ = eraGc2gd(1, xyz, &longitude, &latitude, &height)
            }
        }
        let degree = Double.pi / 180
        return Site(
            latitudeDegrees: latitude / degree, longitudeDegrees: longitude / degree, altitudeMetres: height)
    }

    /// Which correlations are of one receptor with itself, and which receptor (0 or 1) that is.
    static func parallelHands(_ correlations: [Correlation]) -> [Int] {
        correlations.indices.filter { [.xx, .yy, .rr, .ll, .i].contains(correlations[$0]) }
    }

    /// The receptors (0 or 1) of a correlation's two antennas.
    static func receptors(_ correlation: Correlation) -> (Int, Int) {
        switch correlation {
        case .xy, .rl: (0, 1)
        case .yx, .lr: (1, 0)
        case .yy, .ll: (1, 1)
        default: (0, 0)
        }
    }
}

/// The first error of many threads.
final class FirstError: Sendable {
    private let error = Mutex<(any Error)?>(nil)

    func attempt(_ body: () throws -> Void) {
        guard error.withLock({ $0 == nil }) else { return }
        do {
            try body()
        } catch let thrown {
            error.withLock { if $0 == nil { $0 = thrown } }
        }
    }

    func check() throws { if let error = error.withLock({ $0 }) { throw error } }
}

import Absurd
import AbsurdRadio
import Glibc

/// Solutions by the time they are valid for: a directory with one small JSON file a solution.
///
/// An entry is written whole or not at all, and never changed: any number of tasks and nodes may share a directory.
/// It is written before its tables are published, so readers pass over entries whose tables are not there.
struct SolutionRegistry {
    struct Entry {
        var task: String
        /// MJD UTC seconds.
        var start: Double
        var end: Double
        /// Hz.
        var band: ClosedRange<Double>
        /// Kind to path.
        var caltables: [String: String]

        /// Seconds between the middles.
        func distance(to time: Double) -> Double { abs((start + end) / 2 - time) }
    }

    var directory: String

    private static let suffix = ".solution.json"

    /// - Throws: `Refusal` (cannot create).
    func add(_ entry: Entry) throws {
        if mkdir(directory, 0o755) != 0 && errno != EEXIST {
            throw Refusal(
                "registry \(directory)", why: "cannot be made: \(String(cString: strerror(errno)))",
                remedy: "check config.registry", exit: .cannotCreate)
        }
        let value: JSONValue = [
            "task": .string(entry.task), "start_mjd_s": .number(entry.start), "end_mjd_s": .number(entry.end),
            "lowest_hz": .number(entry.band.lowerBound), "highest_hz": .number(entry.band.upperBound),
            "caltables": .object(entry.caltables.mapValues(JSONValue.string)),
        ]
        try TextFile.write(value.jsonText + "\n", to: "\(directory)/\(Int64(entry.start))-\(entry.task)\(Self.suffix)")
    }

    /// The solution nearest in time whose tables are there and cover the band.
    ///
    /// - Parameters:
    ///   - time: middle of the data, MJD UTC seconds.
    ///   - reach: seconds from it within which a solution is valid.
    /// - Throws: `Refusal` (bad data) when there is none.
    func nearest(to time: Double, band: ClosedRange<Double>, reach: Double) throws -> Entry {
        let entries = DirectoryListing.names(in: directory).filter { $0.hasSuffix(Self.suffix) }
            .compactMap { Self.read("\(directory)/\($0)") }
            .filter { $0.band.overlaps(band) }
            .filter { entry in entry.caltables.values.allSatisfy { DirectoryListing.isDirectory($0) } }
        let best = entries.min { ($0.distance(to: time), $0.task) < ($1.distance(to: time), $1.task) }
        guard let best, best.distance(to: time) <= reach else {
            let nearest = best.map { "the nearest is \(Int($0.distance(to: time) / 60)) minutes away" }
            throw Refusal(
                "registry \(directory)",
                why: "it has no valid solution for these data: \(nearest ?? "it has none at all")",
                remedy: "run calibration-solve with config.registry, or pass caltables", exit: .badData)
        }
        return best
    }

    /// nil for what is not an entry: a file of another program, or cut off by a full disk.
    private static func read(_ path: String) -> Entry? {
        guard let bytes = try? TextFile.bytes(path, what: "registry entry"),
            let value = try? JSONValue(parsing: bytes), let task = value["task"]?.text,
            let start = value["start_mjd_s"]?.double, let end = value["end_mjd_s"]?.double,
            let low = value["lowest_hz"]?.double, let high = value["highest_hz"]?.double, low <= high,
            let tables = value["caltables"]?.members, !tables.isEmpty
        else { return nil }
        let paths = tables.compactMapValues(\.text)
        guard paths.count == tables.count else { return nil }
        return Entry(task: task, start: start, end: end, band: low...high, caltables: paths)
    }
}

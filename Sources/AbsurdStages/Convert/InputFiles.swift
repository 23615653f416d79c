import Absurd
import AbsurdRadio
import Glibc

/// Finds the files that a conversion is asked for.
struct InputFiles {
    var groups: [ObservationGroup]
    /// A line for each file that was found and cannot be used.
    var unreadable: [String] = []

    private static let endings = [".hdf5", ".uvh5", ".h5"]

    /// - Parameters:
    ///   - path: a directory, or one file, which then is the whole observation.
    ///   - start: modified Julian dates in seconds; nil for no limit.
    /// - Throws: `Refusal` (bad data) that says what was looked for and where.
    init(path: String, start: Double?, end: Double?, tolerance: Double) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw Refusal(
                "input_path \(path)", why: String(cString: strerror(errno)),
                remedy: "pass a directory of UVH5 files or one file", exit: .badData)
        }
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        let paths = isDirectory ? try Self.list(path) : [path]
        var candidates: [SubbandCandidate] = []
        for path in paths {
            do {
                candidates.append(try Self.candidate(path))
            } catch let refusal as Refusal {
                unreadable.append(refusal.description)
            }
        }
        let all = ObservationGroup.groups(of: candidates, tolerance: tolerance)
        groups = isDirectory ? ObservationGroup.groups(all, from: start, to: end) : all
        guard groups.isEmpty else { return }
        var why = "it holds no \(Self.endings.joined(separator: ", ")) file"
        if !all.isEmpty {
            let first = CivilTime.text(modifiedJulianSeconds: all[0].time)
            let last = CivilTime.text(modifiedJulianSeconds: all[all.count - 1].time)
            why = "no observation begins in the time asked for; those there begin from \(first) to \(last)"
        } else if let reason = unreadable.first {
            why = "no file can be used (\(reason))"
        }
        throw Refusal("input_path \(path)", why: why, remedy: "check the path and the times", exit: .badData)
    }

    private static func list(_ path: String) throws -> [String] {
        guard let directory = opendir(path) else {
            throw Refusal(
                "input_path \(path)", why: String(cString: strerror(errno)), remedy: "make it readable",
                exit: .badData)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if endings.contains(where: name.hasSuffix), !name.hasPrefix(".") { names.append("\(path)/\(name)") }
        }
        return names.sorted()
    }

    /// By its name where that tells the time; else its header is read.
    private static func candidate(_ path: String) throws -> SubbandCandidate {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        if let name = SubbandName(fileName: file) {
            return SubbandCandidate(path: path, time: name.time, index: name.index, stamp: name.stamp)
        }
        let metadata = try UVH5Reader(path: path).metadata
        let time = (metadata.timesJD.min()! - 2_400_000.5) * 86_400
        let stem = endings.first(where: file.hasSuffix).map { String(file.dropLast($0.count)) } ?? file
        return SubbandCandidate(path: path, time: time, index: nil, stamp: stem)
    }

    static func bytes(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

import Absurd

/// A version of WSClean: its options differ.
struct WSCleanVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    var major: Int
    var minor: Int
    var patch: Int

    var description: String { "\(major).\(minor).\(patch)" }

    static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    init(_ major: Int, _ minor: Int, _ patch: Int = 0) { (self.major, self.minor, self.patch) = (major, minor, patch) }

    /// From a line such as `WSClean version 3.1.0 (2022-04-01)`.
    init?(line: String) {
        guard let range = line.range(of: "WSClean version ") else { return nil }
        let numbers = line[range.upperBound...].prefix { $0.isNumber || $0 == "." }.split(separator: ".").map {
            Int($0)
        }
        guard numbers.count >= 2, let major = numbers[0], let minor = numbers[1] else { return nil }
        self.init(major, minor, numbers.count > 2 ? numbers[2] ?? 0 : 0)
    }

    /// Asks the installed program.
    /// - Throws: `Refusal` when there is none, or it does not say its version.
    static func installed(program: String) throws -> WSCleanVersion {
        var version: WSCleanVersion?
        var child = ChildProcess([program, "-version"])
        child.timeoutSeconds = 60
        _ = try child.run { line in version = version ?? WSCleanVersion(line: line) }
        guard let version else {
            throw Refusal(
                "program \(program)", why: "does not tell its version", remedy: "install wsclean 3.0 or later",
                exit: .configuration)
        }
        return version
    }
}

import Absurd
import Glibc

/// The server's programs of one major version.
struct PostgresInstallation: Hashable {
    var directory: String
    var majorVersion: Int

    func program(_ name: String) -> String { directory + "/" + name }

    /// Looks at `ABSURD_PG_BIN` alone when it is set, else in Debian's place and along `PATH`, newest version first.
    static func find(environment: [String: String], debianRoot: String = "/usr/lib/postgresql")
        throws(Refusal) -> [PostgresInstallation]
    {
        if let named = environment["ABSURD_PG_BIN"] {
            guard let found = PostgresInstallation(at: named) else {
                throw Refusal(
                    "ABSURD_PG_BIN=\(named)", why: "no initdb and postgres that run are there",
                    remedy: "point it at PostgreSQL's bin directory or unset it", exit: .configuration)
            }
            return [found]
        }
        var candidates = directoryEntries(debianRoot).map { "\(debianRoot)/\($0)/bin" }
        candidates += (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let found = candidates.compactMap { PostgresInstallation(at: $0) }
        guard !found.isEmpty else {
            throw Refusal(
                "PostgreSQL", why: "no server programs in \(debianRoot)/*/bin or PATH",
                remedy: "run `apt-get install postgresql`, or set ABSURD_PG_BIN to its bin directory",
                exit: .unavailable)
        }
        return found.sorted { $0.majorVersion > $1.majorVersion }
    }

    private init?(at directory: String) {
        guard access(directory + "/postgres", X_OK) == 0, access(directory + "/initdb", X_OK) == 0 else { return nil }
        guard
            let output = try? ChildProgram(directory + "/postgres", ["--version"]).output(),
            let version = output.text.split(separator: " ").first(where: { $0.first?.isNumber == true }),
            let major = Int(version.prefix { $0.isNumber })
        else { return nil }
        self.directory = directory
        majorVersion = major
    }
}

/// Names in a directory, sorted; none when it cannot be read.
func directoryEntries(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

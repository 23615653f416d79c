import Absurd
import AbsurdClient
import Glibc

/// Where things lie when nobody says otherwise.
enum Paths {
    static let environment = ConnectionSettings.processEnvironment

    /// `--state-dir`, else ABSURD_STATE_DIR, else /var/lib/absurd for root and the XDG directory for others. Absolute.
    static func stateDirectory(_ given: String?) -> String {
        // An empty one is an unset shell variable, and must not become the current directory.
        let path =
            given.flatMap { $0.isEmpty ? nil : $0 }
            ?? environment["ABSURD_STATE_DIR"].flatMap { $0.isEmpty ? nil : $0 }
            ?? (geteuid() == 0
                ? "/var/lib/absurd"
                : environment["XDG_STATE_HOME"].map { $0 + "/absurd" }
                    ?? (environment["HOME"] ?? "/tmp") + "/.local/state/absurd")
        return absolute(path)
    }

    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    /// A program that was installed with this one: beside it, or in ABSURD_LIBEXEC.
    static func sibling(_ name: String) -> String {
        if let directory = environment["ABSURD_LIBEXEC"] { return absolute(directory) + "/" + name }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return name }
        let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let slash = own.lastIndex(of: "/") else { return name }
        return own[..<slash] + "/" + name
    }

    /// Written by `absurd up`, so that other commands on this machine find its database.
    static func databaseFile(_ state: String) -> String { state + "/run/database-url" }

    static func text(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

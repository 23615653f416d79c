import Absurd
import AbsurdRadio
import Glibc

/// A catalogue file and what its name says of it.
struct NamedCatalogue: Sendable, Hashable {
    var name: String
    var path: String

    init(path: String) {
        self.path = path
        let file = path.split(separator: "/").last.map(String.init) ?? path
        name = String(file.prefix { $0 != "." }).lowercased()
    }

    init(name: String, path: String) { (self.name, self.path) = (name, path) }

    /// Hz, for catalogues that don't say: that of the survey.
    var frequency: Double {
        if name.hasPrefix("racs") { return 0.8875e9 }
        if name.hasPrefix("vlass") { return 3.0e9 }
        return 1.4e9
    }

    func read() throws -> (sources: [CatalogueSource], skippedLines: Int) {
        try CatalogueFile.read(path, frequency: frequency)
    }

    /// From a path or a list of paths in a task's options.
    static func list(_ value: JSONValue, task: String) throws -> [NamedCatalogue] {
        let paths = value.text.map { [$0] } ?? value.items?.compactMap(\.text) ?? []
        guard !paths.isEmpty, paths.count == value.items?.count ?? 1 else {
            throw Refusal(
                "task \(task)", why: "config.catalogue is not a path or a list of paths", remedy: "give paths of CSV",
                exit: .badData)
        }
        return paths.map(NamedCatalogue.init(path:))
    }
}

/// Names within a directory, sorted; empty where it can't be read.
enum DirectoryListing {
    static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}

// embed-sql OUTPUT INPUT ...: writes Swift source with each input as a string literal, grouped by its folder. A .sql file
// goes by its name without the ending.
// A literal per file compiles in no time; a literal per byte takes minutes.
import Glibc

func die(_ message: String) -> Never {
    let line = "embed-sql: \(message)\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
    exit(1)
}

func contents(_ path: String) -> String {
    guard let file = fopen(path, "re") else { die("\(path): \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { die("\(path): not UTF-8") }
    return text
}

guard CommandLine.arguments.count >= 2 else { die("usage: embed-sql OUTPUT INPUT ...") }
var folders: [String: String] = ["Schema": "", "Statements": "", "Pages": ""]
for path in CommandLine.arguments.dropFirst(2) {
    let parts = path.split(separator: "/")
    let folder = String(parts[parts.count - 2])
    let file = parts[parts.count - 1]
    let name = file.hasSuffix(".sql") ? file.dropLast(".sql".count) : file
    let text = contents(path)
    guard !text.contains("\"####") else { die("\(path): contains the delimiter of a Swift literal") }
    folders[folder, default: ""] += "        (\n            \"\(name)\",\n####\"\"\"\n\(text)\n\"\"\"####\n        ),\n"
}
var source = "// Written by the plugin EmbedSQL.\nenum EmbeddedSQL {\n"
for (folder, entries) in folders.sorted(by: { $0.key < $1.key }) {
    let content = folder == "Pages" ? "text" : "sql"
    source += "    static let \(folder.lowercased()): [(name: String, \(content): String)] = [\n\(entries)    ]\n"
}
source += "}\n"
let output = CommandLine.arguments[1]
guard let file = fopen(output, "we"), fputs(source, file) >= 0, fclose(file) == 0 else { die("cannot write \(output)") }

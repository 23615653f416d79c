import Foundation

/// Screens as they should be, without what colour adds: the files in Frames. With ABSURD_RECORD_FRAMES=1 a run writes
/// them anew, for the eye to judge in the difference.
enum Frames {
    static func expected(_ name: String, _ actual: String) throws -> String {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Frames/\(name).txt")
        if ProcessInfo.processInfo.environment["ABSURD_RECORD_FRAMES"] == "1" {
            try (actual + "\n").write(to: file, atomically: true, encoding: .utf8)
        }
        return String(try String(contentsOf: file, encoding: .utf8).dropLast())
    }
}

import Glibc
import Logging

/// One line a message on standard error: time, level, message, metadata in order of name.
struct LineLogHandler: LogHandler {
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let own = event.metadata ?? [:]
        let all = metadata.merging(own) { _, new in new }.sorted { $0.key < $1.key }
        let tail = all.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
        Console.say("\(Self.time()) \(event.level.rawValue) \(event.message)\(tail)")
    }

    private static func quoted(_ text: String) -> String {
        text.contains(where: { $0.isWhitespace || $0 == "=" }) ? "\"\(text.replacing("\n", with: " "))\"" : text
    }

    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        var stamp = [CChar](repeating: 0, count: 32)
        strftime(&stamp, stamp.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let seconds = stamp.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        return "\(seconds).\(String(now.tv_nsec / 1_000_000 + 1000).dropFirst())Z"
    }
}

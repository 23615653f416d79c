import Absurd

/// The files of `Pages/`, in the binary, each at its name.
enum Pages {
    static let all = Dictionary(uniqueKeysWithValues: EmbeddedSQL.pages)

    static func answer(_ request: Request) -> Answer? {
        guard request.segments.count == 1, let name = request.segments.first, let text = all[name] else { return nil }
        var answer = Answer.text(text, contentType(of: name))
        let mark = "\"\(mark(text))\""
        answer.headers["etag"] = mark
        answer.headers["cache-control"] = "no-cache"
        if request.headers["if-none-match"] == mark {
            answer.status = 304
            answer.body = .bytes([])
        }
        return answer
    }

    static func contentType(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        case "webmanifest": "application/manifest+json"
        default: "text/plain; charset=utf-8"
        }
    }

    private static func mark(_ text: String) -> String {
        String(text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 36)
    }
}

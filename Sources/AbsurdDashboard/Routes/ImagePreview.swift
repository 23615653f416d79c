import Absurd
import AbsurdStore
import Glibc

/// Pictures that tasks have made. Only a path that a completed task's own result holds is ever opened, only a regular
/// file at the end of it, and only one that begins as a PNG does; nothing that a browser sends becomes part of a path.
enum ImagePreview {
    static func answer(
        _ request: Request, _ path: [String: String], _ service: Service
    ) async throws(Problem) -> Answer {
        let id = try path.task()
        guard let bytes = try await service.json("outputs", [.uuid(id)]), let result = try? JSONValue(parsing: bytes)
        else { throw Problem(404, "task \(id): it has no result") }
        let pictures = pictures(in: result)
        let wanted = request.text("name")
        let found =
            wanted.flatMap { name in pictures.first { $0.key == name || $0.path.hasSuffix("/" + name) } }
            ?? (wanted == nil ? pictures.first { $0.key == "preview_path" } ?? pictures.first : nil)
        guard let found else { throw Problem(404, "task \(id): its result names no such picture") }
        guard let data = read(found.path) else { throw Problem(404, "task \(id): its picture is not there any more") }
        var answer = Answer(contentType: "image/png", body: .bytes(data))
        // A published attempt's file never changes.
        answer.headers["cache-control"] = "private, max-age=3600, immutable"
        return answer
    }

    /// Every absolute path of a PNG in a result, with the key that it stands at.
    static func pictures(in value: JSONValue, key: String = "") -> [(key: String, path: String)] {
        switch value {
        case .string(let text) where text.hasPrefix("/") && text.hasSuffix(".png"): [(key, text)]
        case .array(let items): items.flatMap { pictures(in: $0, key: key) }
        case .object(let members):
            members.sorted { $0.key < $1.key }.flatMap { pictures(in: $0.value, key: $0.key) }
        default: []
        }
    }

    private static func read(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size >= 8,
            facts.st_size <= off_t(Limits.imageBytesMax)
        else { return nil }
        let size = Int(facts.st_size)
        var done = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while done < size {
                let got = Glibc.read(file, buffer.baseAddress! + done, size - done)
                if got <= 0 { break }
                done += got
            }
            count = done
        }
        return bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) ? bytes : nil
    }
}

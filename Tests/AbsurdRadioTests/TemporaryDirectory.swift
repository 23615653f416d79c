import Foundation

/// A directory of one test, removed when the value goes.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/absurd-radio-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template)!)
    }

    func file(_ name: String) -> String { path + "/" + name }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}

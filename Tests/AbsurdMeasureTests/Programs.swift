import AbsurdStore
import Foundation
import Glibc

/// The programs of this build, with a stage program that only fails: no test here runs a stage.
enum Programs {
    static let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .path

    static func absurd(in state: String) throws -> String {
        let libexec = state + "/libexec"
        if !FileManager.default.fileExists(atPath: libexec) {
            try FileManager.default.createDirectory(atPath: libexec, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: libexec + "/absurd-worker", withDestinationPath: directory + "/absurd-worker")
            try "#!/bin/sh\nexit 70\n".write(toFile: libexec + "/absurd-stage", atomically: true, encoding: .utf8)
            chmod(libexec + "/absurd-stage", 0o755)
        }
        return directory + "/absurd"
    }

    static func environment(_ state: String) -> [String: String] {
        ConnectionSettings.processEnvironment.merging(["ABSURD_LIBEXEC": state + "/libexec"]) { _, ours in ours }
    }
}

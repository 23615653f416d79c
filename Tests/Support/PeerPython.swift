import Absurd
import Foundation

/// The Python that the peers' packages are installed in. One that is missing fails the test, with what to do.
public enum PeerPython {
    public static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// Runs `Tests/Peers/NAME`.
    public static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (status: Int32, text: String) {
        let path =
            ProcessInfo.processInfo.environment["ABSURD_PEER_PYTHON"] ?? repository + "/.build/venv/bin/python"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Refusal(
                path, why: "the peers' Python is not there",
                remedy: "run `make venv`, or set ABSURD_PEER_PYTHON to a Python with Tests/Peers/requirements.txt",
                exit: .configuration)
        }
        return Shell.run([path, "\(repository)/Tests/Peers/\(name)"] + arguments, environment: environment)
    }
}

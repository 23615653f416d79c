import Absurd
import Foundation
import Testing

/// Runs a Python program of Tests/Peers with the peers' interpreter. A missing interpreter fails the test, with what to do.
enum Peer {
    struct Answer {
        var output: Data
        var errors: String
        var status: Int32

        /// The output as JSON; a failed program is the error.
        func json() throws -> JSONValue {
            guard status == 0 else {
                throw Refusal("peer", why: "exit \(status): \(errors.suffix(2000))", remedy: "", exit: .no)
            }
            return try JSONValue(parsing: output)
        }
    }

    private static var root: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    private static func python() throws -> String {
        let path =
            ProcessInfo.processInfo.environment["ABSURD_PEER_PYTHON"]
            ?? root.appendingPathComponent(".build/venv/bin/python").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Refusal(
                path, why: "the peers' Python is not there",
                remedy: "run `make venv`, or set ABSURD_PEER_PYTHON to a Python with Tests/Peers/requirements.txt",
                exit: .configuration)
        }
        return path
    }

    /// - Parameter input: goes to the program's stdin.
    static func run(_ program: String, _ arguments: [String] = [], input: JSONValue? = nil) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try python())
        process.arguments = [root.appendingPathComponent("Tests/Peers/\(program)").path] + arguments
        // Small machines: threads of numpy's BLAS would spin against each other.
        process.environment = ProcessInfo.processInfo.environment.merging(["OPENBLAS_NUM_THREADS": "1"]) { $1 }
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        try process.run()
        // stderr is drained beside stdout, else a talkative program would block on it.
        let errors = Mailbox()
        let drained = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            errors.data = stderr.fileHandleForReading.readDataToEndOfFile()
            drained.signal()
        }
        try stdin.fileHandleForWriting.write(contentsOf: Data(input?.jsonBytes ?? []))
        try stdin.fileHandleForWriting.close()
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        drained.wait()
        process.waitUntilExit()
        return Answer(
            output: output, errors: String(decoding: errors.data, as: UTF8.self), status: process.terminationStatus)
    }
}

/// Written by one queue before its semaphore is signalled, read after that.
private final class Mailbox: @unchecked Sendable {
    var data = Data()
}

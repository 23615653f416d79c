import Absurd
import Foundation
import Glibc

/// Runs the programs as a user does.
struct Program {
    struct Output {
        var code: Int32
        var out: String
        var error: String
        var lines: [Substring] { out.split(separator: "\n") }
    }

    static let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .path

    var name: String
    var environment: [String: String] = [:]

    static let absurd = Program(name: "absurd")

    func with(_ name: String, _ value: String) -> Program {
        var copy = self
        copy.environment[name] = value
        return copy
    }

    func start(_ arguments: [String], error: FileHandle = .nullDevice) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.directory + "/" + name)
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb"].merging(environment) {
            $1
        }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = error
        try process.run()
        return process
    }

    func run(_ arguments: [String], input: String? = nil) throws -> Output {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.directory + "/" + name)
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb"].merging(environment) {
            $1
        }
        let out = Pipe()
        let error = Pipe()
        let standardInput = Pipe()
        process.standardInput = standardInput
        process.standardOutput = out
        process.standardError = error
        try process.run()
        if let input { try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try standardInput.fileHandleForWriting.close()
        let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let said = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Output(code: process.terminationStatus, out: text, error: said)
    }
}

/// Looks until it is so; fails after a minute.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    for _ in 0..<3000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw NotSo(what: what)
}

struct NotSo: Error { var what: String }

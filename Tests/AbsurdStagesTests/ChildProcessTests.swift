import Absurd
import Foundation
import Synchronization
import Testing

@testable import AbsurdStages

@Suite struct ChildProcessTests {
    @Test func `Output and errors come line by line and the exit code at the end`() throws {
        var lines: [String] = []
        let child = ChildProcess(["sh", "-c", #"echo one; echo two >&2; printf 'a\rb\nlast'; exit 3"#])
        let ending = try child.run { lines.append($0) }
        #expect(ending == .exited(3))
        #expect(lines == ["one", "two", "a", "b", "last"])
    }

    @Test func `A program that is not there is named in one line`() {
        let refusal = #expect(throws: Refusal.self) { try ChildProcess(["no-such-program-here"]).run() }
        #expect(refusal?.description.hasPrefix("program no-such-program-here: is not installed") == true)
    }

    @Test func `A program leads its own process group, and variables and directory reach it`() throws {
        var child = ChildProcess(["sh", "-c", "ps -o pgid= -p $$; echo $$; echo $WORD; pwd"])
        child.environment = ["WORD": "here"]
        child.directory = "/usr"
        var lines: [String] = []
        _ = try child.run { lines.append($0.trimmingCharacters(in: .whitespaces)) }
        #expect(lines.count == 4 && lines[0] == lines[1])
        #expect(lines.suffix(2) == ["here", "/usr"])
        #expect(lines.first != "\(getpgrp())")
    }

    @Test func `When time is over the whole group is killed`() throws {
        let thread = try LifeThread()
        defer { thread.remove() }
        var child = ChildProcess(["sh", "-c", "exec 9>\(thread.path); sleep 1000 & echo started; wait"])
        child.timeoutSeconds = 0.5
        var lines: [String] = []
        #expect(try child.run { lines.append($0) } == .timedOut)
        #expect(lines == ["started"])
        #expect(thread.isCut)
    }

    @Test func `When the caller gives up nothing is left behind`() throws {
        struct Enough: Error {}
        let thread = try LifeThread()
        defer { thread.remove() }
        #expect(throws: Enough.self) {
            try ChildProcess(["sh", "-c", "exec 9>\(thread.path); sleep 1000 & echo started; wait"]).run { _ in
                throw Enough()
            }
        }
        #expect(thread.isCut)
    }

    @Test func `When the stage itself is killed its program dies too`() async throws {
        let thread = try LifeThread()
        defer { thread.remove() }
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = thread.path as String] in
            _ = try ChildProcess(["sh", "-c", "exec 9>\(path); echo started; exec sleep 1000"]).run { _ in
                kill(getpid(), SIGKILL)
            }
        }
        #expect(thread.isCut)
    }

    @Test func `A killed program tells its signal`() throws {
        #expect(try ChildProcess(["sh", "-c", "kill -9 $$"]).run() == .killed(signal: SIGKILL))
    }
}

/// A named pipe that processes hold open: its end tells that the last of them is gone, also those of other parents.
private struct LifeThread {
    let path = NSTemporaryDirectory() + "absurd-life-" + UUID().uuidString
    private let descriptor: Int32

    init() throws {
        try #require(mkfifo(path, 0o600) == 0)
        descriptor = open(path, O_RDONLY | O_NONBLOCK)
        try #require(descriptor >= 0)
    }

    /// Waits for the end.
    var isCut: Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, 20_000) == 1 && waiting.revents & Int16(POLLHUP) != 0
    }

    func remove() {
        close(descriptor)
        unlink(path)
    }
}

import Absurd
import AbsurdHost
import Glibc

/// Waits for a child, passes on what it says, and stops its whole tree when the attempt must stop: TERM, then KILL.
struct ChildWatch {
    let child: ChildProcess
    let tree: ProcessTree
    let context: AttemptContext
    /// The read end of the child's messages, -1 for none.
    var messages: Int32 = -1

    /// - Parameter line: called with each whole line that the child writes to its messages.
    /// - Returns: how it ended, and why it was stopped if it was.
    func run(_ line: ([UInt8]) -> Void) -> (end: ChildEnd, stopped: StopReason?) {
        var stopped: StopReason?
        var killAt: UInt64 = 0
        var isKilled = false
        var pending: [UInt8] = []
        var wait = 1
        while !child.hasEnded {
            if readMessages(&pending, line, milliseconds: wait) { wait = 1 } else { wait = min(wait * 2, 25) }
            if stopped == nil, let reason = context.stop.reason {
                stopped = reason
                killAt = context.resources.wallNanoseconds + UInt64(reason.graceMilliseconds) * 1_000_000
                tree.signal(SIGTERM)
            }
            if stopped != nil, !isKilled, context.resources.wallNanoseconds >= killAt {
                tree.kill()
                isKilled = true
            }
        }
        while readMessages(&pending, line, milliseconds: 0) {}
        if !pending.isEmpty { line(pending) }
        let end = child.reap(into: context.resources)
        // Nobody waits for what the child left behind.
        if stopped != nil || end != .exited(0) { tree.kill() } else { kill(-child.process, SIGKILL) }
        return (end, stopped)
    }

    /// Waits for a message or the time. Returns whether there was something.
    private func readMessages(_ pending: inout [UInt8], _ line: ([UInt8]) -> Void, milliseconds: Int) -> Bool {
        guard messages >= 0 else {
            if milliseconds > 0 { _ = context.stop.wait(nanoseconds: Int64(milliseconds) * 1_000_000) }
            return false
        }
        var descriptor = pollfd(fd: messages, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, Int32(milliseconds)) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(messages, &buffer, buffer.count)
        guard count > 0 else {
            // The child closed its end but lives: don't spin on it.
            if milliseconds > 0 { _ = context.stop.wait(nanoseconds: Int64(milliseconds) * 1_000_000) }
            return false
        }
        pending += buffer[..<count]
        while let newline = pending.firstIndex(of: UInt8(ascii: "\n")) {
            line(Array(pending[..<newline]))
            pending.removeSubrange(...newline)
        }
        if pending.count > Limits.resultBytesMax { pending.removeAll() }
        return true
    }
}

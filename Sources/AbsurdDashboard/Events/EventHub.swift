import Absurd
import Synchronization

/// Everybody who follows /events, and what they are sent.
///
/// Who writes what: readers come and go, and the publisher sends, all under the mutex. A reader that does not keep up
/// loses its oldest events, never others' time: each event says what changed, and pages fetch what they show.
final class EventHub: Sendable {
    private struct State {
        var readers: [Int: AsyncStream<[UInt8]>.Continuation] = [:]
        var number = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let onChange: @Sendable (_ hasReaders: Bool) -> Void

    /// - Parameter onChange: called when the first reader has come or the last one has gone, in that order, under the mutex.
    init(onChange: @escaping @Sendable (_ hasReaders: Bool) -> Void) { self.onChange = onChange }

    func subscribe() throws(Problem) -> AsyncStream<[UInt8]> {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(256))
        let number: Int? = state.withLock { state in
            guard !state.isClosed, state.readers.count < Limits.eventStreamsMax else { return nil }
            state.number += 1
            state.readers[state.number] = continuation
            if state.readers.count == 1 { onChange(true) }
            return state.number
        }
        guard let number else {
            throw Problem(503, "events: \(Limits.eventStreamsMax) readers are the most; poll instead")
        }
        continuation.onTermination = { [weak self] _ in self?.leave(number) }
        continuation.yield(Array("retry: 2000\n: welcome\n\n".utf8))
        return stream
    }

    private func leave(_ number: Int) {
        state.withLock { state in
            if state.readers.removeValue(forKey: number) != nil, state.readers.isEmpty { onChange(false) }
        }
    }

    var count: Int { state.withLock { $0.readers.count } }

    func publish(_ event: String, _ data: JSONValue) {
        send(Array("event: \(event)\ndata: ".utf8) + data.jsonBytes + Array("\n\n".utf8))
    }

    func heartbeat() { send(Array(": still here\n\n".utf8)) }

    private func send(_ bytes: [UInt8]) {
        let readers = state.withLock { Array($0.readers.values) }
        for reader in readers { reader.yield(bytes) }
    }

    func close() {
        let readers = state.withLock { state in
            state.isClosed = true
            return Array(state.readers.values)
        }
        for reader in readers { reader.finish() }
    }
}

import Dispatch

// Who writes what: body(worker, index) is called once for each index; indices of one worker run one after the other
// on one thread, so memory belonging to a worker needs no lock. Memory belonging to an index is written by that call
// alone. `run` returns after the last call: everything written is visible to the caller.
enum ParallelLoop {
    static func run(_ count: Int, threads: Int, _ body: @Sendable (_ worker: Int, _ index: Int) -> Void) {
        let workers = max(1, min(threads, count))
        if workers == 1 {
            for index in 0..<count { body(0, index) }
            return
        }
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for index in stride(from: worker, to: count, by: workers) { body(worker, index) }
        }
    }

    static func workers(_ count: Int, threads: Int) -> Int { max(1, min(threads, count)) }
}

/// Numbers at a fixed place in memory that several threads fill, each its own part.
///
/// Zero at the start, aligned for vectors. Freed with the last reference. The owner of a part is stated where the
/// memory is used; the class itself takes no lock.
final class SharedArray<Element: BitwiseCopyable>: @unchecked Sendable {
    let start: UnsafeMutablePointer<Element>
    let count: Int

    init(_ count: Int) {
        self.count = count
        let bytes = max(1, count) * MemoryLayout<Element>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        start = raw.bindMemory(to: Element.self, capacity: max(1, count))
    }

    deinit { start.deallocate() }

    func clear() { UnsafeMutableRawPointer(start).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount) }

    var byteCount: Int { count * MemoryLayout<Element>.stride }
}

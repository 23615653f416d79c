import FlyingSocks

/// A stream of events as the HTTP library sends bodies.
struct EventBytes: AsyncBufferedSequence {
    typealias Element = UInt8

    let stream: AsyncStream<[UInt8]>

    func makeAsyncIterator() -> Iterator { Iterator(base: stream.makeAsyncIterator()) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        var base: AsyncStream<[UInt8]>.Iterator
        private var left: ArraySlice<UInt8> = []

        init(base: AsyncStream<[UInt8]>.Iterator) { self.base = base }

        mutating func next() async -> UInt8? {
            if left.isEmpty, let more = await base.next() { left = more[...] }
            return left.popFirst()
        }

        /// Whole events: they are small, and a reader should not get half of one.
        mutating func nextBuffer(suggested count: Int) async -> [UInt8]? { await base.next() }
    }
}

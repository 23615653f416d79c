/// A set of CPU or node numbers, as the kernel writes and takes them.
public struct CPUSet: Sendable, Hashable {
    /// Bit n of word n / 64.
    public private(set) var words: [UInt64] = []

    public init() {}

    public init(_ members: some Sequence<Int>) {
        for member in members { insert(member) }
    }

    public init(words: [UInt64]) {
        self.words = words
        trim()
    }

    /// Parses the kernel's list format, `0-3,8,10-11`; also steps as in `0-14:2`. Nil for anything else.
    public init?(list: some StringProtocol) {
        for part in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let stride = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let ends = stride[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let low = Int(ends[0]), let high = Int(ends[ends.count - 1]), low >= 0, low <= high, high < 1 << 16,
                let step = stride.count == 2 ? Int(stride[1]) : 1, step > 0
            else { return nil }
            for member in Swift.stride(from: low, through: high, by: step) { insert(member) }
        }
    }

    public mutating func insert(_ member: Int) {
        precondition(member >= 0, "a CPU number is not negative")
        while words.count <= member / 64 { words.append(0) }
        words[member / 64] |= 1 << UInt64(member % 64)
    }

    public mutating func remove(_ member: Int) {
        guard member >= 0, member / 64 < words.count else { return }
        words[member / 64] &= ~(1 << UInt64(member % 64))
        trim()
    }

    public func contains(_ member: Int) -> Bool {
        member >= 0 && member / 64 < words.count && words[member / 64] >> UInt64(member % 64) & 1 == 1
    }

    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    public var isEmpty: Bool { words.isEmpty }
    public var members: [Int] {
        var members: [Int] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                members.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return members
    }
    public var first: Int? { members.first }

    public func intersection(_ other: CPUSet) -> CPUSet {
        CPUSet(words: zip(words, other.words).map { $0 & $1 })
    }

    public func union(_ other: CPUSet) -> CPUSet {
        CPUSet(words: (0..<max(words.count, other.words.count)).map { word($0) | other.word($0) })
    }

    public func subtracting(_ other: CPUSet) -> CPUSet {
        CPUSet(words: words.indices.map { words[$0] & ~other.word($0) })
    }

    public func isSubset(of other: CPUSet) -> Bool { subtracting(other).isEmpty }

    private func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }

    private mutating func trim() {
        while words.last == 0 { words.removeLast() }
    }
}

extension CPUSet: CustomStringConvertible {
    /// The kernel's list format.
    public var description: String {
        var parts: [String] = []
        var run: ClosedRange<Int>?
        for member in members {
            if let current = run, member == current.upperBound + 1 {
                run = current.lowerBound...member
            } else {
                if let run { parts.append(Self.text(run)) }
                run = member...member
            }
        }
        if let run { parts.append(Self.text(run)) }
        return parts.joined(separator: ",")
    }

    private static func text(_ run: ClosedRange<Int>) -> String {
        run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound)"
    }
}

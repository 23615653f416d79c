import Glibc

/// Random numbers from a seed and the name of what they are for, so that no part of a simulation depends on the order
/// or the thread in which another part runs. xoshiro256** (Blackman & Vigna 2021, ACM TOMS 47, 36).
struct SeededGenerator: RandomNumberGenerator {
    /// What a stream is for.
    enum Purpose: UInt64 {
        case sky = 1
        case gains = 2
        case noise = 3
        case interference = 4
    }

    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(seed: UInt64, purpose: Purpose, index: Int = 0) {
        // SplitMix64 spreads neighbouring seeds over the whole state.
        var mix = seed &* 0x9E37_79B9_7F4A_7C15 ^ purpose.rawValue << 56 ^ UInt64(index)
        func next() -> UInt64 {
            mix &+= 0x9E37_79B9_7F4A_7C15
            var z = mix
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return z ^ z >> 31
        }
        state = (next(), next(), next(), next())
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = (product << 7 | product >> 57) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }

    /// 0 ..< 1.
    @inline(__always)
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    mutating func index(below count: Int) -> Int { Int(uniform() * Double(count)) }
}

/// Normal deviates by the ziggurat in Doornik's form (2005): one multiplication for 98.8 % of them.
struct NormalDeviates: Sendable {
    private static let layers = 128
    private static let tailStart = 3.442619855899
    private static let layerArea = 9.91256303526217e-3

    /// Layer edges, then the ratios of neighbouring edges. Written in init only.
    private let edges: SharedArray<Double>
    private let ratios: SharedArray<Double>

    init() {
        edges = SharedArray(Self.layers + 1)
        ratios = SharedArray(Self.layers)
        func density(_ x: Double) -> Double { exp(-0.5 * x * x) }
        edges.start[0] = Self.layerArea / density(Self.tailStart)
        edges.start[1] = Self.tailStart
        for layer in 2..<Self.layers {
            let inner = edges.start[layer - 1]
            edges.start[layer] = sqrt(-2 * log(Self.layerArea / inner + density(inner)))
        }
        edges.start[Self.layers] = 0
        for layer in 0..<Self.layers { ratios.start[layer] = edges.start[layer + 1] / edges.start[layer] }
    }

    @inline(__always)
    func next(_ generator: inout SeededGenerator) -> Double {
        while true {
            let bits = generator.next()
            let layer = Int(bits & 127)
            let place = Double(Int64(bitPattern: bits) >> 11) * 0x1p-52
            if abs(place) < ratios.start[layer] { return place * edges.start[layer] }
            if let rare = outside(layer, place, &generator) { return rare }
        }
    }

    @inline(never)
    private func outside(_ layer: Int, _ place: Double, _ generator: inout SeededGenerator) -> Double? {
        if layer == 0 {
            while true {
                let x = log(1 - generator.uniform()) / Self.tailStart
                let y = log(1 - generator.uniform())
                if -2 * y >= x * x { return place < 0 ? x - Self.tailStart : Self.tailStart - x }
            }
        }
        let x = place * edges.start[layer]
        let outer = exp(-0.5 * (edges.start[layer] * edges.start[layer] - x * x))
        let inner = exp(-0.5 * (edges.start[layer + 1] * edges.start[layer + 1] - x * x))
        return inner + generator.uniform() * (outer - inner) < 1 ? x : nil
    }
}

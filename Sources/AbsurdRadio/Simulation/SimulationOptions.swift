/// What to simulate. Equal options make byte-identical observations.
public struct SimulationOptions: Sendable, Hashable {
    public enum Size: String, Sendable, Hashable, CaseIterable {
        /// For tests: under 2 MB and a second.
        case tiny
        /// For the demo: under 250 MB.
        case small
        /// As the telescope writes it: 2.3 GB.
        case full
    }

    public var size: Size
    public var seed: UInt64
    /// Fraction of the (integration, channel) cells with interference, 0...0.5.
    public var interferenceFraction: Double
    /// Sub-bands that were never written.
    public var missing: Set<Int>
    /// Sub-bands whose file was cut off.
    public var truncated: Set<Int>
    public var hasNoise: Bool
    public var hasGains: Bool
    public var hasBeam: Bool
    /// Julian date (UTC) of the start; nil takes the transit of 3C286 on 2025-06-15.
    public var start: Double?
    /// Sources beside the calibrator; nil takes what the size has.
    public var sourceCount: Int?

    public init(
        size: Size = .small, seed: UInt64 = 1, interferenceFraction: Double = 0, missing: Set<Int> = [],
        truncated: Set<Int> = [], hasNoise: Bool = true, hasGains: Bool = true, hasBeam: Bool = true,
        start: Double? = nil, sourceCount: Int? = nil
    ) {
        self.size = size
        self.seed = seed
        self.interferenceFraction = interferenceFraction
        self.missing = missing
        self.truncated = truncated
        self.hasNoise = hasNoise
        self.hasGains = hasGains
        self.hasBeam = hasBeam
        self.start = start
        self.sourceCount = sourceCount
    }

    /// What a size means. Sub-bands and integrations are always the telescope's: smaller sizes have wider channels and
    /// fewer integrations. Fewer also means that sources drift less through the beam, which limits a bright image.
    struct Shape: Sendable, Hashable {
        var antennas: Int
        var subBands: Int
        var channels: Int
        var integrations: Int
        var sources: Int
    }

    var shape: Shape {
        switch size {
        case .tiny: Shape(antennas: 16, subBands: 4, channels: 8, integrations: 4, sources: 8)
        case .small: Shape(antennas: 64, subBands: 16, channels: 16, integrations: 12, sources: 28)
        case .full: Shape(antennas: 96, subBands: 16, channels: 48, integrations: 24, sources: 40)
        }
    }
}

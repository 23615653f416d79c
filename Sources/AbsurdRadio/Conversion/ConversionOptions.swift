/// How a group of sub-bands becomes a Measurement Set.
public struct ConversionOptions: Sendable, Hashable {
    public enum PhaseCentre: Sendable, Hashable {
        /// One field: the meridian (or the hour angle of the file) in the middle of the observation.
        case common
        /// A field for each integration, where the telescope pointed then.
        case perIntegration
    }

    public var phaseCentre = PhaseCentre.common
    /// Sub-bands that make a group complete.
    public var expectedSubbands = 16
    /// Fewer are a failure.
    public var minimumSubbands = 1
    /// Whether a missing sub-band becomes a flagged spectral window.
    public var flagsMissing = false
    /// Threads that read, convert and write.
    public var workers = 1

    public init() {}
}

/// What a conversion did.
public struct ConversionReport: Sendable, Hashable {
    public var rows = 0
    public var windows = 0
    public var antennas = 0
    public var fields = 0
    /// Of all visibilities that were in the files.
    public var flaggedFraction = 0.0
    public var warnings: [String] = []
}

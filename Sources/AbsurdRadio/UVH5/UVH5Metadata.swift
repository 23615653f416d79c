/// What the header of a UVH5 file says, in one unit a quantity, whatever layout the file has.
///
/// ## Sign convention (pyuvdata's)
/// A row is the pair (`antenna1`, `antenna2`) and its uvw is r₂ − r₁, in metres. With ν a frequency, s a source's and
/// s₀ the phase centre's unit vector, the visibility of a unit source is
///
///     V = exp(+2πi ν/c (r₂ − r₁)·(s − s₀))
///
/// and phasing to a new centre multiplies by exp(−2πi ν/c (w_new − w_old)).
///
/// A Measurement Set holds the conjugate with the opposite uvw: DATA = conj(V), UVW = r₁ − r₂, for the same order of
/// antennas. Gains are defined there: DATA_observed = g₁ conj(g₂) DATA_true, so here V_observed = conj(g₁) g₂ V_true.
public struct UVH5Metadata: Sendable, Hashable {
    public var telescopeName = ""
    public var instrument = ""
    public var objectName = ""
    public var history = ""

    /// The array centre, WGS84.
    public var latitudeDegrees = 0.0
    public var longitudeDegrees = 0.0
    public var altitudeMetres = 0.0

    /// All stations, also those without data; the arrays below run over them.
    public var antennaNumbers: [Int] = []
    public var antennaNames: [String] = []
    /// ITRF (ECEF) metres relative to the array centre.
    public var antennaPositions: [SIMD3<Double>] = []
    /// Empty when the file does not say.
    public var antennaDiametersMetres: [Double] = []

    /// Antenna numbers (not indices), a value for each row.
    public var antenna1: [Int] = []
    public var antenna2: [Int] = []
    /// Julian date, UTC, of the middle of the integration, a value for each row.
    public var timesJD: [Double] = []
    public var integrationSeconds: [Double] = []
    /// Apparent local sidereal time; empty when the file does not say.
    public var lstRadians: [Double] = []
    public var uvwMetres: [SIMD3<Double>] = []
    /// Whether the file holds the uvw in double precision (the telescope's do not).
    public var uvwIsDouble = false

    /// Channel centres in the file's order.
    public var frequenciesHz: [Double] = []
    /// Positive, one a channel; the file may hold a scalar, an array of one, or a negative width.
    public var channelWidthsHz: [Double] = []
    /// AIPS numbers: −5 XX, −6 YY, −7 XY, −8 YX.
    public var polarizations: [Int] = []

    /// At least one.
    public var phaseCentres: [UVH5PhaseCentre] = []
    /// Index into `phaseCentres` for each row; empty when there is one centre.
    public var phaseCentreOfRow: [Int] = []
    public var extraKeywords: [String: UVH5Keyword] = [:]

    public init() {}

    public var rowCount: Int { timesJD.count }
    public var channelCount: Int { frequenciesHz.count }
    public var polarizationCount: Int { polarizations.count }
    /// Whether the first channel has the highest frequency, as in the telescope's files.
    public var channelsDescend: Bool { (frequenciesHz.first ?? 0) > (frequenciesHz.last ?? 0) }

    public func phaseCentre(row: Int) -> UVH5PhaseCentre {
        phaseCentres[phaseCentreOfRow.isEmpty ? 0 : phaseCentreOfRow[row]]
    }

    /// The integrations as runs of rows with equal times, in file order; nil when the rows are not sorted by time.
    public var integrations: [Range<Int>]? {
        var runs: [Range<Int>] = []
        var start = 0
        for row in 1...max(rowCount, 1) where row == rowCount || timesJD[row] != timesJD[start] {
            if let last = runs.last, timesJD[last.lowerBound] >= timesJD[start] { return nil }
            runs.append(start..<row)
            start = row
        }
        return runs
    }

    /// Antenna numbers that have data, ascending.
    public var antennasWithData: [Int] { Set(antenna1).union(antenna2).sorted() }
}

/// The direction that the phases of a row refer to. Angles in radians.
public enum UVH5PhaseCentre: Sendable, Hashable {
    /// Not phased: uvw are east, north, up.
    case zenith
    /// A fixed hour angle and apparent declination, for a meridian-stopped telescope hour angle 0.
    case hourAngle(Double, declination: Double)
    /// A fixed place of the sky; `frame` as astropy names it ("icrs", "fk5").
    case sidereal(rightAscension: Double, declination: Double, frame: String)
}

/// A value of Header/extra_keywords.
public enum UVH5Keyword: Sendable, Hashable {
    case empty
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case text(String)

    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

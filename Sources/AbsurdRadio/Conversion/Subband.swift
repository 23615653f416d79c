import Absurd

/// The rows of a sub-band in compact form; the sub-bands of one observation mostly share one.
public struct SubbandRows: Sendable, Hashable {
    /// As the Measurement Set holds them: indices of the antenna table.
    public var antenna1: [Int32]
    public var antenna2: [Int32]
    /// Rows whose antennas stand the other way round in the file; empty when none does.
    public var swapped: [UInt8]
    /// Distinct (Julian date, phase centre) of the rows, in order of appearance.
    public var integrations: [Integration]
    /// Index into `integrations`, a value for each row.
    public var integrationOfRow: [Int32]

    public struct Integration: Sendable, Hashable {
        public var julianDate: Double
        public var seconds: Double
        public var centre: UVH5PhaseCentre
    }

    public var count: Int { antenna1.count }
}

/// What the conversion must know about a sub-band before it reads its visibilities.
public struct Subband: Sendable {
    public var candidate: SubbandCandidate
    public var rows: SubbandRows
    /// Ascending.
    public var frequencies: [Double]
    public var widths: [Double]
    public var channelsDescend: Bool
    /// casacore's order, and where each is found in the file, for rows as they are and for swapped ones.
    public var correlations: [MeasurementSet.Correlation]
    public var correlationSource: [Int32]
    public var correlationSourceSwapped: [Int32]
    public var antennas: [MeasurementSet.Antenna]
    /// ITRF metres relative to the array centre, by antenna index.
    public var antennaPositions: [SIMD3<Double>]
    public var site: Site
    public var telescope: String
    public var instrument: String
    public var object: String
    public var bytes: Int
    /// Metres, pyuvdata's sign: kept only where they are what the Measurement Set is to hold.
    public var uvw: [SIMD3<Double>]

    public var centreFrequency: Double { (frequencies[0] + frequencies[frequencies.count - 1]) / 2 }

    /// Reads the header.
    /// - Throws: `Refusal` (bad data) that names the file and what is wrong with it.
    public init(_ candidate: SubbandCandidate, bytes: Int) throws {
        let header = try UVH5Reader(path: candidate.path).metadata
        self.candidate = candidate
        self.bytes = bytes
        let order = Self.descends(header.frequenciesHz)
        guard let descends = order else {
            throw Refusal(
                candidate.path, why: "its channels neither rise nor fall in frequency",
                remedy: "convert its spectral windows one by one", exit: .badData)
        }
        channelsDescend = descends
        frequencies = descends ? header.frequenciesHz.reversed() : header.frequenciesHz
        widths = descends ? header.channelWidthsHz.reversed() : header.channelWidthsHz
        (correlations, correlationSource, correlationSourceSwapped) = try Self.correlations(header, candidate.path)
        site = Site(header)
        let centre = site.position
        antennaPositions = header.antennaPositions
        antennas = header.antennaNumbers.indices.map { index in
            MeasurementSet.Antenna(
                name: header.antennaNames[index], station: header.antennaNames[index],
                position: centre + header.antennaPositions[index],
                dishDiameter: header.antennaDiametersMetres.isEmpty
                    ? PrimaryBeam().diameterMetres : header.antennaDiametersMetres[index])
        }
        telescope = header.telescopeName
        instrument = header.instrument
        object = header.objectName
        rows = SubbandRows(header)
        let isSidereal = rows.integrations.allSatisfy { if case .sidereal = $0.centre { true } else { false } }
        uvw = isSidereal && header.uvwIsDouble ? header.uvwMetres : []
    }

    private static func descends(_ frequencies: [Double]) -> Bool? {
        let pairs = zip(frequencies, frequencies.dropFirst())
        if pairs.allSatisfy({ $0 < $1 }) { return false }
        if pairs.allSatisfy({ $0 > $1 }) { return true }
        return nil
    }

    private static func correlations(
        _ header: UVH5Metadata, _ path: String
    ) throws -> ([MeasurementSet.Correlation], [Int32], [Int32]) {
        let known: [Int: MeasurementSet.Correlation] = [
            1: .i, 2: .q, 3: .u, 4: .v, -1: .rr, -2: .ll, -3: .rl, -4: .lr, -5: .xx, -6: .yy, -7: .xy, -8: .yx,
        ]
        let given = try header.polarizations.map { number in
            guard let correlation = known[number] else {
                throw Refusal(
                    path, why: "polarisation \(number) is not known", remedy: "use AIPS numbers -8 to 4",
                    exit: .badData)
            }
            return correlation
        }
        guard Set(given).count == given.count else {
            throw Refusal(path, why: "polarization_array has one twice", remedy: "", exit: .badData)
        }
        let sorted = given.sorted { $0.rawValue < $1.rawValue }
        let mirror: [MeasurementSet.Correlation: MeasurementSet.Correlation] = [.xy: .yx, .yx: .xy, .rl: .lr, .lr: .rl]
        let source = sorted.map { Int32(given.firstIndex(of: $0)!) }
        let swapped = sorted.map { one in Int32(given.firstIndex(of: mirror[one] ?? one) ?? given.firstIndex(of: one)!)
        }
        return (sorted, source, swapped)
    }
}

extension SubbandRows {
    init(_ header: UVH5Metadata) {
        let index = Dictionary(uniqueKeysWithValues: header.antennaNumbers.enumerated().map { ($1, Int32($0)) })
        antenna1 = header.antenna1.map { index[$0]! }
        antenna2 = header.antenna2.map { index[$0]! }
        // CASA wants one order of the antennas in all rows; where the file mixes them, the smaller comes first.
        let pairs = zip(antenna1, antenna2)
        swapped = []
        if pairs.contains(where: { $0 < $1 }), pairs.contains(where: { $0 > $1 }) {
            swapped = pairs.map { $0 > $1 ? 1 : 0 }
            for row in swapped.indices where swapped[row] == 1 {
                (antenna1[row], antenna2[row]) = (antenna2[row], antenna1[row])
            }
        }
        integrations = []
        integrationOfRow = []
        integrationOfRow.reserveCapacity(header.rowCount)
        var known: [Integration: Int32] = [:]
        var last: Int32 = -1
        for row in 0..<header.rowCount {
            let integration = Integration(
                julianDate: header.timesJD[row], seconds: header.integrationSeconds[row],
                centre: header.phaseCentre(row: row))
            if last < 0 || integrations[Int(last)] != integration {
                last = known[integration] ?? Int32(integrations.count)
                if known.updateValue(last, forKey: integration) == nil { integrations.append(integration) }
            }
            integrationOfRow.append(last)
        }
    }
}

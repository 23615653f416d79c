import Absurd
import Glibc

/// The frame of a simulated observation: when, where to, which antennas and channels. Derived from options alone.
struct ObservationPlan: Sendable {
    let options: SimulationOptions
    let array: StationLayout
    /// Stations with data.
    let antennas: [StationLayout.Station]
    /// Relative to the array centre, ITRF metres.
    let positions: [SIMD3<Double>]
    /// One per integration, at its middle.
    let frames: [ObservingFrame]
    let startJD: Double
    let integrationSeconds: Double
    /// Apparent; the hour angle is 0.
    let pointingDeclination: Double
    /// Where the pointing is on the sky in the middle of the observation, ICRS.
    let fieldCentre: SkyDirection
    let channelWidthHz: Double

    static let integrationSecondsOfTelescope = 12.884902
    private static let topChannelHz = 1_498_642_578.125
    static let subBandWidthHz = 11_718_750.0
    static let referenceFrequencyHz = 1.4e9
    /// System equivalent flux density of one antenna and polarisation.
    static let sefdJy = 5800.0

    /// 3C286: a calibrator that stays the same for decades (Perley & Butler 2017).
    static let calibrator = CatalogueSource(
        name: "3C286", ra: 202.784_533_3, dec: 30.509_155_0, flux: 14.9, frequency: referenceFrequencyHz,
        spectralIndex: -0.47)

    /// - Throws: `Refusal` (usage) for a start that the tables of time do not reach.
    init(_ options: SimulationOptions) throws {
        self.options = options
        let shape = options.shape
        array = .telescope
        antennas = StationLayout.telescope.thinned(to: shape.antennas).stations
        positions = antennas.map(StationLayout.telescope.position)
        channelWidthHz = Self.subBandWidthHz / Double(shape.channels)
        integrationSeconds = Self.integrationSecondsOfTelescope
        let duration = integrationSeconds * Double(shape.integrations)

        let site = array.site
        let place = SkyDirection(
            rightAscension: Self.calibrator.ra * .pi / 180, declination: Self.calibrator.dec * .pi / 180)
        let start = options.start ?? Self.start(transitOf: place, site: site, duration: duration)
        let table = (EarthOrientation.firstMJD...EarthOrientation.lastMJD - 1)
        guard table.contains(start - 2_400_000.5) else {
            throw Refusal(
                "--start", why: "before 2018-01-01 or after 2027-10-28, where the Earth's rotation is not known",
                remedy: "give a time in between", exit: .usage)
        }
        startJD = start
        let seconds = integrationSeconds
        frames = (0..<shape.integrations).map { integration in
            ObservingFrame(julianDate: start + (Double(integration) + 0.5) * seconds / 86_400, site: site)
        }
        let middle = ObservingFrame(julianDate: start + 0.5 * duration / 86_400, site: site)
        let declination = middle.apparent(place).declination * 180 / .pi
        pointingDeclination = (declination * 10).rounded() / 10 * .pi / 180
        fieldCentre = middle.icrs(middle.apparent(hourAngle: 0, declination: pointingDeclination))
    }

    /// The whole second on 2025-06-15 at which an observation starts that has a place on the meridian at its middle.
    private static func start(transitOf place: SkyDirection, site: Site, duration: Double) -> Double {
        let midnight = 2_460_841.5
        let frame = ObservingFrame(julianDate: midnight, site: site)
        let ahead = (frame.apparent(place).rightAscension - frame.lst) / (2 * .pi)
        let days = (ahead - ahead.rounded(.down)) / 1.002_737_909_35
        return midnight + ((days * 86_400 - duration / 2).rounded()) / 86_400
    }

    // MARK: Channels

    /// Channel centres of a sub-band in the file's order: from the highest down.
    func frequenciesHz(subBand: Int) -> [Double] {
        let edge = Self.topChannelHz + 122_070.3125 - Double(subBand) * Self.subBandWidthHz
        return (0..<options.shape.channels).map { edge - (Double($0) + 0.5) * channelWidthHz }
    }

    /// Middle of the whole band: delays have no phase there.
    var bandCentreHz: Double {
        Self.topChannelHz + 122_070.3125 - 0.5 * Double(options.shape.subBands) * Self.subBandWidthHz
    }

    /// Rms of the real and of the imaginary part of a visibility.
    var noiseJy: Double { Self.sefdJy / sqrt(2 * channelWidthHz * integrationSeconds) }

    // MARK: Rows

    /// Pairs of indices into `antennas`, autocorrelations included, in the order of the file.
    var baselines: [(first: Int, second: Int)] {
        antennas.indices.flatMap { first in (first..<antennas.count).map { (first, $0) } }
    }

    /// `2025-06-15T03:20:11_sb00.hdf5`. Every third file's clock is a second late, as on the telescope.
    func fileName(subBand: Int) -> String {
        let late = subBand % 3 == 2 ? 1.0 : 0.0
        return "\(CalendarTime.text(julianDate: startJD + late / 86_400))_sb\(subBand < 10 ? "0" : "")\(subBand).hdf5"
    }

    func metadata(subBand: Int) -> UVH5Metadata {
        var header = UVH5Metadata()
        header.telescopeName = "OVRO_MMA"
        header.instrument = "DSA"
        header.objectName = "search"
        header.history = "Simulated by Absurd, size \(options.size.rawValue), seed \(options.seed)."
        header.latitudeDegrees = array.site.latitudeRadians * 180 / .pi
        header.longitudeDegrees = array.site.longitudeRadians * 180 / .pi
        header.altitudeMetres = array.site.altitudeMetres
        header.antennaNumbers = array.stations.map(\.number)
        header.antennaNames = array.stations.map(\.name)
        header.antennaPositions = array.positions
        header.antennaDiametersMetres = Array(repeating: PrimaryBeam().diameterMetres, count: array.stations.count)
        header.frequenciesHz = frequenciesHz(subBand: subBand)
        header.channelWidthsHz = Array(repeating: channelWidthHz, count: options.shape.channels)
        header.polarizations = [-5, -6]
        let centre = UVH5PhaseCentre.hourAngle(0, declination: pointingDeclination)
        header.phaseCentres = [centre]
        header.extraKeywords = [
            "phase_center_dec": .number(pointingDeclination), "ha_phase_center": .number(0),
            "phase_center_epoch": .text("HADEC"), "fs_table": .text("simulated"),
        ]
        let pairs = baselines
        // The telescope writes single precision, which pyuvdata 3.2 refuses when it checks a file.
        header.uvwIsDouble = true
        // The same at every integration: the telescope does not follow the sky.
        let projection = Projection(centre: centre, frame: frames[0])
        let uvw = positions.map { projection($0) }
        for frame in frames {
            for (first, second) in pairs {
                header.antenna1.append(antennas[first].number)
                header.antenna2.append(antennas[second].number)
                header.timesJD.append(frame.julianDate)
                header.integrationSeconds.append(integrationSeconds)
                header.lstRadians.append(frame.lst)
                header.uvwMetres.append(uvw[second] - uvw[first])
            }
        }
        return header
    }
}

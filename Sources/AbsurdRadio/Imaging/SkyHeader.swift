import Absurd

extension FITSHeader {
    /// The cards of an image of the whole band around a phase centre: SIN projection, frequency and Stokes axes.
    public init(
        of visibilities: ImagingVisibilities, side: Int, cell: Double, beam: RestoringBeam?, unit: String,
        software: String
    ) {
        self.init(cards: ["NAXIS   =                    4"])
        let degrees = 180 / Double.pi
        set("BUNIT", unit, "Units are in Jansky")
        if let beam {
            set("BMAJ", beam.major * degrees)
            set("BMIN", beam.minor * degrees)
            set("BPA", beam.positionAngle * degrees)
        }
        set("EQUINOX", 2000, "J2000")
        set("RADESYS", "ICRS")
        set("BTYPE", "Intensity")
        set("TELESCOP", visibilities.telescope)
        set("OBJECT", visibilities.centre.name)
        set("ORIGIN", software)
        let ascension = visibilities.centre.rightAscension * degrees
        axis(1, "RA---SIN", "deg", Double(side / 2 + 1), ascension, -cell * degrees)
        axis(2, "DEC--SIN", "deg", Double(side / 2 + 1), visibilities.centre.declination * degrees, cell * degrees)
        let (low, high) = visibilities.band
        axis(3, "FREQ", "Hz", 1, (low + high) / 2, high - low)
        axis(4, "STOKES", "", 1, 1, 1)
        set("SPECSYS", "TOPOCENT")
        set("DATE-OBS", CalendarTime.text(julianDate: visibilities.start))
    }

    private mutating func axis(
        _ number: Int, _ type: String, _ unit: String, _ pixel: Double, _ value: Double, _ step: Double
    ) {
        set("CTYPE\(number)", type)
        set("CRPIX\(number)", pixel)
        set("CRVAL\(number)", value)
        set("CDELT\(number)", step)
        set("CUNIT\(number)", unit)
    }
}

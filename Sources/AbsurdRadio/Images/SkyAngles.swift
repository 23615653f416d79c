#if canImport(Glibc)
    import Glibc
#endif

/// Degrees into -180...180.
func wrapped(_ degrees: Double) -> Double {
    degrees - 360 * (degrees / 360).rounded()
}

func cosineOfDegrees(_ degrees: Double) -> Double { cos(degrees * .pi / 180) }

/// The angle between two directions (degrees in and out), by haversine: exact for arcseconds too.
public func separationDegrees(ra1: Double, dec1: Double, ra2: Double, dec2: Double) -> Double {
    let radians = Double.pi / 180
    let sinDec = sin((dec2 - dec1) * radians / 2)
    let sinRA = sin(wrapped(ra2 - ra1) * radians / 2)
    let haversine = sinDec * sinDec + cos(dec1 * radians) * cos(dec2 * radians) * sinRA * sinRA
    return 2 * asin(min(1, haversine.squareRoot())) / radians
}

/// Offsets of direction 2 from direction 1 in arcseconds, east and north, for small separations.
public func offsetsArcseconds(ra1: Double, dec1: Double, ra2: Double, dec2: Double) -> (east: Double, north: Double) {
    (wrapped(ra2 - ra1) * cosineOfDegrees((dec1 + dec2) / 2) * 3600, (dec2 - dec1) * 3600)
}

#if canImport(Glibc)
    import Glibc
#endif

/// Full width at half maximum over sigma: 2 sqrt(2 ln 2).
let widthPerSigma = 2.3548200450309493

/// A symmetric 2 × 2 matrix: a Gaussian's covariance or its inverse.
struct SymmetricMatrix: Sendable, Hashable {
    var xx: Double
    var xy: Double
    var yy: Double

    var determinant: Double { xx * yy - xy * xy }
    var isPositive: Bool { xx > 0 && yy > 0 && determinant > 0 }

    var inverse: SymmetricMatrix {
        SymmetricMatrix(xx: yy / determinant, xy: -xy / determinant, yy: xx / determinant)
    }

    /// xᵀ M x
    func form(_ x: Double, _ y: Double) -> Double { xx * x * x + 2 * xy * x * y + yy * y * y }

    /// M C Mᵀ for a general matrix M = (a b; c d).
    func transformed(_ a: Double, _ b: Double, _ c: Double, _ d: Double) -> SymmetricMatrix {
        SymmetricMatrix(
            xx: a * a * xx + 2 * a * b * xy + b * b * yy,
            xy: a * c * xx + (a * d + b * c) * xy + b * d * yy,
            yy: c * c * xx + 2 * c * d * xy + d * d * yy)
    }
}

extension RestoringBeam {
    /// Covariance on the sky: x east, y north, radians squared.
    var skyCovariance: SymmetricMatrix {
        let (along, across) = (pow(major / widthPerSigma, 2), pow(minor / widthPerSigma, 2))
        let (sine, cosine) = (sin(positionAngle), cos(positionAngle))
        return SymmetricMatrix(
            xx: along * sine * sine + across * cosine * cosine, xy: (along - across) * sine * cosine,
            yy: along * cosine * cosine + across * sine * sine)
    }

    /// From a covariance on the sky (x east, y north).
    init(skyCovariance matrix: SymmetricMatrix) {
        let mean = (matrix.xx + matrix.yy) / 2
        let spread = (pow((matrix.xx - matrix.yy) / 2, 2) + matrix.xy * matrix.xy).squareRoot()
        // Angle of the major axis from north (y) to east (x).
        let angle = atan2(2 * matrix.xy, matrix.yy - matrix.xx) / 2
        self.init(
            major: max(0, mean + spread).squareRoot() * widthPerSigma,
            minor: max(0, mean - spread).squareRoot() * widthPerSigma, positionAngle: angle)
    }

    /// Covariance in pixels around one pixel.
    func pixelCovariance(_ coordinates: ImageCoordinates, x: Double, y: Double) -> SymmetricMatrix {
        let j = coordinates.jacobian(x: x, y: y)
        let determinant = j.eastX * j.northY - j.eastY * j.northX
        return skyCovariance.transformed(
            j.northY / determinant, -j.eastY / determinant, -j.northX / determinant, j.eastX / determinant)
    }
}

#if canImport(Glibc)
    import Glibc
#endif

/// A complex number in single precision, laid out as two floats.
public struct ComplexGain: Sendable, Hashable, BitwiseCopyable {
    public var re: Float
    public var im: Float

    public init(_ re: Float, _ im: Float) {
        self.re = re
        self.im = im
    }

    /// amplitude · exp(i phase)
    public init(amplitude: Double, phase: Double) {
        self.init(Float(amplitude * cos(phase)), Float(amplitude * sin(phase)))
    }

    public static let zero = ComplexGain(0, 0)
    public static let one = ComplexGain(1, 0)

    public var power: Float { re * re + im * im }
    public var amplitude: Float { power.squareRoot() }
    public var phase: Float { atan2f(im, re) }
    public var conjugate: ComplexGain { ComplexGain(re, -im) }

    /// 1 / g; zero for zero.
    public var inverse: ComplexGain {
        let size = power
        return size > 0 && size.isFinite ? ComplexGain(re / size, -im / size) : .zero
    }

    /// g / |g|; zero for zero.
    public var unit: ComplexGain {
        let size = amplitude
        return size > 0 ? ComplexGain(re / size, im / size) : .zero
    }

    public static func * (a: ComplexGain, b: ComplexGain) -> ComplexGain {
        ComplexGain(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
    }

    public static func * (a: ComplexGain, b: Float) -> ComplexGain { ComplexGain(a.re * b, a.im * b) }

    public static func + (a: ComplexGain, b: ComplexGain) -> ComplexGain { ComplexGain(a.re + b.re, a.im + b.im) }
}

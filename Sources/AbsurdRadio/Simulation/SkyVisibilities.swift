import Glibc

// Who writes what: one SkyVisibilities belongs to one worker thread. `delays` is filled before the workers start and
// only read afterwards.

/// Geometry of a sky over an array: how far each source's wave front lies before the phase centre's, per antenna.
struct SourceDelays: Sendable {
    /// Antennas, rounded up to whole vectors.
    let stride: Int
    let sourceCount: Int
    /// Metres, [integration][source][antenna].
    private let metres: SharedArray<Double>
    /// Angle from the beam's axis, radians, [integration][source].
    private let offsets: [[Double]]

    init(plan: ObservationPlan, sky: SimulatedSky) {
        let stride = (plan.positions.count + 7) & ~7
        let count = sky.sources.count
        let metres = SharedArray<Double>(plan.frames.count * count * stride)
        var offsets: [[Double]] = []
        for (integration, frame) in plan.frames.enumerated() {
            let centre = Projection(centre: .hourAngle(0, declination: plan.pointingDeclination), frame: frame)
            let axis = frame.apparent(hourAngle: 0, declination: plan.pointingDeclination)
            var row: [Double] = []
            for (index, source) in sky.sources.enumerated() {
                let place = frame.apparent(SimulatedSky.direction(source))
                let towards = Projection(
                    apparent: place, frameAngle: 0, lst: frame.lst, longitudeRadians: frame.site.longitudeRadians)
                let start = metres.start + (integration * count + index) * stride
                for (antenna, position) in plan.positions.enumerated() {
                    start[antenna] = centre.phaseShiftMetres(to: towards, position)
                }
                row.append(place.separation(from: axis))
            }
            offsets.append(row)
        }
        self.stride = stride
        self.metres = metres
        self.offsets = offsets
        sourceCount = count
    }

    func metres(integration: Int) -> UnsafePointer<Double> {
        UnsafePointer(metres.start + integration * sourceCount * stride)
    }

    func offset(integration: Int, source: Int) -> Double { offsets[integration][source] }
}

/// Visibilities of point sources, channel by channel, factorised per antenna: with A[s][a] = √S_s exp(+2πi ν/c d[s][a])
/// a baseline's visibility is Σ_s conj(A[s][first]) A[s][second] (UVH5's sign convention).
///
/// From one channel to the next each factor turns by a fixed phasor, kept in double precision.
struct SkyVisibilities {
    private let delays: SourceDelays
    private let sky: SimulatedSky
    private let beam: PrimaryBeam?
    // [source][antenna]
    private let phasor: (re: SharedArray<Double>, im: SharedArray<Double>)
    private let step: (re: SharedArray<Double>, im: SharedArray<Double>)
    private let factor: (re: SharedArray<Float>, im: SharedArray<Float>)
    /// One row of baselines: from one antenna to all later ones.
    let rowRe: SharedArray<Float>
    let rowIm: SharedArray<Float>

    init(delays: SourceDelays, sky: SimulatedSky, beam: PrimaryBeam?) {
        self.delays = delays
        self.sky = sky
        self.beam = beam
        let size = delays.sourceCount * delays.stride
        phasor = (SharedArray(size), SharedArray(size))
        step = (SharedArray(size), SharedArray(size))
        factor = (SharedArray(size), SharedArray(size))
        rowRe = SharedArray(delays.stride)
        rowIm = SharedArray(delays.stride)
    }

    /// Sets the phasors of the first channel and the turn from channel to channel.
    func start(integration: Int, frequencyHz: Double, channelStepHz: Double) {
        let metres = delays.metres(integration: integration)
        for index in 0..<delays.sourceCount * delays.stride {
            let turns = metres[index] * 2 * .pi / speedOfLight
            phasor.re.start[index] = cos(turns * frequencyHz)
            phasor.im.start[index] = sin(turns * frequencyHz)
            step.re.start[index] = cos(turns * channelStepHz)
            step.im.start[index] = sin(turns * channelStepHz)
        }
    }

    /// Prepares one channel's factors and turns the phasors on to the next channel.
    func prepare(integration: Int, frequencyHz: Double) {
        for source in 0..<delays.sourceCount {
            var flux = sky.sources[source].flux(at: frequencyHz)
            if let beam {
                flux *= beam.gain(
                    offsetRadians: delays.offset(integration: integration, source: source), frequencyHz: frequencyHz)
            }
            let size = sqrt(flux)
            for index in source * delays.stride..<(source + 1) * delays.stride {
                let (re, im) = (phasor.re.start[index], phasor.im.start[index])
                factor.re.start[index] = Float(size * re)
                factor.im.start[index] = Float(size * im)
                phasor.re.start[index] = re * step.re.start[index] - im * step.im.start[index]
                phasor.im.start[index] = re * step.im.start[index] + im * step.re.start[index]
            }
        }
    }

    /// Fills `rowRe` and `rowIm` with the visibilities of `first` with every antenna from it on.
    func fillRow(first: Int) {
        let stride = delays.stride
        for block in Swift.stride(from: first & ~7, to: stride, by: 8) {
            var re = SIMD8<Float>.zero
            var im = SIMD8<Float>.zero
            var index = block
            var own = first
            for _ in 0..<delays.sourceCount {
                let (ownRe, ownIm) = (factor.re.start[own], factor.im.start[own])
                let otherRe = UnsafeRawPointer(factor.re.start + index).loadUnaligned(as: SIMD8<Float>.self)
                let otherIm = UnsafeRawPointer(factor.im.start + index).loadUnaligned(as: SIMD8<Float>.self)
                re += ownRe * otherRe + ownIm * otherIm
                im += ownRe * otherIm - ownIm * otherRe
                index += stride
                own += stride
            }
            UnsafeMutableRawPointer(rowRe.start + block).storeBytes(of: re, as: SIMD8<Float>.self)
            UnsafeMutableRawPointer(rowIm.start + block).storeBytes(of: im, as: SIMD8<Float>.self)
        }
    }
}

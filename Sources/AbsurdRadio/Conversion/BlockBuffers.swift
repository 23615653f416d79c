import CRadio

/// The memory of one worker: a block of rows before and after conversion. Used by one thread at a time.
final class BlockBuffers {
    let rows: Int
    let visibilities: UnsafeMutableBufferPointer<SIMD2<Float>>
    let inFlags: UnsafeMutableBufferPointer<UInt8>
    let samples: UnsafeMutableBufferPointer<Float>
    let antenna1: UnsafeMutableBufferPointer<Int32>
    let antenna2: UnsafeMutableBufferPointer<Int32>
    let swapped: UnsafeMutableBufferPointer<UInt8>
    /// Index into `phasors`, in integrations.
    let slots: UnsafeMutableBufferPointer<Int32>

    let data: UnsafeMutableBufferPointer<SIMD2<Float>>
    let flags: UnsafeMutableBufferPointer<UInt8>
    let weightSpectrum: UnsafeMutableBufferPointer<Float>
    let weight: UnsafeMutableBufferPointer<Float>
    let sigma: UnsafeMutableBufferPointer<Float>
    let uvw: UnsafeMutableBufferPointer<Double>

    private var allocations: [UnsafeMutableRawPointer] = []

    init(rows: Int, channels: Int, polarizations: Int) {
        self.rows = rows
        let values = rows * channels * polarizations
        var allocations: [UnsafeMutableRawPointer] = []
        func zeros<Value: BitwiseCopyable>(_ count: Int, _ zero: Value) -> UnsafeMutableBufferPointer<Value> {
            let buffer = UnsafeMutableBufferPointer<Value>.allocate(capacity: max(1, count))
            buffer.initialize(repeating: zero)
            allocations.append(UnsafeMutableRawPointer(buffer.baseAddress!))
            return buffer
        }
        visibilities = zeros(values, .zero)
        inFlags = zeros(values, 0)
        samples = zeros(values, 0)
        antenna1 = zeros(rows, 0)
        antenna2 = zeros(rows, 0)
        swapped = zeros(rows, 0)
        slots = zeros(rows, 0)
        data = zeros(values, .zero)
        flags = zeros(values, 0)
        weightSpectrum = zeros(values, 0)
        weight = zeros(rows * polarizations, 0)
        sigma = zeros(rows * polarizations, 0)
        uvw = zeros(rows * 3, 0)
        self.allocations = allocations
    }

    deinit { for allocation in allocations { allocation.deallocate() } }

    /// Everything but the shapes, the order of channels and polarisations, and the phasors.
    func describe(_ block: inout radio_convert_block) {
        block.visibilities = UnsafeRawPointer(visibilities.baseAddress!).assumingMemoryBound(to: Float.self)
        block.flags = UnsafePointer(inFlags.baseAddress!)
        block.samples = UnsafePointer(samples.baseAddress!)
        block.antenna1 = UnsafePointer(antenna1.baseAddress!)
        block.antenna2 = UnsafePointer(antenna2.baseAddress!)
        block.swapped = UnsafePointer(swapped.baseAddress!)
        block.integration = UnsafePointer(slots.baseAddress!)
        block.data = UnsafeMutableRawPointer(data.baseAddress!).assumingMemoryBound(to: Float.self)
        block.out_flags = flags.baseAddress!
        block.weight_spectrum = weightSpectrum.baseAddress!
        block.weight = weight.baseAddress!
        block.sigma = sigma.baseAddress!
    }
}

import Glibc

/// How a UVH5 file lays its arrays out.
public enum UVH5Layout: Sendable, Hashable {
    /// The telescope's writer: a spectral-window axis of length 1, scalar channel width, single-precision uvw,
    /// phase type drift with the declination in extra_keywords. With `catalogue`, today's phase_center_catalog is
    /// there as well: without it pyuvdata takes the uvw for east, north, up and says that they do not fit.
    case telescope(catalogue: Bool)
    /// pyuvdata's of today: no spectral-window axis, a width for each channel, double-precision uvw, a catalogue.
    case current

    var hasWindowAxis: Bool { self != .current }
    var hasCatalogue: Bool { self != .telescope(catalogue: false) }

    /// The chunk that h5py chooses for a dataset that grows in its first axis: halve the axes in turn until a chunk has
    /// about 8 to 16 KiB. (128, 1, 12, 1) for the telescope's visibilities.
    func chunk(channels: Int, polarizations: Int, elementBytes: Int) -> [Int] {
        var chunk = [1024, channels, polarizations]
        if hasWindowAxis { chunk.insert(1, at: 1) }
        let mebibytes = Double(chunk.reduce(elementBytes, *)) / 1_048_576
        let target = max(8192, 16_384 * exp2(log10(mebibytes)))
        var axis = 0
        while true {
            let bytes = Double(chunk.reduce(elementBytes, *))
            if bytes < target || (bytes - target) / target < 0.5 { return chunk }
            chunk[axis % chunk.count] = (chunk[axis % chunk.count] + 1) / 2
            axis += 1
        }
    }
}

import Absurd
import CRadio
import Synchronization

/// A Measurement Set (version 2) on disk, ours or another program's.
///
/// Who may do what: casacore's tables are not thread-safe, so every call into them in this process goes through one
/// lock; any thread may use a `MeasurementSet`. Bulk columns of our own files bypass casacore, see
/// `MeasurementColumn`: their reads and writes run in parallel.
/// Death: `close` writes everything back; a set that is dropped without it is closed by its last reference, and what
/// then goes wrong is lost. A process killed while writing leaves a set that must not be used.
public final class MeasurementSet: Sendable {
    public struct Antenna: Sendable, Hashable {
        public var name: String
        public var station: String
        /// ITRF, metres.
        public var position: SIMD3<Double>
        public var dishDiameter: Double

        public init(name: String, station: String, position: SIMD3<Double>, dishDiameter: Double) {
            self.name = name
            self.station = station
            self.position = position
            self.dishDiameter = dishDiameter
        }
    }

    /// A spectral window.
    public struct Window: Sendable, Hashable {
        public var name: String
        /// Channel centres and widths in Hz.
        public var frequencies: [Double]
        public var widths: [Double]

        public init(name: String, frequencies: [Double], widths: [Double]) {
            self.name = name
            self.frequencies = frequencies
            self.widths = widths
        }
    }

    public struct Field: Sendable, Hashable {
        public var name: String
        /// The phase centre, ICRS, radians.
        public var rightAscension: Double
        public var declination: Double

        public init(name: String, rightAscension: Double, declination: Double) {
            self.name = name
            self.rightAscension = rightAscension
            self.declination = declination
        }
    }

    /// What a DATA_DESC_ID stands for.
    public struct DataDescription: Sendable, Hashable {
        /// Index into `windows`.
        public var window: Int
        public var correlations: [Correlation]
    }

    /// casacore's numbers of the Stokes parameters that feeds give.
    public enum Correlation: Int32, Sendable, Hashable {
        case i = 1
        case q, u, v
        case rr, rl, lr, ll
        case xx, xy, yx, yy
    }

    public let path: String
    public let rowCount: Int
    public let antennas: [Antenna]
    public let windows: [Window]
    public let fields: [Field]
    public let dataDescriptions: [DataDescription]
    public let telescope: String
    /// First and last moment, MJD UTC in seconds.
    public let timeRange: (Double, Double)
    let handle: CasacoreHandle

    /// - Throws: `Refusal` (bad data) when there is no Measurement Set that can be read (or written) at `path`.
    public init(opening path: String, writable: Bool = false) throws {
        do {
            handle = try CasacoreHandle { radio_ms_open(path, writable, $0) }
        } catch {
            throw Refusal(
                "Measurement Set \(path)", why: "cannot be opened: \(error)",
                remedy: "pass the directory that the conversion wrote", exit: .badData)
        }
        self.path = path
        let description = try handle.describe()
        rowCount = description.rowCount
        antennas = description.antennas
        windows = description.windows
        fields = description.fields
        dataDescriptions = description.dataDescriptions
        telescope = description.telescope
        timeRange = description.timeRange
    }

    /// Writes everything back and lets go of the files; nothing of this set may be used afterwards.
    public func close() throws { try handle.close() }

    public func hasColumn(_ name: String) throws -> Bool {
        var answer = false
        try handle.call { radio_ms_has_column($0, name, &answer) }
        return answer
    }

    /// One column of the main table.
    public func column(_ name: String) throws -> MeasurementColumn {
        try MeasurementColumn(name, of: self)
    }

    /// Adds a visibility column shaped like DATA: `CORRECTED_DATA` or `MODEL_DATA`. Nothing happens where it exists.
    public func addVisibilityColumn(_ name: String) throws {
        try handle.call { radio_ms_add_visibilities($0, name) }
    }

    /// Adds SIGMA_SPECTRUM, the noise of each sample of DATA; its values are zero at first. Nothing happens where it
    /// exists.
    public func addSigmaSpectrum() throws {
        try handle.call { radio_ms_add_sigma_spectrum($0) }
    }

    /// - Parameter time: MJD UTC in seconds
    public func addHistory(application: String, message: String, time: Double) throws {
        try handle.call { radio_ms_add_history($0, application, message, time) }
    }
}

/// What casacore said when it refused.
public struct MeasurementSetFailure: Error, Sendable, CustomStringConvertible {
    public var description: String
}

/// One open set in the C shim, and the lock under which this process enters casacore.
final class CasacoreHandle: Sendable {
    private struct Pointer: @unchecked Sendable {
        var raw: OpaquePointer?
    }
    private static let casacore = Mutex(())
    /// Written by `close` only, under the lock of `casacore`.
    private let pointer: Mutex<Pointer>

    init(_ open: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws {
        var raw: OpaquePointer?
        try Self.casacore.withLock { _ in
            if open(&raw) != 0 { throw MeasurementSetFailure(description: String(cString: radio_ms_error())) }
        }
        pointer = Mutex(Pointer(raw: raw))
    }

    deinit { try? close() }

    /// Runs `body`, which enters casacore by another door than a handle, under the same lock.
    static func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        try casacore.withLock { _ in try body() }
    }

    func close() throws {
        try Self.casacore.withLock { _ in
            let raw = pointer.withLock { pointer in
                defer { pointer.raw = nil }
                return pointer.raw
            }
            guard let raw else { return }
            if radio_ms_close(raw) != 0 { throw MeasurementSetFailure(description: String(cString: radio_ms_error())) }
        }
    }

    /// - Throws: what the shim said when `body` returns anything but 0.
    func call(_ body: (OpaquePointer) -> Int32) throws {
        try Self.casacore.withLock { _ in
            guard let raw = pointer.withLock({ $0.raw }) else {
                throw MeasurementSetFailure(description: "the Measurement Set is closed")
            }
            if body(raw) != 0 { throw MeasurementSetFailure(description: String(cString: radio_ms_error())) }
        }
    }
}

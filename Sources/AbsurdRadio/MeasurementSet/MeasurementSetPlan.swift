import Absurd
import CRadio
import Glibc

/// What a new Measurement Set describes. Every window has the same number of channels.
public struct MeasurementSetPlan: Sendable {
    public var path: String
    public var rowCount: Int
    public var telescope: String
    public var observer: String
    public var project: String
    /// Of the array's reference point, ITRF, metres.
    public var arrayPosition: SIMD3<Double>
    /// First and last moment, MJD UTC in seconds.
    public var timeRange: (Double, Double)
    public var antennas: [MeasurementSet.Antenna]
    /// As the ANTENNA subtable spells it.
    public var mount = "alt-az"
    /// Ascending in frequency.
    public var windows: [MeasurementSet.Window]
    public var correlations: [MeasurementSet.Correlation]
    public var fields: [MeasurementSet.Field]
    /// Of each field, MJD UTC in seconds.
    public var fieldTimes: [Double]
    public var application: String
    public var history: String

    public init(
        path: String, rowCount: Int, telescope: String, observer: String, project: String,
        arrayPosition: SIMD3<Double>, timeRange: (Double, Double), antennas: [MeasurementSet.Antenna],
        windows: [MeasurementSet.Window], correlations: [MeasurementSet.Correlation], fields: [MeasurementSet.Field],
        fieldTimes: [Double], application: String, history: String
    ) {
        self.path = path
        self.rowCount = rowCount
        self.telescope = telescope
        self.observer = observer
        self.project = project
        self.arrayPosition = arrayPosition
        self.timeRange = timeRange
        self.antennas = antennas
        self.windows = windows
        self.correlations = correlations
        self.fields = fields
        self.fieldTimes = fieldTimes
        self.application = application
        self.history = history
    }
}

extension MeasurementSetPlan {
    /// Creates the set with `rowCount` rows. `fill` writes the scalar columns TIME, TIME_CENTROID, INTERVAL, EXPOSURE,
    /// DATA_DESC_ID, FIELD_ID, SCAN_NUMBER, ANTENNA1 and ANTENNA2; the bulk columns are zero and are written after
    /// this returns, through `MeasurementSet.column`.
    /// - Throws: `Refusal` (cannot create) when something is at `path` already or the disk is full.
    public func create(fill: (ScalarColumns) throws -> Void) throws {
        let channels = windows.first?.frequencies.count ?? 0
        precondition(windows.allSatisfy { $0.frequencies.count == channels && $0.widths.count == channels })
        precondition(fields.count == fieldTimes.count)
        let handle: CasacoreHandle
        do {
            handle = try CasacoreHandle { out in withPlan { radio_ms_create(&$0, out) } }
        } catch {
            throw Refusal(
                "Measurement Set \(path)", why: "cannot be created: \(error)",
                remedy: "remove what is there or free space", exit: .cannotCreate)
        }
        try fill(ScalarColumns(handle: handle))
        try handle.close()
    }

    private func withPlan(_ body: (inout radio_ms_plan) -> Int32) -> Int32 {
        let texts = CTexts()
        var plan = radio_ms_plan()
        plan.path = texts.text(path)
        plan.row_count = Int64(rowCount)
        plan.telescope_name = texts.text(telescope)
        plan.observer = texts.text(observer)
        plan.project = texts.text(project)
        plan.array_position_m = (arrayPosition.x, arrayPosition.y, arrayPosition.z)
        plan.time_range_s = timeRange
        plan.mount = texts.text(mount)
        plan.antenna_count = Int32(antennas.count)
        plan.window_count = Int32(windows.count)
        plan.channel_count = Int32(windows.first?.frequencies.count ?? 0)
        plan.polarization_count = Int32(correlations.count)
        plan.field_count = Int32(fields.count)
        plan.history_application = texts.text(application)
        plan.history_message = texts.text(history)
        plan.antenna_names = texts.list(antennas.map(\.name))
        plan.station_names = texts.list(antennas.map(\.station))
        plan.field_names = texts.list(fields.map(\.name))
        plan.antenna_positions_m = texts.numbers(antennas.flatMap { [$0.position.x, $0.position.y, $0.position.z] })
        plan.dish_diameters_m = texts.numbers(antennas.map(\.dishDiameter))
        plan.frequencies_hz = texts.numbers(windows.flatMap(\.frequencies))
        plan.channel_widths_hz = texts.numbers(windows.flatMap(\.widths))
        plan.correlation_types = texts.numbers(correlations.map(\.rawValue))
        plan.field_directions_rad = texts.numbers(fields.flatMap { [$0.rightAscension, $0.declination] })
        plan.field_times_s = texts.numbers(fieldTimes)
        return withExtendedLifetime(texts) { body(&plan) }
    }
}

/// The scalar columns of a set that is being created.
public struct ScalarColumns {
    let handle: CasacoreHandle

    /// Writes `values` to the rows from `first` on. For columns of which neighbouring rows mostly agree (TIME,
    /// INTERVAL, DATA_DESC_ID, FIELD_ID, SCAN_NUMBER, FLAG_ROW, ...), in ascending order of rows.
    public func writeRuns<Value: BitwiseCopyable>(_ column: String, first: Int, _ values: [Value]) throws {
        try values.withUnsafeBytes { bytes in
            try handle.call {
                radio_ms_write_runs(
                    $0, column, Int64(first), Int64(values.count), bytes.baseAddress, Int64(bytes.count))
            }
        }
    }

    /// Writes `values` to the rows from `first` on: ANTENNA1, ANTENNA2.
    public func write<Value: BitwiseCopyable>(_ column: String, first: Int, _ values: [Value]) throws {
        try values.withUnsafeBytes { bytes in
            try handle.call {
                radio_ms_write($0, column, Int64(first), Int64(values.count), bytes.baseAddress, Int64(bytes.count))
            }
        }
    }
}

/// Memory behind the pointers of a C structure; freed with the object.
private final class CTexts {
    private var allocations: [UnsafeMutableRawPointer] = []

    deinit { for allocation in allocations { free(allocation) } }

    func text(_ text: String) -> UnsafePointer<CChar> {
        let copy = strdup(text)!
        allocations.append(copy)
        return UnsafePointer(copy)
    }

    func list(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?> {
        let pointers = texts.map { Optional(text($0)) }
        return numbers(pointers)
    }

    func numbers<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
        let bytes = max(1, values.count * MemoryLayout<Value>.stride)
        let copy = malloc(bytes)!
        allocations.append(copy)
        values.withUnsafeBytes { copy.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(copy), byteCount: $0.count) }
        return UnsafePointer(copy.assumingMemoryBound(to: Value.self))
    }
}

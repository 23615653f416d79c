import Absurd
import CPostgres

/// Plain reading of rows that come by the thousand: no generics and no copy but of what is returned. The types are
/// checked once a result, by `require`.
extension PostgresRows {
    /// - Throws: when the columns are not of these types, in order.
    public func require(_ types: [UInt32]) throws(PostgresError) {
        guard columnCount == types.count,
            types.indices.allSatisfy({ PQftype(handle, Int32($0)) == types[$0] })
        else { throw .decoding("other columns than were expected") }
    }

    public func uuid(_ row: Int, _ column: Int) throws(PostgresError) -> TaskID {
        let bytes = try value(row, column, count: 16)
        return TaskID(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    public func int4(_ row: Int, _ column: Int) throws(PostgresError) -> Int32 {
        Int32(bigEndian: try value(row, column, count: 4).loadUnaligned(as: Int32.self))
    }

    public func float8(_ row: Int, _ column: Int) throws(PostgresError) -> Double {
        Double(bitPattern: UInt64(bigEndian: try value(row, column, count: 8).loadUnaligned(as: UInt64.self)))
    }

    public func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(handle, Int32(row), Int32(column)) != 0 }

    public func flag(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        try value(row, column, count: 1)[0] != 0
    }

    public func text(_ row: Int, _ column: Int) throws(PostgresError) -> String {
        String(decoding: try value(row, column, count: nil), as: UTF8.self)
    }

    /// jsonb as JSON text.
    public func json(_ row: Int, _ column: Int) throws(PostgresError) -> [UInt8] {
        let bytes = try value(row, column, count: nil)
        return bytes.isEmpty ? [] : [UInt8](UnsafeRawBufferPointer(rebasing: bytes[1...]))
    }

    /// The bytes, which the result owns; NULL has none.
    private func value(_ row: Int, _ column: Int, count: Int?) throws(PostgresError) -> UnsafeRawBufferPointer {
        let length = Int(PQgetlength(handle, Int32(row), Int32(column)))
        guard row < self.count, count == nil || count == length else {
            throw .decoding("column \(column): \(length) bytes where others were expected")
        }
        return UnsafeRawBufferPointer(start: PQgetvalue(handle, Int32(row), Int32(column)), count: length)
    }
}

import Absurd
import CPostgres

/// The rows that one statement returned, in binary, still in libpq's memory.
///
/// Sendable because a result is never changed once it has been received, and libpq only reads from it.
public final class PostgresRows: @unchecked Sendable {
    @usableFromInline let handle: OpaquePointer
    public let count: Int
    public let columnCount: Int

    init(adopting handle: OpaquePointer) {
        self.handle = handle
        count = Int(PQntuples(handle))
        columnCount = Int(PQnfields(handle))
    }

    deinit { PQclear(handle) }

    /// The number that the command tag ends with: rows inserted, updated, deleted or selected.
    public var affectedCount: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

    public var columnNames: [String] { (0..<columnCount).map { String(cString: PQfname(handle, Int32($0))) } }

    /// The column's index, or nil. Look it up once outside of a loop.
    public func column(_ name: String) -> Int? {
        let quoted = "\"" + name + "\""
        let index = PQfnumber(handle, quoted)
        return index < 0 ? nil : Int(index)
    }

    public func cell(_ row: Int, _ column: Int) -> PostgresCell {
        precondition(row >= 0 && row < count && column >= 0 && column < columnCount, "cell out of range")
        let type = PQftype(handle, Int32(column))
        if PQgetisnull(handle, Int32(row), Int32(column)) != 0 { return PostgresCell(type: type, bytes: nil) }
        let start = PQgetvalue(handle, Int32(row), Int32(column))
        let length = Int(PQgetlength(handle, Int32(row), Int32(column)))
        return PostgresCell(type: type, bytes: UnsafeRawBufferPointer(start: start, count: length))
    }

    /// Decodes one value; ask for an optional where NULL may come.
    public func get<Value: PostgresDecodable>(
        _ row: Int, _ column: Int, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        // The cell points into this result, which the call keeps alive.
        defer { withExtendedLifetime(self) {} }
        do {
            return try Value(postgres: cell(row, column))
        } catch {
            throw .decoding("column \(String(cString: PQfname(handle, Int32(column)))): \(error.message)")
        }
    }
}

extension PostgresRows: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { count }
    public subscript(index: Int) -> PostgresRow { PostgresRow(rows: self, index: index) }
}

/// One row; it keeps its result alive.
public struct PostgresRow: Sendable {
    public let rows: PostgresRows
    public let index: Int

    public func get<Value: PostgresDecodable>(
        _ column: Int, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard column < rows.columnCount else { throw .decoding("no column \(column)") }
        return try rows.get(index, column)
    }

    public func get<Value: PostgresDecodable>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard let column = rows.column(name) else { throw .decoding("no column named \(name)") }
        return try rows.get(index, column)
    }

    /// The value's bytes as Postgres sent them, without a copy; nil for NULL.
    public func withBytes<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer?) throws -> Result) rethrows -> Result
    {
        try withExtendedLifetime(rows) { try body(rows.cell(index, column).bytes) }
    }
}

/// A value in Postgres' binary format, borrowed from its result.
public struct PostgresCell {
    public let type: UInt32
    /// nil for NULL.
    public let bytes: UnsafeRawBufferPointer?
}

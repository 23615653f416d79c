import Absurd
import AbsurdStore

/// Indexes: those of the schema that are gone or broken, those nobody asked for, and whether the planner uses them.
enum Indexes {
    static let checks = [
        Check("missing-index", "is every index of the schema there and valid?", missing),
        Check("unused-index", "does every other index earn its keep?", unused),
        Check("plan", "do claiming, listing and finding use indexes?", plans),
    ]

    /// An index of this build's schema, with the statement that makes it.
    struct Expected: Hashable {
        var name: String
        var table: String
        var statement: String
    }

    /// Read from the schema's own files, so that nothing has to be kept in step: the last word on a name counts.
    static let expected: [Expected] = expected(in: Migrator.embedded.map(\.sql))

    static func expected(in files: [String]) -> [Expected] {
        let create = /CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+)\s+ON (?:ONLY )?absurd\.(\w+)[^;]*/
        let drop = /DROP (?:INDEX|TABLE) (?:IF EXISTS )?absurd\.(\w+)/
        var found: [String: Expected] = [:]
        for file in files {
            // A file that drops what it makes anew says so in this order.
            for match in file.matches(of: drop) {
                found = found.filter { $0.key != match.1 && $0.value.table != match.1 }
            }
            for match in file.matches(of: create) {
                let statement = match.0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                found[String(match.1)] = Expected(
                    name: String(match.1), table: String(match.2), statement: statement)
            }
        }
        return found.values.sorted { $0.name < $1.name }
    }

    static func missing(_ facts: Facts) -> [Diagnosis]? {
        guard let indexes = facts.database?.indexes else { return nil }
        let there = Dictionary(indexes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return expected.compactMap { index in
            guard let found = there[index.name] else {
                return Diagnosis(
                    "missing-index", .critical, cause: "the index \(index.name) on absurd.\(index.table) is missing",
                    evidence: "the schema makes it, and the catalogue (pg_index) has none of that name",
                    remedy: Remedy.psql(index.statement))
            }
            guard !found.isValid else { return nil }
            return Diagnosis(
                "missing-index", .critical, cause: "the index \(index.name) on absurd.\(index.table) is not valid",
                evidence: "pg_index.indisvalid is false: it was being built when that broke off",
                remedy: Remedy.sql("reindex", ["INDEX_NAME": index.name]))
        }
    }

    static func unused(_ facts: Facts) -> [Diagnosis]? {
        let ours = Set(expected.map(\.name))
        return facts.database?.indexes?.filter { index in
            // Partitions of an index of ours are named after their table and its columns.
            !index.isConstraint && index.scans == 0 && !ours.contains(index.name) && index.bytes > 1 << 20
        }.map { index in
            Diagnosis(
                "unused-index", .warning, cause: "the index \(index.name) on absurd.\(index.table) is never used",
                evidence: "0 scans, \(index.bytes >> 20) MiB, written to by every change of the table",
                remedy: Remedy.sql("drop_index", ["INDEX_NAME": index.name]))
        }
    }

    static func plans(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.plans?.sorted { $0.key < $1.key }.compactMap { purpose, plan in
            let walks = Self.walks(plan)
            guard !walks.isEmpty else { return nil }
            return Diagnosis(
                "plan", .critical, cause: "\(purpose) reads whole tables",
                evidence: "EXPLAIN shows " + walks.joined(separator: ", "),
                remedy: "make the missing indexes (see the other findings), then "
                    + Remedy.psql("ANALYZE absurd.tasks_ready, absurd.tasks_done"))
        }
    }

    /// The scans of a plan that no index serves. It was made with sequential scans discouraged, so one that is left is
    /// one that nothing can replace.
    static func walks(_ plan: JSONValue) -> [String] {
        if let items = plan.items { return items.flatMap(walks) }
        var found: [String] = []
        if let type = plan["Node Type"]?.text, type == "Seq Scan" {
            found.append("a sequential scan of \(plan["Relation Name"]?.text ?? "a table")")
        }
        if let inner = plan["Plan"] { found += walks(inner) }
        if let inner = plan["Plans"] { found += walks(inner) }
        return found
    }
}

/// Bloat, vacuum, and who keeps old row versions alive.
enum Storage {
    static let checks = [
        Check("old-snapshot", "does anybody hold an old snapshot?", snapshot),
        Check("bloat", "are the tables clean?", bloat),
        Check("vacuum", "does vacuum run?", vacuum),
        Check("transaction-age", "is the transaction counter far from its end?", transactionAge),
    ]

    static func snapshot(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.snapshots?.filter { $0.ageSeconds > Bounds.snapshotSecondsWarning }.prefix(3).map { holder in
            let isCritical = holder.ageSeconds > Bounds.snapshotSecondsCritical
            return Diagnosis(
                "old-snapshot", isCritical ? .critical : .warning,
                cause:
                    "\(holder.holder) has held a snapshot for \(Int(holder.ageSeconds)) s, and vacuum can remove nothing newer",
                evidence: holder.doing,
                remedy: holder.process > 0
                    ? "end its transaction: " + Remedy.sql("terminate", ["PROCESS": "\(holder.process)"])
                    : "commit or roll it back, or drop the slot, if nobody needs it any more")
        }
    }

    static func bloat(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.tables?.compactMap { table in
            let all = table.liveRows + table.deadRows
            guard table.deadRows > Bounds.deadRowsMin, Double(table.deadRows) > Bounds.deadFraction * Double(all) else {
                return nil
            }
            return Diagnosis(
                "bloat", .warning, cause: "absurd.\(table.name) is full of dead rows",
                evidence: "\(table.deadRows) dead and \(table.liveRows) live rows in \(table.bytes >> 20) MiB",
                remedy: "when no old snapshot is held: " + Remedy.psql("VACUUM (ANALYZE) absurd.\(table.name)"))
        }
    }

    static func vacuum(_ facts: Facts) -> [Diagnosis]? {
        guard let settings = facts.database?.settings, let tables = facts.database?.tables else { return nil }
        var findings: [Diagnosis] = []
        for name in ["autovacuum", "track_counts"] where settings[name] == "off" {
            findings.append(
                Diagnosis(
                    "vacuum", .critical, cause: "autovacuum is off", evidence: "\(name) = off",
                    remedy: "set \(name) = on in postgresql.conf, then " + Remedy.psql("SELECT pg_reload_conf()")))
        }
        for table in tables where table.deadRows > Bounds.deadRowsMin && table.secondsSinceVacuum ?? .infinity > 3600 {
            let last = table.secondsSinceVacuum.map { "was vacuumed \(Int($0 / 60)) min ago" } ?? "was never vacuumed"
            findings.append(
                Diagnosis(
                    "vacuum", .warning, cause: "vacuum falls behind on absurd.\(table.name)",
                    evidence: "\(table.deadRows) dead rows, and it \(last)",
                    remedy: Remedy.psql("VACUUM (ANALYZE) absurd.\(table.name)")
                        + "; then a higher autovacuum_vacuum_cost_limit (see `absurd tune`)"))
        }
        return findings
    }

    static func transactionAge(_ facts: Facts) -> [Diagnosis]? {
        guard let age = facts.database?.transactionAge else { return nil }
        guard age > Bounds.transactionAgeWarning else { return [] }
        return [
            Diagnosis(
                "transaction-age", age > Bounds.transactionAgeCritical ? .critical : .warning,
                cause: "the database's oldest transaction number is far behind",
                evidence: "age(datfrozenxid) is \(age); the server stops writing near 2100000000",
                remedy: "end what holds snapshots, then " + Remedy.psql("VACUUM (FREEZE)"))
        ]
    }
}

/// The server's settings: connections, durability, checkpoints.
enum Server {
    static let checks = [
        Check("connections", "are there enough connections?", connections),
        Check("durability", "does a commit survive a crash?", durability),
        Check("checkpoints", "are checkpoints rare?", checkpoints),
    ]

    static func connections(_ facts: Facts) -> [Diagnosis]? {
        guard let connections = facts.database?.connections, let nodes = facts.database?.nodes?.filter(\.isAlive) else {
            return nil
        }
        let needed = ConnectionFormula.max(nodes: max(1, nodes.count), clientPools: 1)
        let usable = connections.max - connections.reserved
        let formula =
            "\(connections.used) of \(usable) are used; the formula asks for max_connections >= \(needed): "
            + ConnectionFormula.text(nodes: max(1, nodes.count), clientPools: 1)
        if Double(connections.used) > 0.8 * Double(usable) {
            return [
                Diagnosis(
                    "connections", Double(connections.used) > 0.95 * Double(usable) ? .critical : .warning,
                    cause: "the server runs out of connections",
                    evidence: formula + "; \(connections.ofAbsurd) are absurd's",
                    remedy: "close idle clients (pg_stat_activity), put a pooler before them, or raise max_connections "
                        + "(see `absurd tune`) and restart the server")
            ]
        }
        guard connections.max < needed else { return [] }
        return [
            Diagnosis(
                "connections", .warning, cause: "max_connections is lower than the formula",
                evidence: formula, remedy: "max_connections = \(needed) in postgresql.conf, and restart the server")
        ]
    }

    static func durability(_ facts: Facts) -> [Diagnosis]? {
        guard let settings = facts.database?.settings else { return nil }
        return ["fsync", "full_page_writes", "synchronous_commit"].filter { settings[$0] == "off" }.map { name in
            Diagnosis(
                "durability", .critical, cause: "an acknowledged task can be lost",
                evidence: "\(name) = off: a crash of the server or its machine takes commits with it",
                remedy: "set \(name) = on in postgresql.conf, then " + Remedy.psql("SELECT pg_reload_conf()"))
        }
    }

    static func checkpoints(_ facts: Facts) -> [Diagnosis]? {
        guard let timed = facts.database?.checkpointsTimed, let asked = facts.database?.checkpointsRequested else {
            return nil
        }
        guard asked > 20, asked > timed else { return [] }
        return [
            Diagnosis(
                "checkpoints", .warning, cause: "checkpoints come too often",
                evidence: "\(asked) were forced by a full log, \(timed) came by the clock",
                remedy: "a larger max_wal_size (see `absurd tune`), then " + Remedy.psql("SELECT pg_reload_conf()"))
        ]
    }
}

/// How many connections a deployment needs. A leader takes three whatever the number of its workers.
public enum ConnectionFormula {
    public static let perLeader = 3
    /// The default pool of a client program, such as a service that spawns.
    public static let perClientPool = 10
    /// psql, monitor, doctor, backup.
    public static let perOperator = 5
    /// superuser_reserved_connections as PostgreSQL ships it.
    public static let reserved = 3

    public static func max(nodes: Int, clientPools: Int) -> Int {
        let sum = nodes * perLeader + clientPools * perClientPool + perOperator + reserved
        // A quarter to spare, so that a restart's new connections fit beside the old ones.
        return (sum * 5 + 3) / 4
    }

    public static func text(nodes: Int, clientPools: Int) -> String {
        "(\(nodes) leaders x \(perLeader) + \(clientPools) client pools x \(perClientPool) + \(perOperator) for operators "
            + "+ \(reserved) reserved) x 1.25"
    }
}

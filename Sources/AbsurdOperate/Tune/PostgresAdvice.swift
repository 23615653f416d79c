/// The lines of postgresql.conf, each with its reason.
enum PostgresAdvice {
    static func settings(_ machine: MachineFacts) -> [Advised] {
        memory(machine) + connections(machine) + log(machine) + planner(machine) + vacuum(machine) + watching
    }

    private static func memory(_ machine: MachineFacts) -> [Advised] {
        let all = machine.usableMemoryBytes >> 20
        let alone = machine.isDatabaseAlone
        let buffers = alone ? clamp(all / 4, 128, 16_384) : clamp(all / 16, 128, 2048)
        let cache = alone ? all * 3 / 4 : all / 4
        return [
            Advised(
                "shared_buffers", "\(buffers)MB",
                alone
                    ? "a quarter of the memory of a machine that the database has for itself"
                    : "a sixteenth, at most 2 GB: the live rows of the queue are few, and the stages need the rest"),
            Advised(
                "effective_cache_size", "\(max(cache, buffers))MB",
                "what the page cache will hold of the tables, so that the planner trusts the indexes"),
            Advised(
                "work_mem", "\(clamp(all / 1024, 4, 32))MB", "a sort or hash; the queue's own statements need none"),
            Advised(
                "maintenance_work_mem", "\(clamp(all / 64, 64, 1024))MB",
                "vacuum and index builds: dead rows of the moving tables fit in one pass"),
            Advised(
                "huge_pages", "try",
                "fewer page table entries for the shared buffers, where the kernel has some reserved"),
        ]
    }

    private static func connections(_ machine: MachineFacts) -> [Advised] {
        let count = ConnectionFormula.max(nodes: machine.nodes, clientPools: machine.clientPools)
        return [
            Advised(
                "max_connections", "\(count)",
                ConnectionFormula.text(nodes: machine.nodes, clientPools: machine.clientPools)),
            Advised(
                "idle_in_transaction_session_timeout", "60s",
                "a client that forgets its transaction holds a snapshot, and dead rows pile up before every claim"),
            Advised("tcp_keepalives_idle", "30", "a node that was cut off frees its connections within two minutes"),
            Advised("tcp_keepalives_interval", "10", "as above"),
            Advised("tcp_keepalives_count", "6", "as above"),
        ]
    }

    private static func log(_ machine: MachineFacts) -> [Advised] {
        [
            Advised("fsync", "on", "an acknowledged task is never lost"),
            Advised("synchronous_commit", "on", "the same; commits are batched by the leader, so it costs little"),
            Advised("wal_compression", "on", "less to write after each checkpoint"),
            Advised(
                "max_wal_size", "4GB", "checkpoints by the clock, not by volume: each one writes whole pages again"),
            Advised("checkpoint_timeout", "15min", "as above; recovery after a crash stays under a minute or two"),
            Advised("checkpoint_completion_target", "0.9", "spread the writing, so that claims do not stall on it"),
        ]
    }

    private static func planner(_ machine: MachineFacts) -> [Advised] {
        let isSolid = machine.storage == .ssd
        return [
            Advised(
                "random_page_cost", isSolid ? "1.1" : "4.0",
                isSolid ? "reading a page anywhere costs the same on an SSD" : "a disk with a head must move it"),
            Advised(
                "effective_io_concurrency", isSolid ? "200" : "2", isSolid ? "an SSD reads in parallel" : "one head"),
            Advised("jit", "off", "the queue's statements are short; compiling them costs more than running them"),
        ]
    }

    private static func vacuum(_ machine: MachineFacts) -> [Advised] {
        [
            Advised("autovacuum_max_workers", "4", "the moving tables never wait for a large one to be done"),
            Advised(
                "autovacuum_naptime", "10s", "the moving tables turn over in seconds; the schema sets their thresholds"),
            Advised(
                "autovacuum_vacuum_cost_limit", machine.storage == .ssd ? "2000" : "400",
                machine.storage == .ssd
                    ? "vacuum may use an SSD's speed" : "vacuum must leave the disk to the claims"),
        ]
    }

    private static let watching = [
        Advised(
            "shared_preload_libraries", "'pg_stat_statements'",
            "`absurd doctor` names slow statements; needs CREATE EXTENSION pg_stat_statements once"),
        Advised("track_io_timing", "on", "EXPLAIN and pg_stat_statements say what was disk and what was not"),
        Advised("log_min_duration_statement", "1s", "a statement that takes a second is worth a line"),
        Advised("log_lock_waits", "on", "so is one that waits long for a lock"),
        Advised("log_autovacuum_min_duration", "10s", "and a vacuum that takes long"),
    ]

    private static func clamp(_ value: Int64, _ low: Int64, _ high: Int64) -> Int64 { min(max(value, low), high) }
}

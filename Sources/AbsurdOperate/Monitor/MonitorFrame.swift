import Absurd
import AbsurdObserve

extension MonitorModel {
    /// The screen: exactly `rows` lines of at most `columns` characters.
    public var frame: [StyledLine] {
        var lines = [header]
        guard let snapshot else {
            lines.append(StyledLine("looking at the database ...", .dim, width: columns))
            return padded(lines)
        }
        if view == .help { return padded(lines + help) }
        lines += alerts(snapshot)
        if snapshot.failure == nil {
            lines += windows(snapshot) + queues(snapshot)
            lines += view == .workers ? workers(snapshot) : taskTable(room: rows - lines.count - 2)
        }
        return padded(lines)
    }

    private func padded(_ lines: [StyledLine]) -> [StyledLine] {
        let body = Array(lines.prefix(rows - 1))
        let gap = [StyledLine](repeating: StyledLine(width: columns), count: rows - 1 - body.count)
        return body + gap + [footer]
    }

    private var header: StyledLine {
        var line = StyledLine(width: columns)
        line.add("absurd monitor ", .strong)
        if let snapshot {
            line.add(" \(snapshot.health.rawValue.uppercased()) ", Self.style(snapshot.health))
            let latency = snapshot.latencySeconds.map { "database \(Brief.seconds($0))" } ?? "database away"
            let workers = "\(snapshot.activeWorkers)/\(snapshot.workers.count) workers active"
            line.add(" \(queue.map { "\($0)  " } ?? "")\(workers)  \(latency)  ")
            line.add(Self.time(snapshot.takenAt), .dim)
        }
        if isPaused { line.add(" paused", .warning) }
        return line
    }

    static func style(_ health: Health) -> Style {
        switch health {
        case .healthy: .good
        case .degraded: .warning
        case .critical, .down: .bad
        }
    }

    private static func time(_ moment: Timestamp) -> String { String("\(moment)".dropFirst(11).prefix(8)) + "Z" }

    private var footer: StyledLine {
        var line = StyledLine(width: columns)
        if isTyping {
            line.add("filter: \(filter)", .strong)
            line.add(isUnicode ? "▏" : "_")
            line.add("  Enter keeps it, Esc clears it", .dim)
            return line
        }
        let other = view == .tasks ? "workers" : "tasks"
        for (key, meaning) in [
            ("q", "quit"), ("Tab", other), ("s", "sort: \(order.rawValue)"), ("r", "reverse"),
            ("/", filter.isEmpty ? "filter" : "filter: \(filter)"), ("p", isPaused ? "go on" : "pause"), ("?", "help"),
        ] {
            line.add(key, .strong)
            line.add(" \(meaning)  ", .dim)
        }
        return line
    }

    private func alerts(_ snapshot: MonitorSnapshot) -> [StyledLine] {
        if let failure = snapshot.failure {
            return [
                StyledLine("DOWN  the database does not answer: \(failure)", .bad, width: columns),
                StyledLine(
                    "      trying again every \(Int(intervalSeconds)) s; absurd doctor says more", width: columns),
            ]
        }
        let found = snapshot.findings
        let most = max(2, rows / 8)
        var lines = found.prefix(most).map { finding in
            var line = StyledLine(width: columns)
            let isAlert = finding.severity == .alert
            line.add(isAlert ? "ALERT " : "WARN  ", isAlert ? .bad : .warning)
            line.add(finding.message)
            return line
        }
        if found.count > most {
            lines.append(StyledLine("      and \(found.count - most) more", .dim, width: columns))
        }
        return lines
    }

    private func windows(_ snapshot: MonitorSnapshot) -> [StyledLine] {
        let isWide = columns >= 110
        var head = StyledLine(width: columns)
        head.add("WINDOW", column: 6, .strong)
        let width = isWide ? 7 : 6
        for name in ["NEW", "DONE", "FAILED"] + (isWide ? ["RETRIED", "TIMEOUT", "CANCEL"] : []) + ["/s"] {
            head.add(name, column: width, right: true, .strong)
        }
        head.add("SUCCESS", column: 7, right: true, .strong)
        for name in ["WAIT", " p95", " p99", " RUN", " p95", " p99"] { head.add(name, column: 5, right: true, .strong) }
        return [head]
            + snapshot.windows.map { window in
                var line = StyledLine(width: columns)
                line.add("\(Int(window.seconds / 60)) min", column: 6, right: true)
                var numbers = [window.spawned, window.completed, window.failed]
                if isWide { numbers += [window.retried, window.timedOut, window.cancelled] }
                for (index, number) in numbers.enumerated() {
                    line.add(Brief.count(number), column: width, right: true, index == 2 && number > 0 ? .bad : .plain)
                }
                line.add(Brief.rate(window.completedPerSecond), column: width, right: true)
                line.add(
                    Brief.percent(window.successRatio), column: 7, right: true,
                    window.successRatio ?? 1 < 0.95 ? .warning : .plain)
                for value in window.wait + window.run { line.add(Brief.seconds(value), column: 5, right: true) }
                return line
            }
    }

    private func queues(_ snapshot: MonitorSnapshot) -> [StyledLine] {
        let isWide = columns >= 110
        let nameWidth = isWide ? 32 : 20
        var head = StyledLine(width: columns)
        head.add("QUEUE", column: nameWidth, .strong)
        let names =
            ["PENDING", "CLAIMED"] + (isWide ? ["SCHEDUL", "RETRY", "BLOCKED"] : ["WAITING"])
            + ["DONE", "FAILED"] + (isWide ? ["CANCEL"] : []) + ["DEAD", "OLDEST"]
        for name in names { head.add(name, column: 7, right: true, .strong) }
        let most = max(2, rows / 5)
        // The busiest first: an idle queue needs no eye.
        let sorted = snapshot.queues.sorted { left, right in
            let loads = [left, right].map { ($0.counts[.pending] ?? 0) + ($0.counts[.claimed] ?? 0) }
            return (loads[1], left.name) < (loads[0], right.name)
        }
        var lines = [head] + sorted.prefix(most).map { row($0, nameWidth, isWide) }
        if sorted.count > most { lines.append(StyledLine("and \(sorted.count - most) more", .dim, width: columns)) }
        if sorted.isEmpty { lines.append(StyledLine("no task was ever spawned", .dim, width: columns)) }
        return lines
    }

    private func row(_ queue: MonitorSnapshot.Queue, _ nameWidth: Int, _ isWide: Bool) -> StyledLine {
        func count(_ state: TaskState) -> Int64 { queue.counts[state] ?? 0 }
        var line = StyledLine(width: columns)
        line.add(
            queue.name + (queue.isPaused ? " (paused)" : ""), column: nameWidth, queue.isPaused ? .warning : .plain)
        let depth = Thresholds.depth.severity(of: Double(count(.pending) + count(.claimed)))
        line.add(
            Brief.count(count(.pending)), column: 7, right: true,
            depth == .alert ? .bad : depth == nil ? .plain : .warning)
        line.add(Brief.count(count(.claimed)), column: 7, right: true)
        let waiting = [count(.scheduled), count(.retrying), count(.blocked)]
        for number in isWide ? waiting : [waiting.reduce(0, +)] {
            line.add(Brief.count(number), column: 7, right: true)
        }
        line.add(Brief.count(count(.completed)), column: 7, right: true)
        line.add(Brief.count(count(.failed)), column: 7, right: true, count(.failed) > 0 ? .bad : .plain)
        if isWide { line.add(Brief.count(count(.cancelled)), column: 7, right: true) }
        line.add(Brief.count(queue.deadLetters), column: 7, right: true, queue.deadLetters > 0 ? .warning : .plain)
        let age = queue.oldestPendingSeconds.flatMap { Thresholds.oldestPendingSeconds.severity(of: $0) }
        line.add(
            Brief.seconds(queue.oldestPendingSeconds), column: 7, right: true,
            age == .alert ? .bad : age == nil ? .plain : .warning)
        return line
    }

    private var help: [StyledLine] {
        [
            "", "q, Ctrl-C    quit", "Tab          tasks, or nodes with their NUMA nodes and workers",
            "s            sort tasks by time, progress, name, place", "r            reverse the order",
            "/            filter tasks by name, queue, node, id or message; Esc clears it",
            "arrows, j k  choose a task; PgUp PgDn Home End too", "p            hold the picture",
            "space        look now",
            "Ctrl-Z       suspend", "", "WAIT is from spawn to claim, RUN from claim to end: median, 95 % and 99 %.",
            "An alert's bounds are those of the guide; absurd doctor says what to do about one.",
        ].map { StyledLine($0, width: columns) }
    }
}

import Absurd

/// The lower half of the screen: running tasks, or nodes with their NUMA nodes, workers and tasks.
extension MonitorModel {
    func taskTable(room: Int) -> [StyledLine] {
        let all = tasks
        let isWide = columns >= 120
        let isMany = Set(all.map(\.queue)).count > 1 && isWide
        let nameWidth = isWide ? 24 : 18
        let placeWidth = isWide ? 26 : 15
        let bar = isWide ? 20 : 10
        var head = StyledLine(width: columns)
        head.add("RUNNING (\(all.count))", column: nameWidth, .strong)
        head.add("TASK", column: isWide ? 36 : 9, .strong)
        if isMany { head.add("QUEUE", column: 20, .strong) }
        head.add("NODE/WORKER", column: placeWidth, .strong)
        head.add("NUMA", column: isWide ? 4 : 0, .strong)
        head.add("PROGRESS", column: bar + 5, .strong)
        head.add("TIME", column: 6, right: true, .strong)
        head.add("MESSAGE", .strong)
        guard !all.isEmpty else {
            let why = filter.isEmpty ? "nothing runs" : "nothing that runs matches \"\(filter)\""
            return [head, StyledLine(why, .dim, width: columns)]
        }
        let visible = max(1, room)
        let first = max(0, min(chosen - visible + 1, all.count - visible))
        return [head]
            + all.enumerated().dropFirst(first).prefix(visible).map { index, task in
                var line = StyledLine(width: columns)
                line.add(task.name, column: nameWidth)
                line.add(isWide ? "\(task.id)" : "…" + String("\(task.id)".suffix(8)), column: isWide ? 36 : 9, .dim)
                if isMany { line.add(task.queue, column: 20) }
                line.add(place(task, isWide, placeWidth), column: placeWidth)
                line.add(task.numaNode.map { "\($0)" } ?? "-", column: isWide ? 4 : 0, right: true)
                line.add(Brief.bar(task.progress, cells: bar, isUnicode: isUnicode), column: bar + 5, .good)
                line.add(Brief.clock(task.seconds), column: 6, right: true)
                line.add((task.attempt > 1 ? "(attempt \(task.attempt)) " : "") + task.message)
                return index == chosen ? line.chosen : line
            }
    }

    /// Such as `antenna/3 n1`; a long node name loses its end rather than the worker's number.
    private func place(_ task: MonitorSnapshot.Task, _ isWide: Bool, _ width: Int) -> String {
        var tail = task.worker.map { "/\($0)" } ?? ""
        if !isWide, let node = task.numaNode { tail += " n\(node)" }
        return task.node.prefix(max(0, width - tail.count)) + tail
    }

    func workers(_ snapshot: MonitorSnapshot) -> [StyledLine] {
        var lines = [StyledLine("NODES, NUMA NODES, WORKERS AND THEIR TASKS", .strong, width: columns)]
        if snapshot.nodes.isEmpty {
            lines.append(StyledLine("no node is registered; start one: absurd leader", .dim, width: columns))
        }
        for node in snapshot.nodes {
            var line = StyledLine(width: columns)
            line.add(node.name, .strong)
            line.add(
                node.isAlive ? "  \(node.activity.rawValue)" : "  gone",
                node.isAlive && node.activity == .active ? .good : .bad)
            line.add(
                "  heard \(Brief.seconds(node.secondsSinceRenewal)) ago, \(node.running) of \(node.seats) seats busy, "
                    + "serves \(node.queues.joined(separator: ", "))")
            lines.append(line)
            guard node.isAlive else { continue }
            let groups = Dictionary(grouping: node.workers.filter { $0.state != "gone" }) { $0.numaNode ?? -1 }
            for (numa, members) in groups.sorted(by: { $0.key < $1.key }) {
                lines.append(StyledLine("  NUMA node \(numa < 0 ? "?" : "\(numa)")", .dim, width: columns))
                for worker in members { lines += self.worker(worker, snapshot) }
            }
        }
        return lines
    }

    private func worker(_ worker: NodeFacts.Worker, _ snapshot: MonitorSnapshot) -> [StyledLine] {
        var line = StyledLine(width: columns)
        line.add("    worker \(worker.index)", column: 14)
        line.add(worker.state, column: 8, ["busy", "idle"].contains(worker.state) ? .good : .warning)
        line.add("CPUs \(worker.cpus ?? "-")", column: 14)
        line.add(
            "pid \(worker.process.map { "\($0)" } ?? "-")  done \(worker.completed)  failed \(worker.failed)  "
                + "restarts \(worker.respawns)", worker.respawns > 2 ? .warning : .plain)
        return [line]
            + worker.tasks.map { task in
                var line = StyledLine(width: columns)
                // The database hears of progress more often than a node renews.
                let live = snapshot.tasks.first { "\($0.id)" == task.id }
                line.add("      \(task.name)", column: 24)
                line.add("…" + String(task.id.suffix(8)), column: 9, .dim)
                line.add(
                    Brief.bar(live?.progress ?? task.progress, cells: 10, isUnicode: isUnicode), column: 15, .good)
                line.add(live?.message ?? task.message ?? "")
                return line
            }
    }
}

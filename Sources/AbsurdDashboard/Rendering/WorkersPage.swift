import Absurd

extension Page {
    static let workers = Page(title: "Workers", section: "/workers", needs: ["/workers", "/nodes"]) {
        request, answers in
        let workers = answers.rows(0, "workers")
        let nodes = answers.rows(1, "nodes")
        let names = Set((workers + nodes).compactMap { $0["node"]?.text }).sorted()
        let sections = names.map { name in
            NodeLanes(
                name: name, node: nodes.first { $0["node"]?.text == name },
                workers: workers.filter { $0["node"]?.text == name }, now: request.now
            ).html
        }
        let none: HTML = "<p class=\"empty\">No node has registered: <code>absurd leader</code> starts one.</p>"
        return "<h1>Workers</h1>\(sections.isEmpty ? [none] : sections)"
    }
}

/// A node: its lease, and a lane for each of its NUMA nodes with the CPUs, the workers on them and what they run.
struct NodeLanes {
    /// Empty: workers of other programs, which register nowhere.
    var name: String
    var node: JSONValue?
    var workers: [JSONValue]
    var now: Timestamp

    var html: HTML {
        let lanes = Dictionary(grouping: workers) { $0["numa_node"]?.int ?? -1 }.sorted { $0.key < $1.key }
        let drawn = lanes.map { lane($0.key, $0.value.sorted { Self.number($0) < Self.number($1) }) }
        guard !name.isEmpty else {
            return
                "<section class=\"node\" aria-label=\"Other workers\"><h2>Workers of other programs</h2>\(drawn)</section>"
        }
        let isAlive = node?["alive"]?.flag ?? true
        return """
            <section class="node" id="node-\(name)" aria-label="Node \(name)"><h2>\(name) \
            \(Status.mark(isAlive ? "live" : "gone"))</h2>
            <p class="quiet">\(facts(isAlive))</p>\(drawn)</section>
            """
    }

    private func facts(_ isAlive: Bool) -> HTML {
        let queues = (node?["queues"]?.items ?? []).compactMap(\.text)
        let parts: [HTML?] = [
            queues.isEmpty ? nil : "serves \(queues.joined(separator: ", "))",
            node?["running"]?.int.map { "\(Figures.count($0)) attempts claimed" },
            isAlive
                ? node?["lease_left_sec"]?.double.map { "lease renewed for \(Figures.duration($0.rounded()))" } : nil,
            node?["renewed_at"]?.moment.map { "heard of \(Moments.age($0, at: now)) ago" },
        ]
        return parts.compactMap { $0 }.joined(by: " · ")
    }

    /// The number behind the node's name in `node:3`.
    static func number(_ worker: JSONValue) -> Int {
        worker["worker_id"]?.text.flatMap { id in id.lastIndex(of: ":").flatMap { Int(id[id.index(after: $0)...]) } }
            ?? 0
    }

    private func lane(_ numaNode: Int64, _ workers: [JSONValue]) -> HTML {
        let title: HTML = numaNode < 0 ? "Unplaced" : "NUMA node \(Int(numaNode))"
        let id = "\(name)-\(numaNode)"
        return """
            <div class="lane"><h3 id="lane-\(id)">\(title)</h3>\(CPUStrip(workers: workers, label: "NUMA node \(numaNode)").html)
            \(Table(
                caption: "Workers of \(name), NUMA node \(numaNode)",
                columns: [
                    Table.Column("Worker"), Table.Column("State"), Table.Column("CPUs"), Table.Column("Runs"),
                    .wide("Completed", figure: true), .wide("Failed", figure: true), .wide("Respawned", figure: true),
                    .wide("Up", figure: true),
                ],
                rows: workers.map { row($0, id) }, empty: "No worker.").html)</div>
            """
    }

    private func row(_ worker: JSONValue, _ lane: String) -> Table.Row {
        let running = worker["running"]?.items ?? []
        let tasks = running.map { task -> HTML in
            let name = task["task_name"]?.text ?? "task \(Figures.shortID(task["task_id"]?.text ?? ""))"
            let message = task["message"]?.text ?? ""
            return """
                <li><a href="/tasks/\(task["task_id"]?.text ?? "")">\(name)</a> \
                \(task["cpus"]?.text.map { "<span class=\"quiet\">on \($0)</span>" } ?? .nothing) \
                \(Status.progress(task["progress"]?.double, name))\(message.isEmpty ? .nothing : " <span class=\"quiet\">\(message)</span>")</li>
                """
        }
        let activity = worker["activity"]?.text ?? worker["state"]?.text
        return Table.Row(
            id: "worker-\(lane)-\(worker["worker_id"]?.text ?? "")",
            cells: [
                name.isEmpty ? "\(worker["worker_id"]?.text ?? "")" : "\(Self.number(worker))", Status.mark(activity),
                "\(worker["cpus"]?.text ?? Figures.unknown)",
                tasks.isEmpty ? "<span class=\"quiet\">nothing</span>" : "<ul class=\"plain\">\(tasks)</ul>",
                "\(Figures.count(worker["completed"]?.int))", "\(Figures.count(worker["failed"]?.int))",
                "\(Figures.count(worker["respawns"]?.int))", "\(Figures.duration(worker["uptime_seconds"]?.double))",
            ])
    }
}

/// The CPUs of a NUMA node as cells: whose they are, and which are at work.
struct CPUStrip {
    var workers: [JSONValue]
    var label: String

    /// `0-3,8` as numbers; at most so many as a strip can show.
    static func numbers(_ text: String) -> [Int] {
        var numbers: [Int] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 4096 else { continue }
            numbers += first...last
        }
        return numbers
    }

    var html: HTML {
        var owner: [Int: Int] = [:]
        var busy: Set<Int> = []
        for worker in workers {
            let own = Self.numbers(worker["cpus"]?.text ?? "")
            for cpu in own { owner[cpu] = NodeLanes.number(worker) }
            for task in worker["running"]?.items ?? [] {
                // A tiny task has no grant: it runs somewhere on its worker's CPUs.
                busy.formUnion(task["cpus"]?.text.map { Self.numbers($0) } ?? own)
            }
        }
        let cpus = owner.keys.sorted()
        guard !cpus.isEmpty else { return .nothing }
        let cells = cpus.enumerated().map { index, cpu -> HTML in
            let isEdge = index > 0 && owner[cpus[index - 1]] != owner[cpu]
            return """
                <rect class="\(busy.contains(cpu) ? "going" : "rest")" x="\(index * 14 + 1)" y="1" width="12" \
                height="16"><title>CPU \(cpu), worker \(owner[cpu] ?? 0)</title></rect>\
                \(isEdge ? "<line class=\"edge\" x1=\"\(index * 14)\" x2=\"\(index * 14)\" y1=\"0\" y2=\"18\"/>" : .nothing)
                """
        }
        return """
            <svg class="cpus" viewBox="0 0 \(cpus.count * 14) 18" width="\(cpus.count * 14)" height="18" role="img" \
            aria-label="\(label): \(busy.intersection(cpus).count) of \(cpus.count) CPUs at work">\(cells)</svg>
            """
    }
}

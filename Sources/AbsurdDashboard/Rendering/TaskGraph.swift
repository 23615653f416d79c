/// Tasks and what they wait for, drawn in layers from top to bottom.
struct TaskGraph {
    struct Node {
        var id: String
        var name: String
        var status: String
        var progress: Double?
        var after: [String]
        /// A few words beside the status: how long it took, or how far it is.
        var note: String
    }

    var nodes: [Node]

    private static let nodeWidth = 196.0
    private static let nodeHeight = 40.0
    private static let gapX = 16.0
    private static let gapY = 24.0

    /// Longest path from a node without parents; a parent that is not in the workflow does not count.
    static func layers(_ nodes: [Node]) -> [String: Int] {
        let known = Dictionary(nodes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var layer: [String: Int] = [:]
        // A pass settles at least one more layer, so as many passes as nodes settle all; a cycle ends there too.
        for _ in nodes {
            var changed = false
            for node in nodes {
                let depth = node.after.filter { known[$0] != nil }.map { (layer[$0] ?? 0) + 1 }.max() ?? 0
                if layer[node.id] != min(depth, nodes.count) {
                    layer[node.id] = min(depth, nodes.count)
                    changed = true
                }
            }
            if !changed { break }
        }
        return layer
    }

    var html: HTML {
        guard !nodes.isEmpty else { return .nothing }
        let layer = Self.layers(nodes)
        var place: [String: (x: Double, y: Double)] = [:]
        var taken: [Int: Int] = [:]
        let widest = Dictionary(grouping: nodes, by: { layer[$0.id] ?? 0 }).mapValues(\.count)
        let columns = widest.values.max() ?? 1
        let width = Double(columns) * (Self.nodeWidth + Self.gapX) - Self.gapX + 4
        for node in nodes {
            let row = layer[node.id] ?? 0
            let column = taken[row, default: 0]
            taken[row] = column + 1
            let indent = (width - Double(widest[row] ?? 1) * (Self.nodeWidth + Self.gapX) + Self.gapX) / 2
            place[node.id] = (
                indent + Double(column) * (Self.nodeWidth + Self.gapX), 2 + Double(row) * (Self.nodeHeight + Self.gapY)
            )
        }
        let height = Double((layer.values.max() ?? 0) + 1) * (Self.nodeHeight + Self.gapY) - Self.gapY + 4
        let edges = nodes.flatMap { node in node.after.compactMap { edge(from: place[$0], to: place[node.id]) } }
        let boxes = nodes.map { node in box(node, place[node.id] ?? (0, 0)) }
        return """
            <svg class="graph" viewBox="0 0 \(Drawing.number(width)) \(Drawing.number(height))" \
            width="\(Drawing.number(width))" height="\(Drawing.number(height))" role="group" \
            aria-label="The workflow's \(nodes.count) tasks and what each waits for">\(edges)\(boxes)</svg>
            """
    }

    private func edge(from: (x: Double, y: Double)?, to: (x: Double, y: Double)?) -> HTML? {
        guard let from, let to else { return nil }
        let x1 = from.x + Self.nodeWidth / 2
        let y1 = from.y + Self.nodeHeight
        let x2 = to.x + Self.nodeWidth / 2
        let middle = (y1 + to.y) / 2
        let path =
            "M\(Drawing.number(x1)) \(Drawing.number(y1))C\(Drawing.number(x1)) \(Drawing.number(middle)) "
            + "\(Drawing.number(x2)) \(Drawing.number(middle)) \(Drawing.number(x2)) \(Drawing.number(to.y))"
        return "<path class=\"edge\" d=\"\(path)\"/>"
    }

    private func box(_ node: Node, _ at: (x: Double, y: Double)) -> HTML {
        let fraction = min(1, max(0, node.status == "completed" ? 1 : node.progress ?? 0))
        let tone = Status.tone(node.status)
        let (x, y) = (Drawing.number(at.x), Drawing.number(at.y))
        return """
            <a href="/tasks/\(node.id)" aria-label="\(node.name): \(Status.word(node.status)) \(node.note)">\
            <rect class="box \(tone)" x="\(x)" y="\(y)" width="196" height="40" rx="3"/>\
            <rect class="fill \(tone)" x="\(x)" y="\(Drawing.number(at.y + 37))" \
            width="\(Drawing.number(fraction * Self.nodeWidth))" height="3"/>\
            <text class="title" x="\(Drawing.number(at.x + 10))" y="\(Drawing.number(at.y + 17))">\(node.name)</text>\
            <text class="\(tone)" x="\(Drawing.number(at.x + 10))" y="\(Drawing.number(at.y + 31))">\
            \(Status.word(node.status)) \(node.note)</text></a>
            """
    }
}

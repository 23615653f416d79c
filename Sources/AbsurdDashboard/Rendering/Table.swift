/// A table: its caption for readers who hear it, its columns, its rows.
struct Table {
    struct Column {
        var title: String
        var classes: String
        init(_ title: String, _ classes: String = "") {
            self.title = title
            self.classes = classes
        }
        /// Figures stand right, under each other.
        static func figure(_ title: String) -> Column { Column(title, "n") }
        /// A sentence of somebody's: the table shows its beginning, the thing's own page all of it.
        static let why = Column("Why", "why")
        /// Left out on a phone.
        static func wide(_ title: String, figure: Bool = false) -> Column { Column(title, figure ? "n wide" : "wide") }
    }

    struct Row {
        /// Unique in the page: keeps the row's place, focus and opened parts while the page is live.
        var id: String
        var cells: [HTML]
        var classes = ""
    }

    var caption: String
    var columns: [Column]
    var rows: [Row]
    /// Said when there are no rows.
    var empty: HTML

    var html: HTML {
        guard !rows.isEmpty else { return "<p class=\"empty\">\(empty)</p>" }
        let head = columns.map { column -> HTML in "<th scope=\"col\"\(attribute(column.classes))>\(column.title)</th>"
        }
        let body = rows.map { row -> HTML in
            let cells = zip(columns, row.cells).enumerated().map { index, cell -> HTML in
                index == 0
                    ? "<th scope=\"row\"\(attribute(cell.0.classes))>\(cell.1)</th>"
                    : cell.0.classes.hasPrefix("why")
                        ? "<td class=\"\(cell.0.classes)\"><span>\(cell.1)</span></td>"
                        : "<td\(attribute(cell.0.classes))>\(cell.1)</td>"
            }
            return "<tr id=\"\(row.id)\"\(attribute(row.classes))>\(cells)</tr>\n"
        }
        return """
            <table><caption class="heard">\(caption)</caption>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(body)</tbody></table>
            """
    }

    private func attribute(_ classes: String) -> HTML { classes.isEmpty ? .nothing : " class=\"\(classes)\"" }
}

/// A chain of tasks: each depends on the one before it and is handed the outputs of all before it.
public struct Workflow: Sendable, Hashable {
    public var name: String
    public var summary: String
    /// Task names in order.
    public var tasks: [String]

    public init(_ name: String, summary: String, tasks: [String]) {
        self.name = name
        self.summary = summary
        self.tasks = tasks
    }
}

public enum Workflows {
    public static let all: [Workflow] = [
        Workflow(
            "standard-pipeline", summary: "From a group of sub-bands to an image, a source list and their photometry.",
            tasks: [
                "catalog-setup", "convert-uvh5-to-ms", "calibration-solve", "calibration-apply", "imaging",
                "validation", "crossmatch", "photometry",
            ]),
        Workflow(
            "quick-imaging", summary: "An image without calibration, to look at.",
            tasks: ["convert-uvh5-to-ms", "imaging"]),
        Workflow(
            "calibrator", summary: "Calibration tables from an observation of a calibrator.",
            tasks: ["convert-uvh5-to-ms", "calibration-solve"]),
        Workflow(
            "target", summary: "Known calibration tables applied to a Measurement Set, its image and photometry.",
            tasks: ["calibration-apply", "imaging", "photometry"]),
    ]

    public static func named(_ name: String) -> Workflow? { all.first { $0.name == name } }
}

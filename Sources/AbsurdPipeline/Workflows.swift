import Absurd

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

    /// Refuses a run whose stages would find an input missing: neither given nor made by a stage before.
    /// - Throws: `Refusal` (bad data) that names the input and the stage.
    public static func check(inputs: [String: JSONValue], of workflow: Workflow) throws {
        var there = Set(inputs.filter { !$0.value.isNull }.keys)
        for task in workflow.tasks {
            guard let schema = Catalogue.stage(named: task)?.schema else { continue }
            for need in schema.needs {
                if let given = inputs[need.name], !given.isNull { try need.check(given, task: task, place: "inputs") }
                guard need.defaultValue == nil, !need.isOptional, !there.contains(need.name) else { continue }
                throw Refusal(
                    "workflow \(workflow.name)", why: "its stage \(task) needs the input \(need.name)",
                    remedy: "give --input \(need.name)=VALUE: \(need.help)", exit: .badData)
            }
            there.formUnion(schema.gives)
        }
    }

    public static func named(_ name: String) -> Workflow? { all.first { $0.name == name } }
}

import Absurd
import AbsurdPipeline
import ArgumentParser

struct StagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stages", abstract: "Show the pipeline's stages: what each needs, can be told, and gives.",
        discussion: """
            Example:
              absurd stages
              absurd stages imaging

            Needs are looked up in the task's `inputs`, then in what the stages before it gave; options in its `config`.
            No database is asked.
            """)

    @Argument(help: "Only this stage, in full.")
    var name: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
        guard let name else {
            if output.json { return Console.out(JSONValue.array(Catalogue.stages.map(\.json)).jsonText) }
            return Console.table(
                ["STAGE", "CORES", "MEMORY", "TIME-OUT", "DOES"],
                Catalogue.stages.sorted { $0.name < $1.name }.map { stage in
                    [
                        stage.name, stage.coresText, "\(stage.type.memoryBytes >> 20) MiB",
                        "\(stage.type.timeoutSeconds) s", stage.schema.summary,
                    ]
                })
        }
        guard let stage = Catalogue.stage(named: name) else {
            throw Refusal(
                "stage \(name)", why: "there is none", remedy: "see absurd stages for their names", exit: .badData)
        }
        if output.json { return Console.out(stage.json.jsonText) }
        Console.out("\(stage.name): \(stage.schema.summary)")
        Console.out(
            "Takes \(stage.coresText) cores and \(stage.type.memoryBytes >> 20) MiB; time-out "
                + "\(stage.type.timeoutSeconds) s. Gives \(stage.schema.gives.joined(separator: ", ")).")
        show("NEED", stage.schema.needs)
        show("OPTION", stage.schema.options)
    }

    private func show(_ title: String, _ parameters: [Parameter]) {
        guard !parameters.isEmpty else { return }
        Console.out("")
        Console.table(
            [title, "VALUE", "DEFAULT", "MEANING"],
            parameters.map { [$0.name, $0.valueText, $0.defaultText, $0.help] })
    }
}

extension StageDeclaration {
    fileprivate var coresText: String { type.cores == 0 ? "all" : "\(type.cores)" }

    fileprivate var json: JSONValue {
        [
            "name": .string(name), "summary": .string(schema.summary), "cores": .integer(Int64(type.cores)),
            "memory_bytes": .integer(type.memoryBytes), "timeout_sec": .integer(Int64(type.timeoutSeconds)),
            "needs": .array(schema.needs.map(\.json)), "options": .array(schema.options.map(\.json)),
            "gives": .array(schema.gives.map { .string($0) }),
        ]
    }
}

extension Parameter {
    fileprivate var valueText: String {
        let text =
            switch kind {
            case .text: "text"
            case .path: "path"
            case .flag: "true or false"
            case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
            case .number(let range): "\(range.lowerBound) to \(range.upperBound)"
            case .choice(let names): names.joined(separator: ", ")
            case .json: "JSON"
            }
        return unit.isEmpty ? text : "\(text) \(unit)"
    }

    fileprivate var defaultText: String { defaultValue?.jsonText ?? (isOptional ? "none" : "required") }

    fileprivate var json: JSONValue {
        [
            "name": .string(name), "value": .string(valueText), "unit": .string(unit),
            "default": defaultValue ?? .null, "required": .bool(defaultValue == nil && !isOptional),
            "help": .string(help),
        ]
    }
}

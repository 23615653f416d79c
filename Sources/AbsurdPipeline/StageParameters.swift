import Absurd

/// A task's params after validation against its stage's schema: every value present has the kind and range it declares.
public struct StageParameters: Sendable {
    public var needs: [String: JSONValue]
    public var options: [String: JSONValue]
    /// What the stages before this one gave, handed on with this stage's own outputs.
    public var handedOn: [String: JSONValue]

    /// - Throws: `Refusal` (bad data) that names the parameter, what is wrong with it and what is allowed.
    public init(_ params: JSONValue, schema: StageSchema, task: String) throws {
        let members = try Self.members(of: params, schema: schema, task: task)
        let inputs = members["inputs"]?.members ?? [:]
        let config = members["config"]?.members ?? [:]
        handedOn = members["outputs"]?.members ?? [:]
        let handed = handedOn
        needs = try Self.checked(schema.needs, task: task, place: "inputs") { inputs[$0] ?? handed[$0] }
        options = try Self.checked(schema.options, task: task, place: "config") { config[$0] }
    }

    /// Checks what is there, and lets pass what is missing: the stages before this one may still give it.
    /// - Throws: `Refusal` (bad data).
    public static func checkGiven(_ params: JSONValue, schema: StageSchema, task: String) throws {
        let members = try members(of: params, schema: schema, task: task)
        for (place, parameters) in [("inputs", schema.needs), ("config", schema.options)] {
            let given = members[place]?.members ?? [:]
            for parameter in parameters {
                guard let value = given[parameter.name], !value.isNull else { continue }
                try parameter.check(value, task: task, place: place)
            }
        }
    }

    /// The members of `params` if they and the names of the options are known.
    private static func members(
        of params: JSONValue, schema: StageSchema, task: String
    ) throws -> [String: JSONValue] {
        guard let members = params.members else {
            throw Refusal(
                "task \(task)", why: "its params are not a JSON object",
                remedy: #"pass {"config": {...}, "inputs": {...}}"#, exit: .badData)
        }
        for key in members.keys.sorted() {
            guard ["config", "inputs", "outputs"].contains(key) else {
                throw Refusal(
                    "task \(task)", why: "params has no member \"\(key)\"", remedy: "use config, inputs, outputs",
                    exit: .badData)
            }
            // A config may be the path of a JSON file, which the node that runs the task reads.
            let isPath = key == "config" && members[key]!.text != nil
            guard members[key]!.members != nil || members[key]!.isNull || isPath else {
                throw Refusal(
                    "task \(task)", why: "params.\(key) is not an object", remedy: "pass {...} or leave it out",
                    exit: .badData)
            }
        }
        let known = Set(schema.options.map(\.name))
        for key in (members["config"]?.members ?? [:]).keys.sorted() where !known.contains(key) {
            throw Refusal(
                "task \(task)", why: "unknown option config.\(key)",
                remedy: "known: \(known.sorted().joined(separator: ", "))", exit: .badData)
        }
        return members
    }

    private static func checked(
        _ parameters: [Parameter], task: String, place: String, value: (String) -> JSONValue?
    ) throws -> [String: JSONValue] {
        var result: [String: JSONValue] = [:]
        for parameter in parameters {
            let given = value(parameter.name)
            if let given, !given.isNull {
                try parameter.check(given, task: task, place: place)
                result[parameter.name] = given
            } else if let standard = parameter.defaultValue {
                result[parameter.name] = standard
            } else if !parameter.isOptional {
                throw Refusal(
                    "task \(task)", why: "\(place).\(parameter.name) is missing", remedy: parameter.help, exit: .badData
                )
            }
        }
        return result
    }
}

extension StageParameters {
    public func text(_ name: String) -> String? { value(name)?.text }
    public func double(_ name: String) -> Double? { value(name)?.double }
    public func int(_ name: String) -> Int? { value(name)?.int.map(Int.init) }
    public func flag(_ name: String) -> Bool { value(name)?.flag ?? false }
    public func value(_ name: String) -> JSONValue? { needs[name] ?? options[name] }
}

extension Parameter {
    /// - Throws: `Refusal` when `value` is not of this parameter's kind or out of its range.
    public func check(_ value: JSONValue, task: String, place: String) throws {
        let allowed: String
        switch kind {
        case .text:
            if value.text != nil { return }
            allowed = "text"
        case .path:
            if let path = value.text, !path.isEmpty, !path.utf8.contains(0) { return }
            allowed = "a path"
        case .flag:
            if value.flag != nil { return }
            allowed = "true or false"
        case .integer(let range):
            if let number = value.int, range.contains(number) { return }
            allowed = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range):
            if let number = value.double, range.contains(number) { return }
            allowed = "a number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let choices):
            if let text = value.text, choices.contains(text) { return }
            allowed = "one of " + choices.joined(separator: ", ")
        case .json: return
        }
        let unitText = unit.isEmpty ? "" : " \(unit)"
        throw Refusal(
            "task \(task)", why: "\(place).\(name) is not \(allowed)\(unitText)", remedy: help, exit: .badData)
    }
}

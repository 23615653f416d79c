import Absurd

/// One parameter of a stage: the single source of its validation, its documentation and its default.
public struct Parameter: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case text
        case path
        case flag
        case integer(ClosedRange<Int64>)
        case number(ClosedRange<Double>)
        case choice([String])
        /// Checked by the stage itself: a list of sources, a map of tables.
        case json
    }

    public var name: String
    public var kind: Kind
    /// nil: the parameter is required unless `isOptional`.
    public var defaultValue: JSONValue?
    public var isOptional: Bool
    public var unit: String
    public var help: String

    public init(
        _ name: String, _ kind: Kind, default defaultValue: JSONValue? = nil, optional: Bool = false, unit: String = "",
        _ help: String
    ) {
        self.name = name
        self.kind = kind
        self.defaultValue = defaultValue
        self.isOptional = optional
        self.unit = unit
        self.help = help
    }
}

/// What a stage needs, what it can be told, and what it gives.
///
/// `needs` are looked up by name first in the task's `inputs`, then in its `outputs`, which hold what the stages
/// before it in the workflow gave. `options` are looked up in `config`.
public struct StageSchema: Sendable, Hashable {
    public var summary: String
    public var needs: [Parameter]
    public var options: [Parameter]
    public var gives: [String]

    public init(summary: String, needs: [Parameter], options: [Parameter], gives: [String]) {
        self.summary = summary
        self.needs = needs
        self.options = options
        self.gives = gives
    }
}

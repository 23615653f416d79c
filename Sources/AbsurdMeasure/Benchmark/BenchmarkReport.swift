import Absurd
import AbsurdObserve

/// One part of a benchmark, measured.
public struct SectionReport: Sendable {
    /// As in the JSON: `spawn`, `claim`, `complete`, `latency`, `concurrency`, `statistics`, `dispatch`, `idle`.
    public var name: String
    public var title: String
    public var figures: [Figure] = []
    public var ratios: [Ratio] = []
    /// Goals of single figures, by name.
    public var goals: [String: Goal] = [:]
    public var seconds = 0.0

    public init(_ name: String, _ title: String) {
        self.name = name
        self.title = title
    }

    mutating func add(_ name: String, _ value: Double, _ unit: String, moreIsBetter: Bool = false, goal: Goal? = nil) {
        figures.append(Figure(name, value, unit, moreIsBetter: moreIsBetter))
        if let goal { goals[name] = goal }
    }

    mutating func add(_ name: String, _ latencies: Latencies) {
        for percent in [50, 95, 99] {
            add("\(name) p\(percent)", latencies.percentile(Double(percent)) * 1000, "ms")
        }
        add("\(name) max", latencies.maxSeconds * 1000, "ms")
    }

    /// Goals that were missed, as phrases.
    public var misses: [String] {
        figures.compactMap { figure in
            guard let goal = goals[figure.name], !goal.isMet(by: figure.value) else { return nil }
            return "\(title): \(figure.name) \(rounded(figure.value)) \(figure.unit), \(goal.sentence) wanted"
        }
            + ratios.compactMap { ratio in
                guard let goal = ratio.goal, !goal.isMet(by: ratio.value) else { return nil }
                return "\(title): \(ratio.name) \(rounded(ratio.value)) × \(ratio.against), \(goal.sentence) wanted"
            }
    }
}

public struct BenchmarkReport: Sendable {
    /// Of the machine, the programs and the run.
    public var facts: JSONValue
    public var sections: [SectionReport]
    /// Throughput of the dispatch, latency of single tasks, success over all that was dispatched.
    public var evidence: TierEvidence

    public var json: JSONValue {
        var parts: [String: JSONValue] = [:]
        for section in sections { parts[section.name] = Self.json(section) }
        return [
            "format": 1, "facts": facts, "sections": .object(parts),
            "tier": [
                "reached": evidence.tierReached.map { .string($0.rawValue) } ?? .null,
                "misses": .object(
                    Dictionary(
                        uniqueKeysWithValues: TargetTier.allCases.map { tier in
                            (tier.rawValue, .array(tier.misses(evidence).map { .string($0) }))
                        })),
            ],
            "goals_missed": .array(sections.flatMap(\.misses).map { .string($0) }),
        ]
    }

    private static func json(_ section: SectionReport) -> JSONValue {
        var figures: [String: JSONValue] = [:]
        for figure in section.figures {
            var entry: [String: JSONValue] = [
                "value": .number(figure.value), "unit": .string(figure.unit),
                "more_is_better": .bool(figure.isMoreBetter),
            ]
            if let goal = section.goals[figure.name] { entry["goal"] = json(goal, figure.value) }
            figures[figure.name] = .object(entry)
        }
        var ratios: [String: JSONValue] = [:]
        for ratio in section.ratios {
            var entry: [String: JSONValue] = ["value": .number(ratio.value), "against": .string(ratio.against)]
            if let goal = ratio.goal { entry["goal"] = json(goal, ratio.value) }
            ratios[ratio.name] = .object(entry)
        }
        return [
            "title": .string(section.title), "seconds": .number(section.seconds), "figures": .object(figures),
            "ratios": .object(ratios),
        ]
    }

    private static func json(_ goal: Goal, _ value: Double) -> JSONValue {
        [goal.side.rawValue: .number(goal.bound), "met": .bool(goal.isMet(by: value))]
    }

    public var lines: [String] {
        var lines: [String] = []
        for section in sections {
            lines.append("\(section.title)  (\(rounded(section.seconds)) s)")
            for figure in section.figures {
                lines.append(
                    Self.line(
                        figure.name, "\(rounded(figure.value)) \(figure.unit)", section.goals[figure.name], figure.value
                    ))
            }
            for ratio in section.ratios {
                lines.append(
                    Self.line(ratio.name, "\(rounded(ratio.value)) × \(ratio.against)", ratio.goal, ratio.value))
            }
        }
        lines.append("target tiers of the guide")
        for tier in TargetTier.allCases {
            let misses = tier.misses(evidence)
            lines.append(
                "  " + padded(tier.rawValue, 40) + (misses.isEmpty ? "reached" : misses.joined(separator: "; ")))
        }
        if let load = facts["load_average_1min"]?.double, let cpus = facts["cpus"]?.double, load > cpus / 2 {
            lines.append(
                "this machine was busy (load \(rounded(load)) on \(rounded(cpus)) CPUs): trust the ratios more than the rates"
            )
        }
        return lines
    }

    private static func line(_ name: String, _ value: String, _ goal: Goal?, _ number: Double) -> String {
        let verdict = goal.map { "  " + ($0.isMet(by: number) ? "ok" : "MISSED") + ", \($0.sentence)" } ?? ""
        return "  " + padded(name, 40) + value + verdict
    }
}

func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

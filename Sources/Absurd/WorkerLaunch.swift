/// How the leader starts a worker: the command line of `absurd-worker`, written and read in one place.
public struct WorkerLaunch: Sendable, Hashable {
    /// Descriptors in the worker's process.
    public var segment: Int32
    public var bell: Int32
    public var worker: Int
    public var incarnation: UInt32
    public var stateDirectory: String
    public var scratchRoot: String
    public var stageExecutable: String
    /// Task names that run in a child `absurd-stage`; every other known name runs in the worker itself.
    public var stageNames: Set<String>

    public init(
        segment: Int32, bell: Int32, worker: Int, incarnation: UInt32, stateDirectory: String, scratchRoot: String,
        stageExecutable: String, stageNames: Set<String>
    ) {
        self.segment = segment
        self.bell = bell
        self.worker = worker
        self.incarnation = incarnation
        self.stateDirectory = stateDirectory
        self.scratchRoot = scratchRoot
        self.stageExecutable = stageExecutable
        self.stageNames = stageNames
    }

    public var arguments: [String] {
        [
            "--segment", "\(segment)", "--bell", "\(bell)", "--worker", "\(worker)", "--incarnation", "\(incarnation)",
            "--state-dir", stateDirectory, "--scratch", scratchRoot, "--stage", stageExecutable,
        ] + stageNames.sorted().flatMap { ["--stage-name", $0] }
    }

    /// - Returns: nil when an option is missing, unknown or not a number.
    public init?(arguments: [String]) {
        let known = [
            "--segment", "--bell", "--worker", "--incarnation", "--state-dir", "--scratch", "--stage", "--stage-name",
        ]
        var values: [String: String] = [:]
        var names: Set<String> = []
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard known.contains(option), let value = rest.popFirst() else { return nil }
            if option == "--stage-name" { names.insert(value) } else { values[option] = value }
        }
        guard let segment = values["--segment"].flatMap({ Int32($0) }),
            let bell = values["--bell"].flatMap({ Int32($0) }), let worker = values["--worker"].flatMap({ Int($0) }),
            let incarnation = values["--incarnation"].flatMap({ UInt32($0) }), let state = values["--state-dir"],
            let scratch = values["--scratch"], let stage = values["--stage"]
        else { return nil }
        self.init(
            segment: segment, bell: bell, worker: worker, incarnation: incarnation, stateDirectory: state,
            scratchRoot: scratch, stageExecutable: stage, stageNames: names)
    }
}

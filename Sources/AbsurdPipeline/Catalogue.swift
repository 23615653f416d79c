import Absurd

/// Every kind of task that this version knows, by name. Whoever places, validates or documents tasks asks here.
public enum Catalogue {
    /// The heavy stages, each declared in its own folder.
    public static let stages: [StageDeclaration] = [
        ConvertSchema.declaration,
        CatalogSetupDeclaration.declaration, ImagingDeclaration.declaration, ValidationDeclaration.declaration,
        CrossmatchDeclaration.declaration, PhotometryDeclaration.declaration, PhotometryDeclaration.batchDeclaration,
        CreateMosaicDeclaration.declaration, OrganizeFilesDeclaration.declaration,
        CalibrationSolveDeclaration.declaration,
        CalibrationApplyDeclaration.declaration,
    ]

    /// Tasks that a worker runs inside its own process.
    public static let workerTasks: [TaskType] = [
        TaskType("test-task", runner: .worker, cores: 1, memoryBytes: 16 << 20, timeoutSeconds: 3600),
        TaskType("sleep", runner: .worker, cores: 1, memoryBytes: 16 << 20, timeoutSeconds: 3600),
        TaskType("echo", runner: .worker, cores: 1, memoryBytes: 16 << 20, timeoutSeconds: 3600),
        TaskType("fail", runner: .worker, cores: 1, memoryBytes: 16 << 20, timeoutSeconds: 3600),
        TaskType("command", runner: .worker, cores: 1, memoryBytes: 512 << 20, timeoutSeconds: 3600),
    ]

    /// All task types, stages first.
    public static let types: [TaskType] = stages.map(\.type) + workerTasks

    private static let typesByName = Dictionary(uniqueKeysWithValues: types.map { ($0.name, $0) })
    private static let stagesByName = Dictionary(uniqueKeysWithValues: stages.map { ($0.name, $0) })

    public static func type(named name: String) -> TaskType? { typesByName[name] }

    public static func stage(named name: String) -> StageDeclaration? { stagesByName[name] }

    /// Checks params before a task is spawned. A task that another node may know passes.
    /// - Throws: `Refusal` (bad data) that names the parameter, what is wrong with it and what is allowed.
    public static func validate(params: JSONValue, task name: String) throws {
        if let refusal = TinyTask.refusal(of: params, task: name) { throw refusal }
        guard let stage = stage(named: name) else { return }
        try StageParameters.checkGiven(params, schema: stage.schema, task: name)
    }
}

import AbsurdPipeline

/// The code of every stage that `Catalogue` declares.
public enum StageRegistry {
    public static let stages: [any Stage.Type] = [
        ConvertStage.self,
        CatalogSetupStage.self, ImagingStage.self, ValidationStage.self, CrossmatchStage.self, PhotometryStage.self,
        PhotometryBatchStage.self, CreateMosaicStage.self, OrganizeFilesStage.self,
        CalibrationSolveStage.self,
        CalibrationApplyStage.self,
    ]

    public static func stage(named name: String) -> (any Stage.Type)? {
        stages.first { $0.declaration.name == name }
    }
}

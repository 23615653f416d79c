import Absurd
import AbsurdPipeline
import Testing

@Suite struct CatalogueTests {
    @Test func `A name stands for one task type`() {
        #expect(Set(Catalogue.types.map(\.name)).count == Catalogue.types.count)
        for type in Catalogue.types {
            #expect(Catalogue.type(named: type.name) == type)
            #expect(type.timeoutSeconds > 0 && type.memoryBytes > 0 && type.cores >= 0)
        }
        #expect(Catalogue.type(named: "sleep")?.runner == .worker)
        #expect(Catalogue.type(named: "no-such-task") == nil)
    }

    @Test func `Params of a task that this version does not know are left to the node that does`() throws {
        try Catalogue.validate(params: ["anything": 1], task: "no-such-task")
    }

    @Test func `What a stage before will give may be missing at spawn, what is there must be right`() throws {
        let schema = StageSchema(
            summary: "", needs: [Parameter("ms_path", .path, "the data")],
            options: [Parameter("cell", .number(0.1...60), optional: true, unit: "arcsec", "cell size")], gives: [])
        try StageParameters.checkGiven([:], schema: schema, task: "t")
        try StageParameters.checkGiven(["config": "/a/file.json"], schema: schema, task: "t")
        for wrong: JSONValue in [
            ["config": ["cell": 0]], ["config": ["sell": 1]], ["inputs": ["ms_path": ""]], ["config": 3], "text",
        ] {
            #expect(throws: Refusal.self, "\(wrong.jsonText)") {
                try StageParameters.checkGiven(wrong, schema: schema, task: "t")
            }
        }
        #expect(throws: Refusal.self) { try StageParameters([:], schema: schema, task: "t") }
    }

    @Test func `The four workflows are chains of task names`() {
        #expect(
            Workflows.all.map(\.name) == ["standard-pipeline", "quick-imaging", "calibrator", "target"])
        #expect(Workflows.named("quick-imaging")?.tasks == ["convert-uvh5-to-ms", "imaging"])
        #expect(Workflows.all.allSatisfy { Set($0.tasks).count == $0.tasks.count })
    }
}

import Absurd
import AbsurdPipeline
import Foundation
import Testing

@testable import AbsurdStages

/// A stage that does what its options say.
private struct ObedientStage: Stage {
    static let declaration = StageDeclaration(
        "obedient", cores: 1, memoryBytes: 1 << 20, timeoutSeconds: 10,
        schema: StageSchema(
            summary: "For tests.", needs: [Parameter("ms_path", .path, "What to read.")],
            options: [
                Parameter("act", .choice(["succeed", "warn", "refuse", "throw"]), default: "succeed", "What to do.")
            ],
            gives: ["image_path"]))

    struct Broken: Error {}

    func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        context.progress(0.5, "half of \(parameters.text("ms_path")!)")
        switch parameters.text("act") {
        case "refuse": throw Refusal("the data", why: "they are bad", remedy: "bring better ones", exit: .badData)
        case "throw": throw Broken()
        default: break
        }
        return StageResult(
            outputs: ["image_path": .string(context.finalPath("image.fits"))], message: "done",
            warnings: parameters.text("act") == "warn" ? ["one antenna is dead"] : [])
    }
}

@Suite struct StageProcessTests {
    let directory = FileManager.default.temporaryDirectory.path + "/absurd-stage-" + UUID().uuidString

    /// Runs a request through the process's own code and returns its exit code and the lines it reported.
    func run(_ request: String) throws -> (ExitCode, [JSONValue]) {
        let input = Pipe()
        let report = Pipe()
        input.fileHandleForWriting.write(Data(request.utf8))
        try input.fileHandleForWriting.close()
        let process = StageProcess { $0 == "obedient" ? ObedientStage.self : nil }
        let code = process.run(
            input: input.fileHandleForReading.fileDescriptor, report: report.fileHandleForWriting.fileDescriptor)
        try report.fileHandleForWriting.close()
        let text = String(decoding: try report.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        return (code, try text.split(separator: "\n").map { try JSONValue(parsing: String($0)) })
    }

    func request(task: String = "obedient", params: String) -> String {
        """
        {"task_id":"00112233-4455-4677-8899-aabbccddeeff","attempt":1,"task_name":"\(task)","params":\(params),
         "work_dir":"\(directory)","final_dir":"/products/x","cpus":[0,1],"memory_bytes":1000000,"scratch_dir":null}
        """
    }

    @Test func `A stage that ends well reports progress and hands on what it was handed`() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (code, lines) = try run(
            request(params: #"{"config":{},"outputs":{"ms_path":"/a.ms","caltables":{"b":"/b"}}}"#))
        #expect(code == .success)
        #expect(lines.first == ["progress": 0.5, "message": "half of /a.ms"])
        let result = try #require(lines.last?["result"])
        #expect(result["status"] == "success")
        #expect(
            result["outputs"]
                == ["ms_path": "/a.ms", "caltables": ["b": "/b"], "image_path": "/products/x/image.fits"])
        #expect(result["permanent"] == nil && result["warnings"] == nil)
    }

    @Test func `What went less than well is said in the message and on its own`() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (_, lines) = try run(request(params: #"{"inputs":{"ms_path":"/a.ms"},"config":{"act":"warn"}}"#))
        #expect(lines.last?["result"]?["warnings"] == ["one antenna is dead"])
        #expect(lines.last?["result"]?["message"]?.text?.contains("one antenna is dead") == true)
    }

    @Test func `A refusal is an error for good, another error may be tried again`() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (code, refused) = try run(request(params: #"{"inputs":{"ms_path":"/a.ms"},"config":{"act":"refuse"}}"#))
        #expect(code == .success)
        #expect(refused.last?["result"]?["status"] == "error")
        #expect(refused.last?["result"]?["permanent"] == true)
        #expect(refused.last?["result"]?["message"] == "the data: they are bad; bring better ones")
        let (_, broken) = try run(request(params: #"{"inputs":{"ms_path":"/a.ms"},"config":{"act":"throw"}}"#))
        #expect(broken.last?["result"]?["status"] == "error")
        #expect(broken.last?["result"]?["permanent"] == nil)
    }

    @Test(arguments: [
        (#"{"config":{"colour":"red"},"inputs":{"ms_path":"/a"}}"#, "config.colour"),
        (#"{"config":{"act":"fly"},"inputs":{"ms_path":"/a"}}"#, "config.act"),
        (#"{"inputs":{"ms_path":7}}"#, "inputs.ms_path"), (#"{"inputs":{}}"#, "ms_path is missing"),
        (#"{"inputs":[]}"#, "params.inputs"), (#"{"sources":{}}"#, "sources"), ("7", "not a JSON object"),
        (#"{"config":"/no/such.json","inputs":{"ms_path":"/a"}}"#, "/no/such.json"),
    ])
    func `Params that break the schema are refused by name`(params: String, named: String) throws {
        let (_, lines) = try run(request(params: params))
        let result = try #require(lines.last?["result"])
        #expect(result["status"] == "error" && result["permanent"] == true)
        #expect(result["message"]?.text?.contains(named) == true, "\(result)")
    }

    @Test func `A config may be a JSON file`() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try #"{"act":"warn"}"#.write(toFile: directory + "/c.json", atomically: true, encoding: .utf8)
        let (_, lines) = try run(request(params: #"{"config":"\#(directory)/c.json","inputs":{"ms_path":"/a.ms"}}"#))
        #expect(lines.last?["result"]?["warnings"] == ["one antenna is dead"])
    }

    @Test func `An unknown stage, and a request that is none, are said`() throws {
        let (code, lines) = try run(request(task: "teleport", params: "{}"))
        #expect(code == .success)
        #expect(lines.last?["result"]?["message"]?.text?.contains("teleport") == true)
        for broken in ["", "{", "[]", #"{"task_id":"7"}"#] {
            #expect(try run(broken).0 == .usage)
        }
    }

    @Test func `Without its report descriptor it does not start`() {
        #expect(StageProcess().run(input: 0, report: 987) == .usage)
    }

    @Test func `Every declared stage has its code, and every code its declaration`() {
        #expect(Set(StageRegistry.stages.map { $0.declaration.name }) == Set(Catalogue.stages.map(\.name)))
        #expect(StageRegistry.stages.count == Catalogue.stages.count)
    }
}

// Spawns one task and waits for it: `ABSURD_DATABASE_URL=… swift run --package-path deploy/swift-example`
import AbsurdClient

let url = ConnectionSettings.processEnvironment["ABSURD_DATABASE_URL"] ?? "postgresql:///absurd"
do {
    let client = try TaskClient(url: url, pool: .small)
    let id = try await client.spawn(
        NewTask(queue: "dsa110-pipeline", name: "echo", params: ["inputs": ["word": "hi"]]))
    let task = try await client.wait(id, timeoutSeconds: 60)
    print(task.state.rawValue, task.result ?? "")
} catch let refusal as Refusal {
    print(refusal)
}

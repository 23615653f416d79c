import Absurd
import Glibc

/// The handlers for load and tests. Their parameters may stand at the top, in `config` or in `inputs`.
struct InlineParameters {
    let params: JSONValue

    init(_ order: WorkOrder) throws { params = try JSONValue(parsing: order.params) }

    subscript(name: String) -> JSONValue? {
        params[name] ?? params["config"]?[name] ?? params["inputs"]?[name]
    }

    /// What the tasks before this one gave: handed on.
    var handedOn: [String: JSONValue] { params["outputs"]?.members ?? [:] }
}

/// `test-task`: does nothing, as fast as can be.
struct TestTaskHandler: TaskHandler {
    func run(_ order: WorkOrder, in context: AttemptContext) -> HandlerResult {
        .successText(outputs: Array("{}".utf8))
    }
}

/// `echo`: gives its params back, to the byte.
struct EchoHandler: TaskHandler {
    func run(_ order: WorkOrder, in context: AttemptContext) -> HandlerResult {
        .successText(outputs: Array(#"{"echo":"#.utf8) + order.params + Array("}".utf8))
    }
}

/// `sleep`: waits for `seconds` (1), reporting progress, and stops at once when it is told to.
struct SleepHandler: TaskHandler {
    func run(_ order: WorkOrder, in context: AttemptContext) -> HandlerResult {
        guard let parameters = try? InlineParameters(order) else {
            return .failure(error: "sleep: its params are not JSON", isPermanent: true)
        }
        if let refusal = TinyTask.refusal(of: parameters.params, task: "sleep") {
            return .failure(error: refusal.description, isPermanent: true)
        }
        let seconds = parameters["seconds"]?.double ?? 1
        guard seconds >= 0, seconds <= 86_400 else {
            return .failure(error: "sleep: seconds is \(seconds); give 0 to 86400", isPermanent: true)
        }
        let step = Int64(max(0.02, seconds / 20) * 1e9)
        while true {
            let elapsed = Double(context.resources.wallNanoseconds) / 1e9
            if elapsed >= seconds { break }
            context.report(elapsed / max(seconds, 1e-9), "sleeping")
            let left = Int64((seconds - elapsed) * 1e9) + 1
            if let reason = context.stop.wait(nanoseconds: min(step, left)) { return .stopped(reason) }
        }
        return .success(outputs: .object(parameters.handedOn), message: "slept \(seconds) s")
    }
}

/// `fail`: fails as told. `message`; `permanent`; `times`: only the first so many attempts; `crash`: kills the worker.
struct FailHandler: TaskHandler {
    func run(_ order: WorkOrder, in context: AttemptContext) -> HandlerResult {
        guard let parameters = try? InlineParameters(order) else {
            return .failure(error: "fail: its params are not JSON", isPermanent: true)
        }
        if let refusal = TinyTask.refusal(of: parameters.params, task: "fail") {
            return .failure(error: refusal.description, isPermanent: true)
        }
        if let times = parameters["times"]?.int, Int64(context.fence.attempt) > times {
            return .success(outputs: .object(parameters.handedOn), message: "attempt \(context.fence.attempt) succeeds")
        }
        if parameters["crash"]?.flag == true { kill(getpid(), SIGKILL) }
        let message = parameters["message"]?.text ?? "failed as asked"
        return .failure(error: message, isPermanent: parameters["permanent"]?.flag ?? false)
    }
}

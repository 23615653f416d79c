import Absurd
import AbsurdClient
import ArgumentParser

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false
}

extension TaskRecord {
    var json: JSONValue {
        func parsed(_ text: String?) -> JSONValue { text.flatMap { try? JSONValue(parsing: $0) } ?? .null }
        func time(_ moment: Timestamp?) -> JSONValue { moment.map { .string("\($0)") } ?? .null }
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        return [
            "task_id": .string("\(id)"), "queue_name": .string(queue), "task_name": .string(name),
            "params": parsed(params), "priority": .integer(Int64(priority)),
            "timeout_sec": timeoutSeconds.map { .integer(Int64($0)) } ?? .null, "status": .string(state.rawValue),
            "worker_id": worker.map { .string($0) } ?? .null, "attempt": .integer(Int64(attempt)),
            "max_retries": .integer(Int64(retriesMax)), "result": parsed(result),
            "error": error.map { .string($0) } ?? .null, "created_at": time(createdAt), "claimed_at": time(claimedAt),
            "completed_at": time(completedAt), "wait_time_sec": number(waitSeconds),
            "execution_time_sec": number(executionSeconds),
            "depends_on": .array(dependsOn.map { .string("\($0)") }),
            "workflow_id": workflow.map { .string("\($0)") } ?? .null, "due_at": time(dueAt),
            "progress": number(progress), "progress_message": progressMessage.map { .string($0) } ?? .null,
        ]
    }
}

/// Seconds as people read them.
func readable(seconds: Double?) -> String {
    guard let seconds else { return "-" }
    if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 100 { return "\((seconds * 10).rounded() / 10) s" }
    return "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
}

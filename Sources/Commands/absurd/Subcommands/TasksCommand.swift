import ArgumentParser

struct TasksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Look at tasks, wait for them, cancel and retry them.",
        discussion: """
            Example:
              absurd tasks list --status failed --queue-name dsa110-pipeline
            """,
        subcommands: [
            TasksList.self, TasksGet.self, TasksWait.self, TasksCancel.self, TasksRetry.self, TasksLogs.self,
            TasksExplain.self,
        ])
}

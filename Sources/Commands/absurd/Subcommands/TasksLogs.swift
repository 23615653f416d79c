import Absurd
import AbsurdClient
import AbsurdHost
import AbsurdOperate
import AbsurdStore
import ArgumentParser
import Glibc

struct TasksLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print what leader, worker and child said about a task, in one order.",
        discussion: """
            Example:
              absurd tasks logs 0198c0de-0000-7000-8000-000000000001
              absurd tasks logs 0198c0de-0000-7000-8000-000000000001 --attempt 1 --source child

            The leader's part comes from the database and, where there is one, the journal; the others from the task's log
            on the node that ran it, in that node's state directory. Passwords and tokens are masked.
            """)

    @Argument(help: "The task.")
    var task: TaskID

    @Option(help: "Only this attempt (default: all).")
    var attempt: Int?

    @Option(help: "Only leader, worker or child; repeat it for several.")
    var source: [TaskStory.Source] = []

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var story = TaskStory()
        var states = [database.state]
        var ranOn: Set<String> = []
        var isKnown = false
        do {
            try await database.withClient { client in
                for one in try await Attempt.all(of: task, client) where attempt ?? Int(one.number) == Int(one.number) {
                    isKnown = true
                    if let node = one.node { ranOn.insert(node) }
                    story.add(
                        attempt: Int(one.number), node: one.node, begin: one.startedAt, end: one.endedAt,
                        outcome: one.outcome == "running" ? nil : one.outcome, error: one.error)
                }
                // A node of this machine may keep its state elsewhere than this command would look.
                let text = SystemFile.text("/proc/sys/kernel/hostname") ?? ""
                let host = text.split(separator: "\n").first.map(String.init)
                for node in try await Nodes.all(client) where host != nil && node.host == host {
                    if let state = node.stateDirectory, !states.contains(state) { states.append(state) }
                }
            }
        } catch let refusal as Refusal where refusal.exit == .unavailable {
            // The files are there all the same.
            Console.say("absurd: warning: without the leader's part: \(refusal)")
        }
        for state in states { readFiles("\(state)/logs/tasks/\(task)", into: &story) }
        story.add(journal: journal())
        try print(story, isKnown: isKnown, ranOn: ranOn.sorted())
    }

    private func print(_ story: TaskStory, isKnown: Bool, ranOn: [String]) throws {
        let lines = story.ordered.filter { source.isEmpty || source.contains($0.source) }
        if lines.isEmpty {
            let place = ranOn.isEmpty ? "the node that ran it" : ranOn.joined(separator: ", ")
            throw Refusal(
                "log of task \(task)", why: isKnown ? "nothing was said of it here" : "no attempt of it is known",
                remedy: "look on \(place), with that node's --state-dir; see absurd tasks get", exit: .no)
        }
        for line in lines {
            if output.json {
                let json: JSONValue = [
                    "time": .string(line.time), "source": .string(line.source.rawValue),
                    "attempt": line.attempt.map { .integer(Int64($0)) } ?? .null, "text": .string(line.text),
                ]
                Console.out(json.jsonText)
            } else {
                let attempt = line.attempt.map { "\($0)" } ?? "-"
                let name = line.source.rawValue
                Console.out("\(line.time.isEmpty ? "-" : line.time) \(name) \(attempt) \(line.text)")
            }
        }
        let isComplete = lines.contains { $0.source != .leader } || !source.isEmpty
        if !isComplete, !output.json {
            Console.say("absurd: neither worker nor child left a log here; it ran on \(ranOn.joined(separator: ", "))")
        }
    }

    private func readFiles(_ directory: String, into story: inout TaskStory) {
        let numbers = FileTree.names(in: directory).compactMap { name in
            name.hasSuffix(".log") ? Int(name.dropLast(4)) : nil
        }
        for number in numbers.sorted() where attempt ?? number == number {
            if let text = Paths.text("\(directory)/\(number).log") { story.add(log: text, attempt: number) }
        }
    }

    /// What units of ours wrote to the journal about the task; empty where there is no journal to read.
    private func journal() -> String {
        guard access("/run/systemd/journal/socket", F_OK) == 0 else { return "" }
        let command =
            "journalctl --no-pager --quiet -o short-iso-precise --utc -u 'absurd*' --grep \(task) --since -30d 2>/dev/null"
        guard let pipe = popen(command, "re") else { return "" }
        defer { pclose(pipe) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < 16 << 20 {
            let count = fread(&buffer, 1, buffer.count, pipe)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension TaskStory.Source: ExpressibleByArgument {}

import Absurd
import AbsurdClient
import ArgumentParser
import Glibc

struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Move tasks that ended long ago to absurd.tasks_archive.",
        discussion: """
            Example:
              absurd archive --older-than 30d

            One statement a batch, so nothing is lost when it is interrupted. The leaders do this daily by themselves.
            """)

    @Option(help: "Age such as 12h, 30d, 8w.")
    var olderThan = "30d"

    @Option(help: "Rows a batch.")
    var batchSize: Int32 = 5000

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let seconds = try Self.seconds(olderThan)
        try await database.withClient { client in
            var total: Int64 = 0
            while true {
                let before = Timestamp(seconds: Double(time(nil)) - seconds)
                let moved: Int32 = try await client.postgres.query(
                    "SELECT absurd.archive_batch($1, $2)", [.timestamptz(before), .int4(batchSize)])[0].get(0)
                total += Int64(moved)
                if moved < batchSize { break }
            }
            Console.out("\(total) tasks archived")
        }
    }

    static func seconds(_ text: String) throws -> Double {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Double(text.dropLast()), number >= 0 else {
            throw Refusal("age \(text)", why: "not an age", remedy: "write it as 12h, 30d or 8w", exit: .usage)
        }
        return number * unit
    }
}

import Absurd
import AbsurdRadio
import Glibc

/// `absurd-stage simulate`: what `absurd simulate` runs, because only this program links the radio libraries.
enum Simulate {
    static let help = """
        Example: absurd simulate --output obs --size small --seed 7

        Writes a simulated observation: one UVH5 file a sub-band as the telescope names and lays them out, and what is
        true about it in DIR/truth (sources.csv, gains.json, observation.json). Equal options make equal files.

          --output DIR      where to; made if it is not there (required)
          --size SIZE       tiny (tests, 1 MB), small (demo, 170 MB, the default) or full (as the telescope, 2.3 GB)
          --seed N          of sky, gains, noise and interference (1)
          --sources N       beside the calibrator (8, 28 and 40 at the three sizes)
          --rfi FRACTION    of the time-frequency cells get interference, 0 to 0.5 (0)
          --missing N,N     sub-bands that are never written
          --truncate N,N    sub-bands whose file is cut off in its data
          --no-noise        no receiver noise
          --no-gains        perfect antennas
          --no-beam         no primary beam
          --start TIME      UTC, YYYY-MM-DDTHH:MM:SS; without it 2025-06-15 with 3C286 on the meridian
          --threads N       sub-bands made at once (the machine's CPUs, 8 at most)
          --json            print the summary as JSON

        """

    static func run(_ arguments: [String]) -> ExitCode {
        if arguments.contains("--help") || arguments.contains("-h") {
            print(help, terminator: "")
            return .success
        }
        do {
            let request = try Request(arguments)
            let isTerminal = isatty(STDERR_FILENO) == 1
            let summary = try Simulation(request.options).write(to: request.output, threads: request.threads) {
                done, all in
                if isTerminal { complain("\rsub-band \(done) of \(all)\(done == all ? "\n" : "")") }
            }
            show(summary, request)
            return .success
        } catch let refusal as Refusal {
            complain("absurd simulate: \(refusal)\n")
            return refusal.exit
        } catch {
            complain("absurd simulate: \(error)\n")
            return .no
        }
    }

    private static func show(_ summary: Simulation.Summary, _ request: Request) {
        if request.isJSON {
            let value = JSONValue.object([
                "files": .array(summary.files.map { .string($0) }), "bytes": .integer(Int64(summary.bytes)),
                "visibilities": .integer(Int64(summary.visibilities)), "truth": .string(summary.truthDirectory),
                "size": .string(request.options.size.rawValue), "seed": .string(String(request.options.seed)),
            ])
            print(value.jsonText)
        } else {
            for file in summary.files { print(file) }
            print(summary.truthDirectory)
            complain(
                "\(summary.files.count) sub-bands, \(summary.visibilities) visibilities, \(summary.bytes >> 20) MiB\n")
        }
    }

    private static func complain(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    /// The command line, checked.
    private struct Request {
        var output = ""
        var options = SimulationOptions()
        var threads = min(8, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var isJSON = false

        private static let valued: Set = [
            "--output", "--size", "--seed", "--sources", "--rfi", "--missing", "--truncate", "--start", "--threads",
        ]

        init(_ arguments: [String]) throws {
            var rest = arguments[...]
            while let argument = rest.popFirst() {
                // --name=value and --name value are the same.
                let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                    String.init)
                let name = parts[0]
                if try flag(name) {
                    guard parts.count == 1 else { throw Self.refusal(name, "takes no value") }
                    continue
                }
                guard Self.valued.contains(name) else { throw Self.refusal(name, "is not an option") }
                guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                    throw Self.refusal(name, "needs a value")
                }
                try set(name, value)
            }
            guard !output.isEmpty else { throw Self.refusal("--output", "is missing") }
        }

        private mutating func flag(_ name: String) throws -> Bool {
            switch name {
            case "--no-noise": options.hasNoise = false
            case "--no-gains": options.hasGains = false
            case "--no-beam": options.hasBeam = false
            case "--json": isJSON = true
            default: return false
            }
            return true
        }

        private mutating func set(_ name: String, _ value: String) throws {
            func refuse(_ why: String) -> Refusal { Self.refusal("\(name) \(value)", why) }
            switch name {
            case "--output": output = value
            case "--size":
                guard let size = SimulationOptions.Size(rawValue: value) else {
                    throw refuse(
                        "is none of \(SimulationOptions.Size.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                options.size = size
            case "--seed":
                guard let seed = UInt64(value) else { throw refuse("is no whole number from 0 on") }
                options.seed = seed
            case "--rfi":
                guard let fraction = Double(value) else { throw refuse("is no number") }
                options.interferenceFraction = fraction
            case "--sources":
                guard let count = Int(value) else { throw refuse("is no whole number") }
                options.sourceCount = count
            case "--missing": options.missing = try Self.subBands(name, value)
            case "--truncate": options.truncated = try Self.subBands(name, value)
            case "--start":
                guard let start = CalendarTime.julianDate(value) else { throw refuse("is no YYYY-MM-DDTHH:MM:SS") }
                options.start = start
            case "--threads":
                guard let count = Int(value), (1...64).contains(count) else { throw refuse("is not 1 to 64") }
                threads = count
            default: throw Self.refusal(name, "is not an option")
            }
        }

        private static func subBands(_ name: String, _ value: String) throws -> Set<Int> {
            let numbers = value.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
            guard !numbers.contains(nil) else { throw refusal("\(name) \(value)", "is no list of numbers") }
            return Set(numbers.compactMap { $0 })
        }

        private static func refusal(_ what: String, _ why: String) -> Refusal {
            Refusal(what, why: why, remedy: "see absurd simulate --help", exit: .usage)
        }
    }
}

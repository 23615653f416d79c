import Absurd
import AbsurdHost
import AbsurdOperate
import ArgumentParser

struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Print worker counts, connection settings and a postgresql.conf for this machine.",
        discussion: """
            Example:
              absurd tune --workload cpu
              absurd tune --part postgresql > /etc/postgresql/15/main/conf.d/absurd.conf
              absurd tune --workload io --nodes 3 --client-pools 2 --dedicated

            Prints text to apply and says why each line is there; it changes nothing. Run it on the machine that it is for.
            """)

    @Option(help: "cpu, io or mixed: 0.75, 1.5 or 1 workers a CPU.")
    var workload = Placement.Workload.mixed

    @Option(help: "Leaders that share the database.")
    var nodes = 1

    @Option(help: "Programs with a connection pool of their own, such as a web service.")
    var clientPools = 1

    @Option(help: "Tasks that one worker runs at a time.")
    var concurrency = 4

    @Flag(help: "This machine runs the database and nothing else.")
    var dedicated = false

    @Option(help: "What the database lies on: ssd or hdd.")
    var storage = MachineFacts.Storage.ssd

    @Option(help: "Only leader (a settings file) or postgresql (a fragment of postgresql.conf).")
    var part: Advice.Part?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        for (name, value, most) in [
            ("nodes", nodes, 1000), ("client-pools", clientPools, 1000), ("concurrency", concurrency, 256),
        ]
        where !((name == "client-pools" ? 0 : 1)...most).contains(value) {
            throw ValidationError("--\(name) must be \(name == "client-pools" ? 0 : 1) to \(most).")
        }
    }

    func run() throws {
        var machine = MachineFacts(
            topology: Topology.read(), limits: HostLimits.read(environment: Paths.environment),
            memoryBytes: (SystemFile.value("MemTotal:", in: "/proc/meminfo") ?? 0) << 10)
        machine.workload = workload
        machine.nodes = nodes
        machine.clientPools = clientPools
        machine.concurrency = concurrency
        machine.isDatabaseAlone = dedicated
        machine.storage = storage
        let advice = try Advice(machine)
        if output.json { return Console.out(advice.json.jsonText) }
        for line in part.map(advice.lines) ?? advice.lines { Console.out(line) }
    }
}

extension Placement.Workload: ExpressibleByArgument {}
extension Advice.Part: ExpressibleByArgument {}
extension MachineFacts.Storage: ExpressibleByArgument {}

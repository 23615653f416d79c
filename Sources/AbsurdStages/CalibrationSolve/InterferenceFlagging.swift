import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Runs AOFlagger over a Measurement Set before it is solved; it writes the FLAG column itself.
///
/// AOFlagger is a program of its own and stays one: it is started as a child in its own process group.
struct InterferenceFlagging {
    enum Mode: String {
        case auto, on, off
    }

    var mode: Mode
    var program = "aoflagger"
    var strategy: String?
    var threads: Int

    /// Its strategy looks for lines and edges along frequency: with fewer channels it sees neither.
    private static let channelsMin = 16

    init(_ parameters: StageParameters, threads: Int) {
        mode = parameters.text("flag_rfi").flatMap(Mode.init) ?? .auto
        strategy = parameters.text("rfi_strategy")
        self.threads = threads
    }

    /// - Parameter channels: in one spectral window.
    /// - Returns: why interference was not flagged, nil when it was or was not asked for.
    /// - Throws: `Refusal` when it was asked for and AOFlagger is missing or fails.
    func run(on path: String, channels: Int, in context: any StageContext) throws -> String? {
        switch mode {
        case .off: return nil
        case .auto where channels < Self.channelsMin:
            return "interference not flagged: \(channels) channels a window are too few for AOFlagger"
        default: break
        }
        var arguments = [program, "-j", "\(threads)", "-column", "DATA"]
        if let strategy { arguments += ["-strategy", strategy] }
        var child = ChildProcess(arguments + [path])
        // It puts what it reorders into its working directory.
        if path.hasPrefix("/") { child.directory = context.scratchDirectory }
        var last = ""
        let ending: ChildProcess.Ending
        do {
            ending = try child.run { line in
                context.log("aoflagger: \(line)")
                last = line
            }
        } catch let refusal as Refusal where mode == .auto && refusal.exit == .configuration {
            return "interference not flagged: AOFlagger is not installed"
        }
        guard ending == .exited(0) else {
            throw Refusal(
                "aoflagger", why: "it ended with \(ending): \(last)",
                remedy: "see the task's log; config.flag_rfi \"off\" goes on without it", exit: .badData)
        }
        return nil
    }
}

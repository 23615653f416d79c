import Absurd
import ArgumentParser
import Glibc

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Write a simulated observation as the telescope would.",
        discussion: """
            Example:
              absurd simulate --output obs --size small --seed 7

            `absurd simulate --help` shows all options; absurd-stage does the work.
            """)

    @Argument(parsing: .captureForPassthrough, help: "Passed on.")
    var arguments: [String] = []

    func run() throws {
        let program = Paths.sibling("absurd-stage")
        let words = [program, "simulate"] + arguments
        var vector: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execv(program, &vector)
        throw Refusal(
            program, why: "cannot be started: \(String(cString: strerror(errno)))",
            remedy: "install it beside absurd, or set ABSURD_LIBEXEC to its directory", exit: .configuration)
    }
}

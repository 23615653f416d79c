// The child process in which a worker runs one heavy stage. See StageProcess for what is spoken.
import AbsurdStages
import Glibc

switch CommandLine.arguments.dropFirst().first {
case "run" where CommandLine.arguments.count == 2:
    exit(StageProcess().run().rawValue)
default:
    exit(StageProcess.complain("usage: absurd-stage run < REQUEST.json 3> REPORT (a worker starts it)").rawValue)
}

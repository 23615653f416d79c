// The child process in which a worker runs one heavy stage (see StageProcess for what is spoken), and the simulator.
import AbsurdStages
import Glibc

switch CommandLine.arguments.dropFirst().first {
case "run" where CommandLine.arguments.count == 2:
    exit(StageProcess().run().rawValue)
case "simulate":
    exit(Simulate.run(Array(CommandLine.arguments.dropFirst(2))).rawValue)
case "compare-truth":
    exit(CompareTruth.run(Array(CommandLine.arguments.dropFirst(2))).rawValue)
default:
    exit(
        StageProcess.complain(
            "usage: absurd-stage run < REQUEST.json 3> REPORT (a worker starts it), or absurd-stage simulate --help"
        ).rawValue)
}

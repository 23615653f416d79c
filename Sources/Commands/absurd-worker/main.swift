// A worker process: runs tasks that the leader puts into shared memory. See WorkerProcess.
import AbsurdWorker
import Glibc

exit(WorkerProcess.run(Array(CommandLine.arguments.dropFirst())).rawValue)

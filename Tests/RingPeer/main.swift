// A worker of one seat for the tests of the ring: echoes each request with its bytes reversed until it is asked to leave.
// Descriptors: 3 the segment, 4 the bell. Arguments: worker number, incarnation.
import AbsurdHost
import AbsurdRing
import Glibc

let identity = ProcessIdentity.current
guard CommandLine.arguments.count == 3, let worker = Int(CommandLine.arguments[1]),
    let incarnation = UInt32(CommandLine.arguments[2])
else { exit(64) }
let segment = try SharedSegment.attach(descriptor: 3, bell: 4)
guard
    segment.enterWorkerRow(
        worker, incarnation: incarnation, processID: identity.processID, startTicks: identity.startTicks)
else { exit(1) }
let seat = segment.seat(worker: worker, seat: 0)
while !seat.isAskedToLeave {
    guard case .task(let task) = seat.take(spins: 0, timeoutNanoseconds: -1) else { continue }
    let reply = Array(task.bytes.reversed())
    while reply.withUnsafeBytes({ seat.complete(0, $0) }) == .noRoom { sched_yield() }
}

import Absurd
import AbsurdHost
import Glibc

/// Removes what dead attempts left: processes, half-written files, scratch. On a thread of its own, because a Measurement
/// Set takes its time to go; nothing waits for it, since every attempt has paths of its own.
enum Sweeper {
    static func sweep(_ directories: AttemptDirectories) {
        inBackground {
            ProcessTree(session: 0, mark: "\(AttemptDirectories.marker)=\(directories.markerValue)").kill()
            FileTree.remove(directories.work)
            rmdir(FileTree.parent(directories.work))
            FileTree.remove(directories.scratch)
        }
    }

    /// At the start of a leader no attempt lives: everything under the two roots is a dead predecessor's.
    static func sweepRoots(_ configuration: LeaderConfiguration) {
        for root in ["\(configuration.stateDirectory)/work", configuration.scratchRoot] {
            let doomed = "\(root).dead-\(getpid())"
            guard rename(root, doomed) == 0 else { continue }
            inBackground { FileTree.remove(doomed) }
        }
    }

    private final class Box {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    private static func inBackground(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body()
                return nil
            }, box)
        if code == 0 { pthread_detach(thread) } else { Unmanaged<Box>.fromOpaque(box).takeRetainedValue().body() }
    }
}

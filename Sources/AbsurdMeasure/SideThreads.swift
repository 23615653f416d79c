import AbsurdStore
import Glibc

/// Runs blocking bodies side by side, each on a thread of its own, beside one on the calling thread; returns when all
/// have ended.
enum SideThreads {
    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func run(_ bodies: [@Sendable () -> Void], beside own: () -> Void = {}) {
        var threads: [pthread_t] = []
        for body in bodies {
            var thread = pthread_t()
            let box = Unmanaged.passRetained(Box(body))
            let code = pthread_create(
                &thread, nil,
                { pointer in
                    guard let pointer else { return nil }
                    Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body()
                    return nil
                }, box.toOpaque())
            precondition(code == 0, "no thread: \(String(cString: strerror(code)))")
            threads.append(thread)
        }
        own()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Sleeps until the monotonic clock shows `seconds`; returns at once when it is past.
    static func sleep(untilSeconds seconds: Double) {
        guard seconds > monotonicSeconds() else { return }
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

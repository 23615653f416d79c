import CPostgres
import Glibc

/// Starts a detached thread. libpq's blocking calls run on threads like this and never on Swift's own pool, which has
/// one a core.
public func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // A signal for the program must not land in a thread that cannot handle it: the new thread inherits this mask.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, &attributes,
        { pointer in
            guard let pointer else { return nil }
            Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    precondition(code == 0, "no thread for \(name): \(String(cString: strerror(code)))")
}

/// A descriptor that one side makes readable and the other waits for in `poll`.
package struct WakeDescriptor: Sendable {
    package let descriptor: Int32

    package init() {
        descriptor = eventfd(0, O_CLOEXEC | O_NONBLOCK)
        precondition(descriptor >= 0, "no eventfd: \(String(cString: strerror(errno)))")
    }

    package func wake() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    package func clear() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }

    /// True when woken, false when the time is over.
    package func wait(seconds: Double?) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, seconds.map { Int32(min(max($0, 0) * 1000 + 1, 1e9)) } ?? -1) > 0
    }

    package func closeDescriptor() { close(descriptor) }
}

import CLinux
import Glibc

/// epoll: which descriptors are ready. Each has a tag that comes back with it.
final class Poller {
    private let descriptor: Int32
    private var interests: [Int32: UInt32] = [:]

    init() { descriptor = epoll_create1(Int32(EPOLL_CLOEXEC)) }

    deinit { close(descriptor) }

    func watch(_ file: Int32, read: Bool = true, write: Bool = false, tag: UInt64) {
        guard file >= 0 else { return }
        var wanted: UInt32 = 0
        if read { wanted |= EPOLLIN.rawValue }
        if write { wanted |= EPOLLOUT.rawValue }
        let known = interests[file]
        if known == wanted { return }
        var event = epoll_event()
        event.events = wanted
        event.data.u64 = tag
        if epoll_ctl(descriptor, known == nil ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, file, &event) != 0, known != nil {
            // Closed behind our back and opened again under the same number.
            epoll_ctl(descriptor, EPOLL_CTL_ADD, file, &event)
        }
        interests[file] = wanted
    }

    /// Call before the descriptor is closed.
    func forget(_ file: Int32) {
        guard interests.removeValue(forKey: file) != nil else { return }
        var event = epoll_event()
        epoll_ctl(descriptor, EPOLL_CTL_DEL, file, &event)
    }

    /// - Returns: the tags of what is ready; empty when the time is over or a signal came.
    func wait(milliseconds: Int32) -> [UInt64] {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            let count = epoll_wait(descriptor, events.baseAddress, Int32(events.count), milliseconds)
            return (0..<max(0, Int(count))).map { events[$0].data.u64 }
        }
    }
}

/// Tags of the leader's descriptors: what kind it is, and which of its kind.
enum ReadyTag {
    static let bell: UInt64 = 1
    static let signals: UInt64 = 2
    static let commands: UInt64 = 3
    static let listener: UInt64 = 4
    static let databaseCommand: UInt64 = 5
    static let databaseSide: UInt64 = 6
    static let workers: UInt64 = 1 << 32
    static let admins: UInt64 = 1 << 33
}

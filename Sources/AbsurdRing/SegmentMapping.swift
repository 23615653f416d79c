public import Absurd
import CLane
import Glibc

/// A mapped file in /dev/shm, and how it is made, found again and checked.
struct SegmentMapping {
    static let nameFile = "segment"
    static let bellFile = "bell"

    var descriptor: Int32
    var base: UnsafeMutablePointer<UInt8>
    var bytes: Int
    var name: String?

    static func map(_ descriptor: Int32, bytes: Int, name: String?) throws(Refusal) -> SegmentMapping {
        let flags = MAP_SHARED
        guard let base = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, descriptor, 0), base != MAP_FAILED else {
            throw refusal("cannot be mapped: \(reason())")
        }
        return SegmentMapping(
            descriptor: descriptor, base: base.assumingMemoryBound(to: UInt8.self), bytes: bytes, name: name)
    }

    /// The size of an open segment file, as the kernel says it.
    static func size(_ descriptor: Int32) throws(Refusal) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw refusal("cannot be examined: \(reason())") }
        return Int(status.st_size)
    }

    func check() throws(Refusal) -> lane_shape {
        var shape = lane_shape()
        let why: String
        switch Int(lane_segment_check(base, UInt64(bytes), &shape)) {
        case LANE_SEGMENT_OK: return shape
        case LANE_SEGMENT_MAGIC: why = "is not a segment, or was never finished"
        case LANE_SEGMENT_VERSION: why = "was made by another release"
        case LANE_SEGMENT_LAYOUT: why = "has another layout than this build"
        case LANE_SEGMENT_SHAPE: why = "has an impossible shape"
        default: why = "has another size than its header says"
        }
        throw Self.refusal(why)
    }

    static func reason() -> String { String(cString: strerror(errno)) }

    static func refusal(_ why: String) -> Refusal {
        Refusal(
            "shared memory segment", why: why,
            remedy: "stop every absurd process of this node and start the leader again", exit: .cannotCreate)
    }
}

extension SharedSegment {
    /// Makes a new segment with all its memory reserved, and names it in `runDirectory` (which must exist, 0700).
    ///
    /// `bind` is called per worker before its memory exists: the place to set a memory policy. A full /dev/shm is
    /// refused here, because later it would be a SIGBUS.
    public static func create(
        runDirectory: String, shape: SegmentShape,
        bind: (_ worker: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void = { _, _ in }
    ) throws(Refusal) -> SharedSegment {
        guard let raw = shape.raw else {
            throw Refusal(
                "shared memory segment", why: "a shape of \(shape) is out of range",
                remedy: "use 1-1024 workers, a power of two of 2-4096 slots and of 4 KiB-8 MiB of arena",
                exit: .configuration)
        }
        let bytes = Int(lane_segment_bytes(raw))
        discard(runDirectory: runDirectory)
        let name = "/absurd-\(getuid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        let descriptor = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SegmentMapping.refusal("cannot be made in /dev/shm: \(SegmentMapping.reason())")
        }
        var keep = false
        defer {
            if !keep {
                shm_unlink(name)
                close(descriptor)
            }
        }
        guard ftruncate(descriptor, bytes) == 0 else {
            throw SegmentMapping.refusal("cannot be sized: \(SegmentMapping.reason())")
        }
        let mapping = try SegmentMapping.map(descriptor, bytes: bytes, name: name)
        for worker in 0..<shape.workers {
            let start = lane_base(mapping.base, raw, UInt32(worker * shape.seatsPerWorker))
            let count = Int(lane_stride(raw)) * shape.seatsPerWorker
            bind(worker, UnsafeMutableRawBufferPointer(start: start, count: count))
        }
        let status = posix_fallocate(descriptor, 0, bytes)
        guard status == 0 else {
            munmap(mapping.base, bytes)
            throw Refusal(
                "/dev/shm", why: "has no room for \(bytes >> 10) KiB (\(String(cString: strerror(status))))",
                remedy: "enlarge it (mount -o remount,size=… /dev/shm), or use fewer workers, less concurrency or "
                    + "smaller arenas", exit: .tryAgain)
        }
        lane_segment_make(mapping.base, raw)
        let bell = try openBell(runDirectory)
        try writeName(name, runDirectory)
        keep = true
        return SharedSegment(mapping, shape: raw, bell: bell, runDirectory: runDirectory, isLeader: true)
    }

    /// Takes over what a dead leader left in `runDirectory`. Nil when there is nothing, or nothing that this build can
    /// read: then no worker of it may live on. The caller must hold the node's leader lock.
    public static func adopt(runDirectory: String) throws(Refusal) -> SharedSegment? {
        guard let name = readName(runDirectory) else { return nil }
        let descriptor = shm_open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0)
        guard descriptor >= 0 else { return nil }
        let bytes = try SegmentMapping.size(descriptor)
        guard bytes >= Int(LANE_PAGE) else {
            close(descriptor)
            return nil
        }
        let mapping = try SegmentMapping.map(descriptor, bytes: bytes, name: name)
        guard let shape = try? mapping.check() else {
            munmap(mapping.base, bytes)
            close(descriptor)
            return nil
        }
        let bell = try openBell(runDirectory)
        return SharedSegment(mapping, shape: shape, bell: bell, runDirectory: runDirectory, isLeader: true)
    }

    /// A worker's way in: the descriptors that it inherited.
    public static func attach(descriptor: Int32, bell: Int32) throws(Refusal) -> SharedSegment {
        let bytes = try SegmentMapping.size(descriptor)
        guard bytes >= Int(LANE_PAGE) else { throw SegmentMapping.refusal("is too small to be one") }
        let mapping = try SegmentMapping.map(descriptor, bytes: bytes, name: nil)
        let shape = try mapping.check()
        return SharedSegment(mapping, shape: shape, bell: bell, runDirectory: nil, isLeader: false)
    }

    /// Removes the name of a segment that nobody can use any more.
    public static func discard(runDirectory: String) {
        if let name = readName(runDirectory) { shm_unlink(name) }
        unlink("\(runDirectory)/\(SegmentMapping.nameFile)")
    }

    /// Opened for reading and writing, so that it never reports an end while no worker has it open.
    private static func openBell(_ runDirectory: String) throws(Refusal) -> Int32 {
        let path = "\(runDirectory)/\(SegmentMapping.bellFile)"
        if mkfifo(path, 0o600) != 0 && errno != EEXIST {
            throw Refusal(
                path, why: "cannot be made: \(SegmentMapping.reason())",
                remedy: "check the rights of its directory", exit: .cannotCreate)
        }
        let bell = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard bell >= 0 else {
            throw Refusal(
                path, why: "cannot be opened: \(SegmentMapping.reason())",
                remedy: "check the rights of its directory", exit: .cannotCreate)
        }
        return bell
    }

    private static func writeName(_ name: String, _ runDirectory: String) throws(Refusal) {
        let path = "\(runDirectory)/\(SegmentMapping.nameFile)"
        let temporary = "\(path).new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        let text = Array(name.utf8)
        let written = file >= 0 && write(file, text, text.count) == text.count
        let why = SegmentMapping.reason()
        if file >= 0 { close(file) }
        guard written, rename(temporary, path) == 0 else {
            throw Refusal(
                path, why: "cannot be written: \(why)", remedy: "check the space and rights of its directory",
                exit: .cannotCreate)
        }
    }

    /// The name in `<run>/segment`, if it is one of ours.
    static func readName(_ runDirectory: String) -> String? {
        let file = open("\(runDirectory)/\(SegmentMapping.nameFile)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(file, &text, text.count)
        guard count > 0, count < text.count else { return nil }
        let name = String(decoding: text[..<count], as: UTF8.self)
        return name.hasPrefix("/absurd-\(getuid())-") && !name.dropFirst().contains("/") ? name : nil
    }
}

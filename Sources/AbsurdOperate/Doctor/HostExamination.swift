import Absurd
import AbsurdHost
import Glibc

/// Reads the machine's facts: files of /proc, /sys, /etc and the like below a root that tests replace.
public struct HostExamination {
    public struct Places: Sendable {
        /// Empty for the real machine.
        public var root = ""
        public var stateDirectory: String
        public var incomingDirectory: String?
        public var tmpfsDirectory: String
        /// The directory of absurd-stage.
        public var programDirectory: String
        public var searchPath: String

        public init(
            root: String = "", stateDirectory: String, incomingDirectory: String? = nil, tmpfsDirectory: String,
            programDirectory: String, searchPath: String
        ) {
            self.root = root
            self.stateDirectory = stateDirectory
            self.incomingDirectory = incomingDirectory
            self.tmpfsDirectory = tmpfsDirectory
            self.programDirectory = programDirectory
            self.searchPath = searchPath
        }
    }

    private let places: Places
    private var mounts: [Mounts.Mount]

    /// - Parameter processes: those whose state and placement matter: the workers that nodes tell of.
    public static func read(_ places: Places, processes: [Int]) -> HostFacts {
        HostExamination(places: places).read(processes)
    }

    private init(places: Places) {
        self.places = places
        mounts = Mounts.parse(SystemFile.text("\(places.root)/proc/self/mounts") ?? "")
    }

    private func read(_ processes: [Int]) -> HostFacts {
        var host = HostFacts()
        let root = places.root
        host.name = trimmed(SystemFile.text("\(root)/proc/sys/kernel/hostname"))
        host.topology = Topology.read(root: "\(root)/sys", memoryInfo: "\(root)/proc/meminfo")
        host.limits = HostLimits.read(
            processRoot: "\(root)/proc", cgroupRoot: "\(root)/sys/fs/cgroup",
            affinity: root.isEmpty ? HostLimits.affinity() : nil)
        host.loadAverages = (SystemFile.text("\(root)/proc/loadavg") ?? "").split(separator: " ").prefix(3)
            .compactMap { Double($0) }
        host.cpuPressurePercent = Self.pressure(SystemFile.text("\(root)/proc/pressure/cpu") ?? "")
        host.memoryBytes = memory("MemTotal:")
        host.memoryAvailableBytes = memory("MemAvailable:")
        host.sharedMemory = sharedMemory(memoryBytes: host.memoryBytes)
        for pid in processes { host.processes[pid] = process(pid) }
        readLogins(&host)
        readPrograms(&host)
        host.tiers = tiers()
        return host
    }

    /// `some avg10=0.00 avg60=1.25 …`.
    static func pressure(_ text: String) -> Double? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("some") }),
            let word = line.split(separator: " ").first(where: { $0.hasPrefix("avg60=") })
        else { return nil }
        return Double(word.dropFirst(6))
    }

    private func memory(_ key: String) -> Int64 {
        (SystemFile.value(key, in: "\(places.root)/proc/meminfo") ?? 0) << 10
    }

    /// The size as mounted; what is free as the kernel counts it, or as much where the root is not the machine's own.
    private func sharedMemory(memoryBytes: Int64) -> HostFacts.Space? {
        guard let mount = mounts.last(where: { $0.path == "/dev/shm" }) else { return nil }
        let total = mount.sizeBytes(memoryBytes: memoryBytes) ?? memoryBytes / 2
        guard places.root.isEmpty, let real = Self.space("/dev/shm") else {
            return HostFacts.Space(totalBytes: total, freeBytes: total)
        }
        return real
    }

    private func process(_ pid: Int) -> HostFacts.Process? {
        let directory = "\(places.root)/proc/\(pid)"
        guard let status = SystemFile.text("\(directory)/status") else { return nil }
        var process = HostFacts.Process(state: "?", name: "")
        for line in status.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = trimmed(String(line[line.index(after: colon)...]))
            switch line[..<colon] {
            case "Name": process.name = value
            case "State": process.state = value.first ?? "?"
            case "Cpus_allowed_list": process.cpus = CPUSet(list: value)
            default: break
            }
        }
        for word in (SystemFile.text("\(directory)/numa_maps") ?? "").split(whereSeparator: \.isWhitespace) {
            let parts = word.split(separator: "=")
            guard parts.count == 2, parts[0].first == "N", let node = Int(parts[0].dropFirst()),
                let pages = Int64(parts[1])
            else { continue }
            process.pages[node, default: 0] += pages
        }
        return process
    }

    private func readLogins(_ host: inout HostFacts) {
        let root = places.root
        var files = ["\(root)/etc/systemd/logind.conf"]
        for directory in ["/usr/lib", "/run", "/etc"].map({ "\(root)\($0)/systemd/logind.conf.d" }) {
            files += SystemFile.names(in: directory).map { "\(directory)/\($0)" }
        }
        // systemd's own default is yes; without the daemon nobody removes anything.
        if access("\(root)/run/systemd/seats", F_OK) == 0 || access("\(root)/run/systemd/users", F_OK) == 0 {
            host.removesIPC = files.reduce(true) { value, file in
                let lines = (SystemFile.text(file) ?? "").split(separator: "\n").map { trimmed(String($0)) }
                let last = lines.last { $0.hasPrefix("RemoveIPC=") }?.dropFirst("RemoveIPC=".count).lowercased()
                return last.map { ["yes", "true", "on", "1"].contains($0) } ?? value
            }
        }
        host.lingeringUsers = Set(SystemFile.names(in: "\(root)/var/lib/systemd/linger"))
        for line in (SystemFile.text("\(root)/etc/passwd") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", omittingEmptySubsequences: false)
            if parts.count > 2, let id = Int(parts[2]) { host.userNames[id] = String(parts[0]) }
        }
    }

    private func readPrograms(_ host: inout HostFacts) {
        let root = places.root
        let path = places.searchPath.split(separator: ":").map(String.init)
        func find(_ name: String, _ directories: [String]) {
            host.programs[name] = directories.map { "\(root)\($0)/\(name)" }.first { access($0, X_OK) == 0 }
        }
        find("wsclean", path)
        find("aoflagger", path)
        find("absurd-stage", [places.programDirectory])
        let libraries = ["/usr/lib", "/usr/local/lib", "/lib64", "/usr/lib64"].map { root + $0 }
        let directories = libraries + SystemFile.names(in: "\(root)/usr/lib").map { "\(root)/usr/lib/\($0)" }
        host.casacoreLibrary = directories.first { directory in
            SystemFile.names(in: directory).contains { $0.hasPrefix("libcasa_ms.so") }
        }
        host.casacoreData = ["/usr/share/casacore/data", "/var/lib/casacore/data", "/usr/local/share/casacore/data"]
            .map { root + $0 }.first { access($0, R_OK) == 0 }
    }

    private func tiers() -> [HostFacts.Tier] {
        var tiers = [tier(.stage, places.stateDirectory), tier(.tmpfs, places.tmpfsDirectory)]
        if let incoming = places.incomingDirectory { tiers.insert(tier(.incoming, incoming), at: 0) }
        return tiers
    }

    private func tier(_ role: HostFacts.Tier.Role, _ path: String) -> HostFacts.Tier {
        let full = places.root + path
        var existing = full
        // The leader makes its own directories: what matters is where they will lie.
        if role != .incoming {
            while access(existing, F_OK) != 0, existing.count > 1 { existing = FileTree.parent(existing) }
        }
        let within = existing.dropFirst(places.root.count)
        return HostFacts.Tier(
            role: role, path: path, exists: access(existing, F_OK) == 0, isWritable: access(existing, W_OK) == 0,
            space: Self.space(existing), fileSystem: Mounts.holding(within.isEmpty ? "/" : String(within), mounts)?.type
        )
    }

    static func space(_ path: String) -> HostFacts.Space? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let unit = Int64(status.f_frsize)
        return HostFacts.Space(totalBytes: Int64(status.f_blocks) * unit, freeBytes: Int64(status.f_bavail) * unit)
    }

    private func trimmed(_ text: String?) -> String {
        var text = Substring(text ?? "")
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }
}

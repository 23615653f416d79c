import Absurd
import Glibc

/// The files of one private cluster: `data/`, `socket/`, `holder`, `start.log`.
struct ClusterDirectory {
    var path: String
    var account: Account?

    var data: String { path + "/data" }
    var startLog: String { path + "/start.log" }

    /// Makes the directory and sees that the server's user can get at it.
    func prepare() throws(Refusal) {
        try makeParents()
        let ours: Set = ["data", "data.new", "socket", "holder", "start.log"]
        if let stranger = directoryEntries(path).first(where: { !ours.contains($0) }) {
            throw Refusal(
                "state directory \(path)", why: "it holds \(stranger), which is not ours",
                remedy: "choose a new or empty one", exit: .cannotCreate)
        }
        if let account {
            try checkReachable(by: account)
            guard chown(path, account.uid, account.gid) == 0 else { throw .cannotCreate(path, errno) }
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw .cannotCreate(path, errno) }
        guard account != nil || status.st_uid == geteuid() else {
            throw Refusal(
                path, why: "it belongs to user id \(status.st_uid)",
                remedy: "choose a directory of yours with --state-dir", exit: .notAllowed)
        }
        chmod(path, 0o700)
    }

    private func makeParents() throws(Refusal) {
        var built = ""
        for part in path.split(separator: "/") {
            built += "/" + part
            if mkdir(built, 0o755) != 0, errno != EEXIST, errno != EISDIR {
                var status = stat()
                let code = errno
                guard stat(built, &status) == 0 else { throw .cannotCreate(built, code) }
            }
        }
    }

    /// Root may enter anything, the server's user may not: /root, or a private home.
    private func checkReachable(by account: Account) throws(Refusal) {
        var built = ""
        for part in path.split(separator: "/").dropLast() {
            built += "/" + part
            var status = stat()
            guard stat(built, &status) == 0 else { throw .cannotCreate(built, errno) }
            let bit: mode_t =
                status.st_uid == account.uid ? S_IXUSR : status.st_gid == account.gid ? S_IXGRP : S_IXOTH
            guard status.st_mode & bit != 0 else {
                throw Refusal(
                    "state directory \(path)",
                    why: "root runs PostgreSQL as user \(account.name), who may not enter \(built)",
                    remedy: "choose one outside of it, such as --state-dir /var/lib/absurd", exit: .notAllowed)
            }
        }
    }

    /// Where the socket lies. Its path may take 107 bytes only; a deep directory gets one in /tmp, private as well.
    func socketDirectory() throws(Refusal) -> String {
        let inside = path + "/socket"
        let longest = "/.s.PGSQL.5432.lock"
        let uid = account?.uid ?? geteuid()
        let chosen = inside.utf8.count + longest.utf8.count <= 107 ? inside : "/tmp/absurd-\(uid)-\(Self.digest(path))"
        if mkdir(chosen, 0o700) == 0 {
            if let account, chown(chosen, account.uid, account.gid) != 0 { throw .cannotCreate(chosen, errno) }
            return chosen
        }
        var status = stat()
        guard errno == EEXIST, lstat(chosen, &status) == 0 else { throw .cannotCreate(chosen, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == uid, status.st_mode & 0o077 == 0 else {
            throw Refusal(
                chosen, why: "somebody else made it", remedy: "remove it, or choose a shorter --state-dir",
                exit: .notAllowed)
        }
        return chosen
    }

    /// FNV-1a, which is enough to tell directories apart.
    private static func digest(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }

    /// The major version that made the data, or nil when there is none yet.
    func dataVersion() -> Int? {
        guard let text = fileText(data + "/PG_VERSION") else { return nil }
        return Int(text.prefix { $0.isNumber })
    }

    // MARK: Creation

    /// Makes the data directory beside its place and renames it there when whole, so that half of one is never used.
    func initialise(
        _ installation: PostgresInstallation, superuser: String, isDurable: Bool
    ) throws(Refusal) {
        try requireSpace()
        let draft = path + "/data.new"
        removeTree(draft)
        var program = ChildProgram(
            installation.program("initdb"),
            [
                "-D", draft, "-U", superuser, "--encoding=UTF8", "--locale=C", "--data-checksums", "--auth=reject",
                "--no-instructions",
            ] + (isDurable ? [] : ["--no-sync"]), as: account)
        program.workingDirectory = path
        let (status, text) = try program.output()
        guard status == 0 else {
            removeTree(draft)
            throw Self.refusal("initdb in \(path)", status: status, output: text)
        }
        try writeFile(draft + "/pg_hba.conf", "# Written by absurd.\nlocal all all peer map=absurd\n")
        try appendFile(draft + "/postgresql.conf", "\ninclude = 'absurd.conf'\n")
        try writeFile(draft + "/absurd.conf", "")
        guard rename(draft, data) == 0 else { throw .cannotCreate(data, errno) }
    }

    private func requireSpace() throws(Refusal) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw .cannotCreate(path, errno) }
        let free = Int64(status.f_bavail) * Int64(status.f_frsize)
        guard free >= Limits.clusterFreeBytesMin else {
            throw Refusal(
                "state directory \(path)", why: "only \(free >> 20) MiB are free",
                remedy: "free \(Limits.clusterFreeBytesMin >> 20) MiB there or choose another with --state-dir",
                exit: .cannotCreate)
        }
    }

    /// Written at every start, so that a directory may move and a release may change its mind.
    func configure(socketDirectory: String, superuser: String, settings: [String: String]) throws(Refusal) {
        var all = [
            "listen_addresses": "''", "unix_socket_directories": "'\(socketDirectory.replacing("'", with: "''"))'",
            "port": "5432",
            "unix_socket_permissions": "0700", "fsync": "on", "full_page_writes": "on", "max_connections": "100",
            "max_wal_size": "2GB", "checkpoint_timeout": "15min", "wal_compression": "on",
            "shared_buffers": "\(Self.sharedBuffersMebibytes)MB",
            "logging_collector": "on", "log_directory": "'log'", "log_filename": "'postgres-%a.log'",
            "log_truncate_on_rotation": "on", "log_rotation_age": "1d", "log_file_mode": "0600",
            "cluster_name": "'absurd'",
        ]
        all.merge(settings) { _, given in given }
        let lines = all.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }
        try writeFile(data + "/absurd.conf", "# Written by absurd at every start.\n" + lines.joined())
        let people = Set([Account.currentName, account?.name, "root"].compactMap { $0 }).sorted()
        let roles = [superuser, "absurd_client", "absurd_reader", "absurd_leader", "absurd_admin"]
        let map = people.flatMap { person in roles.map { "absurd \"\(person)\" \($0)\n" } }
        try writeFile(data + "/pg_ident.conf", "# Written by absurd at every start.\n" + map.joined())
    }

    /// An eighth of the memory: the rest belongs to the stages and to the page cache.
    private static var sharedBuffersMebibytes: Int {
        let memory = sysconf(Int32(_SC_PHYS_PAGES)) / 1024 * sysconf(Int32(_SC_PAGESIZE)) / 1024
        return min(max(memory / 8, 64), 1024)
    }

    // MARK: Files

    private func writeFile(_ file: String, _ text: String) throws(Refusal) {
        try write(file, text, O_TRUNC)
    }

    private func appendFile(_ file: String, _ text: String) throws(Refusal) {
        try write(file, text, O_APPEND)
    }

    private func write(_ file: String, _ text: String, _ mode: Int32) throws(Refusal) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | mode, 0o600)
        guard descriptor >= 0 else { throw .cannotCreate(file, errno) }
        defer { close(descriptor) }
        if let account { fchown(descriptor, account.uid, account.gid) }
        let written = text.withCString { Glibc.write(descriptor, $0, strlen($0)) }
        guard written == text.utf8.count else { throw .cannotCreate(file, written < 0 ? errno : ENOSPC) }
    }

    /// Turns what PostgreSQL's programs print into one line.
    static func refusal(_ what: String, status: Int32, output: String) -> Refusal {
        let lines = output.split(separator: "\n").map(String.init)
        let telling =
            lines.last { $0.contains("FATAL") || $0.contains("PANIC") || $0.contains("error:") } ?? lines.last
            ?? "exit status \(status)"
        if output.contains("No space left on device") || output.contains("Disk quota exceeded") {
            return .cannotCreate(what, ENOSPC)
        }
        if output.contains("Permission denied") {
            return Refusal(
                what, why: telling, remedy: "choose a directory of yours with --state-dir", exit: .notAllowed)
        }
        return Refusal(what, why: telling, remedy: "see the log there", exit: .unavailable)
    }
}

func fileText(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 16_384)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer[..<count], as: UTF8.self)
}

/// Removes a directory and all in it; symbolic links are removed, not followed.
public func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
        for name in directoryEntries(path) { removeTree(path + "/" + name) }
        rmdir(path)
    } else {
        unlink(path)
    }
}

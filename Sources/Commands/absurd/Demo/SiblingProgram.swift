import Absurd
import ArgumentParser
import CLinux
import Glibc

/// Runs a program that was installed beside this one and collects what it prints.
enum SiblingProgram {
    /// - Returns: its standard output; standard error goes where ours goes.
    /// - Throws: `Refusal` when it can't be started; `ArgumentParser.ExitCode` when it does not exit with 0, because
    ///   it has said why itself.
    static func run(_ name: String, _ arguments: [String]) throws -> String {
        let program = Paths.sibling(name)
        var ends: [Int32] = [-1, -1]
        guard linux_pipe(&ends) == 0 else {
            throw Refusal(name, why: String(cString: strerror(errno)), remedy: "close other programs", exit: .tryAgain)
        }
        defer { close(ends[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        var vector: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in vector { free(word) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, program, &actions, nil, &vector, environ)
        close(ends[1])
        guard failure == 0 else {
            throw Refusal(
                program, why: "cannot be started: \(String(cString: strerror(failure)))",
                remedy: "install it beside absurd, or set ABSURD_LIBEXEC to its directory", exit: .configuration)
        }
        let output = readAll(ends[0])
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw ArgumentParser.ExitCode(status & 0x7F == 0 ? status >> 8 & 0xFF : 1)
        }
        return output
    }

    private static func readAll(_ file: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

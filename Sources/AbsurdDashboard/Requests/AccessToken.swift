import Absurd
import Glibc

/// The token that writing needs: what its file holds. The leader's own file is made on first use, for its owner alone.
enum AccessToken {
    /// - Throws: `Refusal` when the file can't be read or made, or is open to others.
    static func read(_ path: String, makeIfMissing: Bool) throws(Refusal) -> String {
        let flags = (makeIfMissing ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW
        let file = open(path, flags, 0o600)
        guard file >= 0 else {
            throw Refusal(
                path, why: String(cString: strerror(errno)), remedy: "make it: 32 random characters, mode 0600",
                exit: .configuration)
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & 0o077 == 0 else {
            throw Refusal(path, why: "others can read it", remedy: "chmod 600 it", exit: .notAllowed)
        }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = pread(file, &buffer, buffer.count, 0)
        let token = String(decoding: buffer[..<max(0, count)], as: UTF8.self).filter { !$0.isWhitespace }
        if !token.isEmpty || !makeIfMissing {
            guard token.utf8.count >= Limits.httpTokenBytesMin else {
                throw Refusal(
                    path, why: "the token has fewer than \(Limits.httpTokenBytesMin) characters",
                    remedy: "put 32 random characters into it", exit: .configuration)
            }
            return token
        }
        let digits = Array("0123456789abcdef")
        var generator = SystemRandomNumberGenerator()
        let made = String((0..<64).map { _ in digits[Int.random(in: 0..<16, using: &generator)] })
        guard pwrite(file, made + "\n", 65, 0) == 65 else {
            throw Refusal(path, why: String(cString: strerror(errno)), remedy: "make room", exit: .cannotCreate)
        }
        return made
    }
}

import Absurd
import AbsurdOperate
import Glibc

/// The terminal as a screen: raw keys and the alternate screen, and as it was before on every way out.
///
/// One at a time, owned by one thread. Signals only write their number into a pipe that `wait` looks at; those that kill
/// the program put the terminal back themselves, with calls that a handler may make.
final class Terminal {
    enum Input: Hashable {
        case bytes([UInt8])
        case resized, resumed, ended
        /// Somebody called `wake`.
        case woken
    }

    private let wakeReader: Int32
    private let wakeWriter: Int32

    static let isThere =
        isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
        && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false

    /// - Throws: `Refusal` when standard input is no terminal.
    init() throws {
        var attributes = termios()
        guard tcgetattr(STDIN_FILENO, &attributes) == 0 else {
            throw Refusal(
                "terminal", why: String(cString: strerror(errno)), remedy: "use --once or --json", exit: .usage)
        }
        saved.attributes = attributes
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw Refusal("pipe", why: String(cString: strerror(errno)), remedy: "", exit: .tryAgain)
        }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        wakeReader = ends[0]
        wakeWriter = ends[1]
        saved.wake = ends[1]
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT] { signal(number, noteSignal) }
        for number in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE] { signal(number, dieRestored) }
        atexit { restoreTerminal() }
        enter()
    }

    deinit {
        restoreTerminal()
        saved.wake = -1
        close(wakeReader)
        close(wakeWriter)
    }

    /// From any thread.
    var waker: @Sendable () -> Void {
        let writer = wakeWriter
        return {
            var zero: UInt8 = 0
            _ = write(writer, &zero, 1)
        }
    }

    private func enter() {
        var raw = saved.attributes
        cfmakeraw(&raw)
        saved.isEntered = true
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        put("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
    }

    /// Gives the terminal back to the shell until it continues this program.
    func suspend() {
        restoreTerminal()
        signal(SIGTSTP, SIG_DFL)
        // To this thread, which then draws nothing before it has stopped.
        raise(SIGTSTP)
    }

    var size: (columns: Int, rows: Int) {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(window.ws_col), Int(window.ws_row))
    }

    /// Sleeps until there is something or the time is over.
    func wait(milliseconds: Int) -> [Input] {
        var entries = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&entries, 2, Int32(clamping: milliseconds)) > 0 else { return [] }
        var found: [Input] = []
        if entries[1].revents != 0 {
            var numbers = [UInt8](repeating: 0, count: 64)
            let count = read(wakeReader, &numbers, numbers.count)
            for number in Set(numbers.prefix(max(0, count))) {
                switch Int32(number) {
                case 0: found.append(.woken)
                case SIGWINCH: found.append(.resized)
                case SIGCONT:
                    enter()
                    found.append(.resumed)
                default: found.append(.ended)
                }
            }
        }
        if entries[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 256)
            let count = read(STDIN_FILENO, &bytes, bytes.count)
            // Nobody is there any more.
            if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { found.append(.ended) }
            if count > 0 { found.append(.bytes(Array(bytes[..<count]))) }
        }
        return found
    }

    /// The whole screen at once: nothing is cleared first, so nothing flickers.
    func draw(_ lines: [StyledLine], isColoured: Bool) {
        let body = lines.map { $0.terminalText(isColoured: isColoured) + "\u{1B}[K" }
        put("\u{1B}[H" + body.joined(separator: "\r\n") + "\u{1B}[J")
    }

    private func put(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let count = write(STDOUT_FILENO, bytes.baseAddress! + done, bytes.count - done)
                if count > 0 { done += count } else if errno != EINTR && errno != EAGAIN { return }
            }
        }
    }
}

/// What handlers need: written before they are installed, read by them.
private struct SavedTerminal {
    var attributes = termios()
    var isEntered = false
    var wake: Int32 = -1
}

nonisolated(unsafe) private var saved = SavedTerminal()

/// Wrap on, cursor on, colours off, main screen. Only calls that a signal handler may make.
private func restoreTerminal() {
    guard saved.isEntered else { return }
    saved.isEntered = false
    let text: StaticString = "\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"
    _ = write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    tcsetattr(STDIN_FILENO, TCSANOW, &saved.attributes)
}

private func noteSignal(_ number: Int32) {
    let before = errno
    var byte = UInt8(truncatingIfNeeded: number)
    if saved.wake >= 0 { _ = write(saved.wake, &byte, 1) }
    errno = before
}

private func dieRestored(_ number: Int32) {
    restoreTerminal()
    signal(number, SIG_DFL)
    raise(number)
}

import Absurd
import Glibc

/// Where one attempt writes, and where readers find it once it has ended well.
///
/// ```
/// work/TASK/ATTEMPT            written by the attempt; gone afterwards, whatever happened
/// products/NAME/TASK/ATTEMPT   the same directory under its final name: there as a whole, or not at all
/// logs/tasks/TASK/ATTEMPT.log  what the attempt and its children said
/// SCRATCH/TASK-ATTEMPT         tmpfs; gone afterwards
/// ```
public struct AttemptDirectories: Sendable, Hashable {
    public let state: String
    public let scratchRoot: String
    public let taskName: String
    public let fence: Fence

    public init(state: String, scratchRoot: String, taskName: String, fence: Fence) {
        self.state = state
        self.scratchRoot = scratchRoot
        self.taskName = taskName
        self.fence = fence
    }

    public var work: String { "\(state)/work/\(fence.task)/\(fence.attempt)" }
    public var final: String { "\(state)/products/\(taskName)/\(fence.task)/\(fence.attempt)" }
    public var log: String { "\(state)/logs/tasks/\(fence.task)/\(fence.attempt).log" }
    public var scratch: String { "\(scratchRoot)/\(fence.task)-\(fence.attempt)" }

    /// The variable that names the attempt in the environment of everything it starts, so that a process that left its
    /// group and its session is still found.
    public static let marker = "ABSURD_ATTEMPT"
    public var markerValue: String { "\(fence.task)/\(fence.attempt)" }
}

/// The life of an attempt's files.
public struct Outputs: Sendable {
    let directories: AttemptDirectories

    public init(_ directories: AttemptDirectories) { self.directories = directories }

    /// Makes the work directory anew.
    /// - Throws: `Refusal` when the disk refuses.
    public func prepare() throws {
        FileTree.remove(directories.work)
        try FileTree.makeDirectory(directories.work)
    }

    /// - Returns: the scratch directory, or nil where there is no tmpfs to make it in.
    public func prepareScratch() -> String? {
        FileTree.remove(directories.scratch)
        do { try FileTree.makeDirectory(directories.scratch, mode: 0o700) } catch { return nil }
        return directories.scratch
    }

    /// Makes everything written durable and then visible, in that order. An attempt without outputs publishes nothing.
    /// - Throws: `Refusal`, after which nothing is visible.
    public func publish() throws {
        guard !FileTree.isEmptyDirectory(directories.work) else { return discard() }
        try FileTree.synchronize(directories.work)
        let parent = FileTree.parent(directories.final)
        try FileTree.makeDirectory(parent)
        FileTree.remove(directories.final)
        guard rename(directories.work, directories.final) == 0 else {
            throw FileTree.refusal(directories.final, "publish")
        }
        try FileTree.synchronizeDirectory(parent)
        rmdir(FileTree.parent(directories.work))
    }

    /// Removes what the attempt wrote, and its scratch.
    public func discard() {
        FileTree.remove(directories.work)
        rmdir(FileTree.parent(directories.work))
    }

    public func discardScratch() { FileTree.remove(directories.scratch) }
}

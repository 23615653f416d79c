import Absurd
import AbsurdHost
import Glibc

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

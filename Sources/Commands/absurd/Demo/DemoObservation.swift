import Absurd
import AbsurdCluster
import Glibc

/// The simulated observation that the demo works on: made once, and used again while it is the one asked for.
struct DemoObservation {
    var size: String
    var seed: UInt64
    /// Where the sub-bands are; `truth` lies in it.
    var directory: String

    var truthDirectory: String { directory + "/truth" }

    /// Whether a whole observation of this size and seed is there.
    func exists() -> Bool {
        guard let text = Paths.text(truthDirectory + "/observation.json"),
            let truth = try? JSONValue(parsing: text)
        else { return false }
        return truth["size"]?.text == size && truth["seed"]?.text == String(seed)
    }

    /// Makes it beside its place and renames it there, so that a half-made one is never taken for whole.
    func make() throws {
        let partial = directory + ".partial"
        removeTree(partial)
        removeTree(directory)
        _ = try SiblingProgram.run(
            "absurd-stage", ["simulate", "--output", partial, "--size", size, "--seed", String(seed)])
        guard rename(partial, directory) == 0 else {
            throw Refusal(
                directory, why: String(cString: strerror(errno)), remedy: "choose another --state-dir",
                exit: .cannotCreate)
        }
    }
}

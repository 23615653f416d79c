import Absurd
import Glibc
import Synchronization

// Who writes what: each sub-band is made by one call on one worker thread; the visibility buffers belong to workers,
// flags and samples are filled before the workers start. The first refusal wins and stops what has not begun.

/// Writes a simulated observation: one UVH5 file a sub-band, and what is true about it.
public struct Simulation: Sendable {
    public struct Summary: Sendable, Hashable {
        /// Paths of the files written, in sub-band order.
        public var files: [String]
        public var bytes: Int
        public var visibilities: Int
        public var truthDirectory: String
    }

    /// Discs of the least separation fill a third of the field at this number: it is still quickly found a place.
    private static let sourcesMax = 200

    private let simulation: SubBandSimulation
    private var plan: ObservationPlan { simulation.plan }

    /// - Throws: `Refusal` (usage) for options that contradict each other.
    public init(_ options: SimulationOptions) throws {
        let subBands = 0..<options.shape.subBands
        guard options.missing.union(options.truncated).allSatisfy(subBands.contains) else {
            throw Refusal(
                "--missing, --truncate",
                why: "size \(options.size.rawValue) has the sub-bands 0 to \(subBands.count - 1)",
                remedy: "name sub-bands of these", exit: .usage)
        }
        guard (0...0.5).contains(options.interferenceFraction) else {
            throw Refusal("--rfi", why: "a fraction from 0 to 0.5", remedy: "for instance 0.02", exit: .usage)
        }
        guard (0...Self.sourcesMax).contains(options.sourceCount ?? 0) else {
            throw Refusal(
                "--sources", why: "from 0 to \(Self.sourcesMax) fit without blending", remedy: "", exit: .usage)
        }
        simulation = SubBandSimulation(try ObservationPlan(options))
    }

    /// Makes the directory if it is not there and writes everything into it; each file appears whole, by rename.
    ///
    /// - Parameters:
    ///   - threads: sub-bands made at the same time; each takes memory for its visibilities (86 MB at full size).
    ///   - progress: called with the number of sub-bands done, from any thread.
    /// - Throws: `Refusal` (cannot create) when the directory holds another observation or has no room.
    public func write(
        to directory: String, threads: Int = 2,
        progress: @escaping @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws -> Summary {
        let wanted = (0..<plan.options.shape.subBands).filter { !plan.options.missing.contains($0) }
        let truth = directory + "/truth"
        try prepare(directory, truth)
        let perRow = plan.options.shape.channels * 2
        let count = simulation.rowCount * perRow
        let flags = SharedArray<UInt8>(count)
        let samples = SharedArray<Float>(count)
        // What the telescope writes: the number of raw samples that went into an integration.
        UnsafeMutableBufferPointer(start: samples.start, count: count).update(repeating: 96)

        let state = Mutex<(done: Int, refusal: Refusal?)>((0, nil))
        let workers = ParallelLoop.workers(wanted.count, threads: threads)
        let buffers = (0..<workers).map { _ in SharedArray<SIMD2<Float>>(count) }
        ParallelLoop.run(wanted.count, threads: threads) { worker, index in
            guard state.withLock({ $0.refusal == nil }) else { return }
            do {
                try write(subBand: wanted[index], to: directory, buffers[worker], flags, samples)
                let done = state.withLock {
                    $0.done += 1
                    return $0.done
                }
                progress(done, wanted.count)
            } catch {
                let refusal = error as? Refusal ?? Refusal(directory, why: "\(error)", remedy: "", exit: .cannotCreate)
                state.withLock { $0.refusal = $0.refusal ?? refusal }
            }
        }
        if let refusal = state.withLock({ $0.refusal }) { throw refusal }
        try SimulationTruth(simulation: simulation).write(to: truth)
        let files = wanted.map { directory + "/" + plan.fileName(subBand: $0) }
        return Summary(
            files: files, bytes: files.reduce(0) { $0 + Self.size($1) }, visibilities: wanted.count * count,
            truthDirectory: truth)
    }

    private func write(
        subBand: Int, to directory: String, _ visibilities: SharedArray<SIMD2<Float>>, _ flags: SharedArray<UInt8>,
        _ samples: SharedArray<Float>
    ) throws {
        simulation.fill(subBand: subBand, out: visibilities.start)
        let path = directory + "/" + plan.fileName(subBand: subBand)
        let unfinished = path + ".writing"
        do {
            let writer = try UVH5Writer(
                path: unfinished, metadata: plan.metadata(subBand: subBand), layout: .telescope(catalogue: true))
            try writer.write(
                blts: 0..<simulation.rowCount,
                visibilities: UnsafeBufferPointer(start: visibilities.start, count: visibilities.count),
                flags: UnsafeBufferPointer(start: flags.start, count: flags.count),
                samples: UnsafeBufferPointer(start: samples.start, count: samples.count))
            try writer.finish()
        } catch {
            unlink(unfinished)
            throw error
        }
        if plan.options.truncated.contains(subBand) {
            // In the middle of the data, as a transfer that was cut off.
            truncate(unfinished, Self.size(unfinished) * 6 / 10)
        }
        guard rename(unfinished, path) == 0 else { throw Self.refusal(path) }
    }

    // MARK: The directory

    private func prepare(_ directory: String, _ truth: String) throws {
        for path in [directory, truth] where mkdir(path, 0o777) != 0 && errno != EEXIST {
            throw Self.refusal(path)
        }
        let own = Set((0..<plan.options.shape.subBands).map { plan.fileName(subBand: $0) })
        guard let listing = opendir(directory) else { throw Self.refusal(directory) }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".hdf5"), !own.contains(name) {
                throw Refusal(
                    directory, why: "it holds another observation (\(name))", remedy: "give an empty directory",
                    exit: .cannotCreate)
            }
            // A file of an earlier run that this one does not write would contradict its truth.
            if own.contains(name) { unlink(directory + "/" + name) }
        }
        try checkSpace(directory)
    }

    private func checkSpace(_ directory: String) throws {
        var disk = statvfs()
        guard statvfs(directory, &disk) == 0 else { throw Self.refusal(directory) }
        // Visibility, flag and samples, a header of 64 bytes a row, and room for the index of the chunks.
        let perFile = simulation.rowCount * (plan.options.shape.channels * 2 * 13 + 64) * 21 / 20 + 1 << 16
        let needed = perFile * (plan.options.shape.subBands - plan.options.missing.count)
        let free = Int(disk.f_bavail) * Int(disk.f_frsize)
        guard free > needed else {
            throw Refusal(
                directory, why: "\(needed >> 20) MiB are needed and \(free >> 20) MiB free",
                remedy: "make room or take a smaller --size", exit: .cannotCreate)
        }
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func refusal(_ path: String) -> Refusal {
        Refusal(
            path, why: "cannot be written (\(String(cString: strerror(errno))))", remedy: "check the directory",
            exit: .cannotCreate)
    }
}

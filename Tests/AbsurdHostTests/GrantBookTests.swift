import Absurd
import AbsurdHost
import Testing

@Suite struct GrantBookTests {
    let smt = SyntheticMachine(threads: 2).topology()

    func book(workers: Int = 4) throws -> (GrantBook, Placement) {
        let placement = try Placement.plan(.init(workers: workers, concurrency: 2), topology: smt)
        return (GrantBook(placement), placement)
    }

    func type(cores: Int, gibibytes: Int64) -> TaskType {
        TaskType("imaging", runner: .stage, cores: cores, memoryBytes: gibibytes << 30, timeoutSeconds: 60)
    }

    @Test func `a stage gets whole cores of one node, and its worker's own first`() throws {
        var (book, placement) = try book()
        guard case .granted(let grant) = book.grant(type(cores: 4, gibibytes: 1), freeSeats: [2, 2, 2, 2]) else {
            Issue.record("nothing granted")
            return
        }
        #expect(grant.cpus.count == 4)
        #expect(grant.cpus.isSubset(of: placement.workers[grant.worker].cpus))
        #expect(smt.cores.filter { !$0.intersection(grant.cpus).isEmpty }.count == 2)
    }

    @Test func `no CPU and no byte is promised twice, whatever comes and goes`() throws {
        var (book, placement) = try book()
        var generator = SeededGenerator(seed: 7)
        var held: [GrantBook.Grant] = []
        for _ in 0..<1000 {
            if Bool.random(using: &generator), !held.isEmpty {
                book.release(held.remove(at: Int.random(in: 0..<held.count, using: &generator)))
            } else {
                let wanted = type(
                    cores: Int.random(in: 0...20, using: &generator),
                    gibibytes: Int64.random(in: 0...40, using: &generator))
                let seats = (0..<4).map { _ in Int.random(in: 0...2, using: &generator) }
                if case .granted(let grant) = book.grant(wanted, freeSeats: seats) {
                    #expect(seats[grant.worker] > 0)
                    #expect(placement.workers[grant.worker].node == grant.node)
                    held.append(grant)
                }
            }
            for node in smt.nodes {
                let here = held.filter { $0.node == node.id }
                let cpus = here.reduce(CPUSet()) { $0.union($1.cpus) }
                #expect(cpus.count == here.reduce(0) { $0 + $1.cpus.count })
                #expect(cpus.isSubset(of: node.cpus))
                #expect(here.reduce(0) { $0 + $1.memoryBytes } <= node.memoryBytes)
            }
        }
        for grant in held { book.release(grant) }
        #expect(book.free.map(\.cpus) == smt.nodes.map(\.cpus))
        #expect(book.free.map(\.memoryBytes) == smt.nodes.map(\.memoryBytes))
    }

    @Test func `a stage that fits no node is refused, one that fits later waits`() throws {
        var (book, _) = try book()
        guard case .never(let refusal) = book.grant(type(cores: 1, gibibytes: 65), freeSeats: [2, 2, 2, 2]) else {
            Issue.record("65 GiB granted on nodes of 64")
            return
        }
        #expect(refusal.description.contains("imaging"))
        let noSeat = book.grant(type(cores: 1, gibibytes: 1), freeSeats: [0, 0, 0, 0])
        #expect(noSeat == .later)
        for _ in 0..<2 {
            guard case .granted = book.grant(type(cores: 1, gibibytes: 60), freeSeats: [2, 2, 2, 2]) else {
                Issue.record("60 GiB refused")
                return
            }
        }
        let noMemory = book.grant(type(cores: 1, gibibytes: 60), freeSeats: [2, 2, 2, 2])
        #expect(noMemory == .later)
    }

    @Test func `a stage of no stated width, or a wider one than any node, takes a whole node`() throws {
        for cores in [0, 100] {
            var (book, _) = try book()
            guard case .granted(let grant) = book.grant(type(cores: cores, gibibytes: 1), freeSeats: [2, 2, 2, 2])
            else {
                Issue.record("no whole node granted")
                return
            }
            #expect(grant.cpus.count == 16)
        }
    }

    @Test func `a grant of a dead leader can be taken over`() throws {
        var (book, _) = try book()
        book.adopt(GrantBook.Grant(worker: 0, node: 0, cpus: CPUSet(0...7), memoryBytes: 60 << 30))
        guard case .granted(let grant) = book.grant(type(cores: 2, gibibytes: 10), freeSeats: [2, 2, 2, 2]) else {
            Issue.record("nothing granted")
            return
        }
        #expect(grant.node == 1)
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

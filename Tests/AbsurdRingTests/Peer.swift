import Absurd
import AbsurdHost
import AbsurdRing
import Glibc
import Testing

/// A worker process: the executable RingPeer beside this test bundle.
struct Peer {
    let process: SpawnedProcess

    /// To be called from a thread that outlives the peer.
    static func start(_ leader: SharedSegment, worker: Int) throws -> Peer {
        var order = SpawnOrder(try executable(), [String(worker), String(leader.openWorkerRow(worker))])
        order.descriptors = [-1, -1, 2, leader.descriptor, leader.bell]
        return Peer(process: try order.start())
    }

    func kill() {
        process.signal(SIGKILL)
        _ = process.waitForEnd()
        process.close()
    }

    private static func executable() throws -> String {
        var path = [CChar](repeating: 0, count: 4096)
        for link in ["/proc/self/exe"] {
            let count = readlink(link, &path, path.count - 1)
            try #require(count > 0)
        }
        for argument in CommandLine.arguments where argument.contains(".xctest") {
            let directory = argument[..<(argument.lastIndex(of: "/") ?? argument.startIndex)]
            if access("\(directory)/RingPeer", X_OK) == 0 { return "\(directory)/RingPeer" }
        }
        let own = String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let directory = own[..<(own.lastIndex(of: "/") ?? own.startIndex)]
        return "\(directory)/RingPeer"
    }
}

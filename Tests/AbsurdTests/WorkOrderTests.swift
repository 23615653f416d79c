import Absurd
import Testing

@Suite struct WorkOrderTests {
    @Test func anOrderArrivesAsItWasSent() {
        let grant = WorkOrder.Grant(cpus: [0, 3, 255], numaNode: 1, memoryBytes: 64 << 30)
        for order in [
            WorkOrder(name: "echo", params: Array(#"{"a":1}"#.utf8), timeoutSeconds: 0),
            WorkOrder(name: "imaging", params: [], timeoutSeconds: 1800, grant: grant),
        ] {
            var bytes: [UInt8] = []
            order.encode(into: &bytes)
            #expect(bytes.withUnsafeBytes { WorkOrder(decoding: $0) } == order)
        }
    }

    @Test func aTinyOrderFitsASlot() {
        var bytes: [UInt8] = []
        WorkOrder(name: "test-task", params: Array(#"{"config":{},"inputs":{}}"#.utf8), timeoutSeconds: 60)
            .encode(into: &bytes)
        #expect(bytes.count <= 64)
    }

    @Test func aResultArrivesAsItWasSent() {
        let result = WorkResult(
            outcome: .failed, result: Array("{}".utf8), error: "disk full", durationMicroseconds: 12)
        var bytes: [UInt8] = []
        result.encode(into: &bytes)
        #expect(bytes.withUnsafeBytes { WorkResult(outcome: 2, decoding: $0) } == result)
        #expect(bytes.withUnsafeBytes { WorkResult(outcome: 99, decoding: $0) } == nil)
    }

    @Test func bytesCutOffAnywhereNeverReadPastTheEnd() {
        var bytes: [UInt8] = []
        let grant = WorkOrder.Grant(cpus: [1, 2], numaNode: 0, memoryBytes: 1)
        WorkOrder(name: "imaging", params: [], timeoutSeconds: 1, grant: grant).encode(into: &bytes)
        for count in 0..<bytes.count {
            #expect(bytes[..<count].withUnsafeBytes { WorkOrder(decoding: $0) } == nil, "\(count) bytes")
        }
    }
}

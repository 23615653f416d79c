import AbsurdHost
import Glibc
import Testing

@Suite struct `Resident pages` {
    @Test func `are counted per NUMA node, whatever the size of a page`() {
        let pages = ResidentPages(
            parsing: """
                5628f31bc000 default file=/bin/head mapped=2 N0=2 kernelpagesize_kB=4
                7f0000000000 bind:1 anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=2048
                7f1000000000 default stack anon=1
                """)
        #expect(pages.bytesByNode == [0: (2 << 12) + (1 << 21), 1: 2 << 21])
        #expect(pages.ratio(on: 1).map { $0 > 0.66 && $0 < 0.67 } == true)
        #expect(ResidentPages(parsing: "").ratio(on: 0) == nil)
    }

    @Test func `of this process can be read where the kernel tells them`() throws {
        let pages = ResidentPages.read(processID: getpid())
        #expect((pages != nil) == (access("/proc/self/numa_maps", R_OK) == 0))
        if let pages { #expect(pages.bytes > 1 << 20) }
        #expect(ResidentPages.read(processID: 0) == nil)
    }
}

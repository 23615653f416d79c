import Absurd
import Glibc

extension Timestamp {
    /// This machine's clock.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
    }

    func seconds(since earlier: Timestamp) -> Double { seconds - earlier.seconds }
}

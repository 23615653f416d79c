/// When each task of a load is meant to arrive: evenly spaced, whatever the system does.
///
/// Arrival n is due n / rate seconds after the start and belongs to producer n mod producers. Latencies are counted from
/// there, so that a system which stalls is charged for every task that it kept from being sent meanwhile.
struct ArrivalSchedule: Sendable, Hashable {
    var ratePerSecond: Double
    var total: Int
    var producers: Int

    func dueSeconds(_ arrival: Int) -> Double { Double(arrival) / ratePerSecond }

    /// One producer's way through its own arrivals.
    struct Cursor: Sendable {
        let schedule: ArrivalSchedule
        private(set) var next: Int

        init(_ schedule: ArrivalSchedule, producer: Int) {
            self.schedule = schedule
            next = producer
        }

        var isAtEnd: Bool { next >= schedule.total }

        var dueSeconds: Double { schedule.dueSeconds(next) }

        /// The due times of the arrivals that are due by now, at most so many: one when the producer keeps up.
        mutating func takeDue(bySeconds now: Double, max count: Int) -> [Double] {
            var due: [Double] = []
            while !isAtEnd, due.count < count, dueSeconds <= now {
                due.append(dueSeconds)
                next += schedule.producers
            }
            return due
        }
    }
}

/// Which antennas and which time each row of visibilities belongs to, for the rows of one spectral window.
public struct BaselineRows: Sendable {
    public let antennaCount: Int
    public let antenna1: [Int32]
    public let antenna2: [Int32]
    /// Index into `times` of each row.
    public let timeIndex: [Int32]
    /// Mid-times, ascending; MJD in seconds.
    public let times: [Double]
    /// Rows of each time, in row order.
    let rowsOfTime: [[Int32]]
    /// Rows of each cross-correlation that occurs, the smaller antenna first.
    let baselines: [Baseline]

    struct Baseline: Sendable {
        var first: Int
        var second: Int
        /// Rows whose ANTENNA1 is `first`, and those that are the other way round.
        var rows: [Int32]
        var reversedRows: [Int32]
    }

    public var count: Int { antenna1.count }

    /// - Parameters:
    ///   - times: mid-time of each row, MJD seconds, in any order; rows within 1 ms belong to one time.
    public init(antennaCount: Int, antenna1: [Int32], antenna2: [Int32], times rowTimes: [Double]) {
        precondition(antenna1.count == antenna2.count && antenna1.count == rowTimes.count)
        self.antennaCount = antennaCount
        self.antenna1 = antenna1
        self.antenna2 = antenna2
        let (times, timeIndex) = Self.grouped(rowTimes)
        self.times = times
        self.timeIndex = timeIndex
        var rowsOfTime = [[Int32]](repeating: [], count: times.count)
        var slot = [Int32](repeating: -1, count: antennaCount * antennaCount)
        var baselines: [Baseline] = []
        for row in antenna1.indices {
            rowsOfTime[Int(timeIndex[row])].append(Int32(row))
            let (a, b) = (Int(min(antenna1[row], antenna2[row])), Int(max(antenna1[row], antenna2[row])))
            guard a != b else { continue }
            let key = a * antennaCount + b
            if slot[key] < 0 {
                slot[key] = Int32(baselines.count)
                baselines.append(Baseline(first: a, second: b, rows: [], reversedRows: []))
            }
            if a == Int(antenna1[row]) {
                baselines[Int(slot[key])].rows.append(Int32(row))
            } else {
                baselines[Int(slot[key])].reversedRows.append(Int32(row))
            }
        }
        self.rowsOfTime = rowsOfTime
        self.baselines = baselines
    }

    private static func grouped(_ rowTimes: [Double]) -> ([Double], [Int32]) {
        var distinct: [Double] = []
        var last = Double.nan
        for time in rowTimes where time != last {
            distinct.append(time)
            last = time
        }
        distinct.sort()
        var times: [Double] = []
        for time in distinct where times.last.map({ time - $0 > 1e-3 }) ?? true { times.append(time) }
        var indices = [Int32](repeating: 0, count: rowTimes.count)
        var (before, index) = (Double.nan, Int32(0))
        for row in rowTimes.indices {
            if rowTimes[row] != before {
                before = rowTimes[row]
                index = Int32(times.partitioningIndex(above: before + 1e-9) - 1)
            }
            indices[row] = index
        }
        return (times, indices)
    }

    /// Row of each antenna pair (a, b) at one time as [a][b], -1 where there is none.
    func rowTable(ofTime time: Int) -> [Int32] {
        var table = [Int32](repeating: -1, count: antennaCount * antennaCount)
        for (local, row) in rowsOfTime[time].enumerated() {
            table[Int(antenna1[Int(row)]) * antennaCount + Int(antenna2[Int(row)])] = Int32(local)
        }
        return table
    }

    /// Antenna coordinates at each time from the rows' baselines, [time][antenna][3], in the unit of `uvw`.
    ///
    /// A row's uvw is coordinate(antenna2) − coordinate(antenna1). The origin is the first antenna found; it cancels
    /// in every baseline. Antennas that no row ties to it stay at the origin.
    public func antennaCoordinates(uvw: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: times.count * antennaCount * 3)
        for time in times.indices {
            let offset = time * antennaCount * 3
            var known = [Bool](repeating: false, count: antennaCount)
            guard let first = rowsOfTime[time].first else { continue }
            known[Int(antenna1[Int(first)])] = true
            var isGrowing = true
            while isGrowing {
                isGrowing = false
                for row in rowsOfTime[time].lazy.map(Int.init) {
                    let (a, b) = (Int(antenna1[row]), Int(antenna2[row]))
                    guard known[a] != known[b] else { continue }
                    let (from, to, sign) = known[a] ? (a, b, 1.0) : (b, a, -1.0)
                    for axis in 0..<3 {
                        result[offset + to * 3 + axis] = result[offset + from * 3 + axis] + sign * uvw[row * 3 + axis]
                    }
                    known[to] = true
                    isGrowing = true
                }
            }
        }
        return result
    }
}

extension Array where Element: Comparable {
    /// First index whose element is above `value`, in a sorted array.
    func partitioningIndex(above value: Element) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

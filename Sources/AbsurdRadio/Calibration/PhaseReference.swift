/// Turns solutions so that the reference antenna has phase zero.
///
/// Only phase differences between antennas can be observed, so each solution has a free common phase. Where the
/// reference antenna has no solution, the next in order keeps the phase it had in the nearest solution that has both:
/// the phases go on without a jump.
struct PhaseReference {
    /// In order of preference; all antennas.
    var order: [Int]

    /// - Parameter gains: solutions along time or frequency, each with a gain for every antenna, zero where none.
    func apply(to gains: inout [[ComplexGain]]) {
        guard let reference = order.first(where: { antenna in gains.contains { $0[antenna] != .zero } }) else { return }
        var anchored: [Int] = []
        for index in gains.indices where gains[index][reference] != .zero {
            turn(&gains[index], by: gains[index][reference].unit.conjugate)
            anchored.append(index)
        }
        for index in gains.indices where gains[index][reference] == .zero {
            guard let (antenna, near) = substitute(at: index, anchored: anchored, gains: gains) else { continue }
            let wanted = gains[near][antenna].unit
            turn(&gains[index], by: wanted * gains[index][antenna].unit.conjugate)
        }
    }

    private func substitute(at index: Int, anchored: [Int], gains: [[ComplexGain]]) -> (Int, Int)? {
        for antenna in order where gains[index][antenna] != .zero {
            let near = anchored.filter { gains[$0][antenna] != .zero }.min { abs($0 - index) < abs($1 - index) }
            if let near { return (antenna, near) }
        }
        return nil
    }

    private func turn(_ gains: inout [ComplexGain], by phase: ComplexGain) {
        for antenna in gains.indices { gains[antenna] = gains[antenna] * phase }
    }
}

#if canImport(Glibc)
    import Glibc
#endif

/// One elliptical Gaussian of a fit: peak * exp(-½ dᵀ P d), positions in pixels.
struct GaussianComponent: Sendable, Hashable {
    var peak: Double
    var x: Double
    var y: Double
    /// Inverse covariance in pixels.
    var precision: SymmetricMatrix
}

/// Least-squares fit of Gaussians to the pixels around them, by Levenberg and Marquardt.
///
/// Unweighted: noise is uniform over a source, and it is correlated, so errors come from Condon 1997 and not from here.
struct GaussianFit {
    private var image: FITSImage
    private var pixels: [(x: Int, y: Int)]
    private let isShapeFree: Bool
    private var parametersEach: Int { isShapeFree ? 6 : 3 }

    /// - Parameters:
    ///   - components: the start; neighbours that overlap are fitted together.
    ///   - reach: pixels within this many sigma of a component's start shape take part.
    /// - Returns: nil when the fit has too few pixels, does not converge or leaves its neighbourhood.
    static func fit(
        _ components: [GaussianComponent], in image: FITSImage, isShapeFree: Bool, reach: Double = 2.2
    ) -> [GaussianComponent]? {
        let pixels = pixelsAround(components, in: image, reach: reach)
        let fit = GaussianFit(image: image, pixels: pixels, isShapeFree: isShapeFree)
        guard pixels.count > components.count * fit.parametersEach else { return nil }
        guard let found = fit.solve(components) else { return nil }
        for (start, end) in zip(components, found) {
            guard end.precision.isPositive, end.peak > 0,
                start.precision.form(end.x - start.x, end.y - start.y) < reach * reach
            else { return nil }
        }
        return found
    }

    private static func pixelsAround(
        _ components: [GaussianComponent], in image: FITSImage, reach: Double
    ) -> [(x: Int, y: Int)] {
        var seen = Set<Int>()
        for component in components {
            let covariance = component.precision.inverse
            let (halfX, halfY) = (reach * covariance.xx.squareRoot(), reach * covariance.yy.squareRoot())
            let left = max(0, Int((component.x - halfX).rounded(.up)))
            let right = min(image.width - 1, Int((component.x + halfX).rounded(.down)))
            let bottom = max(0, Int((component.y - halfY).rounded(.up)))
            let top = min(image.height - 1, Int((component.y + halfY).rounded(.down)))
            guard left <= right, bottom <= top else { continue }
            for y in bottom...top {
                for x in left...right where image[x, y].isFinite {
                    let distance = component.precision.form(Double(x) - component.x, Double(y) - component.y)
                    if distance <= reach * reach { seen.insert(y * image.width + x) }
                }
            }
        }
        return seen.sorted().map { ($0 % image.width, $0 / image.width) }
    }

    private func solve(_ start: [GaussianComponent]) -> [GaussianComponent]? {
        var components = start
        var (normal, gradient, cost) = equations(components)
        var damping = 1e-3
        for _ in 0..<60 {
            guard let step = solveDamped(normal, gradient, damping: damping) else {
                damping *= 10
                if damping > 1e8 { return nil }
                continue
            }
            let trial = moved(components, by: step)
            let next = trial.allSatisfy(\.precision.isPositive) ? equations(trial) : nil
            guard let next, next.cost <= cost else {
                damping *= 8
                if damping > 1e10 { return components }
                continue
            }
            let gain = cost - next.cost
            (components, normal, gradient, cost) = (trial, next.normal, next.gradient, next.cost)
            damping = max(damping / 10, 1e-9)
            if gain <= 1e-12 * cost { return components }
        }
        return nil
    }

    private func moved(_ components: [GaussianComponent], by step: [Double]) -> [GaussianComponent] {
        components.enumerated().map { index, component in
            let at = index * parametersEach
            var result = component
            result.peak += step[at]
            result.x += step[at + 1]
            result.y += step[at + 2]
            if isShapeFree {
                result.precision.xx += step[at + 3]
                result.precision.xy += step[at + 4]
                result.precision.yy += step[at + 5]
            }
            return result
        }
    }

    /// JᵀJ (row-major), Jᵀr and rᵀr.
    private func equations(
        _ components: [GaussianComponent]
    ) -> (normal: [Double], gradient: [Double], cost: Double) {
        let each = parametersEach
        let count = components.count * each
        var normal = [Double](repeating: 0, count: count * count)
        var gradient = [Double](repeating: 0, count: count)
        var row = [Double](repeating: 0, count: count)
        var cost = 0.0
        for (x, y) in pixels {
            var residual = Double(image[x, y])
            for (index, component) in components.enumerated() {
                let (dx, dy) = (Double(x) - component.x, Double(y) - component.y)
                let p = component.precision
                let shape = exp(-0.5 * p.form(dx, dy))
                let value = component.peak * shape
                let at = index * each
                residual -= value
                row[at] = shape
                row[at + 1] = value * (p.xx * dx + p.xy * dy)
                row[at + 2] = value * (p.xy * dx + p.yy * dy)
                if isShapeFree {
                    row[at + 3] = -0.5 * dx * dx * value
                    row[at + 4] = -dx * dy * value
                    row[at + 5] = -0.5 * dy * dy * value
                }
            }
            cost += residual * residual
            for i in 0..<count {
                gradient[i] += row[i] * residual
                for j in 0...i { normal[i * count + j] += row[i] * row[j] }
            }
        }
        for i in 0..<count { for j in 0..<i { normal[j * count + i] = normal[i * count + j] } }
        return (normal, gradient, cost)
    }

    /// Solves (N + damping diag N) step = gradient by Cholesky; nil when that is not positive definite.
    private func solveDamped(_ normal: [Double], _ gradient: [Double], damping: Double) -> [Double]? {
        let count = gradient.count
        var lower = normal
        for i in 0..<count {
            lower[i * count + i] *= 1 + damping
            for j in 0...i {
                var sum = lower[i * count + j]
                for k in 0..<j { sum -= lower[i * count + k] * lower[j * count + k] }
                if i == j {
                    guard sum > 0 else { return nil }
                    lower[i * count + i] = sum.squareRoot()
                } else {
                    lower[i * count + j] = sum / lower[j * count + j]
                }
            }
        }
        var step = gradient
        for i in 0..<count {
            for k in 0..<i { step[i] -= lower[i * count + k] * step[k] }
            step[i] /= lower[i * count + i]
        }
        for i in stride(from: count - 1, through: 0, by: -1) {
            for k in (i + 1)..<max(i + 1, count) { step[i] -= lower[k * count + i] * step[k] }
            step[i] /= lower[i * count + i]
        }
        return step
    }
}

import Glibc

/// Reads what WSClean prints: how far it is, and why it failed. Pure: lines in, state out.
struct WSCleanOutput: Sendable {
    private(set) var fraction = 0.0
    private(set) var message = "starting WSClean"
    /// The line that says what went wrong, else the last line printed.
    private(set) var lastError: String?
    private(set) var majorIterations = 0
    private(set) var iterations = 0
    private(set) var isThresholdReached = true

    private let autoThreshold: Double
    private var noise: Double?
    private var firstPeak: Double?

    /// - Parameter autoThreshold: sigma at which CLEAN ends: the goal of the progress.
    init(autoThreshold: Double) { self.autoThreshold = autoThreshold }

    /// - Returns: whether the progress changed.
    mutating func take(_ line: String) -> Bool {
        let text = trimmed(line)
        guard !text.isEmpty else { return false }
        if text.hasPrefix("+ >>>") {
            lastError = trimmed(String(text.dropFirst(5)))
            return false
        }
        if let number = valueInJansky(text, after: "background noise:") { noise = number }
        if let peak = valueInJansky(text, after: "Initial peak:") { return cleaning(peak) }
        if let peak = valueInJansky(text, after: "Stopped on peak ") { return cleaning(peak) }
        if text.hasPrefix("Performed "), let count = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
            iterations = count
        }
        if text.contains("Maximum number of minor deconvolution iterations was reached") { isThresholdReached = false }
        return phase(text)
    }

    private mutating func phase(_ text: String) -> Bool {
        if text.hasPrefix("Reordering") { return advance(0.02, "reordering visibilities") }
        if text.contains("== Constructing PSF") { return advance(0.08, "gridding the PSF") }
        if text.contains("== Constructing image") {
            return advance(0.18, majorIterations == 0 ? "gridding the dirty image" : "gridding the residual")
        }
        if text.contains("== Deconvolving") {
            majorIterations += 1
            return advance(0.28, "cleaning, major iteration \(majorIterations)")
        }
        if text.contains("== Converting model image to visibilities") {
            return advance(fraction, "predicting the model")
        }
        if text.hasPrefix("Rendering sources") { return advance(0.95, "restoring") }
        if text.hasPrefix("Cleaning up") { return advance(0.97, "ending WSClean") }
        return false
    }

    /// CLEAN goes down in the logarithm of the peak, from the first one to the threshold.
    private mutating func cleaning(_ peak: Double) -> Bool {
        let start = firstPeak ?? peak
        firstPeak = start
        let goal = max(1e-12, (noise ?? start / 1000) * autoThreshold)
        guard start > goal, peak > 0 else { return false }
        let done = min(1, max(0, log(start / peak) / log(start / goal)))
        return advance(0.28 + 0.64 * done, "cleaning, major iteration \(majorIterations)")
    }

    private mutating func advance(_ to: Double, _ text: String) -> Bool {
        fraction = max(fraction, to)
        defer { message = text }
        return true
    }

    /// A number with its unit: "13.33 mJy", "1 Jy", "930.38 µJy".
    private func valueInJansky(_ text: String, after label: String) -> Double? {
        guard let range = text.range(of: label) else { return nil }
        let words = text[range.upperBound...].split(separator: " ")
        guard words.count >= 2, let number = Double(words[0]) else { return nil }
        switch words[1].prefix(while: { $0 != "," }) {
        case "KJy", "kJy": return number * 1e3
        case "Jy": return number
        case "mJy": return number * 1e-3
        case "µJy", "uJy": return number * 1e-6
        case "nJy": return number * 1e-9
        default: return nil
        }
    }

    private func trimmed(_ text: String) -> String {
        var slice = Substring(text)
        while slice.first?.isWhitespace == true { slice.removeFirst() }
        while slice.last?.isWhitespace == true { slice.removeLast() }
        return String(slice)
    }
}

extension String {
    /// Where `needle` first stands; the standard library's own on Linux needs Foundation.
    func range(of needle: String) -> Range<String.Index>? { ranges(of: needle).first }
}

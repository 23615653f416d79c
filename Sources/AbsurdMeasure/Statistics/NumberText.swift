/// Three significant digits or the whole number, whichever has more.
public func rounded(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    if value == 0 { return "0" }
    if abs(value) >= 100 { return "\(Int64(clamping: Int(value.rounded())))" }
    var scale = 1.0
    while abs(value) * scale < 100 { scale *= 10 }
    let text = "\((value * scale).rounded() / scale)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

public func milliseconds(_ seconds: Double) -> String { rounded(seconds * 1000) + " ms" }

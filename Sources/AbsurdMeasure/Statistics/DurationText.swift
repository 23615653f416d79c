/// Durations as people type them: `500ms`, `60s`, `5m`, `1h`, `2d`; a bare number is seconds.
public enum DurationText {
    public static func seconds(_ text: String) -> Double? {
        let units: [(suffix: String, seconds: Double)] = [
            ("ms", 0.001), ("s", 1), ("m", 60), ("min", 60), ("h", 3600), ("d", 86_400), ("", 1),
        ]
        for unit in units where text.hasSuffix(unit.suffix) {
            if let number = Double(text.dropLast(unit.suffix.count)), number.isFinite, number > 0 {
                return number * unit.seconds
            }
        }
        return nil
    }
}

/// A key, as a terminal in raw mode sends it.
public enum Key: Sendable, Hashable {
    case character(Character)
    case up, down, pageUp, pageDown, home, end
    case tab, enter, escape, backspace
    /// Ctrl and a letter.
    case control(Character)

    /// Reads what has arrived; an escape with nothing after it is the key itself.
    public static func parse(_ bytes: [UInt8]) -> [Key] {
        var keys: [Key] = []
        var rest = bytes[...]
        while let first = rest.first {
            switch first {
            case 0x1B: keys += escape(&rest)
            case 0x09: keys.append(.tab)
            case 0x0A, 0x0D: keys.append(.enter)
            case 0x08, 0x7F: keys.append(.backspace)
            case 0x01...0x1A: keys.append(.control(Character(Unicode.Scalar(first + 0x60))))
            case 0x20...0x7E: keys.append(.character(Character(Unicode.Scalar(first))))
            case 0xC2...0xF4:
                let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
                if let text = String(validating: rest.prefix(length), as: UTF8.self), let letter = text.first {
                    keys.append(.character(letter))
                }
                rest = rest.dropFirst(length - 1)
            default: break
            }
            rest = rest.dropFirst()
        }
        return keys
    }

    /// Leaves the last byte of the sequence in `rest`.
    private static func escape(_ rest: inout ArraySlice<UInt8>) -> [Key] {
        let after = rest.dropFirst()
        guard let kind = after.first, kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return [.escape] }
        let body = after.dropFirst()
        guard let end = body.firstIndex(where: { (0x40...0x7E).contains($0) }) else {
            rest = rest.suffix(1)
            return [.escape]
        }
        let code = String(decoding: body[...end], as: UTF8.self)
        rest = rest[end...]
        let known: [String: Key] = [
            "A": .up, "B": .down, "H": .home, "F": .end, "1~": .home, "4~": .end, "5~": .pageUp, "6~": .pageDown,
        ]
        return known[code].map { [$0] } ?? []
    }
}

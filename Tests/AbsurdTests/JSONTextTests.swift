import Absurd
import Testing

@Suite struct JSONTextTests {
    static let values: [(String, JSONValue)] = [
        ("null", JSONValue.null), ("true", true), (" [1, 2.5, -3e2] ", [1, 2.5, -300.0]),
        (#"{"a":{"b":[]}}"#, ["a": ["b": []]]), (#""\u00e9\ud83d\ude00\n""#, "é😀\n"),
        ("9007199254740993", JSONValue.integer(9_007_199_254_740_993)),
    ]

    @Test(arguments: values)
    func everyKindOfValueIsRead(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == expected)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\" 1}", "01", "1.", "nul", "\"a", "\"\\x\"", "\"\\ud800\"", "1 2", "\"\u{1}\"", "1e999",
        "{a:1}", "[1 2]", "-",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    }

    @Test func brokenUTF8AndBottomlessNestingAreRefused() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: String(repeating: "[", count: 100_000)) }
    }

    @Test func writtenTextReadsBackAsTheSameValue() throws {
        let value: JSONValue = [
            "text": "quote \" slash \\ line \n bell \u{7} é", "numbers": [0.1, -1e-7, 12, 1e300], "nothing": .null,
            "yes": true,
        ]
        #expect(try JSONValue(parsing: value.jsonBytes) == value)
        #expect(JSONValue.number(.nan).jsonText == "null")
    }
}

import Absurd
import Testing

@testable import AbsurdOperate

@Suite struct `A task's story` {
    @Test func `puts leader, worker and child in one order, a child's lines behind the worker's`() {
        var story = TaskStory()
        story.add(
            attempt: 1, node: "a", begin: Timestamp(microseconds: 0), end: Timestamp(microseconds: 9_000_000),
            outcome: "failed", error: "no disk")
        story.add(
            log: """
                1970-01-01T00:00:01.000Z imaging, attempt 1, on CPUs 0-3
                WSClean version 3
                reading
                1970-01-01T00:00:08.000Z imaging ended with 1
                """, attempt: 1)
        story.add(journal: "1970-01-01T00:00:02.500000+0000 host absurd[7]: attempt does not stop task=x\n")
        #expect(story.ordered.map(\.source) == [.leader, .worker, .child, .child, .leader, .worker, .leader])
        #expect(story.ordered.last?.text == "attempt 1 failed: no disk")
        #expect(story.ordered[2].text == "WSClean version 3")
    }

    @Test(
        arguments: [
            ("postgresql://absurd:hunter2@db/sky refused", "postgresql://absurd:***@db/sky refused"),
            ("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql"),
            (#"{"api_key": "hunter2", "size": 3}"#, #"{"api_key": ***, "size": 3}"#),
            ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ***"),
            ("token=hunter2&x=1", "token=***&x=1"), ("-----BEGIN RSA PRIVATE KEY-----", "***"),
            ("read 3 files: a b c", "read 3 files: a b c"), ("chi2=0.5 tokens seen", "chi2=0.5 tokens seen"),
        ])
    func `masks secrets and nothing else`(line: String, masked: String) {
        #expect(Redaction.redacted(line) == masked)
    }
}

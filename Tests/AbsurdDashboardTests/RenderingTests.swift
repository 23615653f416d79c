import Absurd
import Testing

@testable import AbsurdDashboard

private let now = Timestamp(reading: "2026-11-25T12:00:00Z")!

@Suite struct RenderingTests {
    @Test func `Interpolated text is escaped and markup is not`() {
        let name = "<script>alert('x')</script> & \"co\""
        let inner: HTML = "<b>\(name)</b>"
        let whole: HTML = "<p title=\"\(name)\">\(inner)\(7)</p>"
        let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;co&quot;"
        #expect(whole.markup == "<p title=\"\(escaped)\"><b>\(escaped)</b>7</p>")
        let control: HTML = "\("a\u{1}b\nc")"
        #expect(control.markup == "a\u{FFFD}b\nc")
    }

    /// Whatever text the database holds, in whatever field: none of it becomes an element or an attribute.
    @Test(arguments: [
        "/", "/queues", "/tasks", "/tasks/0193a1b2-c3d4-7e5f-8a9b-000000000001", "/workflows",
        "/workflows/0193a1b2-c3d4-7e5f-8a9b-000000000001", "/workers", "/images", "/schedules", "/dead-letters",
        "/sign-in",
    ])
    func `A page of hostile texts has no markup of theirs`(path: String) throws {
        let evil = "\"'><img src=x onerror=alert(1)><!--"
        var row: [String: JSONValue] = [:]
        for key in [
            "task_id", "task_name", "queue_name", "status", "worker_id", "error", "progress_message", "name", "node",
            "state", "cpus", "cron_expression", "timezone", "last_task_id", "outcome", "description", "message", "id",
            "workflow_id", "remedy",
        ] { row[key] = .string(evil) }
        for key in ["created_at", "claimed_at", "started_at", "renewed_at"] { row[key] = "2026-11-25T11:59:00+00:00" }
        row["params"] = [evil: .string(evil)]
        row["result"] = ["outputs": ["preview_path": .string(evil), "image_path": .string(evil)]]
        row["depends_on"] = [.string(evil)]
        row["progress"] = 0.5
        row["pending"] = 3
        var running = row
        running["running"] = [.object(row)]
        let rows: JSONValue = [.object(running), .object(row)]
        row["attempts"] = rows
        for key in ["tasks", "queues", "workers", "nodes", "workflows", "schedules", "history", "alerts", "warnings"] {
            row[key] = rows
        }
        row["stages"] = [evil: .object(running)]
        row["windows"] = ["1min": .object(running)]
        let request = PageRequest(
            path: path, query: ["queue_name": evil, "task_name": evil, "back": evil], isSignedIn: true,
            acceptsSignIn: true, now: now, notice: evil)
        let page = try #require(Page.at(request))
        let markup = page.document(request, answers: page.needs.map { _ in .object(row) }).markup
        #expect(!markup.contains("<img src=x"))
        #expect(!markup.contains("<!--"))
        #expect(!markup.contains("\"'>"))
        // With no answers at all it is a page still.
        let empty = page.document(request, answers: page.needs.map { _ in nil }).markup
        #expect(empty.hasSuffix("</html>\n"))
    }

    @Test(arguments: ["/tasks/", "/workflows/"])
    func `What can't be read now is not said to be missing`(section: String) throws {
        var request = PageRequest(path: section + "0193a1b2-c3d4-7e5f-8a9b-000000000001", now: now)
        let page = try #require(Page.at(request))
        let none = page.needs.map { _ in nil as JSONValue? }
        #expect(page.document(request, answers: none).markup.contains("There is no such"))
        request.problems = ["the database does not answer"]
        let markup = page.document(request, answers: none).markup
        #expect(!markup.contains("There is no such") && markup.contains("the database does not answer"))
    }

    @Test func `There is no page at other paths`() {
        for path in ["/nothing", "/tasks/not-an-id", "/tasks/a/b", "/queues/x"] {
            #expect(Page.at(PageRequest(path: path, now: now)) == nil)
        }
    }

    @Test func `Who has not signed in gets no button`() throws {
        let answer: JSONValue = [
            "tasks": [["task_id": "0193a1b2-c3d4-7e5f-8a9b-000000000001", "task_name": "imaging", "status": "failed"]]
        ]
        func markup(signedIn: Bool) throws -> String {
            let request = PageRequest(path: "/tasks", isSignedIn: signedIn, acceptsSignIn: true, now: now)
            return try #require(Page.at(request)).document(request, answers: [answer, nil]).markup
        }
        #expect(try !markup(signedIn: false).contains("/actions/"))
        #expect(
            try markup(signedIn: true).contains(
                "action=\"/actions/tasks/0193a1b2-c3d4-7e5f-8a9b-000000000001/retry\""))
    }

    @Test func `A filter goes to the API as it stands on the page, and nothing else does`() {
        let filter = TaskFilter(["queue_name": "a b&c", "status": "nonsense", "limit": "9999", "other": "1"])
        #expect(filter.query == "queue_name=a%20b%26c&limit=50")
    }
}

@Suite struct PageActionTests {
    @Test func `A button calls the API with what it is about`() throws {
        let cancel = try #require(PageAction(path: "/actions/tasks/0193a1b2/cancel"))
        #expect(cancel.method == "DELETE" && cancel.path == "/tasks/0193a1b2" && cancel.body == nil)
        let pause = try #require(PageAction(path: "/actions/schedules/nightly%2Fmosaic/pause"))
        #expect(
            pause.method == "PATCH" && pause.path == "/schedules/nightly%2Fmosaic" && pause.body == ["state": "paused"])
        for path in ["/actions", "/actions/tasks/x/explode", "/actions/tasks//cancel", "/other/tasks/x/cancel"] {
            #expect(PageAction(path: path) == nil)
        }
    }

    @Test func `What is done is said by name only`() {
        #expect(PageAction.notice(for: "paused") != nil)
        #expect(PageAction.notice(for: "<b>anything</b>") == nil)
    }

    @Test func `One comes back to a page of this server`() {
        #expect(
            PageAction.address(back: "/tasks?status=failed", done: "retried") == "/tasks?status=failed&done=retried")
        for elsewhere in ["https://example.org/", "//example.org", "/\\example.org", "/a\r\nSet-Cookie: x", ""] {
            #expect(PageAction.address(back: elsewhere, done: "x") == "/?done=x")
        }
    }

    @Test func `Form fields are decoded, and nonsense is left out`() {
        #expect(URLText.fields("a=1%202&b=%C3%A9+x&c&d=%zz") == ["a": "1 2", "b": "é x", "c": ""])
        #expect(URLText.encode("é x/~") == "%C3%A9%20x%2F~")
    }
}

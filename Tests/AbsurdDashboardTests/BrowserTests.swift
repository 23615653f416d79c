import Absurd
import AbsurdStore
import Foundation
import TestSupport
import Testing

@testable import AbsurdDashboard

/// The dashboard as its readers have it: tasks in every state, a leader with a worker, a headless Chromium.
@Suite struct BrowserTests {
    @Test func `Every page is legible and live, the keyboard reaches every control, and cancelling cancels`()
        async throws
    {
        try await Site.open { site in
            let scene = try Scene(site.database, pictures: site.state)
            let plan: JSONValue = [
                "base": .string("http://127.0.0.1:\(site.dashboard.port)"), "token": .string(site.token),
                "cancel": .string("/tasks/\(scene.running)"),
                "screenshots": .string(PeerPython.repository + "/.build/screenshots"),
                "pages": [
                    "overview": "/", "queues": "/queues", "tasks": "/tasks", "task": .string("/tasks/\(scene.failed)"),
                    "workflows": "/workflows", "workflow": .string("/workflows/\(scene.workflow)"),
                    "workers": "/workers", "images": "/images", "schedules": "/schedules",
                    "dead-letters": "/dead-letters",
                ],
            ]
            let path = site.state + "/plan.json"
            try plan.jsonText.write(toFile: path, atomically: true, encoding: .utf8)
            let (status, text) = try await Self.walk(path)
            #expect(status == 0, "\(text)")
            let seen = try JSONValue(parsing: String(text.prefix { $0 != "\n" }))
            #expect(seen["pages"]?.int == 10)
            #expect(seen["screenshots"]?.int == 34)
            #expect((seen["controls"]?.int ?? 0) > 100)
            // What the page said is what the database holds.
            let held: String = try site.database.session().query(
                "SELECT status FROM absurd.tasks WHERE task_id = $1", [.uuid(scene.running)]
            ).get(0, 0)
            #expect(held == "cancelled")
        }
    }

    /// On a thread of its own: the server it talks to lives on this process's pool.
    private static func walk(_ plan: String) async throws -> (status: Int32, text: String) {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try PeerPython.run("dashboard_pages.py", [plan]) })
            }
        }
    }
}

import Absurd
import AbsurdStore
import Foundation
import TestSupport

/// A database with something of everything in it; Scene.sql makes it.
struct Scene {
    var failed: TaskID
    var running: TaskID
    var workflow: TaskID

    init(_ database: TestDatabase, pictures directory: String) throws {
        let picture = directory + "/preview.png"
        try FileManager.default.copyItem(atPath: PeerPython.repository + "/docs/demo.png", toPath: picture)
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let sql = try String(contentsOf: here.appending(path: "Scene.sql"), encoding: .utf8)
        let session = try database.session()
        try session.script(sql.replacing("PICTURE", with: picture))
        func id(_ name: String) throws -> TaskID {
            try session.query("SELECT id FROM public.scene WHERE name = $1", [.text(name)]).get(0, 0)
        }
        failed = try id("failed")
        running = try id("running")
        workflow = try id("workflow")
    }
}

import Foundation
import PackagePlugin

/// Puts a target's texts into the binary: the .sql files of `Schema/` as `EmbeddedSQL.schema` and of `Statements/` as
/// `EmbeddedSQL.statements`, and what `Pages/` holds for browsers as `EmbeddedSQL.pages`, by name with ending. Dropping a
/// file into the folder is enough; editing one compiles it anew.
@main
struct EmbedSQL: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let module = target.sourceModule else { return [] }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSQL.swift")
        let inputs = try ["Schema", "Statements", "Pages"].flatMap {
            try texts(module.directoryURL.appending(path: $0))
        }
        return [
            .buildCommand(
                displayName: "Embedding the texts of \(module.name)",
                executable: try context.tool(named: "embed-sql").url,
                arguments: [output.path] + inputs.map(\.path), inputFiles: inputs, outputFiles: [output])
        ]
    }

    private func texts(_ directory: URL) throws -> [URL] {
        guard FileManager.default.fileExists(atPath: directory.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { ["sql", "html", "css", "js", "svg", "txt", "webmanifest"].contains($0.pathExtension) }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }
}

import Foundation
import PackagePlugin

/// Puts a target's .sql files into the binary: `Schema/` as `EmbeddedSQL.schema`, `Statements/` as
/// `EmbeddedSQL.statements`. Dropping a file into the folder is enough; editing one compiles it anew.
@main
struct EmbedSQL: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let module = target.sourceModule else { return [] }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSQL.swift")
        let inputs = try ["Schema", "Statements"].flatMap { try sqlFiles(module.directoryURL.appending(path: $0)) }
        return [
            .buildCommand(
                displayName: "Embedding the SQL of \(module.name)",
                executable: try context.tool(named: "embed-sql").url,
                arguments: [output.path] + inputs.map(\.path), inputFiles: inputs, outputFiles: [output])
        ]
    }

    private func sqlFiles(_ directory: URL) throws -> [URL] {
        guard FileManager.default.fileExists(atPath: directory.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "sql" }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }
}

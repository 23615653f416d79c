import Absurd
import AbsurdPipeline
import AbsurdRadio
import Glibc

/// Makes symbolic links DIRECTORY/YYYY-MM-DD/KIND/NAME to the products handed on. Run twice it leaves the same tree.
public struct OrganizeFilesStage: Stage {
    public static let declaration = OrganizeFilesDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let products = products(parameters)
        guard !products.isEmpty else {
            throw Refusal(
                "task organize-files", why: "no product was handed on", remedy: "run it after imaging", exit: .badData)
        }
        let date = try date(parameters)
        let root = parameters.text("directory")! + "/" + date
        var linked: [String: JSONValue] = [:]
        var warnings: [String] = []
        for product in products.sorted(by: { $0.path < $1.path }) {
            guard access(product.path, F_OK) == 0 else {
                warnings.append("\(product.path) is not there")
                continue
            }
            let directory = root + "/" + product.kind
            try makeDirectories(directory)
            let link = "\(directory)/\(context.taskID)-\(product.path.split(separator: "/").last ?? "")"
            try replaceLink(link, to: product.path)
            linked[link] = .string(product.path)
        }
        return StageResult(
            outputs: ["organized_directory": .string(root), "organized_paths": .object(linked)],
            message: "\(linked.count) products under \(root)", warnings: warnings)
    }

    private func products(_ parameters: StageParameters) -> Set<Product> {
        var result: Set<Product> = []
        for (name, kind) in [
            ("ms_path", "measurement-sets"), ("image_path", "images"), ("preview_path", "previews"),
            ("detected_sources", "sources"), ("mosaic_path", "mosaics"),
        ] {
            if let path = parameters.text(name) { result.insert(Product(path: path, kind: kind)) }
        }
        for (name, kind) in [("image_paths", "images"), ("caltables", "calibration")] {
            for path in parameters.value(name)?.members?.values.compactMap(\.text) ?? [] {
                result.insert(Product(path: path, kind: kind))
            }
        }
        return result
    }

    private func date(_ parameters: StageParameters) throws -> String {
        var date = parameters.text("date")
        if date == nil, let path = parameters.text("image_path") ?? parameters.text("mosaic_path") {
            date = try FITSImage(path: path).header.text("DATE-OBS").map { String($0.prefix(10)) }
        }
        guard let date else { return "undated" }
        let parts = date.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2], parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }) else {
            throw Refusal(
                "task organize-files", why: "the date \(date) is not YYYY-MM-DD", remedy: "set config.date",
                exit: .badData)
        }
        return date
    }

    private func makeDirectories(_ path: String) throws {
        var prefix = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            prefix += "/" + part
            if mkdir(prefix, 0o755) != 0 && errno != EEXIST { throw refusal(prefix) }
        }
    }

    /// A new link takes the old one's place in one step.
    private func replaceLink(_ link: String, to path: String) throws {
        let temporary = link + ".writing"
        unlink(temporary)
        guard symlink(path, temporary) == 0, rename(temporary, link) == 0 else { throw refusal(link) }
    }

    private func refusal(_ path: String) -> Refusal {
        Refusal(
            path, why: "can't be made: \(String(cString: strerror(errno)))",
            remedy: "check the disk and its permissions",
            exit: .cannotCreate)
    }
}

private struct Product: Hashable {
    var path: String
    var kind: String
}

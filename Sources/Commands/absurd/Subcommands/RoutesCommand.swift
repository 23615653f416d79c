import AbsurdDashboard
import ArgumentParser

/// For `make docs`: the HTTP routes as a page, from the table that serves them.
struct RoutesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes", abstract: "Print the HTTP routes as Markdown.",
        discussion: """
            Example:
              absurd routes
            """, shouldDisplay: false)

    func run() {
        print("| route | does | with |\n| --- | --- | --- |")
        for route in RouteTable.all {
            let path = route.isAtRoot ? String(route.path.dropFirst()) : route.path
            let token = route.isWrite ? " Needs the token." : ""
            let parameters = route.parameters.map { "`\($0.name)` \($0.meaning)" }.joined(separator: "; ")
            print("| `\(route.method) \(path)` | \(route.summary)\(token) | \(parameters) |")
        }
    }
}

// swift-tools-version: 6.1
// Another program that uses Absurd's client library. Elsewhere the dependency is
// `.package(url: "…/absurd", from: "1.0.0")`.
import PackageDescription

let package = Package(
    name: "example",
    dependencies: [.package(name: "absurd", path: "../..")],
    targets: [
        .executableTarget(name: "example", dependencies: [.product(name: "AbsurdClient", package: "absurd")])
    ]
)

// swift-tools-version: 6.1
// The targets are the rooms of ARCHITECTURE.md, lowest first: a target depends only on targets above it in this file.
import PackageDescription

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let http = Target.Dependency.product(name: "FlyingFox", package: "FlyingFox")
let sockets = Target.Dependency.product(name: "FlyingSocks", package: "FlyingFox")

let package = Package(
    name: "absurd",
    products: [
        .executable(name: "absurd", targets: ["AbsurdCommand"]),
        .executable(name: "absurdctl", targets: ["AbsurdControl"]),
        .executable(name: "absurd-worker", targets: ["AbsurdWorkerProcess"]),
        .executable(name: "absurd-stage", targets: ["AbsurdStageProcess"]),
        .library(name: "AbsurdClient", targets: ["AbsurdClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: cTargets + plugins + rooms + executables + tests,
    cxxLanguageStandard: .cxx17  // casacore 3.5 does not compile as C++20
)

// MARK: C

var cTargets: [Target] {
    [
        .target(name: "CLane", path: "CSupport/CLane"),
        .target(name: "CLinux", path: "CSupport/CLinux"),
        .target(name: "CHost", path: "CSupport/CHost", linkerSettings: [.linkedLibrary("numa")]),
        .target(name: "CChild", path: "CSupport/CChild"),
        .systemLibrary(
            name: "CPostgres", path: "CSupport/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CHDF5", path: "CSupport/CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(
            name: "CFITSIO", path: "CSupport/CFITSIO", pkgConfig: "cfitsio", providers: [.apt(["libcfitsio-dev"])]),
        .systemLibrary(name: "CWCS", path: "CSupport/CWCS", pkgConfig: "wcslib", providers: [.apt(["wcslib-dev"])]),
        .systemLibrary(name: "CERFA", path: "CSupport/CERFA", pkgConfig: "erfa", providers: [.apt(["liberfa-dev"])]),
        .systemLibrary(name: "CPNG", path: "CSupport/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .target(
            name: "CRadio", dependencies: ["CHDF5", "CFITSIO", "CWCS", "CERFA", "CPNG"], path: "CSupport/CRadio",
            linkerSettings: [
                .linkedLibrary("casa_ms"), .linkedLibrary("casa_measures"), .linkedLibrary("casa_tables"),
                .linkedLibrary("casa_casa"), .linkedLibrary("sep"), .linkedLibrary("stdc++"),
            ]),
    ]
}

// MARK: Building

/// Editing or adding an .sql file is enough to have it in the binary.
var plugins: [Target] {
    [
        .executableTarget(name: "embed-sql", path: "Plugins/embed-sql"),
        .plugin(name: "EmbedSQL", capability: .buildTool(), dependencies: ["embed-sql"]),
    ]
}

// MARK: Swift

var rooms: [Target] {
    [
        .target(name: "Absurd", linkerSettings: [.linkedLibrary("m")]),
        .target(name: "AbsurdRing", dependencies: ["Absurd", "CLane"]),
        .target(name: "AbsurdHost", dependencies: ["Absurd", "CHost"]),
        .target(
            name: "AbsurdStore", dependencies: ["Absurd", "CPostgres"], exclude: ["Schema", "Statements"],
            plugins: ["EmbedSQL"]),
        .target(name: "AbsurdCluster", dependencies: ["AbsurdStore", "AbsurdHost"]),
        .target(
            name: "AbsurdClient", dependencies: ["Absurd", "AbsurdStore"], exclude: ["Statements"],
            plugins: ["EmbedSQL"]),
        .target(name: "AbsurdPipeline", dependencies: ["Absurd"]),
        .target(name: "AbsurdObserve", dependencies: ["Absurd"]),
        .target(name: "AbsurdWorker", dependencies: ["Absurd", "AbsurdRing", "AbsurdHost", "CLinux"]),
        .target(
            name: "AbsurdLeader",
            dependencies: ["Absurd", "AbsurdStore", "AbsurdRing", "AbsurdHost", "AbsurdObserve", "CLinux", logging]),
        .target(
            name: "AbsurdOperate",
            dependencies: ["Absurd", "AbsurdRing", "AbsurdHost", "AbsurdStore", "AbsurdObserve"],
            exclude: ["Statements"], plugins: ["EmbedSQL"]),
        .target(
            name: "AbsurdMeasure",
            dependencies: [
                "Absurd", "AbsurdHost", "AbsurdStore", "AbsurdCluster", "AbsurdObserve", "CLinux", histogram,
            ],
            exclude: ["Statements"], plugins: ["EmbedSQL"]),
        .target(
            name: "AbsurdDashboard",
            dependencies: [
                "Absurd", "AbsurdStore", "AbsurdHost", "AbsurdObserve", "AbsurdLeader", logging, http, sockets,
            ],
            exclude: ["Pages", "Statements"], plugins: ["EmbedSQL"]),
        .target(name: "AbsurdRadio", dependencies: ["Absurd", "CRadio"]),
        .target(name: "AbsurdStages", dependencies: ["AbsurdPipeline", "AbsurdRadio", "CChild"]),
    ]
}

var executables: [Target] {
    [
        .executableTarget(
            name: "AbsurdCommand",
            dependencies: [
                "Absurd", "AbsurdStore", "AbsurdCluster", "AbsurdClient", "AbsurdPipeline", "AbsurdHost",
                "AbsurdLeader", "AbsurdObserve", "AbsurdOperate", "AbsurdMeasure", "AbsurdDashboard", "CLinux",
                argumentParser, logging,
            ],
            path: "Sources/Commands/absurd", exclude: ["Statements"], plugins: ["EmbedSQL"]),
        .executableTarget(
            name: "AbsurdControl", dependencies: ["Absurd", argumentParser], path: "Sources/Commands/absurdctl"),
        .executableTarget(
            name: "AbsurdWorkerProcess", dependencies: ["AbsurdWorker"], path: "Sources/Commands/absurd-worker"),
        .executableTarget(
            name: "AbsurdStageProcess", dependencies: ["AbsurdStages", "AbsurdRadio"],
            path: "Sources/Commands/absurd-stage"),
    ]
}

// MARK: Tests

var tests: [Target] {
    [
        .target(
            name: "TestSupport", dependencies: ["Absurd", "AbsurdStore", "AbsurdCluster"], path: "Tests/Support"),
        .testTarget(name: "AbsurdTests", dependencies: ["Absurd"]),
        .target(name: "CRingLoop", dependencies: ["CLane"], path: "Benchmarks/ring/OverheadInC"),
        .executableTarget(
            name: "RingOverhead", dependencies: ["Absurd", "AbsurdRing", "CLane", "CRingLoop"],
            path: "Benchmarks/ring/Overhead"),
        .executableTarget(name: "RingPeer", dependencies: ["AbsurdRing", "AbsurdHost"], path: "Tests/RingPeer"),
        .testTarget(
            name: "AbsurdRingTests", dependencies: ["Absurd", "AbsurdRing", "AbsurdHost", "CLane", "RingPeer"]),
        .testTarget(name: "AbsurdHostTests", dependencies: ["Absurd", "AbsurdHost", "CHost"]),
        .testTarget(
            name: "AbsurdStoreTests", dependencies: ["AbsurdStore", "AbsurdCluster", "AbsurdClient", "TestSupport"]),
        .testTarget(name: "AbsurdQueueTests", dependencies: ["AbsurdStore", "TestSupport"]),
        .testTarget(
            name: "AbsurdLeaderTests",
            dependencies: ["AbsurdLeader", "AbsurdWorker", "AbsurdClient", "AbsurdWorkerProcess", "TestSupport"]),
        .testTarget(
            name: "AbsurdMeasureTests",
            dependencies: [
                "Absurd", "AbsurdStore", "AbsurdHost", "AbsurdObserve", "AbsurdMeasure", "AbsurdCommand",
                "AbsurdWorkerProcess",
                "TestSupport",
            ]),
        .testTarget(
            name: "AbsurdDashboardTests",
            dependencies: [
                "AbsurdDashboard", "AbsurdLeader", "AbsurdWorker", "AbsurdClient", "AbsurdWorkerProcess", "TestSupport",
            ],
            exclude: ["Scene.sql"]),
        .testTarget(name: "AbsurdPipelineTests", dependencies: ["AbsurdPipeline"]),
        .testTarget(name: "AbsurdObserveTests", dependencies: ["AbsurdObserve"]),
        .testTarget(name: "AbsurdRadioTests", dependencies: ["AbsurdRadio"]),
        .testTarget(name: "AbsurdStagesTests", dependencies: ["AbsurdStages", "AbsurdRadio"]),
        .testTarget(
            name: "AbsurdOperateTests",
            dependencies: ["AbsurdOperate", "AbsurdObserve", "AbsurdCluster", "AbsurdHost", "TestSupport"],
            exclude: ["Frames"]),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "Absurd", "AbsurdClient", "AbsurdPipeline", "AbsurdCommand", "AbsurdControl", "AbsurdWorkerProcess",
                "TestSupport",
            ]),
    ]
}

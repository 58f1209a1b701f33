// swift-tools-version: 6.2
// The target graph of ARCHITECTURE.md. An edge that is not listed here does not exist:
// `swift build --explicit-target-dependency-import-check error` enforces it.
import PackageDescription

/// Settings of every library target outside Engine.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]

/// Engine works on raw tensors throughout, so that `unsafe` on each line would say nothing; tests and the executable keep to the libraries' safe faces.
let relaxed: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// C is optimised even in debug builds, so that tests on real models stay quick.
let optimised: [CSetting] = [.unsafeFlags(["-O2", "-ffp-contract=off"])]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

func library(_ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = strict) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies + ["TestSupport"], swiftSettings: relaxed)
}

let targets: [Target] = [
    .systemLibrary(name: "CJSONC", pkgConfig: "json-c", providers: [.apt(["libjson-c-dev"])]),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CUTF8Proc", providers: [.apt(["libutf8proc-dev"])]),

    library("JSON", ["CJSONC"]),
    library("Tokens", ["JSON", "CPCRE2", "CUTF8Proc"]),
    library("Grammar", ["Tokens", "JSON"]),
    .target(name: "Kernels", cSettings: optimised, linkerSettings: [.linkedLibrary("dl"), .linkedLibrary("m")]),
    library("Engine", ["Grammar", "Tokens", "JSON", "Kernels"], settings: relaxed),
    library("Jinja", ["JSON"]),
    library("Chat", ["Engine", "Grammar", "Tokens", "Jinja", "JSON"]),
    .target(name: "CProcess"),
    library("MCP", ["JSON", "CProcess"]),
    library("Agent", ["Chat", "Engine", "MCP", "Grammar", "JSON"]),
    library("Tools", ["Agent", "Chat", "Engine", "MCP", "Grammar", "JSON", "Embedded"]),
    .target(name: "Embedded"),
    .executableTarget(
        name: "sirocco",
        dependencies: [
            "Tools", "Agent", "MCP", "Chat", "Engine", "Grammar", "Tokens", "Jinja", "JSON", "Kernels", "Embedded",
            "CProcess", argumentParser, logging,
        ],
        swiftSettings: relaxed),

    .target(
        name: "TestSupport", dependencies: ["JSON"], path: "Tests/TestSupport", swiftSettings: relaxed),
    tests("JSON", ["JSON"]),
    tests("Tokens", ["Tokens", "JSON"]),
    tests("Grammar", ["Grammar", "Tokens", "JSON"]),
    tests("Kernels", ["Kernels", "JSON"]),
    tests("Engine", ["Engine", "Grammar", "Tokens", "JSON", "Kernels"]),
    tests("Jinja", ["Jinja", "JSON"]),
    tests("Chat", ["Chat", "Engine", "Grammar", "Tokens", "Jinja", "JSON"]),
    .executableTarget(name: "MCPFixture", dependencies: ["MCP", "JSON"], path: "Tests/MCPFixture", swiftSettings: relaxed),
    tests("MCP", ["MCP", "JSON", "MCPFixture"]),
    tests("Agent", ["Agent", "Chat", "Engine", "MCP", "JSON", "MCPFixture"]),
    tests("Tools", ["Tools", "Agent", "Chat", "MCP", "Engine", "Grammar", "JSON", "Embedded"]),
    tests("Command", ["sirocco", "Chat", "Engine", "Grammar", "Tokens", "JSON", argumentParser]),
]

/// `Fuzz/run` builds these with libFuzzer and AddressSanitizer; an ordinary build leaves them out.
let fuzzers: [Target] =
    ([
        ("FuzzJSON", ["JSON"]),
        ("FuzzGGUF", ["Engine"]),
        ("FuzzSafetensors", ["Engine"]),
        ("FuzzTokenizer", ["Tokens", "JSON"]),
        ("FuzzJinja", ["Jinja", "JSON"]),
        ("FuzzLines", ["MCP", "JSON"]),
        ("FuzzSchema", ["Grammar", "Tokens", "JSON"]),
        ("FuzzGrammar", ["Grammar", "Tokens"]),
    ] as [(String, [Target.Dependency])]).map { name, dependencies in
        .executableTarget(
            name: name, dependencies: dependencies + ["FuzzDriver"], path: "Fuzz/" + name,
            swiftSettings: relaxed + [.unsafeFlags(["-parse-as-library"])])
    }

/// `SIROCCO_ONLY=Grammar swift test` builds that target, its tests and what they import, nothing else (CONTRIBUTING.md).
func selected(_ targets: [Target], by list: String?) -> [Target] {
    guard let list else { return targets }
    let byName = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0) })
    var wanted = Set<String>()
    func want(_ name: String) {
        guard let target = byName[name], wanted.insert(name).inserted else { return }
        for dependency in target.dependencies {
            if case .byNameItem(let name, _) = dependency { want(name) }
        }
    }
    for name in list.split(separator: ",").map(String.init) {
        want(name)
        want(name + "Tests")
    }
    return targets.filter { wanted.contains($0.name) }
}

let fuzzing = Context.environment["SIROCCO_FUZZ"] != nil
let only = Context.environment["SIROCCO_ONLY"]
let chosen =
    fuzzing
    ? selected(targets + fuzzers + [.target(name: "FuzzDriver", path: "Fuzz/FuzzDriver")], by: fuzzers.map(\.name).joined(separator: ","))
    : selected(targets, by: only)

let package = Package(
    name: "sirocco",
    platforms: [.macOS(.v15)],
    products: only == nil && !fuzzing ? [.executable(name: "sirocco", targets: ["sirocco"])] : [],
    dependencies: chosen.contains { $0.name == "sirocco" }
        ? [
            .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
            .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        ] : [],
    targets: chosen,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu2x
)

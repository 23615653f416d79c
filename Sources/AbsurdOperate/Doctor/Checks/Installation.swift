/// The programs and libraries that stages call.
enum Installation {
    static let checks = [Check("installed", "are the stages' programs there?", programs)]

    static func programs(_ facts: Facts) -> [Diagnosis]? {
        let host = facts.host
        var findings: [Diagnosis] = []
        func missing(_ what: String, _ severity: Diagnosis.Severity, _ consequence: String, _ remedy: String) {
            findings.append(
                Diagnosis(
                    "installed", severity, cause: "\(what) is not installed", evidence: consequence, remedy: remedy)
            )
        }
        if host.programs["wsclean"] == nil {
            missing(
                "wsclean", .warning, "imaging with its default backend fails; not found along PATH",
                "apt install wsclean")
        }
        if host.programs["aoflagger"] == nil {
            missing("aoflagger", .note, "interference is flagged by the built-in method", "apt install aoflagger")
        }
        if host.programs["absurd-stage"] == nil {
            missing(
                "absurd-stage", .critical, "every stage of the pipeline fails; not found beside absurd",
                "install the whole package, or set ABSURD_LIBEXEC to its directory")
        }
        if host.casacoreLibrary == nil {
            missing(
                "casacore", .critical, "absurd-stage cannot start: libcasa_ms.so is in no library directory",
                "apt install libcasa-ms7 (or casacore-dev)")
        }
        if host.casacoreData == nil {
            missing(
                "casacore's measures data", .note, "other programs on these Measurement Sets will warn",
                "apt install casacore-data")
        }
        return findings
    }
}

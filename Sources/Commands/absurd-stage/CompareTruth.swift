import Absurd
import AbsurdStages
import Glibc

/// `absurd-stage compare-truth TRUTH-DIR IMAGE [TABLE...]`: what `absurd demo` prints at its end, as one line of JSON.
enum CompareTruth {
    static func run(_ arguments: [String]) -> ExitCode {
        guard arguments.count >= 2 else {
            return StageProcess.complain("usage: absurd-stage compare-truth TRUTH-DIR IMAGE [CALIBRATION-TABLE...]")
        }
        do {
            let report = try TruthReport(
                truthDirectory: arguments[0], imagePath: arguments[1], tables: Array(arguments.dropFirst(2)))
            print(report.json.jsonText)
            return .success
        } catch let refusal as Refusal {
            _ = StageProcess.complain("absurd-stage compare-truth: \(refusal)")
            return refusal.exit
        } catch {
            _ = StageProcess.complain("absurd-stage compare-truth: \(error)")
            return .no
        }
    }
}

import Absurd
import Logging

extension LeaderNotice {
    /// Constant messages; what varies is metadata.
    func say(to logger: Logger) {
        switch self {
        case .databaseAway(let reason, let waiting):
            logger.error(
                "database is away; work goes on and results wait",
                metadata: ["why": "\(reason)", "waiting_results": "\(waiting)"])
        case .databaseBack(let waiting):
            logger.notice("database is back", metadata: ["waiting_results": "\(waiting)"])
        case .resultsRefused(let count):
            logger.warning("results refused: their attempts are not current any more", metadata: ["count": "\(count)"])
        case .sessionLost(let attempts):
            logger.error(
                "session is over: the database gave this node's tasks away", metadata: ["stopped": "\(attempts)"])
        case .workerDied(let worker, let cause, let crashed):
            logger.error(
                "worker died", metadata: ["worker": "\(worker)", "cause": "\(cause)", "crashed_attempts": "\(crashed)"])
        case .crashLoop(let worker, let deaths, let pause):
            logger.critical(
                "worker keeps dying and is left alone for a while",
                metadata: ["worker": "\(worker)", "deaths": "\(deaths)", "pause_seconds": "\(pause.seconds)"])
        case .attemptStuck(let task, let worker):
            logger.error(
                "attempt does not stop; its worker is killed", metadata: ["task": "\(task)", "worker": "\(worker)"])
        case .draining(let running): logger.notice("draining", metadata: ["running": "\(running)"])
        case .takenOver:
            logger.critical("another leader runs under this node's name; this one ends (choose another --node-id)")
        case .gaveUpResults(let count):
            logger.error("ends without a database; results were not delivered", metadata: ["count": "\(count)"])
        }
    }
}

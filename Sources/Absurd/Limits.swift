/// Every limit of the system, so that none is hidden. Units last in the names.
public enum Limits {
    /// Task params and results, as JSON text.
    public static let paramsBytesMax = 1 << 20
    public static let resultBytesMax = 1 << 20
    public static let errorBytesMax = 8 << 10
    public static let progressMessageBytesMax = 200
    /// Steps of one attempt that its result keeps the times of.
    public static let profileStepsMax = 64
    /// What a worker tells a stage process on standard input: the params and a little more.
    public static let stageRequestBytesMax = 2 * paramsBytesMax
    public static let queueNameBytesMax = 128
    public static let taskNameBytesMax = 128

    /// Nesting of a JSON text; Postgres' own parser stops far later, at its stack depth.
    public static let jsonDepthMax = 256

    public static let claimBatchMax = 1000
    /// Free memory that a leader keeps for the next exchange: several of the largest usual ones.
    public static let leaderHeapKeptBytes = 8 << 20
    /// A leader that has not renewed within this time has lost its tasks.
    public static let leaseSeconds = 30
    /// A leader sends a task that does nothing through the whole system this often.
    public static let canarySeconds = 60.0
    /// Between SIGTERM and SIGKILL of a process tree.
    public static let killGraceSeconds = 5

    /// A waiter's registration, after which finishes ring for it no more unless it is renewed.
    public static let waiterSeconds = 30.0
    /// How often a waiter looks without having been woken.
    public static let waitPollSeconds = 1.0
    /// How far back a follower looks for tasks whose transaction committed late.
    public static let followOverlapSeconds = 2.0
    public static let followRowsMax: Int64 = 1000
    public static let followPauseMilliseconds = 50

    /// Of a Unix socket: the kernel's `sun_path`, without its last zero.
    public static let socketPathBytesMax = 107

    public static let connectTimeoutSeconds = 10
    /// Longer than a short network fault, shorter than a lease.
    public static let tcpUserTimeoutMilliseconds = 20_000

    /// A migration that waits longer for a lock lets the queue run on and tries again.
    public static let migrationLockTimeoutMilliseconds = 2000
    public static let migrationAttemptsMax = 60

    /// Values of one header array of a UVH5 file: 100 times the telescope's baselines × integrations, × 3 for uvw.
    public static let uvh5HeaderValuesMax = 40_000_000
    /// Visibilities that the conversion holds at a time in each worker: 4 times a chunk of the telescope's files.
    public static let convertBlockValues = 48 << 10
    public static let uvh5KeywordsMax = 10_000
    public static let uvh5TextBytesMax = 1 << 20
    /// The same for a cancelled task, which must be gone within a second.
    public static let cancelGraceMilliseconds = 400
    /// How much later than the worker the leader itself kills an attempt's processes, and then a worker that hangs.
    public static let escalationMilliseconds = 1000
    /// A leader asked to stop lets running attempts end for this long, then gives them back.
    public static let drainSeconds = 30
    /// Finished attempts that wait in memory for a database that is away; beyond them no more work starts.
    public static let waitingResultsMax = 10_000
    public static let waitingResultBytesMax = 256 << 20
    /// Below this the embedded database is not created: initdb, a first log segment and room to say so.
    public static let clusterFreeBytesMin: Int64 = 256 << 20
    /// For a crash recovery on a slow disk.
    public static let clusterStartSeconds = 900
    public static let clusterStopSeconds = 60
    /// Of a line that a stage's child program prints; the rest of a longer line is dropped.
    public static let childLineBytesMax = 4096

    /// Sources of a sky model that visibilities are predicted from; the brightest are kept.
    public static let skyModelSourcesMax = 1000
    /// Visibilities that one thread holds at a time while it reads or corrects.
    public static let visibilityChunkBytes = 4 << 20

    /// A file system with less room than this is called full when a program fails to write to it.
    public static let freeDiskBytesMin: UInt64 = 64 << 20

    /// A load's ids are kept in memory for the proof at its end: 32 bytes each.
    public static let loadTasksMax = 50_000_000
    public static let loadRatePerSecondMax = 100_000
    public static let loadProducersMax = 64
    /// A load gives up on what has not ended when nothing has ended for so long.
    public static let loadSettleSeconds = 30
    /// A leader that is measured must serve its queue by then.
    public static let measuredStartSeconds = 60
    /// One round of the dispatch benchmark, however slow the machine.
    public static let dispatchSeconds = 300

    /// What the dashboard asks of the database ends after this time.
    public static let observerStatementMilliseconds = 10_000
    public static let observerJobsMax = 1000
    public static let observerIdleSeconds = 60.0
    /// An answer that took so long is kept this many times as long.
    public static let observerPace = 20.0
    public static let observerSnapshotsMax = 256
    public static let httpBodyBytesMax = 4 << 20
    public static let httpHeaderBytesMax = 32 << 10
    public static let httpTokenBytesMin = 16
    /// Readers of /events at a time.
    public static let eventStreamsMax = 200
    public static let eventHeartbeatSeconds = 15.0
    /// Between two looks for changes while somebody follows /events.
    public static let eventPauseMilliseconds = 250
    public static let taskListMax = 1000
    /// Queues with a label of their own on the metrics page.
    public static let metricQueuesMax = 100
    public static let imageBytesMax = 64 << 20
}

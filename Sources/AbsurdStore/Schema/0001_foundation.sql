-- 0001 · The ground: roles, refusals, settings. (0000 has the schema, the record of versions and the clock.)
--
-- The data path of the whole engine, so that the other files can be read in any order:
--
--   spawn ──► tasks_ready ──claim──► tasks_running ──finish──► tasks_done ──archive──► tasks_archive
--     │            ▲  ▲                    │
--     └► tasks_waiting ◄── retry, back-off ┘        (scheduled, retrying, blocked)
--
-- Tasks spawned together take a shorter way: tasks_bundled ──(a claim writes one row of leases)──finish──► tasks_done, and
-- turn into ordinary rows of tasks_ready or tasks_running whenever something else than that is to happen to them.
--
-- A task is one row in exactly one of these tables, and moves by DELETE … RETURNING + INSERT in one statement, so every
-- snapshot sees it once. Finished rows are never near the claim. absurd.tasks is the view over all of them.
-- What most tasks lack (long params, dependencies, workflow, keys) lies in task_details, written once.
--
-- Who writes what in this file: the operator writes settings, queues and task_types; nobody else does.

-- Roles belong to the cluster, so another database's migration may be making them at this moment.
DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['absurd_reader', 'absurd_client', 'absurd_leader', 'absurd_admin'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role %: not created, the migrating user lacks CREATEROLE; ask an administrator for it',
                    v_role;
        END;
    END LOOP;
END;
$$;

CREATE FUNCTION absurd.refuse(p_state text, p_what text, p_why text, p_remedy text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = p_state, MESSAGE = format('%s: %s; %s', p_what, p_why, p_remedy),
        DETAIL = p_why, HINT = p_remedy;
END;
$$;
COMMENT ON FUNCTION absurd.refuse(text, text, text, text) IS
    'Raises a refusal of one line. States: AB001 the node''s session is over; AB002 the queue is full; AB003 bad input; '
    'AB004 the dependencies form a cycle; AB005 there is no such thing; AB006 not allowed in this state.';

-- Settings ---------------------------------------------------------------------------------------------------------

CREATE TABLE absurd.settings (
    singleton           boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    timeout_sec         int NOT NULL DEFAULT 3600 CHECK (timeout_sec > 0),
    max_retries         int NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    crashes_max         int NOT NULL DEFAULT 5 CHECK (crashes_max BETWEEN 0 AND 1000),
    retry_base_sec      float8 NOT NULL DEFAULT 5 CHECK (retry_base_sec >= 0),
    retry_factor        float8 NOT NULL DEFAULT 2 CHECK (retry_factor >= 1),
    retry_max_sec       float8 NOT NULL DEFAULT 600 CHECK (retry_max_sec >= 0),
    foreign_lease_sec   int NOT NULL DEFAULT 180 CHECK (foreign_lease_sec > 0),
    params_bytes_max    int NOT NULL DEFAULT 1048576,
    inline_bytes_max    int NOT NULL DEFAULT 1024,
    archive_after       interval NOT NULL DEFAULT '30 days'
);
COMMENT ON TABLE absurd.settings IS 'One row: what holds where neither the task, its type nor its queue says otherwise.';
COMMENT ON COLUMN absurd.settings.singleton IS 'Always true: there is one row.';
COMMENT ON COLUMN absurd.settings.timeout_sec IS 'An attempt''s time-out where neither the task nor its type has one.';
COMMENT ON COLUMN absurd.settings.max_retries IS 'Retries of a task that is spawned without a number.';
COMMENT ON COLUMN absurd.settings.crashes_max IS
    'Attempts lost to crashes, dead nodes and shutdowns that cost no retry; a task that crashes once more is failed.';
COMMENT ON COLUMN absurd.settings.retry_base_sec IS 'Back-off after the first failure, before jitter.';
COMMENT ON COLUMN absurd.settings.retry_factor IS 'Each further failure multiplies the back-off by this.';
COMMENT ON COLUMN absurd.settings.retry_max_sec IS 'The longest back-off.';
COMMENT ON COLUMN absurd.settings.foreign_lease_sec IS
    'A foreign worker (claim_task) that sent a heartbeat is dead this long after its last one.';
COMMENT ON COLUMN absurd.settings.params_bytes_max IS 'The longest params, as JSON text.';
COMMENT ON COLUMN absurd.settings.inline_bytes_max IS 'Longer params lie in task_details and do not move with the task.';
COMMENT ON COLUMN absurd.settings.archive_after IS 'The daily archive moves tasks finished longer ago than this.';
INSERT INTO absurd.settings DEFAULT VALUES;

CREATE TABLE absurd.queues (
    queue_name          text COLLATE "C" PRIMARY KEY CHECK (octet_length(queue_name) BETWEEN 1 AND 128),
    paused              boolean NOT NULL DEFAULT false,
    pending_max         int CHECK (pending_max > 0),
    running_max         int CHECK (running_max > 0),
    key_running_max     int CHECK (key_running_max > 0),
    dlq_enabled         boolean NOT NULL DEFAULT true,
    dlq_name            text,
    retry_base_sec      float8 CHECK (retry_base_sec >= 0),
    retry_factor        float8 CHECK (retry_factor >= 1),
    retry_max_sec       float8 CHECK (retry_max_sec >= 0),
    changed_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE absurd.queues IS 'Settings of single queues. A queue needs no row here: it exists when a task names it.';
COMMENT ON COLUMN absurd.queues.queue_name IS 'The queue.';
COMMENT ON COLUMN absurd.queues.paused IS 'Nothing is claimed from a paused queue; spawning and running tasks go on.';
COMMENT ON COLUMN absurd.queues.pending_max IS 'Spawning is refused (AB002) while this many are pending. NULL: no bound.';
COMMENT ON COLUMN absurd.queues.running_max IS 'At most this many of the queue run at a time, over all nodes. NULL: no limit.';
COMMENT ON COLUMN absurd.queues.key_running_max IS 'At most this many with the same concurrency key run at a time.';
COMMENT ON COLUMN absurd.queues.dlq_enabled IS 'Whether tasks that failed for good are listed as dead letters.';
COMMENT ON COLUMN absurd.queues.dlq_name IS 'Name of the dead-letter queue; NULL means <queue>-dlq.';
COMMENT ON COLUMN absurd.queues.retry_base_sec IS 'As in settings, for this queue.';
COMMENT ON COLUMN absurd.queues.retry_factor IS 'As in settings, for this queue.';
COMMENT ON COLUMN absurd.queues.retry_max_sec IS 'As in settings, for this queue.';
COMMENT ON COLUMN absurd.queues.changed_at IS 'When an operator last changed the row.';

CREATE TABLE absurd.task_types (
    task_name           text COLLATE "C" PRIMARY KEY CHECK (octet_length(task_name) BETWEEN 1 AND 128),
    timeout_sec         int NOT NULL CHECK (timeout_sec > 0)
);
COMMENT ON TABLE absurd.task_types IS 'Time-outs per task name, for tasks spawned without one.';
COMMENT ON COLUMN absurd.task_types.task_name IS 'The task name.';
COMMENT ON COLUMN absurd.task_types.timeout_sec IS 'Its time-out.';
INSERT INTO absurd.task_types VALUES
    ('catalog-setup', 300), ('convert-uvh5-to-ms', 900), ('calibration-solve', 1800), ('calibration-apply', 600),
    ('imaging', 1800), ('validation', 300), ('crossmatch', 600), ('photometry', 600);

CREATE FUNCTION absurd.retry_delay(p_queue text, p_failures int) RETURNS interval
LANGUAGE sql VOLATILE
AS $$
    SELECT make_interval(secs => (0.5 + 0.5 * random()) * least(
        coalesce(q.retry_max_sec, s.retry_max_sec),
        coalesce(q.retry_base_sec, s.retry_base_sec)
            * coalesce(q.retry_factor, s.retry_factor) ^ least(greatest(p_failures - 1, 0), 60)))
    FROM absurd.settings s LEFT JOIN absurd.queues q ON q.queue_name = p_queue
$$;
COMMENT ON FUNCTION absurd.retry_delay(text, int) IS
    'Back-off before the next attempt: exponential in the failures so far, then a random half to whole of it, so that '
    'tasks that failed together do not come back together.';

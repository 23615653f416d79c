-- 0002 · Where tasks live.
--
-- Who writes what: spawn inserts into tasks_ready or tasks_waiting; claim moves ready -> running; finish, cancel and
-- rescue move running -> done, waiting or ready; maintain moves waiting -> ready; archive and prune delete from done.
-- Bundles: spawn_many writes bundles and tasks_bundled; claim moves a bundle's next_seq, or deletes a bundle of which nothing
-- is left, and inserts leases; finish deletes from tasks_bundled and lowers a lease's open_tasks, or deletes a lease that has
-- none left; unbundle (0005) makes ordinary rows. Rows of tasks_bundled are never updated.
-- Rows in ready, waiting and done are never updated except for has_children (a child was spawned) and, while a task
-- waits, open_parents. The first eighteen columns are the same in the four tables and travel with the task.
-- Params longer than settings.inline_bytes_max stay in task_details: moving a task never copies them.
--
-- Locks: nodes, bundles by id, leases by (bundle, first_seq), then rows of tasks: several of one table in task_id order where
-- a statement takes more than one and another may want the same (waiting: settle_children, cancel, retry). Workflow rows
-- come last. A transaction that goes through this more than once (a batch whose tasks have parents in bundles, a retry of
-- several) can meet another in the wrong order: the server then refuses one of them with 40P01, and nothing of it is done.

CREATE SEQUENCE absurd.task_seq AS bigint;
COMMENT ON SEQUENCE absurd.task_seq IS 'Order among tasks created at the same instant. Only an order: nothing breaks when it rewinds.';

CREATE TABLE absurd.tasks_ready (
    task_id             uuid PRIMARY KEY,
    seq                 bigint NOT NULL DEFAULT nextval('absurd.task_seq'),
    created_at          timestamptz NOT NULL,
    priority            int NOT NULL DEFAULT 0,
    timeout_sec         int CHECK (timeout_sec > 0),
    max_retries         int NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    attempt             int NOT NULL DEFAULT 0,
    failures            int NOT NULL DEFAULT 0,
    crashes             int NOT NULL DEFAULT 0,
    detailed            boolean NOT NULL DEFAULT false,
    has_children        boolean NOT NULL DEFAULT false,
    queue_name          text COLLATE "C" NOT NULL,
    task_name           text COLLATE "C" NOT NULL,
    concurrency_key     text,
    params              jsonb
);
CREATE INDEX tasks_ready_order ON absurd.tasks_ready (queue_name, priority DESC, created_at, seq);

CREATE SEQUENCE absurd.bundle_seq AS bigint;
COMMENT ON SEQUENCE absurd.bundle_seq IS 'Names bundles.';

CREATE TABLE absurd.bundles (
    bundle              bigint PRIMARY KEY DEFAULT nextval('absurd.bundle_seq'),
    created_at          timestamptz NOT NULL,
    priority            int NOT NULL,
    timeout_sec         int,
    max_retries         int NOT NULL,
    next_seq            int NOT NULL DEFAULT 1,
    last_seq            int NOT NULL,
    gaps                boolean NOT NULL DEFAULT false,
    queue_name          text COLLATE "C" NOT NULL,
    task_name           text COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX bundles_order ON absurd.bundles (queue_name, priority DESC, created_at, bundle);

CREATE TABLE absurd.tasks_bundled (
    task_id             uuid PRIMARY KEY,
    bundle              bigint NOT NULL,
    seq                 int NOT NULL,
    params              jsonb NOT NULL
);
CREATE INDEX tasks_bundled_order ON absurd.tasks_bundled (bundle, seq);

CREATE TABLE absurd.leases (
    token               uuid PRIMARY KEY,
    bundle              bigint NOT NULL,
    session             uuid NOT NULL,
    created_at          timestamptz NOT NULL,
    claimed_at          timestamptz NOT NULL,
    deadline_at         timestamptz NOT NULL,
    first_seq           int NOT NULL,
    last_seq            int NOT NULL,
    open_tasks          int NOT NULL,
    priority            int NOT NULL,
    timeout_sec         int,
    max_retries         int NOT NULL,
    queue_name          text COLLATE "C" NOT NULL,
    task_name           text COLLATE "C" NOT NULL,
    node                text COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX leases_range ON absurd.leases (bundle, first_seq);

CREATE TABLE absurd.tasks_waiting (
    LIKE absurd.tasks_ready INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    status              text COLLATE "C" NOT NULL CHECK (status IN ('scheduled', 'retrying', 'blocked')),
    due_at              timestamptz,
    open_parents        int NOT NULL DEFAULT 0,
    error               text,
    PRIMARY KEY (task_id)
);
CREATE INDEX tasks_waiting_due ON absurd.tasks_waiting (due_at) WHERE status <> 'blocked';
CREATE INDEX tasks_waiting_list ON absurd.tasks_waiting (queue_name, status, created_at);

CREATE TABLE absurd.tasks_running (
    LIKE absurd.tasks_ready INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    token               uuid NOT NULL,
    session             uuid,
    node                text,
    worker_id           text,
    claimed_at          timestamptz NOT NULL,
    deadline_at         timestamptz NOT NULL,
    beat_at             timestamptz,
    progress            float8,
    progress_message    text,
    PRIMARY KEY (task_id)
) WITH (fillfactor = 70);

CREATE TABLE absurd.tasks_done (
    LIKE absurd.tasks_ready INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    status              text COLLATE "C" NOT NULL,
    outcome             text NOT NULL,
    token               uuid,
    node                text,
    worker_id           text,
    claimed_at          timestamptz,
    completed_at        timestamptz NOT NULL,
    result              jsonb,
    error               text
) PARTITION BY LIST (status);
-- A partition per status: the planner then walks (queue_name, created_at) in order for a list with or without a filter on
-- status (it takes no order from an index column that only the view's own branch fixes), and the few failures are
-- not looked for among the millions completed. The key is on each partition: on all of them it would need the status.
CREATE TABLE absurd.tasks_completed PARTITION OF absurd.tasks_done (PRIMARY KEY (task_id)) FOR VALUES IN ('completed');
CREATE TABLE absurd.tasks_failed PARTITION OF absurd.tasks_done (PRIMARY KEY (task_id)) FOR VALUES IN ('failed');
CREATE TABLE absurd.tasks_cancelled PARTITION OF absurd.tasks_done (PRIMARY KEY (task_id)) FOR VALUES IN ('cancelled');
CREATE INDEX tasks_done_list ON absurd.tasks_done (queue_name, created_at);
CREATE INDEX tasks_done_ended ON absurd.tasks_done USING brin (completed_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE absurd.task_details (
    task_id             uuid PRIMARY KEY,
    queue_name          text COLLATE "C" NOT NULL,
    params              jsonb,
    depends_on          uuid[] NOT NULL DEFAULT '{}',
    inherited           jsonb,
    inputs_yield        boolean NOT NULL DEFAULT false,
    workflow_id         uuid,
    workflow_position   int,
    idempotency_key     text CHECK (octet_length(idempotency_key) BETWEEN 1 AND 512),
    run_at              timestamptz,
    schedule_name       text
);
CREATE UNIQUE INDEX task_details_key ON absurd.task_details (queue_name, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX task_details_workflow ON absurd.task_details (workflow_id, workflow_position) WHERE workflow_id IS NOT NULL;

CREATE TABLE absurd.task_dependencies (
    child_id            uuid NOT NULL,
    parent_id           uuid NOT NULL,
    PRIMARY KEY (child_id, parent_id)
);
CREATE INDEX task_dependencies_parent ON absurd.task_dependencies (parent_id);

CREATE TABLE absurd.attempt_log (
    task_id             uuid NOT NULL,
    attempt             int NOT NULL,
    token               uuid NOT NULL,
    node                text,
    worker_id           text,
    started_at          timestamptz NOT NULL,
    ended_at            timestamptz NOT NULL,
    outcome             text NOT NULL,
    error               text,
    PRIMARY KEY (task_id, attempt)
);

CREATE TABLE absurd.lanes (
    queue_name          text COLLATE "C" NOT NULL,
    priority            int NOT NULL
);
CREATE INDEX lanes_queue ON absurd.lanes (queue_name, priority);

CREATE TABLE absurd.nodes (
    node                text COLLATE "C" PRIMARY KEY CHECK (octet_length(node) BETWEEN 1 AND 255),
    session             uuid,
    queues              text[] NOT NULL DEFAULT '{}',
    info                jsonb NOT NULL DEFAULT '{}',
    registered_at       timestamptz NOT NULL,
    renewed_at          timestamptz NOT NULL,
    lease_until         timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE absurd.node_stops (
    node                text COLLATE "C" NOT NULL,
    task_id             uuid NOT NULL,
    attempt             int NOT NULL,
    token               uuid NOT NULL,
    reason              text NOT NULL,
    asked_at            timestamptz NOT NULL,
    PRIMARY KEY (node, task_id, attempt)
);

CREATE TABLE absurd.dead_letters (
    task_id             uuid PRIMARY KEY,
    queue_name          text COLLATE "C" NOT NULL,
    dlq_name            text COLLATE "C" NOT NULL,
    task_name           text NOT NULL,
    attempt             int NOT NULL,
    outcome             text NOT NULL,
    error               text,
    died_at             timestamptz NOT NULL
);
CREATE INDEX dead_letters_list ON absurd.dead_letters (queue_name, died_at);

CREATE TABLE absurd.workflows (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name                text NOT NULL,
    description         text,
    status              text NOT NULL DEFAULT 'pending'
                        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    total_tasks         int NOT NULL DEFAULT 0,
    completed_tasks     int NOT NULL DEFAULT 0,
    failed_tasks        int NOT NULL DEFAULT 0,
    cancelled_tasks     int NOT NULL DEFAULT 0,
    metadata            jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT absurd.current_time(),
    started_at          timestamptz,
    completed_at        timestamptz
);
CREATE INDEX workflows_created ON absurd.workflows (created_at);

CREATE TABLE absurd.workflow_chains (
    name                text PRIMARY KEY,
    description         text NOT NULL,
    task_names          text[] NOT NULL CHECK (cardinality(task_names) > 0)
);
INSERT INTO absurd.workflow_chains VALUES
    ('standard-pipeline', 'From raw sub-bands to fluxes',
     '{catalog-setup,convert-uvh5-to-ms,calibration-solve,calibration-apply,imaging,validation,crossmatch,photometry}'),
    ('quick-imaging', 'A first look: convert and image, uncalibrated', '{convert-uvh5-to-ms,imaging}'),
    ('calibrator', 'Convert a calibrator and solve for its gains', '{convert-uvh5-to-ms,calibration-solve}'),
    ('target', 'Apply known solutions to a target, image it and measure fluxes', '{calibration-apply,imaging,photometry}');

CREATE TABLE absurd.tasks_archive (
    task_id uuid PRIMARY KEY, queue_name text NOT NULL, task_name text NOT NULL, params jsonb, priority int NOT NULL,
    timeout_sec int, status text NOT NULL, worker_id text, attempt int NOT NULL, max_retries int NOT NULL, result jsonb,
    error text, created_at timestamptz NOT NULL, claimed_at timestamptz, completed_at timestamptz NOT NULL,
    wait_time_sec float8, execution_time_sec float8, depends_on uuid[], workflow_id uuid, outcome text,
    attempts jsonb NOT NULL DEFAULT '[]', archived_at timestamptz NOT NULL
);
CREATE INDEX tasks_archive_completed ON absurd.tasks_archive USING brin (completed_at);

CREATE TABLE absurd.waiters (
    backend             int PRIMARY KEY,
    until               timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE absurd.duties (
    duty                text PRIMARY KEY,
    next_at             timestamptz NOT NULL,
    ran_at              timestamptz,
    ran_by              text
);
INSERT INTO absurd.duties VALUES ('sweep', '-infinity'), ('archive', '-infinity');

-- Vacuum: the moving tables turn over all the time and stay small, so they are cleaned by count, without a delay.
ALTER TABLE absurd.tasks_ready SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE absurd.tasks_bundled SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE absurd.bundles SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
ALTER TABLE absurd.leases SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
ALTER TABLE absurd.tasks_waiting SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE absurd.tasks_running SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE absurd.tasks_completed SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE absurd.tasks_failed SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE absurd.tasks_cancelled SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE absurd.nodes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Comments ---------------------------------------------------------------------------------------------------------

COMMENT ON TABLE absurd.tasks_ready IS 'Tasks that can be claimed now: status pending.';
COMMENT ON TABLE absurd.bundles IS 'Plain tasks spawned together, alike but for id and params, of which some can still be claimed.';
COMMENT ON TABLE absurd.tasks_bundled IS
    'Tasks of bundles: pending from their bundle''s next_seq on; below it claimed, by the lease that spans their seq.';
COMMENT ON TABLE absurd.leases IS 'Claims of a bundle''s tasks, one row for a run of them: status claimed, first attempt.';
COMMENT ON TABLE absurd.tasks_waiting IS 'Tasks that cannot be claimed yet: scheduled, retrying or blocked.';
COMMENT ON TABLE absurd.tasks_running IS 'Tasks of a node or a foreign worker: status claimed.';
COMMENT ON TABLE absurd.tasks_done IS 'Tasks that ended: completed, failed or cancelled; appended, until archived or pruned.';
COMMENT ON TABLE absurd.tasks_completed IS 'Those that completed.';
COMMENT ON TABLE absurd.tasks_failed IS 'Those that failed for good.';
COMMENT ON TABLE absurd.tasks_cancelled IS 'Those that were cancelled.';
COMMENT ON TABLE absurd.task_details IS 'What only some tasks have; written when the task is spawned.';
COMMENT ON TABLE absurd.task_dependencies IS 'Who waits for whom.';
COMMENT ON TABLE absurd.attempt_log IS 'Attempts that ended without ending their task. The last attempt is in the task''s own row.';
COMMENT ON TABLE absurd.lanes IS 'The (queue, priority) pairs ever used; duplicates do no harm.';
COMMENT ON TABLE absurd.nodes IS 'One row per node that ever registered: its session and its lease.';
COMMENT ON TABLE absurd.node_stops IS 'Attempts that a node must stop, until it has reported them.';
COMMENT ON TABLE absurd.dead_letters IS 'Tasks that failed for good and that nobody has dealt with.';
COMMENT ON TABLE absurd.workflows IS 'Groups of tasks with counts and one status.';
COMMENT ON TABLE absurd.workflow_chains IS 'The chains that workflow_run knows.';
COMMENT ON TABLE absurd.tasks_archive IS 'Tasks moved out of tasks_done by age, one self-contained row each.';
COMMENT ON TABLE absurd.waiters IS 'Sessions that want to hear of tasks that end.';
COMMENT ON TABLE absurd.duties IS 'What one leader at a time does periodically.';

DO $$
DECLARE
    v_comment record;
BEGIN
    FOR v_comment IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name, c.text FROM (VALUES
            ('*', 'task_id', 'The task.'),
            ('*', 'seq', 'Order among tasks created at the same instant.'),
            ('*', 'queue_name', 'The queue; data, never an identifier.'),
            ('*', 'task_name', 'What a handler is looked up by.'),
            ('*', 'params', 'The params; NULL in a moving row when they are long and lie in task_details.'),
            ('*', 'priority', 'Higher first.'),
            ('*', 'timeout_sec', 'The task''s own time-out; NULL: its type''s, else the default.'),
            ('*', 'max_retries', 'How many failures are followed by another attempt.'),
            ('*', 'attempt', 'Number of the last attempt, from 1; 0 before the first.'),
            ('*', 'failures', 'Failed and timed-out attempts since the task was spawned or retried by hand.'),
            ('*', 'crashes', 'Attempts lost to crashes, dead nodes and shutdowns since then.'),
            ('*', 'detailed', 'Whether task_details has a row for the task.'),
            ('*', 'has_children', 'Whether another task was ever spawned behind this one.'),
            ('*', 'concurrency_key', 'Tasks with the same key count against queues.key_running_max.'),
            ('*', 'created_at', 'When it was spawned: its age for the claim''s order.'),
            ('*', 'status', 'The status as clients read it.'),
            ('*', 'token', 'Random, one per attempt: a report must carry it.'),
            ('*', 'node', 'The node; NULL for a foreign worker.'),
            ('*', 'worker_id', 'Who runs or ran it, where that is not the node.'),
            ('*', 'claimed_at', 'When its last attempt began.'),
            ('*', 'completed_at', 'When it ended, however it ended.'),
            ('*', 'outcome', 'How the attempt ended: completed, failed, failed_permanent, timed_out, crashed, released, '
                'cancelled; or parent_lost for a task that never could run.'),
            ('*', 'result', 'What the handler returned.'),
            ('*', 'error', 'Why it failed or was cancelled, one line.'),
            ('*', 'workflow_id', 'The workflow it belongs to.'),
            ('*', 'depends_on', 'The tasks it waits for, in the order in which their outputs are merged.'),
            ('*', 'bundle', 'The bundle.'),
            ('*', 'session', 'The node''s session whose lease the attempt hangs on.'),
            ('*', 'deadline_at', 'When the attempt times out.'),
            ('bundles', 'next_seq', 'The first of its tasks that no claim has taken.'),
            ('bundles', 'last_seq', 'The last of its tasks.'),
            ('bundles', 'gaps', 'Whether a task has left it other than by a claim.'),
            ('tasks_bundled', 'seq', 'Its place in the bundle, from 1.'),
            ('leases', 'first_seq', 'The first task that it spans.'),
            ('leases', 'last_seq', 'The last task that it spans.'),
            ('leases', 'open_tasks', 'How many of them have not been finished or moved away.'),
            ('tasks_waiting', 'due_at', 'When it becomes ready; for a blocked task, not before this.'),
            ('tasks_waiting', 'open_parents', 'How many of its parents have not completed.'),
            ('tasks_running', 'beat_at', 'A foreign worker''s last heartbeat.'),
            ('tasks_running', 'progress', 'From 0 to 1, as the handler says.'),
            ('tasks_running', 'progress_message', 'What it is doing, as the handler says.'),
            ('task_details', 'inherited', 'The parents'' outputs, merged when the last of them completed.'),
            ('task_details', 'inputs_yield', 'In a chain: inputs that an earlier stage produced give way to what it produced.'),
            ('task_details', 'workflow_position', 'Its place in the chain, from 1.'),
            ('task_details', 'idempotency_key', 'A second spawn with the same queue and key is the first one.'),
            ('task_details', 'run_at', 'Not before this time.'),
            ('task_details', 'schedule_name', 'The schedule that spawned it.'),
            ('task_dependencies', 'child_id', 'The task that waits.'),
            ('task_dependencies', 'parent_id', 'The task that it waits for.'),
            ('attempt_log', 'started_at', 'When it was claimed.'),
            ('attempt_log', 'ended_at', 'When it was reported or taken away.'),
            ('nodes', 'session', 'The current session; NULL when the node has left or its lease ran out.'),
            ('nodes', 'queues', 'The queues it serves, as it says.'),
            ('nodes', 'info', 'What the node tells about itself: workers, version, host.'),
            ('nodes', 'registered_at', 'When the session began.'),
            ('nodes', 'renewed_at', 'The node''s last heartbeat.'),
            ('nodes', 'lease_until', 'Until then, all that it has claimed is its own.'),
            ('node_stops', 'reason', 'Why the attempt is to stop.'),
            ('node_stops', 'asked_at', 'When that was decided.'),
            ('dead_letters', 'dlq_name', 'The dead-letter queue: the queue''s name with -dlq, unless set otherwise.'),
            ('dead_letters', 'died_at', 'When its last attempt failed.'),
            ('workflows', 'id', 'The workflow.'),
            ('workflows', 'name', 'The chain''s name, or any.'),
            ('workflows', 'description', 'For people.'),
            ('workflows', 'total_tasks', 'Its tasks.'),
            ('workflows', 'completed_tasks', 'Those completed.'),
            ('workflows', 'failed_tasks', 'Those failed for good.'),
            ('workflows', 'cancelled_tasks', 'Those cancelled, also because an earlier stage was lost.'),
            ('workflows', 'metadata', 'Whatever its maker wants to keep; workflow_run keeps params and queue.'),
            ('workflows', 'started_at', 'When its first task was first seen begun.'),
            ('workflow_chains', 'name', 'The chain.'),
            ('workflow_chains', 'description', 'For people.'),
            ('workflow_chains', 'task_names', 'Its stages, in order.'),
            ('tasks_archive', 'wait_time_sec', 'From spawn to the last claim.'),
            ('tasks_archive', 'execution_time_sec', 'From the last claim to the end.'),
            ('tasks_archive', 'attempts', 'The earlier attempts, as objects.'),
            ('tasks_archive', 'archived_at', 'When it was moved here.'),
            ('waiters', 'backend', 'The server process of the session.'),
            ('waiters', 'until', 'It wants to hear until then.'),
            ('duties', 'duty', 'The duty.'),
            ('duties', 'next_at', 'When it is next to be done.'),
            ('duties', 'ran_at', 'When it was last done.'),
            ('duties', 'ran_by', 'The node that did it.')) AS c(relation, name, text)
            JOIN pg_attribute a ON a.attname = c.name AND a.attnum > 0
            JOIN pg_class r ON r.oid = a.attrelid AND r.relkind IN ('r', 'p') AND r.relnamespace = 'absurd'::regnamespace
                AND (c.relation = '*' OR r.relname = c.relation)
        ORDER BY c.relation = '*' DESC
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', v_comment.relation, v_comment.name, v_comment.text);
    END LOOP;
END;
$$;

-- 0002 · Where tasks live.
--
-- Who writes what: spawn inserts into tasks_ready or tasks_waiting; claim moves ready -> running; finish, cancel and
-- rescue move running -> done, waiting or ready; maintain moves waiting -> ready; archive and prune delete from done.
-- Rows in ready, waiting and done are never updated except for has_children (a child was spawned) and, while a task
-- waits, open_parents. The first eighteen columns are the same in the four tables and travel with the task.
-- Params longer than settings.inline_bytes_max stay in task_details: moving a task never copies them.
--
-- Locks: several rows of one table are locked in task_id order where a statement takes more than one and another may
-- want the same (waiting: settle_children, cancel, retry). Workflow rows come last.

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
    status              text COLLATE "C" NOT NULL CHECK (status IN ('completed', 'failed', 'cancelled')),
    outcome             text NOT NULL,
    token               uuid,
    node                text,
    worker_id           text,
    claimed_at          timestamptz,
    completed_at        timestamptz NOT NULL,
    result              jsonb,
    error               text,
    PRIMARY KEY (task_id)
);
CREATE INDEX tasks_done_list ON absurd.tasks_done (queue_name, status, created_at);
CREATE INDEX tasks_done_completed ON absurd.tasks_done (completed_at);

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
ALTER TABLE absurd.tasks_waiting SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE absurd.tasks_running SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE absurd.tasks_done SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE absurd.nodes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- A witness in the database: every row that enters or leaves the queue's tables, in commit-independent order of events.
-- It belongs to the fault tests alone and shares nothing with the product but the names of the tables.
CREATE SCHEMA audit;
CREATE TABLE audit.events (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid text NOT NULL DEFAULT pg_current_xact_id()::text, place text NOT NULL, op text NOT NULL, task uuid NOT NULL,
    attempt int NOT NULL, token uuid, node text, outcome text, directory text
);

CREATE FUNCTION audit.record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    INSERT INTO audit.events (place, op, task, attempt, token, node, outcome, directory)
    VALUES (TG_ARGV[0], lower(TG_OP), (r ->> 'task_id')::uuid, (r ->> 'attempt')::int, (r ->> 'token')::uuid, r ->> 'node',
        r ->> 'outcome', r #>> '{result,outputs,directory}');
    RETURN NULL;
END;
$$;

CREATE TRIGGER audit AFTER INSERT OR DELETE ON absurd.tasks_ready FOR EACH ROW EXECUTE FUNCTION audit.record('ready');
CREATE TRIGGER audit AFTER INSERT OR DELETE ON absurd.tasks_waiting FOR EACH ROW EXECUTE FUNCTION audit.record('waiting');
CREATE TRIGGER audit AFTER INSERT OR DELETE ON absurd.tasks_running FOR EACH ROW EXECUTE FUNCTION audit.record('running');
CREATE TRIGGER audit AFTER INSERT OR DELETE ON absurd.tasks_done FOR EACH ROW EXECUTE FUNCTION audit.record('done');

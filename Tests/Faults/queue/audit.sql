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
    IF starts_with(r ->> 'queue_name', 'absurd-canary/') THEN
        RETURN NULL;  -- the leaders' own probes run no command, and are deleted
    END IF;
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

-- A task of a bundle is ready in its row of tasks_bundled, and running from the moment when a lease spans it. It stays in that
-- row until it ends or becomes an ordinary row, so that it leaves the place where it then is.
CREATE FUNCTION audit.record_bundled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lease absurd.leases;
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT * INTO v_lease FROM absurd.leases l WHERE l.bundle = OLD.bundle AND OLD.seq BETWEEN l.first_seq AND l.last_seq;
        IF FOUND THEN
            INSERT INTO audit.events (place, op, task, attempt, token, node)
            VALUES ('running', 'delete', OLD.task_id, 1, v_lease.token, v_lease.node);
        ELSE
            INSERT INTO audit.events (place, op, task, attempt) VALUES ('ready', 'delete', OLD.task_id, 0);
        END IF;
    ELSE
        INSERT INTO audit.events (place, op, task, attempt) VALUES ('ready', 'insert', NEW.task_id, 0);
    END IF;
    RETURN NULL;
END;
$$;
CREATE FUNCTION audit.record_lease() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO audit.events (place, op, task, attempt, token, node)
    SELECT e.place, e.op, r.task_id, e.attempt, e.token, e.node
    FROM absurd.tasks_bundled r,
        (VALUES ('ready', 'delete', 0, NULL, NULL), ('running', 'insert', 1, NEW.token, NEW.node)) e(place, op, attempt, token, node)
    WHERE r.bundle = NEW.bundle AND r.seq BETWEEN NEW.first_seq AND NEW.last_seq
    ORDER BY r.seq, e.attempt;
    RETURN NULL;
END;
$$;
CREATE TRIGGER audit AFTER INSERT OR DELETE ON absurd.tasks_bundled FOR EACH ROW EXECUTE FUNCTION audit.record_bundled();
CREATE TRIGGER audit AFTER INSERT ON absurd.leases FOR EACH ROW EXECUTE FUNCTION audit.record_lease();

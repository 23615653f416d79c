-- Tells the test what happens: sessions of nodes, and attempts that begin and end, on channel nodes_test.
CREATE FUNCTION audit.tell_session() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('nodes_test', json_build_object('kind', 'session', 'node', NEW.node, 'alive', NEW.session IS NOT NULL)::text);
    RETURN NULL;
END;
$$;
CREATE TRIGGER tell_new AFTER INSERT ON absurd.nodes FOR EACH ROW EXECUTE FUNCTION audit.tell_session();
CREATE TRIGGER tell_session AFTER UPDATE OF session ON absurd.nodes FOR EACH ROW
    WHEN (OLD.session IS DISTINCT FROM NEW.session) EXECUTE FUNCTION audit.tell_session();

CREATE FUNCTION audit.tell_event() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('nodes_test',
        json_build_object('kind', NEW.place, 'op', NEW.op, 'task', NEW.task, 'node', NEW.node, 'attempt', NEW.attempt)::text);
    RETURN NULL;
END;
$$;
CREATE TRIGGER tell_event AFTER INSERT ON audit.events FOR EACH ROW
    WHEN (NEW.place IN ('running', 'done') AND NEW.op = 'insert') EXECUTE FUNCTION audit.tell_event();

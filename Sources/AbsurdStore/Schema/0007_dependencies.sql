-- 0007 · Dependencies: blocked tasks, their release, and what happens when a parent is lost.
--
-- tasks_waiting.open_parents counts the parents that have not completed. It is set when the child is spawned or revived,
-- with each parent's row locked (depend_on), and lowered exactly once per parent, by the transaction that completes it
-- (settle_children), under the child's row lock. Whoever brings it to 0 releases the child.
-- A parent that fails or is cancelled takes its blocked descendants with it: cancelled, outcome 'parent_lost', and they
-- come back when the parent is retried (0008).

CREATE FUNCTION absurd.depend_on(p_child uuid, p_parents uuid[]) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_parent uuid;
    v_open int := 0;
    v_status text;
    v_tries int;
BEGIN
    PERFORM absurd.unbundle(p_parents);
    FOR v_parent IN SELECT DISTINCT p FROM unnest(p_parents) p ORDER BY p LOOP
        IF v_parent IS NULL OR v_parent = p_child THEN
            PERFORM absurd.refuse('AB004', 'task ' || p_child, 'it waits for itself or for nothing', 'name other tasks');
        END IF;
        INSERT INTO absurd.task_dependencies VALUES (p_child, v_parent) ON CONFLICT DO NOTHING;
        v_tries := 0;
        LOOP  -- the parent may move from table to table while we look for it
            v_tries := v_tries + 1;
            v_status := NULL;
            UPDATE absurd.tasks_running SET has_children = true WHERE task_id = v_parent RETURNING 'open' INTO v_status;
            IF v_status IS NULL THEN
                UPDATE absurd.tasks_ready SET has_children = true WHERE task_id = v_parent RETURNING 'open' INTO v_status;
            END IF;
            IF v_status IS NULL THEN
                UPDATE absurd.tasks_waiting SET has_children = true WHERE task_id = v_parent RETURNING 'open' INTO v_status;
            END IF;
            IF v_status IS NULL THEN
                UPDATE absurd.tasks_done SET has_children = true WHERE task_id = v_parent RETURNING status INTO v_status;
            END IF;
            IF v_status IS NULL THEN
                SELECT status INTO v_status FROM absurd.tasks_archive WHERE task_id = v_parent;
            END IF;
            EXIT WHEN v_status IS NOT NULL;
            IF v_tries >= 20 THEN
                PERFORM absurd.refuse('AB005', 'task ' || v_parent, 'it does not exist, so nothing can wait for it',
                    'spawn it first');
            END IF;
        END LOOP;
        v_open := v_open + (v_status <> 'completed')::int;
    END LOOP;
    IF v_open = 0 THEN
        PERFORM absurd.inherit(ARRAY[p_child]);
    END IF;
    RETURN v_open;
END;
$$;
COMMENT ON FUNCTION absurd.depend_on(uuid, uuid[]) IS
    'Records a child''s parents, locks each of them until commit, and returns how many have not completed.';

CREATE FUNCTION absurd.inherit(p_children uuid[]) RETURNS void
LANGUAGE sql
AS $$
    UPDATE absurd.task_details c SET inherited = coalesce((
        SELECT jsonb_object_agg(o.key, o.value ORDER BY p.n)
        FROM unnest(c.depends_on) WITH ORDINALITY AS p(id, n),
            LATERAL (
                SELECT e.result FROM absurd.tasks_done e WHERE e.task_id = p.id
                UNION ALL
                SELECT a.result FROM absurd.tasks_archive a WHERE a.task_id = p.id) r,
            LATERAL jsonb_each(absurd.object_or_empty(r.result -> 'outputs')) o), '{}')
    WHERE c.task_id = ANY (p_children)
$$;
COMMENT ON FUNCTION absurd.inherit(uuid[]) IS
    'Stores the parents'' outputs with each child, merged in the order of depends_on: of equal names the last parent''s wins.';

CREATE FUNCTION absurd.release_blocked(p_children uuid[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_free uuid[];
BEGIN
    SELECT array_agg(w.task_id) INTO v_free FROM absurd.tasks_waiting w
    WHERE w.task_id = ANY (p_children) AND w.status = 'blocked' AND w.open_parents <= 0;
    IF v_free IS NULL THEN
        RETURN;
    END IF;
    PERFORM absurd.inherit(v_free);
    UPDATE absurd.tasks_waiting SET status = 'scheduled' WHERE task_id = ANY (v_free) AND due_at > p_now;
    WITH gone AS (
        DELETE FROM absurd.tasks_waiting w WHERE w.task_id = ANY (v_free) AND w.status = 'blocked' RETURNING w.*
    )
    INSERT INTO absurd.tasks_ready (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
        crashes, detailed, has_children, queue_name, task_name, concurrency_key, params)
    SELECT task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures, crashes, detailed,
        has_children, queue_name, task_name, concurrency_key, params
    FROM gone;
    PERFORM absurd.ring();
END;
$$;
COMMENT ON FUNCTION absurd.release_blocked(uuid[], timestamptz) IS
    'Makes ready (or scheduled, if it is not time yet) those of the given tasks that wait for no parent any more.';

CREATE FUNCTION absurd.lose_children(p_children uuid[], p_now timestamptz) RETURNS uuid[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_lost uuid[];
BEGIN
    WITH gone AS (
        DELETE FROM absurd.tasks_waiting w WHERE w.task_id = ANY (p_children) AND w.status = 'blocked' RETURNING w.*
    ), ended AS (
        INSERT INTO absurd.tasks_done (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
            crashes, detailed, has_children, queue_name, task_name, concurrency_key, params, status, outcome, completed_at,
            error)
        SELECT g.task_id, g.seq, g.created_at, g.priority, g.timeout_sec, g.max_retries, g.attempt, g.failures, g.crashes,
            g.detailed, g.has_children, g.queue_name, g.task_name, g.concurrency_key, g.params, 'cancelled', 'parent_lost',
            p_now, (
                SELECT format('the task it waits for, %s %s, was %s', e.task_name, e.task_id,
                    CASE e.status WHEN 'failed' THEN 'not able to complete' ELSE 'cancelled' END)
                FROM absurd.task_dependencies d JOIN absurd.tasks_done e ON e.task_id = d.parent_id
                WHERE d.child_id = g.task_id AND e.status <> 'completed' ORDER BY e.completed_at LIMIT 1)
        FROM gone g
        RETURNING tasks_done.task_id
    )
    SELECT coalesce(array_agg(task_id), '{}') INTO v_lost FROM ended;
    RETURN v_lost;
END;
$$;
COMMENT ON FUNCTION absurd.lose_children(uuid[], timestamptz) IS 'Cancels blocked tasks whose parent is lost; returns which.';

CREATE FUNCTION absurd.settle_children(p_parents uuid[], p_now timestamptz) RETURNS uuid[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_parents uuid[] := p_parents;
    v_children uuid[];
    v_lost uuid[];
    v_all_lost uuid[] := '{}';
BEGIN
    LOOP
        SELECT array_agg(DISTINCT d.child_id) INTO v_children
        FROM absurd.task_dependencies d WHERE d.parent_id = ANY (v_parents);
        EXIT WHEN v_children IS NULL;
        PERFORM FROM absurd.tasks_waiting w WHERE w.task_id = ANY (v_children) ORDER BY w.task_id FOR UPDATE;
        UPDATE absurd.tasks_waiting w SET open_parents = w.open_parents - c.count
        FROM (
            SELECT d.child_id, count(*)::int AS count
            FROM absurd.task_dependencies d JOIN absurd.tasks_done e ON e.task_id = d.parent_id
            WHERE d.parent_id = ANY (v_parents) AND e.status = 'completed' GROUP BY 1) c
        WHERE w.task_id = c.child_id AND w.status = 'blocked';
        v_lost := absurd.lose_children(ARRAY(
            SELECT d.child_id FROM absurd.task_dependencies d JOIN absurd.tasks_done e ON e.task_id = d.parent_id
            WHERE d.parent_id = ANY (v_parents) AND e.status <> 'completed'), p_now);
        PERFORM absurd.release_blocked(v_children, p_now);
        EXIT WHEN v_lost = '{}';
        v_all_lost := v_all_lost || v_lost;
        v_parents := v_lost;
    END LOOP;
    RETURN v_all_lost;
END;
$$;
COMMENT ON FUNCTION absurd.settle_children(uuid[], timestamptz) IS
    'After tasks ended: releases children whose last parent completed, and cancels the descendants of those that did not. '
    'Called once per ended task, by the transaction that ended it. Returns the descendants lost: the caller recounts their '
    'workflows together with its own, all at once and last, so that workflow rows are locked in one order.';

CREATE FUNCTION absurd.settle_if_parent_lost(p_child uuid, p_parents uuid[], p_now timestamptz) RETURNS uuid[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_lost uuid[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM absurd.tasks_done e WHERE e.task_id = ANY (p_parents) AND e.status <> 'completed') THEN
        v_lost := absurd.lose_children(ARRAY[p_child], p_now);
        v_lost := v_lost || absurd.settle_children(v_lost, p_now);
    END IF;
    RETURN v_lost;
END;
$$;
COMMENT ON FUNCTION absurd.settle_if_parent_lost(uuid, uuid[], timestamptz) IS
    'A task that is spawned behind a failed or cancelled one is cancelled at once; returns it and its descendants then.';

CREATE FUNCTION absurd.add_dependency(p_child uuid, p_parent uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_waiting absurd.tasks_waiting;
BEGIN
    -- One edge at a time: two transactions could each add half of a cycle.
    PERFORM pg_advisory_xact_lock(hashtext('absurd.add_dependency'));
    IF p_child = p_parent OR EXISTS (
        WITH RECURSIVE above AS (
            SELECT d.parent_id FROM absurd.task_dependencies d WHERE d.child_id = p_parent
            UNION
            SELECT d.parent_id FROM absurd.task_dependencies d JOIN above a ON d.child_id = a.parent_id)
        SELECT FROM above WHERE parent_id = p_child)
    THEN
        PERFORM absurd.refuse('AB004', 'task ' || p_child, format('%s already waits for it', p_parent), 'break the cycle');
    END IF;
    SELECT * INTO v_waiting FROM absurd.tasks_waiting WHERE task_id = p_child AND status = 'blocked' FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM absurd.refuse('AB006', 'task ' || p_child, 'only a blocked task can be given another parent',
            'name all parents when you spawn it');
    ELSIF EXISTS (SELECT FROM absurd.task_dependencies WHERE child_id = p_child AND parent_id = p_parent) THEN
        RETURN false;
    END IF;
    UPDATE absurd.task_details SET depends_on = depends_on || p_parent WHERE task_id = p_child;
    UPDATE absurd.tasks_waiting SET open_parents = open_parents + absurd.depend_on(p_child, ARRAY[p_parent])
    WHERE task_id = p_child;
    PERFORM absurd.refresh_workflows_of(absurd.settle_if_parent_lost(p_child, ARRAY[p_parent], v_now), v_now);
    RETURN true;
END;
$$;
COMMENT ON FUNCTION absurd.add_dependency(uuid, uuid) IS
    'Makes a blocked task wait for one more; refuses cycles (AB004). False when it already waited for it.';

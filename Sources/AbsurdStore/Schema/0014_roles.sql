-- 0014 · Who may do what. PUBLIC may do nothing; each role has what its programs call.
--
-- absurd_reader reads; absurd_client also spawns, cancels, retries and works as a foreign worker; absurd_leader runs
-- nodes; absurd_admin sets limits, schedules and retention. Functions act with the owner's rights, so no role but admin
-- has a right on any table, and the views are the only relations that others see.

REVOKE ALL ON SCHEMA absurd FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA absurd FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA absurd FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA absurd FROM PUBLIC;

CREATE FUNCTION absurd.grant_to(p_role text, p_functions text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_function regprocedure;
BEGIN
    IF to_regrole(p_role) IS NULL THEN
        RETURN;  -- 0001 has warned
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA absurd TO %I', p_role);
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'absurd'::regnamespace AND p.proname = ANY (p_functions)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', v_function, p_role);
    END LOOP;
END;
$$;
COMMENT ON FUNCTION absurd.grant_to(text, text[]) IS 'Grants the use of functions, every form of each name, to a role.';
REVOKE ALL ON FUNCTION absurd.grant_to(text, text[]) FROM PUBLIC;

SELECT absurd.grant_to(r, '{current_time,get_queue_stats,whole_params,object_or_empty,await_finish,workflow_tasks,dlq_list,queue_windows,
    queue_depths,storage_health,cron_next,cron_field,cron_first_of_day,refuse,next_firing}')
FROM unnest('{absurd_reader,absurd_client,absurd_leader,absurd_admin}'::text[]) r;
SELECT absurd.grant_to(r, '{spawn,spawn_task,spawn_many,spawn_batch,add_dependency,cancel_task,cancel_where,retry_task,
    retry_where,claim_task,complete_task,fail_task,heartbeat_task,workflow_create,workflow_run,workflow_cancel,workflow_retry,
    prune,delete_tasks,dlq_replay,dlq_purge,schedule_trigger}')
FROM unnest('{absurd_client,absurd_admin}'::text[]) r;
SELECT absurd.grant_to(r, '{node_register,node_renew,node_stops_now,node_leave,claim_batch,finish_batch,progress_batch,
    maintain,archive_batch}')
FROM unnest('{absurd_leader,absurd_admin}'::text[]) r;

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY '{absurd_reader,absurd_client,absurd_leader,absurd_admin}'::text[] LOOP
        CONTINUE WHEN to_regrole(v_role) IS NULL;
        EXECUTE format('GRANT SELECT ON absurd.tasks, absurd.attempts, absurd.workflows, absurd.workflow_chains,
            absurd.scheduled_tasks, absurd.nodes, absurd.queues, absurd.task_types, absurd.settings, absurd.tasks_archive
            TO %I', v_role);
    END LOOP;
    IF to_regrole('absurd_client') IS NOT NULL THEN
        GRANT INSERT, UPDATE, DELETE ON absurd.tasks TO absurd_client;
    END IF;
    IF to_regrole('absurd_admin') IS NOT NULL THEN
        GRANT INSERT, UPDATE, DELETE ON absurd.tasks TO absurd_admin;
        GRANT UPDATE ON absurd.settings TO absurd_admin;
        GRANT INSERT, UPDATE, DELETE ON absurd.queues, absurd.task_types, absurd.workflow_chains, absurd.scheduled_tasks
            TO absurd_admin;
        GRANT EXECUTE ON FUNCTION absurd.check_spawn(text, text, jsonb, int, int), absurd.ring() TO absurd_admin;
    END IF;
END;
$$;

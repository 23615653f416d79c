-- 0012 · Schedules: cron entries, fired once per tick over all leaders.
--
-- A firing is one transaction: it locks the entry (SKIP LOCKED: another leader's firing is not waited for), spawns the
-- task, and moves next_run_at past now. Who writes what: operators write entries, fire_due writes last_run_at and
-- next_run_at.

CREATE TABLE absurd.scheduled_tasks (
    name                text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 128),
    queue_name          text NOT NULL,
    task_name           text NOT NULL,
    params              jsonb NOT NULL DEFAULT '{}',
    priority            int NOT NULL DEFAULT 0,
    timeout_sec         int,
    max_retries         int NOT NULL DEFAULT 3,
    cron_expression     text NOT NULL,
    timezone            text NOT NULL DEFAULT 'UTC',
    state               text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
    missed              text NOT NULL DEFAULT 'once' CHECK (missed IN ('once', 'skip')),
    last_run_at         timestamptz,
    next_run_at         timestamptz,
    last_task_id        uuid,
    created_at          timestamptz NOT NULL DEFAULT absurd.current_time()
);
CREATE INDEX scheduled_tasks_next ON absurd.scheduled_tasks (next_run_at) WHERE state = 'active';

CREATE FUNCTION absurd.cron_field(p_field text, p_low int, p_high int, p_names text[], p_what text) RETURNS int[]
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    v_part text;
    v_match text[];
    v_from int;
    v_to int;
    v_step int;
    v_values int[] := '{}';
BEGIN
    FOREACH v_part IN ARRAY string_to_array(lower(p_field), ',') LOOP
        FOR v_n IN 1 .. coalesce(cardinality(p_names), 0) LOOP
            v_part := regexp_replace(v_part, '\m' || p_names[v_n] || '\M', (p_low + v_n - 1)::text, 'g');
        END LOOP;
        v_match := regexp_match(v_part, '^(?:(\*)|(\d{1,4})(?:-(\d{1,4}))?)(?:/(\d{1,4}))?$');
        IF v_match IS NULL THEN
            PERFORM absurd.refuse('AB003', 'cron ' || p_what, format('%L is not a number, range, list, step or name', v_part),
                format('use %s to %s', p_low, p_high));
        END IF;
        v_step := coalesce(v_match[4]::int, 1);
        v_from := CASE WHEN v_match[1] IS NOT NULL THEN p_low ELSE v_match[2]::int END;
        v_to := CASE WHEN v_match[1] IS NOT NULL THEN p_high
            WHEN v_match[3] IS NOT NULL THEN v_match[3]::int
            WHEN v_match[4] IS NOT NULL THEN p_high ELSE v_from END;
        IF v_from < p_low OR v_to > p_high OR v_from > v_to OR v_step < 1 THEN
            PERFORM absurd.refuse('AB003', 'cron ' || p_what, format('%L is out of range or backwards', v_part),
                format('use %s to %s', p_low, p_high));
        END IF;
        v_values := v_values || ARRAY(SELECT generate_series(v_from, v_to, v_step));
    END LOOP;
    RETURN ARRAY(SELECT DISTINCT v FROM unnest(v_values) v ORDER BY v);
END;
$$;
COMMENT ON FUNCTION absurd.cron_field(text, int, int, text[], text) IS
    'The values that one cron field allows: *, numbers, names, ranges a-b, steps */n, a-b/n, a/n, and lists of these.';

CREATE FUNCTION absurd.cron_next(p_expression text, p_timezone text, p_after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_fields text[] := regexp_split_to_array(trim(CASE trim(lower(p_expression))
        WHEN '@hourly' THEN '0 * * * *' WHEN '@daily' THEN '0 0 * * *' WHEN '@midnight' THEN '0 0 * * *'
        WHEN '@weekly' THEN '0 0 * * 0' WHEN '@monthly' THEN '0 0 1 * *' WHEN '@yearly' THEN '0 0 1 1 *'
        WHEN '@annually' THEN '0 0 1 1 *' ELSE p_expression END), '\s+');
    v_minutes int[];
    v_hours int[];
    v_days int[];
    v_months int[];
    v_weekdays int[];
    v_local timestamp;
    v_day date;
    v_last date;
    v_found timestamptz;
BEGIN
    IF cardinality(v_fields) <> 5 THEN
        PERFORM absurd.refuse('AB003', format('cron expression %L', p_expression), format('it has %s fields', cardinality(v_fields)),
            'use five: minute hour day month weekday');
    ELSIF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE lower(z.name) = lower(p_timezone)) THEN
        PERFORM absurd.refuse('AB003', format('time zone %L', p_timezone), 'it is not known', 'use a name as America/Los_Angeles');
    END IF;
    v_minutes := absurd.cron_field(v_fields[1], 0, 59, NULL, 'minute');
    v_hours := absurd.cron_field(v_fields[2], 0, 23, NULL, 'hour');
    v_days := absurd.cron_field(v_fields[3], 1, 31, NULL, 'day');
    v_months := absurd.cron_field(v_fields[4], 1, 12,
        '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}', 'month');
    v_weekdays := absurd.cron_field(regexp_replace(v_fields[5], '\msun-', '0-', 'gi'), 0, 7,
        '{sun,mon,tue,wed,thu,fri,sat}', 'weekday');
    IF 7 = ANY (v_weekdays) THEN
        v_weekdays := v_weekdays || 0;
    END IF;
    v_day := (p_after AT TIME ZONE p_timezone)::date - 1;
    v_last := v_day + 366 * 30;
    WHILE v_day < v_last LOOP
        v_day := v_day + 1;
        IF date_part('month', v_day)::int <> ALL (v_months) THEN
            v_day := (date_trunc('month', v_day) + interval '1 month - 1 day')::date;
            CONTINUE;
        END IF;
        -- Day and weekday: if both are restricted, either is enough; a field that begins with * does not restrict.
        CONTINUE WHEN NOT CASE
            WHEN v_fields[3] LIKE '*%' OR v_fields[5] LIKE '*%'
            THEN date_part('day', v_day)::int = ANY (v_days) AND date_part('dow', v_day)::int = ANY (v_weekdays)
            ELSE date_part('day', v_day)::int = ANY (v_days) OR date_part('dow', v_day)::int = ANY (v_weekdays) END;
        v_found := absurd.cron_first_of_day(v_day, v_hours, v_minutes, v_fields[2] LIKE '*%', p_timezone, p_after);
        IF v_found IS NOT NULL THEN
            RETURN v_found;
        END IF;
    END LOOP;
    PERFORM absurd.refuse('AB003', format('cron expression %L', p_expression), 'it never fires', 'check its day and month');
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION absurd.cron_next(text, text, timestamptz) IS
    'The first firing after a time. Days begin at Sunday 0 or 7; day and weekday both given means either. In the hour that '
    'a clock change skips, a fixed hour fires at the change; in the hour that it repeats, a fixed hour fires the first '
    'time only; entries for every hour (* or */n) follow real time through both.';

CREATE FUNCTION absurd.cron_first_of_day(p_day date, p_hours int[], p_minutes int[], p_every_hour boolean, p_timezone text,
    p_after timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE
AS $$
    SELECT min(c.instant) FROM (
        -- Each local time once, at its first pass. One that the clock skips maps to a later local time: we fire at the
        -- change itself. Clocks change by half an hour, an hour or (rarely) two.
        SELECT coalesce(
            (SELECT min(f.instant - back) FROM unnest(ARRAY[interval '2 hours', '1 hour', '30 minutes', '0']) back
                WHERE (f.instant - back) AT TIME ZONE p_timezone = f.local_time),
            CASE WHEN NOT p_every_hour
                THEN date_trunc('hour', f.instant AT TIME ZONE p_timezone) AT TIME ZONE p_timezone END) AS instant
        FROM (
            SELECT p_day + make_time(h, m, 0) AS local_time, (p_day + make_time(h, m, 0)) AT TIME ZONE p_timezone AS instant
            FROM unnest(p_hours) h, unnest(p_minutes) m) f
        UNION ALL
        -- The second pass through a repeated hour, for entries that follow real time.
        SELECT f.instant FROM (
            SELECT (p_day + make_time(h, m, 0)) AT TIME ZONE p_timezone AS instant,
                p_day + make_time(h, m, 0) AS local_time
            FROM unnest(p_hours) h, unnest(p_minutes) m) f
        WHERE p_every_hour AND f.instant AT TIME ZONE p_timezone = f.local_time) c
    WHERE c.instant > p_after
$$;
COMMENT ON FUNCTION absurd.cron_first_of_day(date, int[], int[], boolean, text, timestamptz) IS
    'The first firing on a local day after a time, or NULL.';

CREATE FUNCTION absurd.next_firing() RETURNS timestamptz
LANGUAGE sql STABLE
AS $$ SELECT min(s.next_run_at) FROM absurd.scheduled_tasks s WHERE s.state = 'active' $$;
COMMENT ON FUNCTION absurd.next_firing() IS 'When the next schedule fires.';

CREATE FUNCTION absurd.schedule_fire(p_entry absurd.scheduled_tasks, p_tick timestamptz, p_now timestamptz) RETURNS uuid
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM absurd.open_lane(p_entry.queue_name, p_entry.priority);
    RETURN absurd.place(absurd.new_id(), p_entry.queue_name, p_entry.task_name, p_entry.params, p_entry.priority,
        p_entry.timeout_sec, p_entry.max_retries, '{}', NULL,
        CASE WHEN p_tick IS NOT NULL THEN format('schedule %s at %s', p_entry.name, p_tick) END,
        NULL, NULL, NULL, false, p_entry.name, p_now);
END;
$$;
COMMENT ON FUNCTION absurd.schedule_fire(absurd.scheduled_tasks, timestamptz, timestamptz) IS
    'Spawns an entry''s task; of one tick only once, by idempotency key, whatever happens to the entry.';

CREATE FUNCTION absurd.fire_due(p_now timestamptz) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_entry absurd.scheduled_tasks;
    v_count int := 0;
    v_task uuid;
    v_late boolean;
BEGIN
    FOR v_entry IN
        SELECT s.* FROM absurd.scheduled_tasks s WHERE s.state = 'active' AND s.next_run_at <= p_now
        ORDER BY s.next_run_at, s.name LIMIT 100 FOR UPDATE SKIP LOCKED
    LOOP
        v_task := NULL;
        -- Late by more than a minute: it was missed, by a stop of all leaders or a pause.
        v_late := v_entry.next_run_at < p_now - interval '1 minute';
        IF NOT v_late OR v_entry.missed = 'once' THEN
            v_task := absurd.schedule_fire(v_entry, v_entry.next_run_at, p_now);
            v_count := v_count + 1;
        END IF;
        UPDATE absurd.scheduled_tasks s
        SET next_run_at = absurd.cron_next(s.cron_expression, s.timezone, p_now),
            last_run_at = CASE WHEN v_task IS NULL THEN s.last_run_at ELSE p_now END,
            last_task_id = coalesce(v_task, s.last_task_id)
        WHERE s.name = v_entry.name;
    END LOOP;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.fire_due(timestamptz) IS
    'Fires the schedules that are due. Missed ticks: the policy once fires one task for all of them, skip fires none.';

CREATE FUNCTION absurd.schedule_check() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM absurd.check_spawn(NEW.queue_name, NEW.task_name, NEW.params, NEW.timeout_sec, NEW.max_retries);
    IF TG_OP = 'INSERT' OR (NEW.cron_expression, NEW.timezone) IS DISTINCT FROM (OLD.cron_expression, OLD.timezone)
        OR NEW.state = 'active' AND OLD.state <> 'active'
    THEN
        NEW.next_run_at := absurd.cron_next(NEW.cron_expression, NEW.timezone, absurd.current_time());
        PERFORM absurd.ring();
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION absurd.schedule_check() IS 'Refuses an entry that could not fire, and sets when it fires first.';
CREATE TRIGGER schedule_check BEFORE INSERT OR UPDATE ON absurd.scheduled_tasks
    FOR EACH ROW EXECUTE FUNCTION absurd.schedule_check();

CREATE FUNCTION absurd.schedule_trigger(p_name text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_entry absurd.scheduled_tasks;
    v_now timestamptz := absurd.current_time();
    v_task uuid;
BEGIN
    SELECT * INTO v_entry FROM absurd.scheduled_tasks WHERE name = p_name FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM absurd.refuse('AB005', 'schedule ' || p_name, 'it does not exist', 'list the schedules');
    END IF;
    v_task := absurd.schedule_fire(v_entry, NULL, v_now);
    UPDATE absurd.scheduled_tasks SET last_run_at = v_now, last_task_id = v_task WHERE name = p_name;
    RETURN v_task;
END;
$$;
COMMENT ON FUNCTION absurd.schedule_trigger(text) IS 'Spawns an entry''s task now, besides its schedule; returns the task''s id.';

COMMENT ON TABLE absurd.scheduled_tasks IS 'Cron entries. Writing a row is enough: the trigger checks it and sets its next firing.';
COMMENT ON COLUMN absurd.scheduled_tasks.name IS 'The entry''s name.';
COMMENT ON COLUMN absurd.scheduled_tasks.queue_name IS 'Where its tasks are spawned.';
COMMENT ON COLUMN absurd.scheduled_tasks.task_name IS 'What is spawned.';
COMMENT ON COLUMN absurd.scheduled_tasks.params IS 'With these params.';
COMMENT ON COLUMN absurd.scheduled_tasks.priority IS 'At this priority.';
COMMENT ON COLUMN absurd.scheduled_tasks.timeout_sec IS 'With this time-out; NULL: the type''s.';
COMMENT ON COLUMN absurd.scheduled_tasks.max_retries IS 'With so many retries.';
COMMENT ON COLUMN absurd.scheduled_tasks.cron_expression IS 'Five fields: minute hour day month weekday; or @hourly, @daily, …';
COMMENT ON COLUMN absurd.scheduled_tasks.timezone IS 'The time zone that the fields mean.';
COMMENT ON COLUMN absurd.scheduled_tasks.state IS 'Only active entries fire; paused ones are listed as such.';
COMMENT ON COLUMN absurd.scheduled_tasks.missed IS 'After a stop: once fires one task for all missed ticks, skip none.';
COMMENT ON COLUMN absurd.scheduled_tasks.last_run_at IS 'When it last fired.';
COMMENT ON COLUMN absurd.scheduled_tasks.next_run_at IS 'When it fires next.';
COMMENT ON COLUMN absurd.scheduled_tasks.last_task_id IS 'The task of the last firing.';
COMMENT ON COLUMN absurd.scheduled_tasks.created_at IS 'When the entry was made.';

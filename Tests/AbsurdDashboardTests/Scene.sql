-- An observatory's night in one queue that the test's leader does not serve: tasks in every state over the last hour, a
-- workflow half way, images, schedules, dead letters, a second node. $picture$ stands for a PNG's path.
UPDATE absurd.settings SET retry_base_sec = 7200, retry_max_sec = 14400;
CREATE TABLE public.scene (name text PRIMARY KEY, id uuid NOT NULL);

CREATE FUNCTION public.at(p_ago interval) RETURNS void LANGUAGE sql AS $$
    SELECT set_config('absurd.fake_now', (clock_timestamp() - p_ago)::text, false)
$$;
-- One attempt of a task, which must be the next one of its queue.
CREATE FUNCTION public.attempt(p_queue text, p_began interval, p_ended interval, p_result jsonb, p_error text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    v_id uuid;
BEGIN
    PERFORM public.at(p_began);
    SELECT task_id INTO STRICT v_id FROM absurd.claim_task(p_queue, 'python-worker-3');
    PERFORM public.at(p_ended);
    IF p_error IS NULL THEN
        PERFORM absurd.complete_task(v_id, p_result);
    ELSE
        PERFORM absurd.fail_task(v_id, p_error);
    END IF;
    RETURN v_id;
END;
$$;

DO $scene$
DECLARE
    v_id uuid;
    v_ago interval;
    v_n int;
    v_picture text := $picture$PICTURE$picture$;
    v_names text[] := '{catalog-setup,convert-uvh5-to-ms,calibration-solve,calibration-apply,validation,crossmatch}';
BEGIN
    PERFORM setseed(0.5);
    FOR v_minute IN REVERSE 55 .. 1 LOOP
        FOR v_k IN 1 .. 1 + (random() * 5)::int LOOP
            v_ago := make_interval(secs => v_minute * 60 + 50 - v_k);
            v_n := (random() * 5)::int + 1;
            PERFORM public.at(v_ago);
            PERFORM absurd.spawn('survey', v_names[v_n], '{}', 0, NULL, 0);
            PERFORM public.attempt('survey', v_ago - make_interval(secs => random() * 3),
                v_ago - make_interval(secs => 4 + random() * 20), '{"status": "success", "outputs": {}}',
                CASE WHEN random() < 0.03 THEN 'casacore: the table /stage/ms/2026-11-25T09:30:00.ms has no unflagged rows' END);
        END LOOP;
    END LOOP;
    FOR v_n IN 1 .. 3 LOOP
        v_ago := make_interval(mins => 20 - 5 * v_n);
        PERFORM public.at(v_ago);
        v_id := absurd.spawn('survey', 'imaging', '{"config": {"imsize": 1024}, "inputs": {"ms_path": "/stage/ms/a.ms"}}');
        PERFORM public.attempt('survey', v_ago, v_ago - interval '48 s', jsonb_build_object('status', 'success', 'outputs',
            jsonb_build_object('image_path', '/stage/images/image.fits', 'preview_path', v_picture, 'rms_jy', 0.00142 + v_n / 1e4,
                'peak_jy', 1.87, 'beam', '{"major_arcsec": 41.2, "minor_arcsec": 24.7, "position_angle_deg": -12.3}'::jsonb)));
    END LOOP;

    -- Three attempts, each with its own end.
    PERFORM public.at('9 min');
    v_id := absurd.spawn('survey', 'imaging',
        '{"config": {"imsize": 4096, "robust": 0.5}, "inputs": {"ms_path": "/stage/ms/2026-11-25T09:30:00.ms"}, "outputs": {}}',
        0, 900, 2);
    INSERT INTO public.scene VALUES ('failed', v_id);
    PERFORM public.attempt('survey', '530 s', '400 s', NULL, 'WSClean ended with code 1: no data after flagging');
    PERFORM public.at('370 s');
    PERFORM absurd.retry_task(v_id);
    PERFORM public.attempt('survey', '360 s', '200 s', NULL, 'WSClean was killed by signal 9');
    PERFORM public.at('150 s');
    PERFORM absurd.retry_task(v_id);
    PERFORM public.attempt('survey', '149 s', '90 s', NULL,
        'WSClean ended with code 1: the Measurement Set has no unflagged data in the chosen channels; look at the flags');

    PERFORM public.at('80 s');
    PERFORM absurd.spawn('survey', 'photometry');
    PERFORM public.attempt('survey', '79 s', '70 s', NULL, 'VizieR did not answer in 10 s');
    PERFORM public.at('60 s');
    PERFORM absurd.cancel_task(absurd.spawn('survey', 'backup-database'));

    -- A workflow half way.
    v_id := absurd.workflow_run('standard-pipeline', '{"inputs": {"input_path": "/data/incoming/2026-11-25T09:30:00"}}', 'survey');
    INSERT INTO public.scene VALUES ('workflow', v_id);
    PERFORM public.attempt('survey', '58 s', '55 s', '{"status": "success", "outputs": {}}');
    PERFORM public.attempt('survey', '54 s', '31 s', '{"status": "success", "outputs": {"ms_path": "/stage/ms/b.ms"}}');
    PERFORM public.attempt('survey', '30 s', '12 s', '{"status": "success", "outputs": {}}');
    PERFORM public.at('11 s');
    PERFORM absurd.claim_task('survey', 'python-worker-3');

    PERFORM set_config('absurd.fake_now', '', false);
    PERFORM absurd.spawn('survey', 'create-mosaic', p_run_at => clock_timestamp() + interval '2 h');
    FOR v_n IN 1 .. 4 LOOP
        PERFORM absurd.spawn('survey', 'photometry', '{"inputs": {"image_path": "/stage/images/image.fits"}}');
    END LOOP;
    PERFORM absurd.spawn('archive', 'organize-files');
    INSERT INTO absurd.queues (queue_name, paused) VALUES ('archive', true)
    ON CONFLICT (queue_name) DO UPDATE SET paused = true;

    -- The leader of the test runs these.
    INSERT INTO public.scene VALUES ('running', absurd.spawn('q', 'sleep', '{"seconds": 900}', 0, 900));
    PERFORM absurd.spawn('q', 'echo', '{"text": "<script>alert(1)</script>"}');

    INSERT INTO absurd.scheduled_tasks (name, queue_name, task_name, cron_expression, timezone, state) VALUES
        ('database-backup', 'survey', 'backup-database', '0 * * * *', 'UTC', 'active'),
        ('nightly-mosaic', 'survey', 'create-mosaic', '0 3 * * *', 'America/Los_Angeles', 'active'),
        ('data-retention', 'survey', 'data-retention-cleanup', '0 4 * * *', 'UTC', 'paused');

    PERFORM absurd.node_register('observatory-2', '{survey}', jsonb_build_object('workers', (
        SELECT jsonb_agg(jsonb_build_object('worker', w, 'state', CASE WHEN w < 3 THEN 'busy' ELSE 'idle' END, 'numa_node', w / 2,
            'cpus', format('%s-%s', 12 * w, 12 * w + 11), 'pid', 4100 + w, 'uptime_seconds', 93000, 'completed', 400 + w,
            'failed', w, 'respawns', w / 3, 'running', CASE WHEN w < 3 THEN jsonb_build_array(jsonb_build_object('task_name',
                'imaging', 'task_id', (SELECT id FROM public.scene WHERE name = 'failed'), 'attempt', 1, 'seat', 0,
                'cpus', format('%s-%s', 12 * w, 12 * w + 7), 'progress', 0.3 + w / 5.0, 'message', 'CLEAN, major iteration 3'))
                ELSE '[]' END))
        FROM generate_series(0, 3) w)), 3600);
END;
$scene$;

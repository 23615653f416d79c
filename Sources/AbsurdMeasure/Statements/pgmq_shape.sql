-- What pgmq 1.5 does to read and archive messages, on tables of its shape: for runs that were not given its own SQL.
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.q_bench (msg_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, read_ct int NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb, headers jsonb);
CREATE INDEX ON pgmq.q_bench (vt ASC);
CREATE TABLE pgmq.a_bench (msg_id bigint PRIMARY KEY, read_ct int NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(), archived_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL,
    message jsonb, headers jsonb);
CREATE INDEX ON pgmq.a_bench (archived_at);
CREATE FUNCTION pgmq.create(text) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION pgmq.send_batch(text, msgs jsonb[]) RETURNS SETOF bigint LANGUAGE sql AS $$
    INSERT INTO pgmq.q_bench (vt, message) SELECT clock_timestamp(), unnest(msgs) RETURNING msg_id $$;
CREATE FUNCTION pgmq.read(text, p_vt int, p_qty int) RETURNS SETOF pgmq.q_bench LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'WITH cte AS (SELECT msg_id FROM pgmq.q_bench WHERE vt <= clock_timestamp() ORDER BY msg_id ASC
        LIMIT $1 FOR UPDATE SKIP LOCKED)
        UPDATE pgmq.q_bench m SET vt = clock_timestamp() + $2, read_ct = read_ct + 1 FROM cte WHERE m.msg_id = cte.msg_id
        RETURNING m.*' USING p_qty, make_interval(secs => p_vt);
END $$;
CREATE FUNCTION pgmq.archive(text, msg_ids bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'WITH archived AS (DELETE FROM pgmq.q_bench WHERE msg_id = ANY ($1) RETURNING msg_id, vt, read_ct,
        enqueued_at, message, headers)
        INSERT INTO pgmq.a_bench (msg_id, vt, read_ct, enqueued_at, message, headers) SELECT * FROM archived
        RETURNING msg_id' USING msg_ids;
END $$;

-- pgmq: read a batch, archive it. Loaded after the peer's own SQL, or after its shape (AbsurdMeasure) where that cannot be had.
CREATE SCHEMA bench;

CREATE PROCEDURE bench.fill(p_total int)
LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE pgmq.q_bench, pgmq.a_bench;
    PERFORM count(*) FROM pgmq.send_batch('bench', array_fill(jsonb_build_object('x', repeat('a', 60)), ARRAY[p_total]));
    COMMIT;
    ANALYZE pgmq.q_bench;
END $$;

CREATE PROCEDURE bench.run(p_batch int)
LANGUAGE plpgsql AS $$
DECLARE
    v_ids bigint[];
    v_params jsonb[];
BEGIN
    LOOP
        SELECT array_agg(m.msg_id), array_agg(m.message) INTO v_ids, v_params FROM pgmq.read('bench', 600, p_batch) m;
        COMMIT;
        EXIT WHEN v_ids IS NULL;
        PERFORM FROM pgmq.archive('bench', v_ids);
        COMMIT;
    END LOOP;
END $$;

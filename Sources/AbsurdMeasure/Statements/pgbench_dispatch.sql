BEGIN;
SELECT count(*) AS finished FROM absurd.finish_batch(:node, (:session)::uuid, (:ids)::uuid[], (:attempts)::int[], (:tokens)::uuid[], array_fill('completed'::text, ARRAY[cardinality((:ids)::uuid[])]), array_fill((:result)::jsonb, ARRAY[cardinality((:ids)::uuid[])]), array_fill(NULL::text, ARRAY[cardinality((:ids)::uuid[])])) \gset
SELECT coalesce(array_agg(c.task_id), '{}') AS ids, coalesce(array_agg(c.attempt), '{}') AS attempts, coalesce(array_agg(c.token), '{}') AS tokens, coalesce(array_agg(c.params), '{}') AS params FROM absurd.claim_batch(:node, (:session)::uuid, ARRAY[:queue], ARRAY['test-task'], :batch) c \gset
COMMIT;

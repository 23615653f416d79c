-- $1: distinct ids of acknowledged tasks. By verdict: how many, how many of them took more than one attempt, and some ids.
SELECT v.verdict, count(*), count(*) FILTER (WHERE v.attempt > 1), (array_agg(v.id))[:10]
FROM (
    SELECT g.id, max(r.attempt) AS attempt, CASE
            WHEN count(r.status) = 0 THEN 'lost'
            WHEN count(r.status) > 1 THEN 'doubled'
            WHEN min(r.status) IN ('completed', 'failed', 'cancelled') THEN min(r.status)
            ELSE 'unfinished'
        END AS verdict
    FROM (SELECT DISTINCT i.id FROM unnest($1::uuid[]) AS i(id)) g
    LEFT JOIN LATERAL (
        SELECT t.status, t.attempt FROM absurd.tasks t WHERE t.task_id = g.id
        UNION ALL
        SELECT a.status, a.attempt FROM absurd.tasks_archive a WHERE a.task_id = g.id) r ON true
    GROUP BY g.id) v
GROUP BY v.verdict

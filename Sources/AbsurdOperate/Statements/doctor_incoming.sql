-- Where the newest conversions read from.
SELECT t.params #>> '{inputs,input_path}'
FROM absurd.tasks t
WHERE t.task_name = 'convert-uvh5-to-ms' AND t.created_at > absurd.current_time() - interval '1 day'
    AND t.params #>> '{inputs,input_path}' LIKE '/%'
ORDER BY t.created_at DESC
LIMIT 1

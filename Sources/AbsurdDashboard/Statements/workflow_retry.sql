-- $1 workflow.
SELECT json_build_object('workflow_id', $1::uuid, 'retried', absurd.workflow_retry($1))

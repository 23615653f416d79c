-- $1 workflow.
SELECT json_build_object('workflow_id', $1::uuid, 'cancelled', absurd.workflow_cancel($1))

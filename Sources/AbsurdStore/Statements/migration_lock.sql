SELECT pg_advisory_xact_lock(x'616273757264'::bigint)

SELECT absurd.current_time()::text

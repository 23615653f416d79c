SELECT absurd.current_time()

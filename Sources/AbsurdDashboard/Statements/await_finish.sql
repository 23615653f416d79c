SELECT absurd.await_finish($1)

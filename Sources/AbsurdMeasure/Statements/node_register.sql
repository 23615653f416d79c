SELECT absurd.node_register($1, ARRAY[$2::text], '{}', 3600)

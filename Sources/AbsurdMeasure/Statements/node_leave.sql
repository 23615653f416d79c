SELECT absurd.node_leave($1, $2)

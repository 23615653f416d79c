SELECT absurd.ring()

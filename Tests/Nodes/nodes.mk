FAULTS += test-nodes
.PHONY: test-nodes
test-nodes: venv ## three nodes on one database over a network, one of them cut off and brought back (root)
	@$(PEER_PYTHON) Tests/Nodes/run.py .build/release

FAULTS += faults-queue
.PHONY: faults-queue
faults-queue: venv ## 200 rounds of kill -9, dropped sessions, server crashes and stops; then an independent checker judges
	@cd Tests/Faults/queue && $(PEER_PYTHON) test_history.py
	@$(PEER_PYTHON) Tests/Faults/queue/run.py .build/release

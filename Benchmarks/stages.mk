BENCHES += bench-stages
.PHONY: bench-stages bench-chain
bench-stages: build venv casa-venv ## the stages against pyuvdata, CASA, WSClean and cp in one run: ratios, memory, limits
	@broken=0; \
	$(PEER_PYTHON) Benchmarks/Stages/convert.py .build/release/absurd-stage || broken=1; \
	$(CASA_PYTHON) Benchmarks/Stages/calibration.py .build/release/absurd-stage || broken=1; \
	$(PEER_PYTHON) Benchmarks/Stages/imaging.py .build/release/absurd-stage || broken=1; \
	$(PEER_PYTHON) Benchmarks/Stages/photometry.py .build/release/absurd-stage || broken=1; \
	exit $$broken

bench-chain: build ## the whole chain on a full-size observation, time and memory per stage beside 309 s, 1 and 2 CPUs
	@python3 Benchmarks/Stages/chain.py .build/release/absurd-stage

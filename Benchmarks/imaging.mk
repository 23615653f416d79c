BENCHES += bench-imaging
.PHONY: bench-imaging
bench-imaging: venv ## the native imaging backend against WSClean: time, dirty image, fluxes, residual
	@$(PEER_PYTHON) Benchmarks/Stages/imaging.py .build/release/absurd-stage

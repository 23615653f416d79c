CASA_PYTHON := $(abspath .build/casa-venv/bin/python)
.PHONY: casa-venv verify-stages
casa-venv: setup ## the peers of calibration and source finding (casatasks, PyBDSF), in .build/casa-venv
	@Tests/Peers/venv.sh .build/casa-venv Tests/Peers/casa_requirements.txt

verify-stages: build venv casa-venv ## every stage against pyuvdata, CASA, WSClean, PyBDSF and the truth
	@$(PEER_PYTHON) Tests/Peers/verify_stages.py .build/release/absurd-stage $(CASA_PYTHON)

.PHONY: check-deploy newcomer
check-deploy: setup venv ## what deploy/ holds: units, alerts, dashboard, runbooks
	@Tests/Deploy/units.sh
	@$(PEER_PYTHON) Tests/Deploy/observability.py

newcomer: build ## install the package in a clean Debian tree, run, drain, upgrade and remove it (root)
	@Tests/Deploy/newcomer.sh .build/release

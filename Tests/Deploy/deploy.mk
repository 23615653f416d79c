.PHONY: check-deploy
check-deploy: setup ## what deploy/ holds: units
	@Tests/Deploy/units.sh

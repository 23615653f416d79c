.PHONY: check-deploy newcomer
check-deploy: setup ## what deploy/ holds: units
	@Tests/Deploy/units.sh

newcomer: build ## install the package in a clean Debian tree, run, drain, upgrade and remove it (root)
	@Tests/Deploy/newcomer.sh .build/release

// absurdctl: a node's operator talks to the running leader, through its Unix socket only.
ControlCommand.runToExit()

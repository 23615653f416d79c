// The command `absurd`: one file a subcommand in Subcommands.
await RootCommand.runToExit()

// The room AbsurdStages.

// The room AbsurdLeader.

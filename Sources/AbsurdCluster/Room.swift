// The room AbsurdCluster.

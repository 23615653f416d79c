// The room AbsurdWorker.

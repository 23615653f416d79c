// The room AbsurdHost.

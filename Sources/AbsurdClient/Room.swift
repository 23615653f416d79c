// The room AbsurdClient.

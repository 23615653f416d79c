// The room AbsurdStore.

// The room AbsurdRadio.

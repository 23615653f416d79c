// The room AbsurdRing.

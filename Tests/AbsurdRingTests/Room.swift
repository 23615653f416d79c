// The tests of AbsurdRingTests.

// The tests of AbsurdStoreTests.

// The tests of AbsurdLeaderTests.

// The tests of AbsurdStagesTests.

// The tests of AbsurdHostTests.

// The tests of AbsurdTests.

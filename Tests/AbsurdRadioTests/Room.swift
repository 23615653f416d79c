// The tests of AbsurdRadioTests.

// The tests of CommandLineTests.

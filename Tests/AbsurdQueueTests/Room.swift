// The tests of AbsurdQueueTests.

// The tests of AbsurdPipelineTests.

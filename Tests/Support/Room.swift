// The tests of Support.

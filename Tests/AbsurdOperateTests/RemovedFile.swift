import Glibc

/// Fails loudly when the file was not there: a test that removes nothing tests nothing.
func unlinkFile(_ path: String) { precondition(unlink(path) == 0, "no \(path)") }

import Glibc
import Testing

/// Flips one byte of a file.
func damage(_ path: String, at offset: Int) throws {
    let file = open(path, O_RDWR)
    try #require(file >= 0)
    defer { close(file) }
    var byte: UInt8 = 0
    try #require(pread(file, &byte, 1, offset) == 1)
    byte ^= 0x40
    try #require(pwrite(file, &byte, 1, offset) == 1)
}

func remove(_ path: String) { unlink(path) }

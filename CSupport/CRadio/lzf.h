// The LZF filter of HDF5 files that h5py wrote (pyuvdata compresses flags with it by default): decoding only.
#pragma once

// Makes the filter known to libhdf5; again is harmless. Negative on failure.
int radio_lzf_register(void);

"""Reads UVH5 with pyuvdata, phases it, writes it in pyuvdata's own layout and says what it holds (JSON).

Arguments: input, output, right ascension and declination (degrees), "complex64", "complex128" or "integer".
"""
import json
import sys

import numpy as np
from astropy.utils import iers

iers.conf.auto_download = False
iers.conf.auto_max_age = None
from pyuvdata import UVData  # noqa: E402

source, target, kind = sys.argv[1], sys.argv[2], sys.argv[5]
data = UVData()
data.read(source, file_type="uvh5", run_check=True)
data.phase(
    lon=np.radians(float(sys.argv[3])), lat=np.radians(float(sys.argv[4])), phase_frame="icrs", cat_name="calibrator"
)
data.flag_array[::7, 3, 1] = True
options = {"complex64": "c8", "complex128": "c16", "integer": np.dtype([("r", "<i4"), ("i", "<i4")])}
if kind == "integer":
    data.data_array = np.round(data.data_array.real * 1000) + 1j * np.round(data.data_array.imag * 1000)
data.write_uvh5(target, data_write_dtype=options[kind], clobber=True)
rows = list(range(0, data.Nblts, 41))
json.dump(
    {
        "rows": rows,
        "visibilities": [[[z.real, z.imag] for z in data.data_array[row].ravel()] for row in rows],
        "flagged": int(data.flag_array.sum()),
        "samples": float(data.nsample_array.sum()),
        "uvw": data.uvw_array.tolist(),
    },
    sys.stdout,
    default=float,
)

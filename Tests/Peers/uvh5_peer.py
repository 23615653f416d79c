"""Reads a simulated sub-band with pyuvdata, phases it to its calibrator, and says what pyuvdata thinks of it (JSON)."""
import json
import sys
import warnings

import numpy as np
from astropy.utils import iers

iers.conf.auto_download = False
iers.conf.auto_max_age = None
from pyuvdata import UVData  # noqa: E402

path, ra_deg, dec_deg = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    data = UVData()
    data.read(path, file_type="uvh5", run_check=True)
read_warnings = [str(one.message) for one in caught]

data.phase(lon=np.radians(ra_deg), lat=np.radians(dec_deg), phase_frame="icrs", cat_name="calibrator")
cross = data.ant_1_array != data.ant_2_array
vis = data.data_array[cross].mean(axis=-1)  # (rows, channels)
phase = np.angle(vis)
# The offset of the calibrator: phase = 2 pi (u l + v m) / wavelength.
wave = 299792458.0 / data.freq_array
u = (data.uvw_array[cross, 0][:, None] / wave).ravel()
v = (data.uvw_array[cross, 1][:, None] / wave).ravel()
solution, *_ = np.linalg.lstsq(2 * np.pi * np.stack([u, v], axis=1), phase.ravel(), rcond=None)
json.dump(
    {
        "warnings": read_warnings,
        "phase_rms": float(np.sqrt(np.mean(phase**2))),
        "offset_arcsec": float(np.degrees(np.hypot(*solution)) * 3600),
        "amplitude": float(np.abs(vis).mean()),
        "autos_are_real": bool(np.all(data.data_array[~cross].imag == 0)),
        "rows": int(data.Nblts),
        "times": int(data.Ntimes),
        "baselines": int(data.Nbls),
        "frequencies": data.freq_array.tolist(),
        "polarizations": data.polarization_array.tolist(),
    },
    sys.stdout,
)

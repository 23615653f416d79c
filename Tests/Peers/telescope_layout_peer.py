"""Writes a small file with h5py in the way the telescope's writer does: datasets that grow, variable-length text,
single-precision uvw, a negative channel width as an array of one. Argument: the path. Prints a few values (JSON)."""
import json
import sys

import h5py
import numpy as np

stations, channels, times, baselines = 5, 48, 3, 15
random = np.random.default_rng(1)
with h5py.File(sys.argv[1], "w") as file:
    header, data = file.create_group("Header"), file.create_group("Data")
    header["latitude"], header["longitude"], header["altitude"] = 37.2334, -118.283, 1188.0
    for name, text in {"telescope_name": "OVRO_MMA", "instrument": "DSA", "phase_type": "drift", "history": "x" * 70000}.items():
        header[name] = np.bytes_(text)
    header["object_name"] = "search"
    header["antenna_diameters"] = np.ones(stations) * 4.65
    header.create_dataset("antenna_names", data=np.array([str(n + 1) for n in range(stations)], dtype="S4"))
    header["antenna_numbers"] = np.arange(stations)
    header["antenna_positions"] = random.normal(size=(stations, 3)) * 300
    header["Nblts"], header["Nfreqs"], header["Npols"], header["Nspws"] = baselines * times, channels, 2, 1
    header["freq_array"] = (1.498e9 - 244140.625 * np.arange(channels))[np.newaxis, :]
    header["channel_width"] = np.array([-244140.625])
    header["spw_array"], header["polarization_array"] = np.array([1]), np.array([-5, -6])
    extra = header.create_group("extra_keywords")
    extra["phase_center_dec"], extra["ha_phase_center"], extra["phase_center_epoch"] = 0.5, 0.0, "HADEC"
    extra["nothing"] = h5py.Empty("f")
    one, two = np.triu_indices(stations)
    columns = {
        "ant_1_array": (one, int), "ant_2_array": (two, int), "integration_time": (np.full(baselines, 12.884902), float),
        "uvw_array": (random.normal(size=(baselines, 3)), np.float32),
    }
    shapes = {"visdata": np.complex64, "flags": bool, "nsamples": np.float32}
    for name, (column, kind) in {**columns, "time_array": (one, float)}.items():
        shape = (0,) + np.asarray(column).shape[1:]
        header.create_dataset(name, shape, maxshape=(None,) + shape[1:], dtype=kind, chunks=True)
    for name, kind in shapes.items():
        data.create_dataset(name, (0, 1, channels, 2), maxshape=(None, 1, channels, 2), dtype=kind, chunks=True)
    for time in range(times):
        rows = slice(time * baselines, (time + 1) * baselines)
        for name, (column, _) in {**columns, "time_array": (np.full(baselines, 2460000.5 + time * 1e-4), 0)}.items():
            header[name].resize(rows.stop, axis=0)
            header[name][rows] = column
        cell = (baselines, 1, channels, 2)
        values = {
            "visdata": random.normal(size=cell) + 1j * random.normal(size=cell), "flags": random.random(cell) < 0.1,
            "nsamples": np.full(cell, 96),
        }
        for name in shapes:
            data[name].resize(rows.stop, axis=0)
            data[name][rows] = values[name]
    visibilities = data["visdata"][:].astype(complex)
    json.dump(
        {
            "sum": [float(visibilities.real.sum()), float(visibilities.imag.sum())],
            "flagged": int(data["flags"][:].sum()),
            "chunk": list(data["visdata"].chunks),
            "uvw": header["uvw_array"][7].astype(float).tolist(),
        },
        sys.stdout,
    )

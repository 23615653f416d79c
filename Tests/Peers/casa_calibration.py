"""CASA as the peer of calibration-solve and calibration-apply.

Run by a Python with casatasks (see casa_requirements.txt):

    casa_calibration.py apply  MS TABLES           our tables through CASA's applycal against our CORRECTED_DATA
    casa_calibration.py solve  MS SOLVED REFANT    CASA's bandpass and gaincal of a set against ours of the same set
    casa_calibration.py flatten MS SOURCES.csv     divides DATA by the sky, so that a unit source is the model

MS holds CORRECTED_DATA that calibration-apply made with TABLES/calibration.{K,B,G}. Prints one JSON line.
"""
import csv
import json
import os
import shutil
import sys
import tempfile
import time

import numpy as np

LIGHT = 299792458.0


def open_table(path, writable=False):
    from casatools import table

    handle = table()
    handle.open(path, nomodify=not writable)
    return handle


def column(path, name, query=None):
    handle = open_table(path)
    try:
        return handle.getcol(name) if query is None else handle.query(query).getcol(name)
    finally:
        handle.close()


def tables_by_casa(ms, directory, refant):
    """CASA's own K, B and G of a set whose model is a unit source."""
    from casatasks import bandpass, gaincal

    paths = {kind: os.path.join(directory, "calibration." + kind) for kind in "KBG"}
    gaincal(vis=ms, caltable=paths["K"], gaintype="K", solint="inf", refant=refant, minsnr=3)
    bandpass(vis=ms, caltable=paths["B"], solint="inf", combine="scan", refant=refant, minsnr=3, gaintable=[paths["K"]])
    gaincal(
        vis=ms, caltable=paths["G"], solint="int", refant=refant, calmode="ap", minsnr=3,
        gaintable=[paths["K"], paths["B"]], interp=["nearest", "nearest"],
    )
    return paths


def apply(ms, tables):
    from casatasks import applycal

    ours, flags_ours = column(ms, "CORRECTED_DATA"), column(ms, "FLAG")
    with tempfile.TemporaryDirectory() as scratch:
        copy = os.path.join(scratch, "copy.ms")
        shutil.copytree(ms, copy)
        handle = open_table(copy, writable=True)
        handle.putcol("CORRECTED_DATA", np.zeros_like(ours))
        handle.close()
        started = time.process_time()
        applycal(
            vis=copy,
            gaintable=[os.path.join(tables, "calibration." + kind) for kind in "KBG"],
            interp=["nearest", "nearest", "linear"],
            calwt=False,
            flagbackup=False,
        )
        seconds = time.process_time() - started
        theirs, flags_theirs = column(copy, "CORRECTED_DATA"), column(copy, "FLAG")
    used = ~flags_ours & ~flags_theirs
    difference = np.abs(ours - theirs)[used]
    scale = np.abs(theirs)[used]
    return {
        "samples": int(used.sum()),
        "relative_max": float((difference / np.maximum(scale, np.median(scale))).max()),
        "relative_rms": float(np.sqrt((difference**2).sum() / (scale**2).sum())),
        "flags_differ": int((flags_ours != flags_theirs).sum()),
        "casa_cpu_s": seconds,
    }


def airy(angle, frequency, diameter=4.65):
    from scipy.special import j1

    x = np.maximum(np.pi * diameter * np.sin(angle) * frequency / LIGHT, 1e-6)
    return (2 * j1(x) / x) ** 2


def separation(ra0, dec0, ra1, dec1):
    half = np.sin((dec1 - dec0) / 2) ** 2 + np.cos(dec0) * np.cos(dec1) * np.sin((ra1 - ra0) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(half))


def flatten(ms, sources):
    """DATA / model, the model summed source by source: what our prediction does by antenna."""
    ra0, dec0 = column(os.path.join(ms, "FIELD"), "PHASE_DIR")[:, 0, 0]
    frequencies = column(os.path.join(ms, "SPECTRAL_WINDOW"), "CHAN_FREQ")
    with open(sources) as file:
        rows = list(csv.DictReader(file))
    handle = open_table(ms, writable=True)
    times = np.unique(handle.getcol("TIME"))
    middle = (times[0] + times[-1]) / 2
    for window in range(frequencies.shape[1]):
        part = handle.query(f"DATA_DESC_ID=={window}")
        uvw, data, moment = part.getcol("UVW").T, part.getcol("DATA"), part.getcol("TIME")
        frequency = frequencies[:, window]
        model = np.zeros((len(uvw), len(frequency)), complex)
        for row in rows:
            ra, dec = np.radians(float(row["ra_deg"])), np.radians(float(row["dec_deg"]))
            l = np.cos(dec) * np.sin(ra - ra0)
            m = np.sin(dec) * np.cos(dec0) - np.cos(dec) * np.sin(dec0) * np.cos(ra - ra0)
            delay = uvw @ np.array([l, m, np.sqrt(1 - l * l - m * m) - 1]) / LIGHT
            # The dishes stand still on the meridian: their axis moves along right ascension with the Earth.
            axis = ra0 + 2 * np.pi * 1.00273790935 * (moment - middle) / 86400
            flux = float(row["flux_jy"]) * (frequency / float(row["reference_frequency_hz"])) ** float(
                row["spectral_index"]
            )
            beam = airy(separation(axis, dec0, ra, dec)[:, None], frequency[None])
            model += flux * beam * np.exp(2j * np.pi * delay[:, None] * frequency[None])
        part.putcol("DATA", (data / model.T[None]).astype(np.complex64))
        part.close()
    handle.close()
    return {"ra_deg": float(np.degrees(ra0) % 360), "dec_deg": float(np.degrees(dec0))}


def gains(path):
    handle = open_table(path)
    try:
        order = np.lexsort((handle.getcol("ANTENNA1"), handle.getcol("SPECTRAL_WINDOW_ID"), np.round(handle.getcol("TIME"), 1)))
        return handle.getcol("CPARAM")[:, :, order], handle.getcol("FLAG")[:, :, order]
    finally:
        handle.close()


def difference(ours, theirs):
    (a, flag_a), (b, flag_b) = ours, theirs
    used = ~flag_a & ~flag_b
    ratio = (a / np.where(b == 0, 1, b))[used]
    return {
        "solutions": int(used.sum()),
        "flags_differ": int((flag_a != flag_b).sum()),
        "amplitude_rms": float(np.sqrt(np.mean((np.abs(ratio) - 1) ** 2))),
        "phase_rms_deg": float(np.degrees(np.sqrt(np.mean(np.angle(ratio) ** 2)))),
    }


def solve(ms, solved, refant):
    from casatasks import bandpass, gaincal

    with tempfile.TemporaryDirectory() as scratch:
        b, g = os.path.join(scratch, "B"), os.path.join(scratch, "G")
        started = time.process_time()
        bandpass(vis=ms, caltable=b, solint="inf", combine="scan", refant=refant, minsnr=3, solnorm=False)
        middle = time.process_time()
        gaincal(
            vis=ms, caltable=g, solint="int", refant=refant, calmode="ap", minsnr=3, gaintable=[b], interp=["nearest"]
        )
        seconds = time.process_time()
        result = {"bandpass": difference(gains(os.path.join(solved, "calibration.B")), gains(b))}
        result["gain"] = difference(gains(os.path.join(solved, "calibration.G")), gains(g))
    result["casa_cpu_s"] = {"bandpass": middle - started, "gain": seconds - middle}
    return result


def main(arguments):
    tasks = {"apply": apply, "solve": solve, "flatten": flatten}
    if len(arguments) < 2 or arguments[0] not in tasks:
        sys.exit(__doc__)
    print(json.dumps(tasks[arguments[0]](*arguments[1:])))


if __name__ == "__main__":
    main(sys.argv[1:])

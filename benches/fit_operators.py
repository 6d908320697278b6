#!/usr/bin/env python3
"""Fit the operator times that the performance model ships.

Reads the single-kernel latencies below $BERTH_REFERENCE/operators/<device>/ and writes one CSV of
parameters for each operator to compiler/fits/. The forms are those of docs/performance.md; the Rust
side evaluates the same expressions. Rows whose number in their file (from 0) ends in 0, 1 or 2 are
never fitted: the errors in the CSVs are theirs.

    python3 -m venv .venv && .venv/bin/pip install numpy==2.4.6 scipy==1.17.1
    BERTH_REFERENCE=... .venv/bin/python benches/fit_operators.py --date YYYY-MM-DD
"""

import argparse
import csv
import os
import pathlib

import numpy as np
from scipy.optimize import least_squares

SOURCE = "aiconfigurator-core 0.12.0 performance tables (Apache-2.0), sample"
# Datasheet figures that efficiencies are relative to: bf16 and fp8 dense FLOP/s, bytes/s,
# streaming multiprocessors, and the fabric of the box that was measured (both directions, bytes/s).
DEVICES = {
    "a100_sxm": (312e12, None, 2.039e12, 108, ("nvlink", 600e9)),
    "h100_sxm": (989e12, 1979e12, 3.35e12, 132, ("nvlink", 900e9)),
    "h200_sxm": (989e12, 1979e12, 4.8e12, 132, ("nvlink", 900e9)),
    "b200_sxm": (2250e12, 4500e12, 8e12, 148, ("nvlink", 1800e9)),
    "l40s": (362e12, 733e12, 864e9, 142, ("pcie", 64e9)),
}


def held_out(row):
    return row % 10 < 3


def read(root, device, operator):
    with open(root / "operators" / device / f"{operator}.csv", newline="") as file:
        return list(enumerate(csv.DictReader(file)))


def smooth_max(a, b, sharpness):
    high, low = np.maximum(a, b), np.minimum(a, b)
    return high * (1 + (low / high) ** sharpness) ** (1 / sharpness)


def matmul(p, x, device, precision):
    """x: m, n, k."""
    bf16, fp8, bandwidth, _, _ = DEVICES[device]
    peak, width = (bf16, 2) if precision == "bf16" else (fp8, 1)
    m, n, k = x.T
    (launch, compute, memory, sharpness, k_half, m_half, n_half, per_k, per_k_large, unaligned,
     cache_gain, cache_bytes) = p
    work = 2 * m * n * k
    moved = width * (n * k + m * k) + 2 * m * n
    arithmetic = work / (compute * peak) * (1 + k_half / k) * (1 + m_half / m + n_half / n)
    arithmetic = arithmetic * np.where((m > 128) & (m % 16 != 0), 1 + unaligned, 1)
    # A benchmark repeats one operator, so a small one is read from the second-level cache.
    cached = 1 - cache_gain / (1 + cache_gain) / (1 + (moved / cache_bytes) ** 2)
    large = 1 / (1 + (128 / m) ** 4)
    return launch + (per_k + per_k_large * large) * k + smooth_max(
        arithmetic, moved / (memory * bandwidth) * cached, sharpness)


MATMUL = {
    "launch_s": (4e-6, 1e-7, 1e-3), "compute_efficiency": (.7, .05, 2), "memory_efficiency": (.8, .05, 1),
    "sharpness": (4, 1, 16), "k_half": (20, 1e-3, 1e4), "m_half": (5, 1e-3, 1e4), "n_half": (5, 1e-3, 1e4),
    "seconds_per_k": (1e-10, 1e-14, 1e-7), "seconds_per_k_large": (1e-11, 1e-14, 1e-7),
    "unaligned": (.01, 1e-4, 1), "cache_gain": (.1, 1e-3, 10), "cache_bytes": (3e7, 1e6, 2e8),
}


def prefill_attention(p, x, device, _):
    """x: sequences, new tokens, heads, KV heads, head width."""
    bf16, _, bandwidth, multiprocessors, _ = DEVICES[device]
    b, s, h, g, e = x.T
    launch, compute, width_exponent, s_half, occupancy_half, occupancy_exponent, memory = p
    efficiency = compute * s / (s + s_half) * (e / 128) ** width_exponent
    occupancy = b * h * s / 128 / multiprocessors
    slower = 1 + (occupancy_half / occupancy) ** occupancy_exponent
    moved = 2 * b * s * e * (2 * h + 2 * g)
    return launch + 2 * b * s * s * h * e * slower / (efficiency * bf16) + moved / (memory * bandwidth)


PREFILL = {
    "launch_s": (1e-5, 1e-6, 1e-3), "compute_efficiency": (.6, .05, 1), "width_exponent": (.3, 1e-3, 2),
    "s_half": (10, 1e-3, 1e4), "occupancy_half": (.5, 1e-3, 100), "occupancy_exponent": (.8, .1, 4),
    "memory_efficiency": (.5, .02, 5),
}


def decode_attention(p, x, device, kv):
    """x: sequences, cached tokens with the new one, heads, KV heads, head width."""
    _, _, bandwidth, multiprocessors, _ = DEVICES[device]
    b, s, h, g, e = x.T
    launch, memory, rise, rise_bytes, query_memory, unsplit, per_block, more_tokens, cache_gain, cache_bytes = p
    read = 2 * b * (s + more_tokens) * g * e * (2 if kv == "bf16" else 1)
    cached = 1 - cache_gain / (1 + cache_gain) / (1 + (read / cache_bytes) ** 4)
    alone = np.where(h == g, 1 + unsplit / (b * g), 1)
    return (launch + read / (memory * bandwidth) * cached * alone + rise * (1 - np.exp(-read / rise_bytes))
            + 4 * b * h * e / (query_memory * bandwidth) + per_block * b * g / multiprocessors)


DECODE = {
    "launch_s": (1e-5, 1e-6, 1e-3), "memory_efficiency": (.85, .1, 1), "rise_s": (3e-6, 1e-8, 1e-3),
    "rise_bytes": (1e6, 1e3, 1e9), "query_efficiency": (.1, 1e-3, 2), "unsplit": (1, 1e-3, 100),
    "seconds_per_block": (1e-7, 1e-10, 1e-4), "more_tokens": (4, 1e-2, 320),
    "cache_gain": (1, 1e-3, 10), "cache_bytes": (3e7, 1e5, 2e8),
}


def collective(p, x, *_):
    """x: bytes of the value that is summed or gathered, for one count of devices."""
    launch, bandwidth, rise, rise_bytes = p
    (message,) = x.T
    return launch + message / bandwidth + rise * (1 - np.exp(-((message / rise_bytes) ** 2)))


COLLECTIVE = {
    "launch_s": (6e-6, 1e-6, 1e-3), "bytes_per_s": (2e11, 1e8, 5e12), "rise_s": (2e-5, 1e-9, 1e-1),
    "rise_bytes": (4e6, 1e4, 1e9),
}


def fit(form, bounds, x, y, device, precision):
    start, low, high = (np.log(np.array(column)) for column in zip(*bounds.values()))
    # A parameter that no row determines stays at its neutral start: one row's weight at a factor of e^5.
    residual = lambda q: np.append(np.log(form(np.exp(q), x, device, precision) / y), (q - start) / 50)
    best = None
    for seed in range(6):
        spread = 0 if seed == 0 else 0.8
        q = start + spread * np.random.default_rng(seed).normal(size=len(start))
        q = np.clip(q, low + 1e-9, high - 1e-9)
        found = least_squares(residual, q, bounds=(low, high), loss="soft_l1", f_scale=0.1, max_nfev=600)
        if best is None or found.cost < best.cost:
            best = found
    return [float(f"{value:.6g}") for value in np.exp(best.x)]


def fit_rows(form, bounds, rows, device, precision, select=lambda x: True):
    """rows: (number, x, seconds). Returns the parameters and the errors of the held-out rows."""
    train = [r for r in rows if not held_out(r[0])]
    test = [r for r in rows if held_out(r[0]) and select(r[1])]
    p = fit(form, bounds, np.array([r[1] for r in train], float), np.array([r[2] for r in train]), device, precision)
    error = np.abs(form(p, np.array([r[1] for r in test], float), device, precision)
                   / np.array([r[2] for r in test]) - 1)
    return p, len(train), len(test), float(np.median(error)), float(np.quantile(error, 0.9))


def hull(rows, count):
    values = np.array([r[1] for r in rows], float)
    return [f"{values[:, i].max():.6g}" for i in range(count)]


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    for row in rows:
        print(path.name, *row)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--date", required=True)
    date = arguments.parse_args().date
    root = pathlib.Path(os.environ.get("BERTH_REFERENCE", "../shared/reference"))
    out = pathlib.Path(__file__).parent.parent / "compiler" / "fits"
    tail = ["rows_fitted", "rows_held_out", "median_error", "p90_error", "source", "date"]
    tables = {name: [] for name in ("matmul", "prefill_attention", "decode_attention", "all_reduce", "all_gather")}

    def add(table, head, p, result):
        fitted, test, median, p90 = result
        tables[table].append([*head, *p, fitted, test, f"{median:.4f}", f"{p90:.4f}", SOURCE, date])

    for device, (bf16, fp8, bandwidth, multiprocessors, (kind, fabric)) in DEVICES.items():
        rows = read(root, device, "gemm")
        for precision, name, peak in (("bf16", "bfloat16", bf16), ("fp8", "fp8", fp8)):
            data = [(i, [float(r[c]) for c in "mnk"], float(r["latency"]) * 1e-3)
                    for i, r in rows if r["gemm_dtype"] == name]
            if data:
                p, *result = fit_rows(matmul, MATMUL, data, device, precision)
                add("matmul", [device, precision, f"{peak:.6g}", f"{bandwidth:.6g}", *hull(data, 3)], p, result)

        columns = ["batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim"]
        for table, file, form, bounds in (
            ("prefill_attention", "context_attention", prefill_attention, PREFILL),
            ("decode_attention", "generation_attention", decode_attention, DECODE),
        ):
            rows = read(root, device, file)
            for kv, name in (("bf16", "bfloat16"), ("fp8", "fp8")):
                data = []
                for i, r in rows:
                    if r["kv_cache_dtype"] != name or r.get("window_size", "0") != "0":
                        continue
                    x = [float(r[c]) for c in columns]
                    if table == "decode_attention":
                        x[1] = float(r["step"]) + 1
                    if x[4] in (64, 128):
                        data.append((i, x, float(r["latency"]) * 1e-3))
                if data:
                    p, *result = fit_rows(form, bounds, data, device, kv)
                    head = [device, kv, f"{bf16:.6g}", f"{bandwidth:.6g}", multiprocessors, *hull(data, 2)]
                    add(table, head, p, result)

        for table, file, keep in (
            ("all_reduce", "custom_allreduce", lambda r: r["backend"] == "vllm_graph"),
            ("all_gather", "nccl", lambda r: r["op_name"] == "all_gather" and r["nccl_dtype"] == "half"),
        ):
            for count in (2, 4, 8):
                data = [(i, [2.0 * float(r["message_size"])], float(r["latency"]) * 1e-3)
                        for i, r in read(root, device, file) if keep(r) and int(r["num_gpus"]) == count]
                p, *result = fit_rows(collective, COLLECTIVE, data, device, None)
                add(table, [device, count, kind, f"{fabric:.6g}", *hull(data, 1)], p, result)

    head = {
        "matmul": ["device", "precision", "peak", "bandwidth", "most_m", "most_n", "most_k", *MATMUL],
        "prefill_attention": ["device", "kv_precision", "peak", "bandwidth", "multiprocessors", "most_sequences",
                              "most_tokens", *PREFILL],
        "decode_attention": ["device", "kv_precision", "peak", "bandwidth", "multiprocessors", "most_sequences",
                             "most_tokens", *DECODE],
        "all_reduce": ["device", "devices", "fabric", "fabric_bandwidth", "most_bytes", *COLLECTIVE],
        "all_gather": ["device", "devices", "fabric", "fabric_bandwidth", "most_bytes", *COLLECTIVE],
    }
    for name, rows in tables.items():
        write(out / f"{name}.csv", [*head[name], *tail], rows)


if __name__ == "__main__":
    main()

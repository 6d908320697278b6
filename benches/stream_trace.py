#!/usr/bin/env python3
"""Stream a large trace through a pipe into `berth trace -`: CPU time, rows a second, peak memory.

A day of Azure-like requests (`benches/generate trace`, seed 1) is sent over and over, each time under the date of
the next day, until there are enough bytes. Nothing of that size lies on a disk or in memory.

    benches/stream_trace.py [GIGABYTES]        10 by default
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIRST = datetime.date(2026, 11, 2)
# The most memory that a stream may take, in bytes.
LIMIT = 200 << 20


def day():
    """Head and rows of the first day: about 1.1 million requests."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "day.csv"
        command = [ROOT / "benches/generate", "trace", "--columns", "azure", "--days", "1"]
        command += ["--peak", "72000", "--trough", "18000", "--cv", "2", "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        head, rows = out.read_bytes().split(b"\n", 1)
    return head + b"\n", rows


def main():
    wanted = float(sys.argv[1]) * 1e9 if len(sys.argv) > 1 else 10e9
    head, rows = day()
    berth = [ROOT / "berth", "trace", "-", "--json"]
    # Up to date before anything is measured.
    subprocess.run([berth[0], "--version"], check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(berth, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    sent = process.stdin.write(head)
    days = 0
    while sent < wanted:
        date = (FIRST + datetime.timedelta(days=days)).isoformat().encode()
        block = rows if days == 0 else rows.replace(FIRST.isoformat().encode(), date)
        sent += process.stdin.write(block)
        days += 1
    process.stdin.close()
    answer = json.load(process.stdout)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    count = answer["requests"]["count"]
    expected = days * rows.count(b"\n")
    cpu = usage.ru_utime + usage.ru_stime
    peak = usage.ru_maxrss << 10
    print(f"{sent / 1e9:.2f} GB, {count} rows, {days} days")
    print(f"CPU {cpu:.1f} s: {sent / cpu / 1e6:.0f} MB/s, {count / cpu / 1e6:.2f} million rows/s")
    print(f"peak resident memory {peak / 1e6:.0f} MB")
    if process.returncode != 0 or count != expected:
        sys.exit(f"{expected} rows were sent")
    if peak > LIMIT:
        sys.exit(f"more than {LIMIT / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

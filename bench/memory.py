"""What a recorded run adds to the process: 100,000 records against the promised 150 MB."""

from __future__ import annotations

import subprocess
import sys

from bench.table import Row

RECORDS = 100_000
PROMISED_MB = 150

MEASURE = """
import gc, os
from bench.simulation import simulated

def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

simulated(True, 100)
before = resident()
messages = 1000
while True:
    recorder = simulated(True, messages).recorder
    if len(recorder) >= {records}:
        break
    messages = messages * {records} // len(recorder) + 100
print(len(recorder), resident() - before)
"""


def run() -> list[Row]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(records=RECORDS)], capture_output=True, text=True, check=True
    )
    records, megabytes = done.stdout.split()
    used = float(megabytes) * RECORDS / int(records)
    return [Row("memory, 100,000 records", "MB", used, "promised", PROMISED_MB, PROMISED_MB / used, 1.0, 1)]

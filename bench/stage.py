"""The stage on long runs: how long it takes to make, how large it is, how soon it is seen, how quick a step is.

Theory
------
Frames per second say more about the machine than about the program, so what is timed is the script: from the key to
the page that is patched. It is held against the least that any such page must do in the same browser: parse the same
scene from JSON. First paint counts from the beginning of the page, and has that parse in it. What is promised in so
many seconds or octets is held against the promise. Without Chromium and Playwright the pages are left out, and a
sentence says so.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from pathlib import Path
from shutil import which
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from amqplab import Lab
from amqplab.stage.html import to_html
from amqplab.stage.scene import packed
from bench.table import Row

STAGE_SECONDS = {10_000: 1.0, 100_000: 4.0}
BYTES_A_RECORD = 120.0
STEP_GOAL = {10_000: 5.0, 100_000: 50.0}  # how many steps one parse is worth
PAINT_GOAL = 0.1
RECORDS_PER_MESSAGE = 30
BATCH = 10
STEPS = 60
ROUNDS = 8  # with fewer, on a busy machine, the slowest twentieth tells of the other programs
PAGES = 5
SCRIPT = Path(__file__).with_suffix(".js")
PEER = "JSON.parse of the scene"
PARSE = """(text) => Math.min(...[1, 2, 3].map(() => {
    const begin = performance.now();
    JSON.parse(text);
    return performance.now() - begin;
}))"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def run() -> list[Row]:
    rows: list[Row] = []
    for records in STAGE_SECONDS:
        lab = long_run(records)
        rows += made(lab, records)
        rows += seen(lab, records)
    return rows


def long_run(records: int) -> Lab:
    """A little more than so many records: published, delivered, acknowledged."""
    lab = Lab(seed=64, title=f"{records:,} records")

    @lab.program("producer")
    async def send(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.queue_declare("work")
        for number in range(records // RECORDS_PER_MESSAGE):
            channel.basic_publish("", "work", f"job {number}")
            if number % BATCH == BATCH - 1:
                await asyncio.sleep(0.01)

    @lab.program("worker", start="20 ms")
    async def work(client: Any) -> None:
        channel = await (await client.connect()).channel()
        await channel.basic_qos(prefetch_count=20)
        async for message in channel.consume("work"):
            await message.ack()

    lab.run()
    return lab


def made(lab: Lab, records: int) -> list[Row]:
    """The stage as Python makes it."""
    begin = perf_counter()
    lab.stage()
    seconds = perf_counter() - begin
    size = len(packed(lab.recorder)) / len(lab.recorder)
    promised = STAGE_SECONDS[records]
    name = f"stage, {records:,} records"
    return [
        Row(f"{name}: lab.stage()", "s", seconds, "the promise", promised, promised / seconds, 1.0, 1),
        Row(
            f"{name}: payload",
            "octets/record",
            size,
            "the promise",
            BYTES_A_RECORD,
            BYTES_A_RECORD / size,
            1.0,
            1,
        ),
    ]


def seen(lab: Lab, records: int) -> list[Row]:
    """The stage in a browser; no rows where there is none."""
    chromium = which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print(
            "stage: no page is measured, for Chromium or Playwright is not on this machine", file=sys.stderr
        )
        return []
    text = zlib.decompress(packed(lab.recorder)).decode("utf-8")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        url = to_html(lab.recorder, Path(folder) / "page.html", zoom=3).as_uri()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        paints = []
        for _ in range(PAGES):
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.goto(url)
            page.wait_for_selector(".amqplab-stage .said")
            page.wait_for_timeout(300)
            paints.append(float(page.evaluate(PAINTED)))
            if len(paints) < PAGES:
                page.close()
        times = page.evaluate(SCRIPT.read_text(encoding="utf-8"), {"steps": STEPS, "rounds": ROUNDS})
        parse = float(page.evaluate(PARSE, text))
        browser.close()
    name = f"stage, {records:,} records"
    paint = median(paints)
    rows = [Row(f"{name}: first paint", "ms", paint, PEER, parse, parse / paint, PAINT_GOAL, PAGES)]
    for what in ("step", "jump"):
        for part in ("p50", "p95"):
            ms = float(times[what][part])
            rows.append(
                Row(f"{name}: {what} {part}", "ms", ms, PEER, parse, parse / ms, STEP_GOAL[records], STEPS)
            )
    return rows

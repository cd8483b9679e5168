// Places are on the things they belong to, and what moves keeps to its way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = stage.decode(readFileSync(process.env.SCENE, "utf8"));
const orientations = ["wide", "tall"];
const pipes = orientations.flatMap((name) => Object.values(scene.layouts[name].pipes).map((pipe) => [name === "wide", pipe]));

test("up and down meet at the ends: where one arrives the other departs", () => {
  for (const [wide, pipe] of pipes) {
    const along = wide ? "x" : "y";
    const [a, b] = [stage.lanePoint(pipe, wide, true, 0, 0), stage.lanePoint(pipe, wide, false, 0, 1)];
    assert.equal(a[along], b[along]);
    assert.notEqual(a[wide ? "y" : "x"], b[wide ? "y" : "x"]);
  }
});

test("going to the broker starts at the application", () => {
  for (const [wide, pipe] of pipes) {
    const start = stage.lanePoint(pipe, wide, true, 0, 0);
    assert.equal(wide ? start.x : start.y, wide ? pipe.x0 : pipe.y0);
  }
});

test("lanes of one tube are one lane apart and inside it", () => {
  const pipe = { x0: 0, x1: 100, y0: 50, y1: 50, lanes: [0, 1, 2], side: "left" };
  const ys = pipe.lanes.map((channel) => stage.lanePoint(pipe, true, true, channel, 0.5).y);
  assert.deepEqual(ys.map((y, i) => (i ? y - ys[i - 1] : 0)), [0, stage.LANE, stage.LANE]);
  assert.ok(ys.at(-1) < 50 - stage.GAP / 2);
});

test("a queue's cells are inside it, the head at the right", () => {
  const node = { x: 100, y: 20, w: 184, h: 40 };
  const { room } = stage.cellPoint(node, 0);
  assert.equal(room, 7);
  const xs = Array.from({ length: room + 3 }, (_, i) => stage.cellPoint(node, i).x);
  assert.ok(xs[0] + 12 <= node.x + node.w / 2 && xs.at(-1) - 12 >= node.x - node.w / 2);
  assert.ok(xs.slice(1, room).every((x, i) => x < xs[i]));
  assert.equal(xs[room], xs[room - 1]);
});

test("a hand shows every slot of a small prefetch, and says how many more a large one has", () => {
  assert.deepEqual(stage.handOf({ prefetch: 3, holding_count: 0 }), { slots: 3, more: 0 });
  assert.deepEqual(stage.handOf({ prefetch: 10, holding_count: 0 }), { slots: 4, more: 6 });
  assert.deepEqual(stage.handOf({ prefetch: 0, holding_count: 0 }), { slots: 1, more: 0 });
});

test("a curve begins and ends at its ends", () => {
  const curve = [0, 0, 50, 0, 50, 100, 100, 100];
  assert.deepEqual(stage.onCurve(curve, 0), { x: 0, y: 0 });
  assert.deepEqual(stage.onCurve(curve, 1), { x: 100, y: 100 });
});

test("a way is passed in order, and stands still before and after it", () => {
  const stops = [{ time: 10, x: 0, y: 0 }, { time: 20, x: 10, y: 0, linear: true }, { time: 30, x: 10, y: 10 }];
  assert.deepEqual(stage.alongStops(stops, 0), { x: 0, y: 0, leg: 0 });
  assert.deepEqual(stage.alongStops(stops, 15), { x: 5, y: 0, leg: 0 });
  assert.deepEqual(stage.alongStops(stops, 99), { x: 10, y: 10, leg: 2 });
});

test("no message ever jumps: along a leg, each little time is a little way", () => {
  for (const orientation of orientations) {
    const player = new stage.Player(scene, { zoom: 3 });
    for (const leg of scene.flights.slice(0, 40)) {
      player.goSeq(leg.start);
      const view = player.view(orientation);
      const { stops } = stage.stopsOf(view, leg);
      const [from, to] = [stops[0].time, stops.at(-1).time];
      assert.ok(stops.every((stop, i) => i === 0 || stop.time >= stops[i - 1].time), JSON.stringify(leg));
      let before = stage.alongStops(stops, from);
      for (let i = 1; i <= 400; i++) {
        const here = stage.alongStops(stops, from + ((to - from) * i) / 400);
        const moved = Math.hypot(here.x - before.x, here.y - before.y);
        const teleport = stops.some((stop, k) => k > 0 && stop.time - stops[k - 1].time < (to - from) / 100);
        assert.ok(teleport || moved < 120, `${leg.kind} ${leg.message}: ${moved}`);
        before = here;
      }
    }
  }
});

test("everything stands inside the picture", () => {
  for (const { width, height, apps, nodes } of orientations.map((name) => scene.layouts[name]))
    for (const { x, y } of [...Object.values(apps), ...Object.values(nodes)])
      assert.ok(x > 0 && x < width && y > 0 && y < height);
});

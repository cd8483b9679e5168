// Patches fold forward and back to the same state; story time and positions are inverses of each other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const text = readFileSync(process.env.SCENE, "utf8");
const scene = stage.decode(text);
const plain = (state) => JSON.stringify([...state].sort());

test("the same scene is decoded from text, octets and an object", () => {
  const bytes = new TextEncoder().encode(text);
  for (const sent of [bytes, bytes.buffer, new DataView(bytes.buffer), JSON.parse(text)])
    assert.deepEqual(stage.decode(sent).steps, scene.steps);
});

test("every patch undone gives the state before it", () => {
  const state = new Map();
  for (const patch of scene.patches) {
    const before = plain(state);
    const after = plain(stage.apply(state, patch));
    stage.undo(state, patch);
    assert.equal(plain(state), before);
    assert.equal(plain(stage.apply(state, patch)), after);
  }
});

test("a cursor finds the same state from either side", () => {
  const there = stage.cursorFor(scene);
  const middle = Math.floor(scene.n / 2);
  const first = plain(stage.seek(there, middle));
  stage.seek(there, scene.n - 1);
  assert.equal(plain(stage.seek(there, middle)), first);
  assert.equal(stage.seek(there, -1).size, 0);
});

test("entities are replaced, never changed in place", () => {
  const state = new Map();
  for (const patch of scene.patches) {
    const kept = [...state].map(([key, entity]) => [key, entity, JSON.stringify(entity)]);
    stage.apply(state, patch);
    for (const [key, entity, was] of kept) assert.equal(JSON.stringify(entity), was, key);
  }
});

test("story time rises strictly", () => {
  for (let seq = 0; seq <= scene.n; seq++) assert.ok(stage.timeOf(scene, seq) > stage.timeOf(scene, seq - 1));
});

test("a longer gap never looks shorter, and none is endless", () => {
  const gaps = [0, 1, 1e3, 1e6, 1e9, 3.6e12].map(stage.gapTime);
  assert.deepEqual(gaps, [...gaps].sort((a, b) => a - b));
  assert.ok(gaps.at(-1) <= 2800);
});

test("positions and story times are inverse at every zoom", () => {
  for (const zoom of stage.ZOOMS.keys())
    for (let u = 0; u <= scene.steps[zoom].length - 1; u += 0.37) {
      const back = stage.positionAt(scene, zoom, stage.timeAt(scene, zoom, u));
      assert.ok(Math.abs(back - u) < 1e-6, `${zoom} ${u} ${back}`);
    }
});

test("at every whole step the latest record is the step's own", () => {
  for (const zoom of stage.ZOOMS.keys())
    scene.steps[zoom].forEach((seq, k) => assert.equal(stage.seqAt(scene, stage.timeAt(scene, zoom, k)), seq));
});

test("what is a step at a coarser zoom is one at every finer zoom, but for commands of one frame", () => {
  const lone = new Set(scene.commands.filter((c) => c.frames.length === 1).flatMap((c) => [c.sent, c.received]));
  const finer = new Set(scene.steps[0]);
  for (const steps of scene.steps.slice(1))
    for (const seq of steps) assert.ok(finer.has(seq) || lone.has(seq), `record ${seq}`);
});

test("no zoom ends while a message is in the air", () => {
  const landed = Math.max(-1, ...scene.flights.map((leg) => leg.end ?? -1));
  for (const steps of scene.steps) assert.ok(steps.at(-1) >= landed);
});

test("the depth at the end is what the queues hold", () => {
  const { ready, unacked } = stage.depths(scene);
  const state = stage.seek(stage.cursorFor(scene), scene.n - 1);
  const queues = [...state].filter(([key]) => key.startsWith("queue/")).map(([, queue]) => queue);
  assert.equal(ready.at(-1), queues.reduce((n, queue) => n + queue.ready_count, 0));
  assert.equal(unacked.at(-1), queues.reduce((n, queue) => n + queue.unacked_count, 0));
});

test("things in the air are found exactly while they live", () => {
  const items = Array.from({ length: 50 }, (_, i) => ({ from: i * 313, to: i * 313 + 50 * (i % 7) + 10 }));
  const alive = stage.lifetimes(items, 20000);
  for (let time = 0; time < 17000; time += 97)
    assert.deepEqual(alive(time), items.filter((item) => item.from <= time && time < item.to));
});

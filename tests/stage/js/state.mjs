// Patches fold forward and back to the same state, however one comes there; and what lives at a record is found.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

const stage = await import(process.env.STAGE);
const text = readFileSync(process.env.SCENE, "utf8");
const scene = stage.decode(text);
const plain = (state) => JSON.stringify([...state].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
const lists = (map) => JSON.stringify([...map].sort((a, b) => (a[0] < b[0] ? -1 : 1)));

test("the same scene is read from text, octets, an object, compressed octets and base64", async () => {
  const bytes = new TextEncoder().encode(text);
  const small = deflateSync(bytes);
  const sent = [text, bytes, bytes.buffer, new DataView(bytes.buffer), JSON.parse(text)];
  for (const one of sent) assert.deepEqual(stage.unpack(one).steps, scene.steps);
  for (const one of [small, new DataView(small.buffer, small.byteOffset, small.length), small.toString("base64")])
    assert.deepEqual((await stage.unpack(one)).steps, scene.steps);
});

test("what cannot be read says so in a sentence", async () => {
  const says = (words) => (error) => error instanceof stage.Unreadable && words.test(error.message);
  assert.throws(() => stage.unpack({ ...JSON.parse(text), format: 1 }), says(/format 1, and this stage reads format 2/));
  assert.throws(() => stage.unpack(text.slice(0, -20)), says(/not complete/));
  assert.throws(() => stage.unpack("%%%"), says(/neither JSON nor compressed/));
  assert.throws(() => stage.unpack({ ...JSON.parse(text), patches: [] }), says(/patches/));
  assert.throws(() => stage.unpack({ format: 2 }), says(/missing/));
  await assert.rejects(async () => stage.unpack(deflateSync(text).subarray(0, 60)), says(/not complete/));
});

test("every patch undone gives the state before it", () => {
  const state = new stage.World();
  for (const patch of scene.patches) {
    const before = plain(state);
    const after = plain(stage.apply(state, patch));
    stage.undo(state, patch);
    assert.equal(plain(state), before);
    assert.equal(plain(stage.apply(state, patch)), after);
  }
});

test("a cursor finds the same state, with the same lists, from wherever it comes", () => {
  const walker = new stage.Cursor(scene);
  const expected = scene.patches.map((_, seq) => {
    const state = walker.seek(seq);
    return [plain(state), lists(state.kinds), lists(state.places)];
  });
  const jumper = new stage.Cursor(scene);
  while (jumper.prepare(100));
  for (let i = 0, seq = 5; i < 60; i++, seq = (seq * 7919 + 13) % scene.n) {
    const state = jumper.seek(seq);
    assert.deepEqual([plain(state), lists(state.kinds), lists(state.places)], expected[seq], `record ${seq}`);
  }
  assert.equal(jumper.seek(-1).size, 0);
});

test("a world's lists are what a look at all entities finds", () => {
  const cursor = new stage.Cursor(scene);
  for (let seq = 0; seq < scene.n; seq++) {
    const state = cursor.seek(seq);
    const queues = [...state.keys()].filter((key) => key.startsWith("queue/")).sort();
    assert.deepEqual(state.of("queue"), queues);
    const tokens = [...state.keys()].filter((key) => /^(token|signal)\//.test(key));
    const listed = [...state.places.values()].flat();
    assert.deepEqual([...listed].sort(), tokens.sort());
    for (const [place, keys] of state.places)
      for (const key of keys) assert.equal(stage.tokenPlace(state.get(key)), place);
  }
});

test("the keys of a kind that begin so are found among the others", () => {
  const state = new stage.World();
  for (const patch of scene.patches) {
    stage.apply(state, patch);
    for (const kind of ["token", "queue", "nobody"])
      for (const start of [`${kind}/`, `${kind}/1/`, `${kind}/12`, "zzz"])
        assert.deepEqual(state.under(kind, start), state.of(kind).filter((key) => key.startsWith(start)));
  }
});

test("entities are replaced, never changed in place", () => {
  const state = new stage.World();
  for (const patch of scene.patches) {
    const kept = [...state].map(([key, entity]) => [key, entity, JSON.stringify(entity)]);
    stage.apply(state, patch);
    for (const [key, entity, was] of kept) assert.equal(JSON.stringify(entity), was, key);
  }
});

test("film time rises strictly, and a longer gap never looks shorter", () => {
  for (let seq = 0; seq < scene.n; seq++) assert.ok(stage.timeOf(scene, seq) > stage.timeOf(scene, seq - 1));
  const gaps = [0, 1, 1e3, 1e6, 1e9, 3.6e12].map(stage.gapTime);
  assert.deepEqual(gaps, [...gaps].sort((a, b) => a - b));
  assert.ok(gaps.at(-1) <= 2800);
});

test("the depth at the end is what the queues hold", () => {
  const { ready, unacked } = scene.depth;
  const state = new stage.Cursor(scene).seek(scene.n - 1);
  const queues = state.of("queue").map((key) => state.get(key));
  assert.equal(ready.at(-1), queues.reduce((n, queue) => n + queue.ready_count, 0));
  assert.equal(unacked.at(-1), queues.reduce((n, queue) => n + queue.unacked_count, 0));
});

test("things that live at a record, or in a span of records, are found, and no others", () => {
  const lives = Array.from({ length: 80 }, (_, i) => ({ item: i, from: (i * 37) % 200, to: i % 9 ? (i * 37) % 200 + (i % 7) * 11 : Infinity }));
  const alive = stage.lifetimes(lives);
  for (let low = -5; low < 300; low += 3)
    for (const high of [low, low + 20]) {
      const found = lives.filter(({ from, to }) => from <= high && to >= low).map(({ item }) => item);
      assert.deepEqual([...alive(low, high)].sort((a, b) => a - b), found);
    }
  assert.deepEqual(stage.lifetimes([])(3), []);
});

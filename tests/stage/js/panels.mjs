// Panels: bytes and fields, tables, words; and that text cannot become markup.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = stage.decode(readFileSync(process.env.SCENE, "utf8"));

test("the fields of every frame cover every octet", () => {
  for (const frame of scene.frames) {
    const flat = stage.flatten(scene.spans[frame.spans], frame.size);
    for (let octet = 0; octet < frame.size; octet++) assert.ok(stage.spanAt(flat, octet), `${frame.id}: ${octet}`);
    flat.forEach((span, i) => assert.equal(span.i, i));
  }
});

test("a length's octets are those that it counts", () => {
  const frame = scene.frames.find((f) => f.summary.startsWith("Queue.Declare q=app"));
  const flat = stage.flatten(scene.spans[frame.spans], frame.size);
  const size = flat.find((span) => span.name === "size");
  assert.deepEqual(size.counts, [7, frame.size - 1]);
  const length = flat.find((span) => span.name === "length");
  const text = Buffer.from(frame.hex, "hex").subarray(...length.counts).toString();
  assert.equal(text, "app");
});

test("a part of the legend that has nothing to say has no heading", () => {
  const view = new stage.Player(scene, { zoom: 4, at: scene.n - 1 }).view();
  const shown = (more) => stage.drawLegend({ ...view, legend: true, ...more }).map(stage.toMarkup).join("");
  assert.ok(shown({}).includes("Time line"));
  assert.ok(!shown({ steps: [-1], depth: { ready: [], unacked: [] } }).includes("Time line"));
});

test("times are written as people say them", () => {
  const words = [[0, "0 s"], [250e3, "250 µs"], [12.4e6, "12.4 ms"], [3.02e9, "3.02 s"], [3720e9, "62 min 0 s"], [8100e9, "2 h 15 min"]];
  for (const [ns, text] of words) assert.equal(stage.timeText(ns), text);
});

test("a name in a key is written so that it can be read back", () => {
  assert.equal(stage.nameOf("queue/%2F/a%2Fb%25c"), "a/b%c");
  assert.equal(stage.encode("a/b%c"), "a%2Fb%25c");
});

test("a name with markup in it stays a name", () => {
  const text = stage.toMarkup(stage.h("p", { title: '"><b>' }, "<script>"));
  assert.equal(text, '<p title="&quot;&gt;&lt;b&gt;">&lt;script&gt;</p>');
});

test("each cause is told whole, after the same word", () => {
  const player = new stage.Player(scene, { zoom: 0, at: scene.n - 1 });
  const view = player.view();
  const text = stage.drawCauses(view).map(stage.toMarkup).join("");
  let causes = 0;
  for (let at = scene.records.cause[view.seq]; at >= 0 && causes < 8; at = scene.records.cause[at], causes++)
    assert.ok(text.includes(stage.toMarkup(stage.h("span", {}, `because: ${scene.sentences[at]}`))), scene.sentences[at]);
  assert.ok(!text.includes("…"));
});

test("why something ended is told as far as the next one that did", () => {
  const [g, layout] = [scene.geometry, { gutter: { x: 0, y: 0, w: 1200, h: 56 } }];
  const rooms = (...reasons) => stage.lostPlaces(g, layout, reasons, 0).map(({ room }) => room);
  const long = "refused: the queue is full and rejects what is published to it";
  assert.equal(rooms("expired", "expired")[0], g.lost_pitch - g.message_w);
  assert.ok(rooms("expired")[0] > 5 * g.lost_pitch);
  assert.ok(rooms("expired", long, "expired")[1] >= stage.widthOf(long, 11) + 18, "there is room: it is told whole");
  assert.deepEqual(rooms(long, long, long, long).slice(0, 3), [1, 2, 3].map(() => g.lost_pitch - g.message_w));
  const last = (hidden) => stage.lostPlaces(g, layout, Array(6).fill("expired"), hidden)[5].room;
  assert.ok(last(3) < last(0));
  const at = stage.lostPlaces(g, layout, ["expired", long, "expired"], 0);
  at.slice(1).forEach(({ x }, i) => assert.ok(x >= at[i].x + at[i].room));
});

test("the tables say what the state says", () => {
  const player = new stage.Player(scene, { zoom: 3 });
  player.go(player.last);
  const text = stage.tables(player.view()).map(stage.toMarkup).join("");
  for (const word of ["Queues", "Ready", "Unacked", "Total", "app", "direct", "producer:49152"])
    assert.ok(text.includes(word), word);
});

// Places are on the things they belong to, and what moves keeps to its way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = stage.decode(readFileSync(process.env.SCENE, "utf8"));
const g = scene.geometry;
const orientations = ["wide", "tall"];
const pipes = orientations.flatMap((name) =>
  Object.values(scene.layouts[name].pipes).map((pipe) => [name === "wide", pipe]),
);

test("up and down meet at the ends: where one arrives the other departs", () => {
  for (const [wide, pipe] of pipes) {
    const along = wide ? "x" : "y";
    const [a, b] = [stage.lanePoint(g, pipe, wide, true, 0, 0), stage.lanePoint(g, pipe, wide, false, 0, 1)];
    assert.equal(a[along], b[along]);
    assert.notEqual(a[wide ? "y" : "x"], b[wide ? "y" : "x"]);
  }
});

test("going to the server starts at the application", () => {
  for (const [wide, pipe] of pipes) {
    const start = stage.lanePoint(g, pipe, wide, true, 0, 0);
    assert.equal(wide ? start.x : start.y, wide ? pipe.x0 : pipe.y0);
  }
});

test("lanes of one tube are one lane apart and inside it", () => {
  const pipe = { x0: 0, x1: 100, y0: 50, y1: 50, lanes: [0, 1, 2], side: "left" };
  const ys = pipe.lanes.map((channel) => stage.lanePoint(g, pipe, true, true, channel, 0.5).y);
  assert.deepEqual(ys.map((y, i) => (i ? y - ys[i - 1] : 0)), [0, g.lane, g.lane]);
  assert.ok(ys.at(-1) < 50 - g.tube_gap / 2);
});

test("a queue's cells are inside it, the head at the right", () => {
  const node = { x: 100, y: 20, w: 184, h: 40, cells: 7 };
  const room = stage.roomOf(g, node);
  const xs = Array.from({ length: room }, (_, i) => stage.cellPoint(g, node, i).x);
  assert.ok(xs[0] + g.cell_w / 2 <= node.x + node.w / 2 && xs.at(-1) - g.cell_w / 2 >= node.x - node.w / 2);
  assert.ok(xs.slice(1).every((x, i) => x < xs[i]));
});

/** A queue with so many messages in each line; its entity lists a hundred of each. */
const queueOf = (unacked, ready) => {
  const line = (from, count) => Array.from({ length: Math.min(count, 100) }, (_, i) => from + i);
  return {
    ...{ unacked: line(1, unacked), unacked_count: unacked, ready: line(1 + unacked, ready), ready_count: ready },
    ready_last: ready ? unacked + ready : null,
  };
};

test("what is in a queue's cells and what is counted beside them are all of its messages", () => {
  for (const room of [1, 2, 3, 4, 7, 12])
    for (const unacked of [0, 1, 3, 6, 50, 300])
      for (const ready of [0, 1, 2, 6, 8, 500]) {
        const cells = stage.cellsOf(queueOf(unacked, ready), room);
        assert.ok(cells.length <= room, `${room} ${unacked} ${ready}`);
        for (const [line, count] of [["unacked", unacked], ["ready", ready]]) {
          const mine = cells.filter((cell) => cell.line === line);
          const told = mine.reduce((sum, { message, more }) => sum + (message === null ? more : 1), 0);
          if (mine.length) assert.equal(told, count, `${line} of ${unacked}, ${ready} in ${room}`);
        }
      }
});

test("a long queue shows its head and its tail, and ghosts never hide all that is Ready", () => {
  const cells = stage.cellsOf(queueOf(20, 500), 7);
  assert.equal(cells[0].message, 1);
  assert.equal(cells.at(-1).message, 520);
  assert.deepEqual(cells.filter(({ more }) => more).map(({ line }) => line), ["unacked", "ready"]);
});

test("a hand shows every slot of a small prefetch, and says how many more a large one has", () => {
  assert.deepEqual(stage.handOf(g, 3, 0), { slots: 3, more: 0 });
  assert.deepEqual(stage.handOf(g, 10, 0), { slots: 4, more: 6 });
  assert.deepEqual(stage.handOf(g, 0, 0), { slots: 1, more: 0 });
});

test("things at one point stand one behind the other, inside their lane", () => {
  const three = [0.5, 0.5, 0.5].map((p) => ({ at: 100 * p, width: 20 }));
  assert.deepEqual(stage.linedUp(three, 100), [50, 30, 10]);
  const waiting = [0, 0, 0].map((at) => ({ at, width: 20 }));
  assert.deepEqual(stage.linedUp(waiting, 100), [50, 30, 10]);
  const crowd = Array.from({ length: 9 }, () => ({ at: 30, width: 20 }));
  for (const at of stage.linedUp(crowd, 60)) assert.ok(at >= 0 && at <= 60);
});

test("things of different lanes may stand beside each other, and nothing beside what fills the tube", () => {
  const things = [{ at: 90, width: 20, lane: 0 }, { at: 90, width: 20, lane: 1 }, { at: 80, width: 40 }, { at: 0, width: 20, lane: 1 }];
  assert.deepEqual(stage.linedUp(things, 100), [90, 90, 60, 10]);
});

test("where a tube is full the last ones are counted, but not what is meant", () => {
  const row = Array.from({ length: 8 }, (_, i) => ({ i, width: 20, lane: 0, meant: i === 6 }));
  const { shown, hidden } = stage.roomFor(row, 100, 24);
  assert.deepEqual(shown.map(({ i }) => i), [0, 6]);
  assert.deepEqual(hidden.map((those) => those.map(({ i }) => i)), [[1, 2, 3, 4, 5], [7]]);
  assert.equal(stage.roomFor(row.slice(0, 5), 100, 24).hidden.length, 0);
});

test("a curve begins and ends at its ends", () => {
  const curve = [0, 0, 50, 0, 50, 100, 100, 100];
  assert.deepEqual(stage.onCurve(curve, 0), { x: 0, y: 0 });
  assert.deepEqual(stage.onCurve(curve, 1), { x: 100, y: 100 });
});

test("everything stands inside the picture", () => {
  for (const { width, height, apps, nodes } of orientations.map((name) => scene.layouts[name]))
    for (const { x, y } of [...Object.values(apps), ...Object.values(nodes)])
      assert.ok(x > 0 && x < width && y > 0 && y < height);
});

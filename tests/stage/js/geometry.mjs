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

const inTube = (places) => places.map(({ at, ...more }, i) => ({ i, at, p: 1, width: 20, sent: i, lane: 0, ...more }));
const stand = (things, length = 100) => stage.placesOf(inTube(things), length, 24).map(({ thing, those, middle }) => [those ? `+${those.length}` : thing.i, middle]);

test("things at one point stand one behind the other, and none before where it is", () => {
  assert.deepEqual(stand([{ at: 60 }, { at: 60 }, { at: 60 }]), [[0, 60], [1, 40], [2, 20]]);
  assert.deepEqual(stand([{ at: 34 }, { at: 34 }]), [[0, 34], [1, 14]]);
});

test("what has no room behind the others is counted at the mouth, and nobody is pushed ahead for it", () => {
  assert.deepEqual(stand([{ at: 90 }, { at: 34 }, { at: 34 }, { at: 34 }]), [[0, 90], [1, 34], ["+2", 12]]);
});

test("a count stands as far as those are that it counts, however long they are", () => {
  const row = (p) => stand([{ at: 34, width: 60, p }, { at: 34, p, meant: true }]);
  assert.deepEqual(row(0), [["+1", 36], [1, 10]]);
  assert.deepEqual(row(1), [["+1", 52], [1, 10]]);
});

test("things of different lanes may stand beside each other, and nothing beside what fills the tube", () => {
  const things = [{ at: 90 }, { at: 90, lane: 1 }, { at: 80, width: 40, lane: undefined }, { at: 0, lane: 1 }];
  assert.deepEqual(stand(things), [[0, 90], [1, 90], [2, 60], [3, 10]]);
});

test("who is meant has a place at the mouth, and counts stand before and behind it", () => {
  const row = Array.from({ length: 9 }, (_, i) => ({ at: 34, meant: i === 6 }));
  assert.deepEqual(stand(row), [["+6", 56], [6, 34], ["+2", 12]]);
});

test("what is stuck gives no way, and what passes it waits until it is past", () => {
  assert.deepEqual(stand([{ at: 59, sent: 7 }, { at: 54, stuck: true }]), [[1, 54], [0, 34]]);
  assert.deepEqual(stand([{ at: 71, sent: 7 }, { at: 50, stuck: true }]), [[0, 71], [1, 50]]);
});

test("what is stuck is counted apart from what is on its way", () => {
  const lost = Array.from({ length: 4 }, () => ({ at: 70, stuck: true }));
  const things = [...lost, { at: 10, sent: 8 }, { at: 10, sent: 9 }];
  assert.deepEqual(stand(things).map(([name]) => name), [0, "+3", "+2"]);
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

// The frame: the picture fits into any room, the axes keep the order of time, arrangements are always in order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = await stage.unpack(readFileSync(process.env.SCENE));
const names = stage.panelNames;
const rooms = [340, 560, 640, 900, 1300].flatMap((width) => [240, 380, 700].map((height) => ({ width, height })));
const zooms = [...scene.steps.keys()];

test("in every room the picture is as large as the room allows, and never too small to read", () => {
  for (const room of rooms) {
    const { layout, scale, whole } = stage.setting(scene.layouts, room);
    assert.equal(scale, whole >= stage.SMALLEST_WHOLE ? whole : stage.READABLE);
    assert.ok(layout.width * whole <= room.width + 1 && layout.height * whole <= room.height + 1);
    assert.ok(layout.width <= scene.layouts[layout.orientation].width);
  }
});

test("a squeezed layout keeps the order of things, and nothing loses its size but the queues", () => {
  for (const layout of Object.values(scene.layouts)) {
    const tight = stage.squeezed(layout, 10);
    const [axis, along] = layout.orientation === "wide" ? ["x", "width"] : ["y", "height"];
    assert.ok(tight[along] < layout[along]);
    const things = (one) => [...Object.values(one.apps), ...Object.values(one.nodes)].map((thing) => thing[axis]);
    const order = (values) => values.map((_, i) => i).sort((a, b) => values[a] - values[b] || a - b);
    assert.deepEqual(order(things(tight)), order(things(layout)));
    for (const [key, node] of Object.entries(layout.nodes)) {
      assert.equal(tight.nodes[key].h, node.h);
      assert.ok(tight.nodes[key].w <= node.w && tight.nodes[key].w >= Math.min(node.w, 130));
    }
  }
});

test("a layout that fits stays as it is", () => {
  for (const layout of Object.values(scene.layouts)) assert.equal(stage.squeezed(layout, 1e6), layout);
});

test("pipes keep to their programs and to the broker when the layout is squeezed", () => {
  const layout = scene.layouts.wide;
  const tight = stage.squeezed(layout, 10);
  for (const [name, pipe] of Object.entries(layout.pipes)) {
    const before = Math.sign(pipe.x1 - pipe.x0);
    assert.equal(Math.sign(tight.pipes[name].x1 - tight.pipes[name].x0), before);
    assert.ok(Math.abs(tight.pipes[name].x1 - tight.pipes[name].x0) >= 60);
  }
});

test("what stands inside the wall does not reach out of it, nor into an exchange, when the layout is squeezed", () => {
  const TRAY = 16; // half of what a transaction holds back
  for (const layout of Object.values(scene.layouts)) {
    const tight = stage.squeezed(layout, 10);
    const axis = layout.orientation === "wide" ? "x" : "y";
    for (const pipe of Object.values(tight.pipes)) {
      const inward = Math.sign(pipe[`${axis}1`] - pipe[`${axis}0`]);
      assert.ok(inward * (pipe.dock[axis] - pipe[`${axis}1`]) > TRAY);
      for (const node of Object.values(tight.nodes)) assert.ok(Math.abs(node[axis] - pipe.dock[axis]) > TRAY, JSON.stringify([node, pipe]));
    }
  }
});

test("what does not fit is followed: the place looked for is in sight", () => {
  const room = { width: 300, height: 200 };
  const set = stage.setting(scene.layouts, room);
  for (const { x, y } of [...Object.values(set.layout.nodes), ...Object.values(set.layout.apps)]) {
    const seen = stage.lens(set, room, null, [{ x, y }]);
    assert.ok(seen.x <= x && x <= seen.x + seen.width && seen.y <= y && y <= seen.y + seen.height);
  }
});

test("whatever ends outside its queue is in sight when the step says so, in every room", () => {
  const player = new stage.Player(scene, { zoom: 3, at: -1 });
  const inStrip = (seq) => ["lost", "returned"].flatMap((place) => player.cursor.seek(seq).at(place)).length;
  const ends = [...Array(scene.n).keys()].filter((seq) => inStrip(seq) > inStrip(seq - 1));
  for (const seq of ends.filter((_, i) => i % Math.ceil(ends.length / 12) === 0)) {
    player.jump(seq);
    for (const room of rooms) {
      const set = stage.setting(scene.layouts, room);
      const view = { ...player.view(set.orientation), layout: set.layout };
      const spoken = stage.marks(view).filter(({ kind, subject, place }) => kind === "message" && subject && /^(lost|returned)$/.test(place));
      if (!spoken.length) continue;
      const seen = stage.lens(set, room, null, stage.pointsOf(view, stage.marks(view)));
      const isIn = ({ x, y }) => seen.x <= x && x <= seen.x + seen.width && seen.y <= y && y <= seen.y + seen.height;
      assert.ok(spoken.some(isIn), `${room.width}×${room.height}: ${scene.sentences[seq]}`);
    }
  }
});

test("of the things that a step speaks of one is in sight, and it is not only the server", () => {
  const player = new stage.Player(scene, { zoom: 3, at: -1 });
  for (const seq of scene.steps[3].slice(1).filter((_, i, all) => i % Math.ceil(all.length / 20) === 0)) {
    player.jump(seq);
    for (const room of rooms) {
      const set = stage.setting(scene.layouts, room);
      const view = { ...player.view(set.orientation), layout: set.layout };
      const marks = stage.marks(view);
      const spoken = marks.filter(({ kind, subject }) => subject && !["binding", "server"].includes(kind));
      if (!spoken.length) continue;
      const seen = stage.lens(set, room, null, stage.pointsOf(view, marks));
      const isIn = ({ x, y }) => seen.x <= x && x <= seen.x + seen.width && seen.y <= y && y <= seen.y + seen.height;
      assert.ok(spoken.some(isIn), `${room.width}×${room.height}: ${scene.sentences[seq]}`);
    }
  }
});

test("a closer look keeps the place under the pointer", () => {
  const room = { width: 600, height: 400 };
  const set = stage.setting(scene.layouts, room);
  const seen = stage.lens(set, room, null, []);
  const point = { x: set.layout.width / 2 + 10, y: set.layout.height / 2 };
  const look = stage.closer(seen, set, 2, point);
  const next = stage.lens(set, room, look, []);
  const share = (at) => (point.x - at.x) / at.width;
  assert.ok(Math.abs(share(next) - share(seen)) < 0.02);
  assert.equal(next.scale, seen.scale * 2);
});

test("on every axis the steps stand in the order of time, and each is found where it stands", () => {
  for (const zoom of zooms)
    for (const mode of stage.AXES) {
      const steps = scene.steps[zoom];
      const places = stage.placesOn(scene, steps, mode);
      places.forEach((place, k) => {
        assert.ok(k === 0 || place >= places[k - 1]);
        assert.equal(places[stage.stepNear(places, place)], place);
      });
      assert.equal(stage.stepNear(places, -1), 0);
      assert.equal(stage.stepNear(places, 2), steps.length - 1);
    }
});

test("the linear axis is time itself", () => {
  const run = { records: { at: [0, 10, 100] } };
  assert.deepEqual([...stage.placesOn(run, [-1, 0, 1, 2], "linear")], [0, 0, 0.1, 1]);
  assert.deepEqual([...stage.placesOn(run, [-1, 0, 1, 2], "event")], [0, 1 / 3, 2 / 3, 1]);
  assert.deepEqual([...stage.placesOn({ records: { at: [5, 5] } }, [-1, 0, 1], "linear")], [0, 0.5, 1]);
  assert.deepEqual([...stage.placesOn({ records: { at: [] } }, [-1], "event")], [0]);
});

test("a gap is long if it is many times the usual one, and the longest come first", () => {
  const at = [0, 1e6, 2e6, 20e9, 20e9 + 1e6, 200e9, 200e9 + 1e6];
  const found = stage.longGaps({ records: { at } }, [-1, 0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(found.map(({ step, ns, silent }) => [step, ns, silent]), [[5, 180e9 - 1e6, true], [3, 20e9 - 2e6, true]]);
  assert.deepEqual(stage.longGaps({ records: { at: [0, 1e6] } }, [-1, 0, 1]), []);
});

test("it is silence only if no record lies in it, whatever the zoom", () => {
  const beats = Array.from({ length: 20 }, (_, i) => 3e6 + 30e9 * (i + 1));
  const at = [0, 1e6, 2e6, 3e6, ...beats];
  const [gap] = stage.longGaps({ records: { at } }, [-1, 0, 1, 2, 3, at.length - 1]);
  assert.deepEqual([gap.silent, gap.words], [false, "10 min"]);
});

test("the clock never shows more than the end, and no step beyond the last is named", () => {
  for (const zoom of zooms) {
    const player = new stage.Player(scene, { zoom, at: -1 });
    player.jump(scene.n - 1);
    const view = { ...player.view("wide"), whole: false };
    const said = [...stage.drawClock(view), ...stage.drawNarration(view)].filter(Boolean).map(stage.toMarkup).join("");
    assert.ok(said.includes(`of ${scene.moment(scene.records.at.at(-1))}`));
    assert.ok(!said.includes(`and ${view.steps.length} of`));
  }
});

test("time line and ladder say the same of every gap", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    const inLadder = plan.breaks.map(({ k, words }) => `${k} ${words}`);
    const steps = scene.steps[zoom];
    const ahead = steps[0] < 0 ? 1 : 0;
    const onLine = stage.longGaps(scene, steps).map(({ step, silent, words }) => `${step - ahead} ${words} ${silent ? "of silence" : "go by"}`);
    for (const words of onLine) assert.ok(inLadder.includes(words), words);
    assert.ok(onLine.length === inLadder.length || onLine.length >= 100);
  }
});

test("the words of a gap stand inside the track", () => {
  const at = [0, 1e6, 2e6, 3e6, 4e6, 5e6, 9e9];
  const steps = [-1, 0, 1, 2, 3, 4, 5, 6];
  const run = { records: { at }, steps: [steps] };
  for (const mode of stage.AXES)
    for (const { wordsAt, words } of stage.timelinePlan({ scene: run, steps }, 400, mode).gaps)
      assert.ok(wordsAt - 3 * words.length >= 0 && wordsAt + 3 * words.length <= 400, `${mode}: ${words} at ${wordsAt}`);
});

test("how long a gap was stands over the skyline, or, where a linear axis has its times there, on a ground", () => {
  const view = new stage.Player(scene, { zoom: 3 }).view("wide");
  const words = (v) => (typeof v !== "object" ? [] : v.tag === "text" ? [v] : v.kids.flatMap(words));
  for (const mode of stage.AXES) {
    const drawn = stage.drawTimeline({ ...view, bookmarks: [] }, stage.timelinePlan(view, 800, mode));
    for (const { props } of drawn.filter((v) => v.props.class === "silence").flatMap(words))
      assert.ok(props.class === "halo" && (mode === "linear" || props.y <= 10), `${mode}: ${props.y}`);
  }
});

test("ticks are few and round", () => {
  for (const to of [1e6, 7e6, 36.4e6, 3.6e9, 180e9]) {
    const ticks = stage.ticksBetween(0, to);
    assert.ok(ticks.length >= 2 && ticks.length <= 9, `${to}: ${ticks}`);
    assert.ok(ticks.every((tick) => tick > 0 && tick < to));
  }
  assert.deepEqual(stage.ticksBetween(5, 5), []);
  assert.deepEqual(stage.ticksBetween(0, 600e9).map((ns) => ns / 60e9), [2, 4, 6, 8]);
});

test("whatever was kept, the arrangement is in order", () => {
  for (const kept of [null, {}, { open: "ladder" }, { open: ["nonsense", "state", "state"], width: 9, height: "x", axis: 3, docks: { state: "above" }, bookmarks: [{ seq: "1" }, { seq: 3, name: "here" }] }]) {
    const made = stage.arrangementOf(kept, names);
    assert.ok(made.open.every((name) => names.includes(name)));
    assert.ok(made.width <= 0.65 && made.width >= 0.22 && (made.height === null || made.height >= 120));
    assert.ok(stage.AXES.includes(made.axis));
    assert.deepEqual(stage.arrangementOf(JSON.parse(JSON.stringify(made)), names), made);
  }
  const put = stage.arrangementOf({ open: ["nonsense", "state", "state"], bookmarks: [{ seq: "1" }, { seq: 3 }] }, names);
  assert.deepEqual([put.open, put.bookmarks.map(({ seq }) => seq)], [["state"], [3]]);
});

test("a laptop shows one panel, a projector several, a narrow page one below", () => {
  const made = stage.arrangementOf(null, names);
  assert.deepEqual(stage.seenPanels(made, names, { width: 1040, height: 616 }), { beside: ["ladder"], below: [] });
  assert.deepEqual(stage.seenPanels(made, names, { width: 1880, height: 1000 }), { beside: ["ladder", "inspector"], below: [] });
  assert.deepEqual(stage.seenPanels(made, names, { width: 600, height: 800 }), { beside: [], below: ["ladder"] });
});

test("a panel that is opened is seen, one that is seen closes", () => {
  const page = { width: 1040, height: 616 };
  const before = stage.arrangementOf(null, names);
  const opened = stage.togglePanel(before, "state", false);
  assert.deepEqual(stage.seenPanels(opened, names, page).beside, ["state"]);
  const closed = stage.togglePanel(opened, "state", true);
  assert.deepEqual(stage.seenPanels(closed, names, page).beside, ["ladder"]);
});

test("a panel moved below is seen there, beside the others", () => {
  const page = { width: 1040, height: 616 };
  const moved = stage.redock(stage.arrangementOf(null, names), "inspector");
  assert.deepEqual(stage.seenPanels(moved, names, page), { beside: ["ladder"], below: ["inspector"] });
  assert.deepEqual(stage.seenPanels(stage.redock(moved, "inspector"), names, page), { beside: ["inspector"], below: [] });
});

test("only faults that make sense now are offered", () => {
  const view = (host) => ({ scene: { broker: "broker" }, seq: 1, state: new Map([["host/waiter", host]]) });
  const offered = (host, id = "host/waiter") =>
    stage.faultsFor(view(host), { kind: "entity", id }).map(({ fault }) => fault);
  const well = { crashed: false, frozen: false, link: "" };
  assert.ok(offered(well).includes("freeze") && !offered(well).includes("thaw"));
  assert.ok(offered({ ...well, frozen: true }).includes("thaw"));
  assert.ok(!offered({ ...well, frozen: true }).includes("freeze"));
  assert.ok(!offered({ ...well, crashed: true }).includes("freeze"));
  assert.ok(!offered({ ...well, crashed: true, status: "returned" }).includes("freeze"), "its process went with the power");
  assert.deepEqual(offered({ ...well, status: "NotFound: no queue" }), ["power off"], "who has failed has no process");
  assert.ok(offered({ ...well, status: "returned" }).includes("kill"));
  assert.deepEqual(offered({ ...well, link: "cut" }, "connection/waiter:49152").filter((fault) => fault !== "reset"), ["heal"]);
  const link = (host) =>
    stage.faultsFor(
      { scene: { broker: "broker" }, seq: 1, state: new Map([["host/waiter", host], ["connection/waiter:49152", { state: "open" }]]) },
      { kind: "entity", id: "connection/waiter:49152" },
    ).map(({ fault }) => fault);
  assert.ok(link(well).includes("reset") && !link({ ...well, crashed: true, off: true }).includes("reset"), "nothing resets without power");
  assert.deepEqual(offered({ ...well, crashed: true, off: true }), ["power on"]);
  assert.deepEqual(offered(well, "host/broker"), []);
  assert.deepEqual(offered(well, "queue/%2F/q"), []);
});

test("every key of the help does something, and every zoom has its key", () => {
  const keys = stage.HELP.flatMap(([, entries]) => entries.map(([key]) => key));
  for (const key of ["Space", "U", "L", "F", "P", "M", "?"]) assert.ok(keys.some((text) => text.includes(key)), key);
  for (const key of ["u", "l", "f", "p", "m", "[", "]", "t", "e", "i", "o", "0", "w", "1", "5", "?", " "])
    assert.ok(stage.actionOf({ key }), key);
  assert.equal(stage.actionOf({ key: "b" }), undefined);
  assert.equal(stage.actionOf({ key: "b" }, true), "blank");
  assert.equal(stage.actionOf({ key: "ArrowRight", shiftKey: true }), "coarser-forward");
  assert.equal(stage.actionOf({ key: "l", ctrlKey: true }), undefined);
});

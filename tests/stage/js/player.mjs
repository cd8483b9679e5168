// The player: steps, zooms, visits, playing, selections, keys.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = stage.decode(readFileSync(process.env.SCENE, "utf8"));
const MILESTONE = 3;
const zooms = [...stage.ZOOMS.keys()];

/** The page at the player's record, as text. */
function page(player) {
  const view = { ...player.view("wide"), uid: "test", goals: [], breakable: [], connected: false };
  const layers = [...stage.picture(view, stage.standing(view)), stage.movingLayer(view, stage.movable(view))];
  return [...layers, ...stage.tables(view)].map(stage.toMarkup).join("") + stage.sentenceOf(view);
}

test("forward and back the same number of steps shows the identical page, at every zoom", () => {
  for (const zoom of zooms) {
    const player = new stage.Player(scene, { zoom, at: -1 });
    const pages = [];
    const steps = Math.min(25, player.last);
    for (let i = 0; i < steps; i++) {
      pages.push(page(player));
      player.move(1);
    }
    for (let i = steps; i-- > 0;) {
      player.move(-1);
      assert.equal(page(player), pages[i], `zoom ${zoom}, step ${i}`);
    }
  }
});

test("a record shows the same page whatever the way there: by steps, by a jump, by keyframes, back from the end", () => {
  const jumping = new stage.Player(scene, { at: -1 });
  while (jumping.cursor.prepare(50));
  const backward = new stage.Player(scene, { at: scene.n - 1 });
  const stepping = new stage.Player(scene, { at: -1 });
  const wanted = [...scene.steps[MILESTONE]].filter((_, k) => k % 4 === 1).reverse();
  const pages = new Map(wanted.map((seq) => (backward.jump(seq), [seq, page(backward)])));
  for (let k = 1; k <= stepping.last; k++) {
    stepping.move(1);
    if (!pages.has(stepping.seq)) continue;
    jumping.jump((stepping.seq * 31) % scene.n);
    jumping.jump(stepping.seq);
    assert.equal(page(stepping), pages.get(stepping.seq));
    assert.equal(page(jumping), pages.get(stepping.seq));
  }
});

test("a jump lands on its record, at every zoom", () => {
  for (const zoom of zooms) {
    const player = new stage.Player(scene, { zoom, at: -1 });
    for (let seq = -1; seq < scene.n; seq++) {
      player.jump(seq);
      const view = player.view();
      assert.equal(view.seq, seq);
      assert.equal(view.visit, !scene.steps[zoom].includes(seq));
      if (view.visit) assert.equal(stage.sentenceOf(view), scene.sentences[seq]);
    }
  }
});

test("from a visit one comes back to where one was, also after a visit from there", () => {
  const player = new stage.Player(scene, { zoom: MILESTONE, at: -1 });
  player.go(3);
  const home = player.seq;
  const finer = [...scene.steps[0]].filter((seq) => seq >= 0 && !scene.steps[MILESTONE].includes(seq));
  player.jump(finer[0]);
  player.jump(finer.at(-1));
  assert.ok(player.visit && player.comeBack());
  assert.equal(player.seq, home);
  assert.equal(player.comeBack(), false);
});

test("a step out of a visit goes to the next or the last step of the zoom", () => {
  const player = new stage.Player(scene, { zoom: MILESTONE, at: -1 });
  const steps = scene.steps[MILESTONE];
  const k = steps.findIndex((seq, i) => i > 0 && seq - steps[i - 1] > 2);
  player.jump(steps[k] - 1);
  player.move(1);
  assert.equal(player.seq, steps[k]);
  player.jump(steps[k] - 1);
  player.move(-1);
  assert.equal(player.seq, steps[k - 1]);
});

test("nothing moves past the ends", () => {
  const player = new stage.Player(scene, { zoom: MILESTONE, at: -1 });
  player.move(-1);
  assert.equal(player.seq, -1);
  player.go(1e9);
  player.move(1);
  assert.equal(player.step, player.last);
  for (const at of [-9, 1e9]) assert.ok(new stage.Player(scene, { at }).seq < scene.n);
});

test("a change of zoom keeps the record", () => {
  const player = new stage.Player(scene, { zoom: MILESTONE, at: -1 });
  player.go(5);
  const { seq } = player;
  for (const zoom of zooms) {
    player.setZoom(zoom);
    assert.equal(player.seq, seq);
  }
});

test("coarser and finer steps are steps of those zooms", () => {
  const player = new stage.Player(scene, { zoom: 2, at: -1 });
  player.coarser(1);
  assert.ok(scene.steps[3].includes(player.seq) && player.seq > -1);
  player.finer(1);
  assert.ok(scene.steps[1].includes(player.seq));
  player.finer(-1);
  player.coarser(-1);
  assert.ok(scene.steps[3].includes(player.seq));
});

test("a step changes the record at once, and only then things move", () => {
  const player = new stage.Player(scene, { zoom: 0, at: -1 });
  player.move(1, true);
  assert.equal(player.seq, scene.steps[0][1]);
  assert.deepEqual(player.view().motion, { t: 0, from: -1 });
  player.motion.total = 200;
  assert.ok(player.tick(100) && player.view().motion.t === 0.5);
  assert.equal(player.tick(150), false);
  assert.equal(player.view().motion, null);
});

test("playing shows every step once and stops at the end; silence is shown by the clock", () => {
  for (const still of [false, true]) {
    const player = new stage.Player(scene, { zoom: MILESTONE, at: -1 });
    player.toggle();
    const seen = [player.seq];
    for (let i = 0; i < 200000 && player.tick(40, still); i++) {
      if (player.motion) player.motion.total ??= 300;
      if (player.seq !== seen.at(-1)) seen.push(player.seq);
      const next = scene.steps[MILESTONE][player.step + 1];
      if (next !== undefined) assert.ok(player.now <= Math.max(scene.timeOf(next), scene.timeOf(player.seq)));
      assert.ok(player.now >= scene.timeOf(player.seq));
    }
    if (player.seq !== seen.at(-1)) seen.push(player.seq);
    assert.deepEqual(seen, [...scene.steps[MILESTONE]]);
    assert.ok(player.resting);
  }
});

test("a step of the story is shown until it is read, and a long sentence longer than a short one", () => {
  const player = new stage.Player(scene, { at: -1 });
  const long = (sentence) => 20 * sentence.length;
  for (let step = 1; step < player.last; step++) {
    player.go(step);
    player.toggle();
    const ms = long(stage.sentenceOf(player));
    for (let passed = 0; passed < Math.min(ms, 2000); passed += 40) {
      player.tick(40, true);
      assert.equal(player.step, step, `${passed} ms after ${stage.sentenceOf(player)}`);
    }
  }
});

test("from where because leads one can come back, be it a step or between steps", () => {
  for (const zoom of zooms) {
    const player = new stage.Player(scene, { zoom, at: -1 });
    for (const seq of scene.steps[zoom].slice(1)) {
      const cause = stage.causeOf(scene, zoom, seq);
      if (!cause) continue;
      player.jump(seq);
      player.jump(cause.seq, false, true);
      assert.equal(player.seq, cause.seq);
      assert.ok(player.comeBack() && player.seq === seq && !player.comeBack());
    }
  }
});

test("it is said that the recording ends only where nothing follows at any zoom", () => {
  for (const [zoom, steps] of scene.steps.entries()) {
    const player = new stage.Player(scene, { zoom, at: steps.at(-1) });
    const said = stage.drawNarration({ ...player.view("wide"), panels: [] }).filter(Boolean).map(stage.toMarkup).join("");
    const follows = scene.steps.slice(0, zoom).some((finer) => finer.at(-1) > steps.at(-1));
    assert.equal(said.includes("The recording ends here."), !follows, `zoom ${zoom}`);
    assert.equal(said.includes(`the recording goes on to`), follows, `zoom ${zoom}`);
  }
});

test("the end is the last step, whatever comes after it", () => {
  for (const zoom of zooms) {
    const player = new stage.Player(scene, { zoom, at: scene.n - 1 });
    assert.equal(player.step, player.last);
    assert.equal(player.visit, false);
  }
});

test("a chapter of the story touches what its own records changed, and nothing that others did", () => {
  const player = new stage.Player(scene, { zoom: stage.STORY, at: -1 });
  for (const [last, first, sentence] of scene.story) {
    player.jump(last);
    const own = new Set();
    for (let seq = first; seq <= last; seq++) for (const [key] of scene.patches[seq]) own.add(key);
    for (const key of player.view().touched) assert.ok(own.has(key), `${sentence}: ${key}`);
  }
});

test("what is selected without a choice is what this very record is about", () => {
  const player = new stage.Player(scene, { zoom: MILESTONE, at: -1 });
  for (let seq = 0; seq < scene.n; seq++) {
    player.jump(seq);
    const { selection, subject } = player.view();
    if (subject.frame !== undefined) assert.deepEqual(selection, { kind: "frame", id: subject.frame });
    else if (subject.command === undefined && subject.segment === undefined && subject.message !== undefined)
      assert.deepEqual(selection, { kind: "message", id: subject.message });
  }
});

test("a selected message lights its frames, their segments and itself", () => {
  const lit = stage.related(scene, { kind: "message", id: 1 });
  assert.ok(lit.message.has(1) && lit.frame.size >= 3 && lit.segment.size >= 1);
  for (const id of lit.frame) assert.ok(scene.frames[id].messages.includes(1));
  const [frame] = lit.frame;
  assert.ok(stage.related(scene, { kind: "frame", id: frame }).message.has(1));
});

test("picking what is picked lets go of it", () => {
  const player = new stage.Player(scene);
  const selection = stage.parseSelection("entity:queue/%2F/app");
  assert.deepEqual(selection, { kind: "entity", id: "queue/%2F/app" });
  player.pick(selection);
  assert.deepEqual(player.pinned, selection);
  player.pick({ ...selection });
  assert.equal(player.pinned, null);
});
test("keys mean actions, and other people's shortcuts nothing", () => {
  const key = (name, more = {}) => stage.actionOf({ key: name, ...more });
  assert.equal(key(" "), "toggle");
  assert.equal(key("ArrowRight"), "forward");
  assert.equal(key("PageUp"), "back");
  assert.equal(key("ArrowRight", { shiftKey: true }), "coarser-forward");
  assert.equal(key("3"), "zoom-2");
  assert.equal(key("?", { shiftKey: true }), "help");
  assert.equal(key("ArrowRight", { ctrlKey: true }), undefined);
  assert.equal(key("q"), undefined);
});

test("a failure names whom it happens to", () => {
  const player = new stage.Player(scene, { at: scene.segments[0].sent });
  const offers = (selection) => stage.faultsFor(player.view(), selection);
  const [lose] = offers({ kind: "segment", id: scene.segments[0].n });
  assert.deepEqual([lose.fault, lose.client, lose.segment], ["lose segment", "producer", scene.segments[0].n]);
  assert.ok(offers({ kind: "entity", id: "connection/producer:49152" }).every(({ client }) => client === "producer"));
  assert.equal(offers({ kind: "entity", id: "host/producer" })[0].client, "producer");
  const channel = player.go(player.last) ?? player.view().state.of("channel")[0];
  const connection = `connection/${channel.split("/")[1]}`;
  assert.ok(offers({ kind: "entity", id: channel }).some(({ fault }) => fault === "reset"));
  assert.deepEqual(offers({ kind: "entity", id: channel }), offers({ kind: "entity", id: connection }), "a channel fails with its connection");
  assert.deepEqual(offers({ kind: "frame", id: 0 }), []);
});

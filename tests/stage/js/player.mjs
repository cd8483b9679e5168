// The player: steps, zooms, playing, goals, selections, keys.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = stage.decode(readFileSync(process.env.SCENE, "utf8"));
const MILESTONE = 3;

/** The whole page at the player's position, as text. */
function page(player) {
  const view = { ...player.view("wide"), uid: "test", goals: [], breakable: [], connected: false };
  const parts = [stage.picture(view), stage.tokens(view), stage.tables(view), stage.inspector(view, 600)];
  return [...parts, stage.drawNarration(view), [stage.drawTimeline(view, 900)]]
    .flat(2)
    .filter(Boolean)
    .map(stage.toMarkup)
    .join("");
}

test("forward and back the same number of steps shows the identical page, at every zoom", () => {
  for (const zoom of stage.ZOOMS.keys()) {
    const player = new stage.Player(scene, { zoom });
    const pages = [];
    const steps = Math.min(20, player.last);
    for (let i = 0; i < steps; i++) {
      pages.push(page(player));
      player.move(1, false);
    }
    for (let i = steps; i-- > 0;) {
      player.move(-1, false);
      assert.equal(page(player), pages[i], `zoom ${zoom}, step ${i}`);
    }
  }
});

test("a scrub shows what stepping shows", () => {
  const stepping = new stage.Player(scene, { zoom: 1 });
  const scrubbing = new stage.Player(scene, { zoom: 1 });
  for (let i = 0; i < 30; i++) stepping.move(1, false);
  scrubbing.go(scrubbing.last);
  scrubbing.go(30);
  assert.equal(page(scrubbing), page(stepping));
});

test("nothing moves past the ends", () => {
  const player = new stage.Player(scene, { zoom: MILESTONE });
  player.move(-1, false);
  assert.equal(player.step, 0);
  player.go(1e9);
  assert.equal(player.step, player.last);
});

test("a change of zoom keeps the moment", () => {
  const player = new stage.Player(scene, { zoom: MILESTONE });
  player.go(5);
  const { time } = player;
  for (const zoom of [0, 1, 2, 3]) {
    player.setZoom(zoom);
    assert.ok(Math.abs(player.time - time) < 1e-6);
  }
  assert.ok(Math.abs(player.u - 5) < 1e-6);
});

test("gliding ends exactly on the step, forward and back", () => {
  const player = new stage.Player(scene, { zoom: 0 });
  for (const by of [1, 1, -1]) {
    player.move(by, true);
    for (let i = 0; i < 500 && player.tick(16, false); i++);
    assert.equal(player.u, Math.round(player.u));
  }
  assert.equal(player.u, 1);
});

test("playing reaches the end, and stops there", () => {
  for (const still of [false, true]) {
    const player = new stage.Player(scene, { zoom: MILESTONE });
    player.toggle();
    let before = player.u;
    for (let i = 0; i < 100000 && player.tick(40, still); i++) {
      assert.ok(player.u >= before);
      before = player.u;
    }
    assert.equal(player.u, player.last);
    assert.ok(player.resting);
  }
});

test("a goal is found where it comes true first", () => {
  const at = (text) => stage.find(scene, stage.goal(text), -1);
  assert.equal(scene.kinds[at("Routed")], "Routed");
  assert.ok(scene.patches[at("#1")].some(([key]) => key === "message/1"));
  const published = at("basic.publish");
  assert.ok(published !== null && published < at("#1"));
  assert.ok(scene.records.at[at("2 ms")] >= 2e6 && scene.records.at[at("2 ms") - 1] < 2e6);
  assert.ok(at("app ready = 1") > at("#1"));
  assert.equal(stage.goal("  "), null);
  assert.equal(at("no such thing"), null);
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
  const [first] = stage.faultsFor(scene, { kind: "entity", id: "connection/producer:49152" });
  assert.deepEqual(first, { fault: "cut", label: "cut the link", client: "producer" });
  const [lose] = stage.faultsFor(scene, { kind: "segment", id: scene.segments[0].n });
  assert.deepEqual([lose.fault, lose.client, lose.segment], ["lose segment", "producer", scene.segments[0].n]);
  assert.equal(stage.faultsFor(scene, { kind: "entity", id: "host/producer" })[0].client, "producer");
  assert.deepEqual(stage.faultsFor(scene, { kind: "frame", id: 0 }), []);
});

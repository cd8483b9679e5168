// The depths are the state's own numbers, at every record; the curve loses no peak.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = await stage.decode(readFileSync(process.env.SCENE, "utf8"));

test("at every record each queue is as deep as the state says", () => {
  const depths = stage.depthsOf(scene);
  const cursor = new stage.Cursor(scene);
  for (let seq = -1; seq < scene.n; seq++) {
    const state = cursor.seek(seq);
    for (const [key, depth] of depths) {
      const { ready, unacked } = stage.depthAt(depth, seq);
      const queue = state.get(key) ?? { ready_count: 0, unacked_count: 0 };
      assert.deepEqual([ready, unacked], [queue.ready_count, queue.unacked_count], `${key} after ${seq}`);
    }
    for (const key of state.of("queue")) assert.ok(depths.has(key));
  }
});

test("the panel says those numbers at every step, on every axis", () => {
  for (const axis of ["event", "compressed", "linear"]) {
    const player = new stage.Player(scene, { zoom: 3 });
    for (let k = 0; k <= player.last; k++) {
      player.go(k);
      const view = { ...player.view(), axis };
      const text = stage.drawDepths(view, 400).map(stage.toMarkup).join("");
      for (const key of view.state.of("queue").slice(0, 12)) {
        if (!text.includes(`data-id="${key}"`)) continue;
        const own = text.slice(text.indexOf(`data-id="${key}"`));
        const { ready_count: ready, unacked_count: unacked } = view.state.get(key);
        assert.ok(own.slice(0, own.indexOf("<svg")).includes(`Ready ${ready} · Unacked ${unacked}`), key);
      }
      assert.ok(!/NaN|undefined/.test(text));
    }
  }
});

test("a curve has few points and keeps its peak", () => {
  for (const zoom of scene.steps.keys()) {
    const steps = scene.steps[zoom];
    const places = stage.placesOn(scene, steps, "linear");
    for (const depth of stage.depthsOf(scene).values()) {
      const samples = stage.samplesOf(depth, steps, places, 400);
      assert.ok(samples.length <= 400);
      const most = Math.max(...[...steps].map((seq) => stage.depthAt(depth, seq)).map(({ ready, unacked }) => ready + unacked));
      assert.ok(Math.max(...samples.map(({ ready, unacked }) => ready + unacked)) >= most);
    }
  }
});

test("rates count what came and went, and in all as much as the queue holds", () => {
  for (const depth of stage.depthsOf(scene).values()) {
    const { ready, unacked, came, went } = stage.depthAt(depth, scene.n - 1);
    assert.equal(came - went, ready + unacked);
    const whole = scene.timeOf(scene.n - 1) + 1;
    const rates = stage.ratesAt(scene, depth, scene.n - 1, whole);
    assert.ok(Math.abs(rates.came * whole - came * 1e9) < 1e-3 * (1 + came * 1e9));
  }
});

// Goals: a text means what the table says, and is reached where Python's goal is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = stage.decode(readFileSync(process.env.SCENE, "utf8"));
const { examples, reached } = JSON.parse(readFileSync(process.env.GOALS, "utf8"));

/** All records that reach a goal, one after the other. */
function allReached(text) {
  const goal = stage.goal(scene, text);
  const found = [];
  for (let seq = stage.find(scene, goal, -1); seq !== null; seq = stage.find(scene, goal, seq)) found.push(seq);
  return found;
}

test("a text means what the table says", () => {
  for (const { text, means } of examples) assert.deepEqual(stage.meaningOf(scene, text), means, text);
});

test("a goal is reached at the records at which Python reaches it", () => {
  for (const [text, seqs] of Object.entries(reached)) assert.deepEqual(allReached(text), seqs, text);
});

test("a time is reached by the first record that is not before it", () => {
  const { at } = scene.records;
  const first = stage.find(scene, stage.goal(scene, "2 ms"), -1);
  assert.equal(first ?? scene.n, at.filter((ns) => ns < 2e6).length);
});

test("whatever is offered means something", () => {
  for (const text of stage.goalsOf(scene)) assert.ok(stage.goal(scene, text), text);
});

test("a text that means nothing is no goal", () => {
  for (const text of ["", "  ", "no such thing", "20"]) assert.equal(stage.goal(scene, text), null, text);
  assert.ok(stage.noGoal(" basic.akc ").startsWith("“basic.akc” is no time"));
});

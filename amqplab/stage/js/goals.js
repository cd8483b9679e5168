// Goals: what "run until" means.
//
// Theory
// ------
// A goal is a predicate on (scene, seq, state), made from what somebody typed: a message (#3), a time (20 ms), a
// condition on a queue (app ready = 2), or a word: a method, a kind of record, or part of its brief.

import { nameOf } from "./text.js";
import { Cursor } from "./state.js";

const NANOSECONDS = { ns: 1, µs: 1e3, us: 1e3, ms: 1e6, s: 1e9, min: 6e10, h: 3.6e12 };
const COMPARE = {
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
};
const COUNTS = { ready: "ready_count", unacked: "unacked_count", total: "total" };

const MEANINGS = [
  [/^#(\d+)$/, ([, number]) => touches(`message/${number}`)],
  [/^([\d.]+) *(ns|µs|us|ms|s|min|h)$/, ([, n, unit]) => after(+n * NANOSECONDS[unit])],
  [
    /^(\S+) +(ready|unacked|total) *(>=|<=|=|<|>) *(\d+)$/i,
    ([, queue, count, sign, n]) => holds(queue, COUNTS[count.toLowerCase()], COMPARE[sign], +n),
  ],
];

/** The predicate that a text means; null when it says nothing. */
export function goal(text) {
  const said = text.trim();
  if (!said) return null;
  for (const [pattern, meaning] of MEANINGS) {
    const match = pattern.exec(said);
    if (match) return meaning(match);
  }
  return speaksOf(said.toLowerCase());
}

const touches = (wanted) => (scene, seq) => scene.patches[seq].some(([key]) => key === wanted);

const after = (ns) => (scene, seq) => scene.records.at[seq] >= ns;

const holds = (queue, count, compare, n) => (scene, seq, state) =>
  [...state].some(([key, q]) => key.startsWith("queue/") && nameOf(key) === queue && compare(q[count], n));

const speaksOf = (word) => (scene, seq) =>
  scene.kindOf(seq).toLowerCase() === word ||
  scene.labels[seq].toLowerCase().includes(word) ||
  commandAt(scene, seq)?.name === word;

function commandAt(scene, seq) {
  const { command, frame } = scene.subjectOf(seq);
  const number = command ?? scene.frames[frame]?.command;
  return scene.commands[number];
}

/** First record after `seq` that fulfils a goal, or null. */
export function find(scene, reached, seq) {
  const cursor = new Cursor(scene);
  cursor.seek(seq);
  for (let q = seq + 1; q < scene.n; q++) if (reached(scene, q, cursor.seek(q))) return q;
  return null;
}

const OFFERED = /^(basic\.|connection\.open|channel\.open)/;
const ALWAYS_OFFERED = ["Routed", "Enqueued", "Delivered", "Acknowledged", "SegmentLost", "#1", "1 s"];

/** Goals that make sense in this scene, offered to whoever does not know what to type. */
export function goalsOf(scene) {
  scene.goals ??= [...new Set(scene.commands.map((command) => command.name))]
    .filter((name) => OFFERED.test(name))
    .concat(ALWAYS_OFFERED);
  return scene.goals;
}

// Goals: what "run until" means.
//
// Theory
// ------
// The stage and `lab.run(until=…)` mean the same by the same words (trace/until.py), and are held to one table of
// examples (tests/data/goals.json):
//
//     20 ms           the time, from the start of the run
//     basic.ack       the next sending of this method (its arrival, where nobody recorded the sending)
//     Delivered       the next event of this kind
//     #3              the next record that changes message 3
//     app ready = 2   the next change of the queue after which it holds two Ready messages; also "unacked" and
//                     "total", and < <= >= >
//     "tuned"         the next record with these words in its label
//
// Names may be written in any case; which there are says the scene. First a text becomes plain values (`meaningOf`),
// then those become a predicate on (scene, seq, state) (`goal`).

import { nameOf } from "./text.js";
import { Cursor } from "./state.js";

/** @type {Record<string, number>} */
const NANOSECONDS = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, min: 6e10, h: 3.6e12 };
/** @type {Record<string, string>} */
const COUNTS = { ready: "ready_count", unacked: "unacked_count", total: "total" };
/** @type {Record<string, (a: number, b: number) => boolean>} */
const COMPARE = {
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
};

const MESSAGE = /^#(\d+)$/;
const QUEUE = /^(\S.*?) +(ready|unacked|total) *(>=|<=|=|<|>) *(\d+)$/i;
const LABEL = /^"([^"]+)"$/;
const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))\s*(\S*)$/;
const SIGNS_OF_MICRO = /[\u00b5\u03bc]/g;

// --- a text as values ---

/** What a text means, as plain values; null when it means nothing.
 * @param {Pick<Scene, "kinds" | "methods">} scene whose events and methods may be named
 * @param {string} text @returns {[string, ...any[]] | null} */
export function meaningOf({ kinds, methods }, text) {
  const said = text.trim();
  const message = MESSAGE.exec(said);
  if (message) return ["message", +message[1]];
  const queue = QUEUE.exec(said);
  if (queue) return ["queue", queue[1], queue[2].toLowerCase(), queue[3], +queue[4]];
  const label = LABEL.exec(said);
  if (label) return ["label", label[1].toLowerCase()];
  if (!/^\p{L}/u.test(said)) return timeMeant(said);
  const named = (/** @type {string[]} */ names) => names.find((name) => name.toLowerCase() === said.toLowerCase());
  const event = named(Object.keys(kinds));
  if (event) return ["event", event];
  const method = named(methods);
  return method ? ["method", method] : null;
}

/** @param {string} said @returns {["time", number] | null} */
function timeMeant(said) {
  const [, number, unit] = QUANTITY.exec(said.replaceAll("_", "").replace(SIGNS_OF_MICRO, "µ")) ?? [];
  const ns = Math.round(+number * NANOSECONDS[unit]);
  return ns >= 0 ? ["time", ns] : null;
}

// --- values as a predicate ---

/** @typedef {(scene: Scene, seq: number, state: World) => boolean} Goal */

/** The predicate that a text means in this scene; null when it means nothing.
 * @param {Scene} scene @param {string} text @returns {Goal | null} */
export function goal(scene, text) {
  const meaning = meaningOf(scene, text);
  if (!meaning) return null;
  const [kind, ...values] = meaning;
  return GOALS[kind](...values);
}

/** @type {Record<string, (...values: any[]) => Goal>} */
const GOALS = {
  time: (ns) => (scene, seq) => scene.records.at[seq] >= ns,
  event: (name) => (scene, seq) => scene.kindOf(seq) === name,
  method: (name) => (scene, seq) => commandAt(scene, seq)?.name === name,
  label: (words) => (scene, seq) => scene.labels[seq].toLowerCase().includes(words),
  message: (number) => (scene, seq) => scene.patches[seq].some(([key]) => key === `message/${number}`),
  queue: (name, count, sign, number) => (scene, seq, state) =>
    scene.patches[seq].some(([key]) => {
      const queue = key.startsWith("queue/") && nameOf(key) === name ? state.get(key) : undefined;
      return queue !== undefined && COMPARE[sign](queue[COUNTS[count]], number);
    }),
};

/** The command that is sent at a record; or that arrives there, if nobody recorded the sending.
 * @param {Scene} scene @param {number} seq */
function commandAt(scene, seq) {
  const command = scene.commands[scene.subjectOf(seq).command ?? -1];
  const kind = scene.kindOf(seq);
  const isSent = kind === "CommandSent" || (kind === "CommandReceived" && command?.sent === null);
  return isSent ? command : undefined;
}

/** First record after `seq` that fulfils a goal, or null. @param {Scene} scene @param {Goal} reached @param {number} seq */
export function find(scene, reached, seq) {
  const cursor = new Cursor(scene);
  cursor.seek(seq);
  for (let q = seq + 1; q < scene.n; q++) if (reached(scene, q, cursor.seek(q))) return q;
  return null;
}

// --- for whoever does not know what to type ---

const OFFERED = /^(basic\.|connection\.open|channel\.open)/;
const ALWAYS_OFFERED = ["Routed", "Enqueued", "Delivered", "Acknowledged", "SegmentLost", "#1", "1 s"];

/** Goals that make sense in this scene. @param {Scene} scene */
export function goalsOf(scene) {
  scene.goals ??= [...new Set(scene.commands.map((command) => command.name))]
    .filter((name) => OFFERED.test(name))
    .concat(ALWAYS_OFFERED);
  return scene.goals;
}

/** Why a text is no goal, and what would be one. @param {string} text */
export const noGoal = (text) =>
  `“${text.trim()}” is no time like 5 ms, no method like basic.deliver, no event like Delivered, no message like #3.`;

// Convoy: things on a link keep their order also while they move.
//
// Theory
// ------
// What was drawn already moves evenly from one line to another, and two lines in the same order never cross on the way.
// What appears has no place to come from: it would stand where it belongs at once, before things that still are on their
// way there. So it keeps behind what was sent before it, and before what was sent after it, until all have arrived. And
// what goes its last way, to the end of the link, keeps before those that follow it; after a loss some that were sent later
// have long been there. What is sent again appears, too (anew.js).

import { groupedBy } from "./wire.js";

/** Those that appear on links, or leave them, each with what it keeps behind while things move, and what it keeps before:
 * what was sent earlier and later, and was drawn already.
 * @returns {{key: string, axis: "x" | "y", ahead: number, leaders: string[], followers: string[]}[]} */
export function newcomersOf(view, before, after) {
  /** @type {"x" | "y"} */
  const axis = view.layout.orientation === "wide" ? "x" : "y";
  const was = new Map(before.map((mark) => [mark.key, mark]));
  const anew = new Set(before.filter(({ isAnew }) => isAnew).map(({ key }) => key));
  const kept = new Set(after.map(({ key }) => key));
  const gone = before.filter(({ key, stream }) => stream && !kept.has(key));
  const keysOf = (marks) => marks.map(({ key }) => key);
  const found = [];
  for (const lane of groupedBy(after.filter(({ stream }) => stream), ({ stream }) => stream)) {
    const old = lane.filter(({ key }) => was.has(key));
    for (const { key, ahead, octet, [axis]: place } of gone.filter(({ stream }) => stream === lane[0].stream)) {
      const follows = (other) => other.octet > octet && ahead * (was.get(other.key)[axis] - place) < 0;
      found.push({ key, axis, ahead, leaders: [], followers: keysOf(old.filter(follows)) });
    }
    for (const mark of lane.filter(({ key }) => !was.has(key) || anew.has(key))) {
      const { key, ahead, octet, stream } = mark;
      const leads = (other) => other.octet < octet && ahead * (other[axis] - mark[axis]) > 0;
      const follows = (other) => other.octet > octet && ahead * (other[axis] - mark[axis]) < 0;
      const left = gone.filter((other) => other.stream === stream && other.octet < octet);
      found.push({ key, axis, ahead, leaders: keysOf([...left, ...old.filter(leads)]), followers: keysOf(old.filter(follows)) });
    }
  }
  return found;
}

/** The same marks, those that appear in line with the others. */
export function inLine(newcomers, marks) {
  if (!newcomers.length) return marks;
  const places = new Map(marks.map((mark) => [mark.key, mark]));
  for (const { key, axis, ahead, leaders, followers } of newcomers) {
    const mark = places.get(key);
    if (!mark) continue;
    const far = (keys) => keys.map((other) => places.get(other)).filter(Boolean).map((other) => ahead * other[axis]);
    const place = Math.min(Math.max(ahead * mark[axis], ...far(followers)), ...far(leaders));
    places.set(key, { ...mark, [axis]: ahead * place });
  }
  return marks.map(({ key }) => places.get(key));
}

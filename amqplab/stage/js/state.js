// State: what is true after a record, found by applying patches forward or back.
//
// Theory
// ------
// A patch keeps the old value beside the new one (scene.py), so undoing is the same work as doing, and any moment
// is as many patches away as records lie between. Entities are replaced, never changed in place: what was drawn
// from the old one stays true of the old one.

import { encode } from "./text.js";

const spliced = (list, at, out, into) => [...list.slice(0, at), ...into, ...list.slice(at + out.length)];

function changed(entity, fields, back) {
  const next = { ...entity };
  for (const [name, change] of Object.entries(fields)) {
    if (change.length === 3) {
      const [at, removed, inserted] = change;
      next[name] = back
        ? spliced(next[name], at, inserted, removed)
        : spliced(next[name], at, removed, inserted);
    } else next[name] = change[back ? 0 : 1];
  }
  return next;
}

/** Apply one record's patch to a Map of entities. Entities are replaced, never changed in place. */
export function apply(state, patch) {
  for (const [key, change] of patch) {
    if (change["+"]) state.set(key, change["+"]);
    else if (change["-"]) state.delete(key);
    else state.set(key, changed(state.get(key), change["="], false));
  }
  return state;
}

/** The exact inverse of apply. */
export function undo(state, patch) {
  for (const [key, change] of [...patch].reverse()) {
    if (change["+"]) state.delete(key);
    else if (change["-"]) state.set(key, change["-"]);
    else state.set(key, changed(state.get(key), change["="], true));
  }
  return state;
}

/** A cursor that can be anywhere: {seq, state}. */
export const cursorFor = (scene) => ({ scene, seq: -1, state: new Map() });

export function seek(cursor, seq) {
  const { patches } = cursor.scene;
  while (cursor.seq < seq) apply(cursor.state, patches[++cursor.seq]);
  while (cursor.seq > seq) undo(cursor.state, patches[cursor.seq--]);
  return cursor.state;
}

/** Ready and Unacked of all queues together after each record; index 0 is before the first. */
export function depths(scene) {
  const cursor = cursorFor(scene);
  const [ready, unacked] = [[0], [0]];
  for (let seq = 0; seq < scene.n; seq++) {
    let [r, u] = [ready[seq], unacked[seq]];
    const touched = scene.patches[seq].filter(([key]) => key.startsWith("queue/")).map(([key]) => key);
    const count = (sign) => {
      for (const key of touched) {
        const queue = cursor.state.get(key);
        if (queue) ((r += sign * queue.ready_count), (u += sign * queue.unacked_count));
      }
    };
    count(-1);
    seek(cursor, seq);
    count(1);
    ready.push(r);
    unacked.push(u);
  }
  return { ready, unacked, most: ready.reduce((most, r, i) => Math.max(most, r + unacked[i]), 1) };
}

const byKey = (a, b) => (a[0] < b[0] ? -1 : 1);

export const pick = (state, prefix) => [...state].filter(([key]) => key.startsWith(prefix)).sort(byKey);

/** Real consumers, and for each channel that holds messages it got with basic.get one that has no tag. */
export function handsOf(state) {
  const hands = pick(state, "consumer/"),
    got = new Map();
  for (const [key, copy] of pick(state, "copy/"))
    if (copy.state === "unacked" && !copy.consumer) {
      const hand = `consumer/${encode(copy.connection)}/${copy.channel}/`;
      if (!got.has(hand)) got.set(hand, []);
      got.get(hand).push(+key.slice(key.lastIndexOf("/") + 1));
    }
  for (const [key, holding] of got)
    hands.push([key, { prefetch: 0, holding, holding_count: holding.length, got: true }]);
  return hands;
}

/** What lies in the gutter, oldest first. */
export function lostOf(state) {
  return pick(state, "lost/")
    .map(([key, entity]) => [key, { ...entity, message: +key.split("/")[1] }])
    .sort((a, b) => a[1].message - b[1].message || byKey(a, b));
}

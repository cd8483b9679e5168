// The scene: what Python sent, with the indexes that make every question about it quick.
//
// Theory
// ------
// One recording, sent once (scene.py): columns of integers, tables of segments, frames, commands and flights,
// and a patch per record. Everything on the screen is a pure function of
//
//     scene + position + zoom + selection
//
// where the position is one number: which step, and how far towards the next. Animation only moves that number;
// so scrubbing, stepping, playing and stepping back are the same code, and back is exactly the inverse of
// forward.

import { storyTimes } from "./story.js";
import { airtimes } from "./air.js";

export const ZOOMS = ["segment", "frame", "command", "milestone"];

export const TYPES = { 1: "M", 2: "H", 3: "B", 8: "♥", 65: "A" };

export const TYPE_NAMES = {
  1: "method",
  2: "content header",
  3: "content body",
  8: "heartbeat",
  65: "protocol header",
};

/** A scene as sent (text, buffer or object), with its indexes. */
export function decode(sent) {
  if (sent instanceof DataView) sent = new Uint8Array(sent.buffer, sent.byteOffset, sent.byteLength);
  if (sent instanceof ArrayBuffer || ArrayBuffer.isView(sent)) sent = new TextDecoder().decode(sent);
  const scene = typeof sent === "string" ? JSON.parse(sent) : { ...sent };
  const { at, kind } = scene.records;
  scene.n = at.length;
  scene.kinds = kind.map((k) => scene.names[k]);
  scene.steps = ZOOMS.map((_, z) => stepsAt(scene, z));
  scene.times = storyTimes(at, scene.kinds);
  scene.segmentByNumber = new Map(scene.segments.map((s) => [s.n, s]));
  scene.frames.forEach((f, id) => Object.assign(f, { id, size: f.hex.length / 2 }));
  scene.commands.forEach((c, id) => Object.assign(c, { id }));
  scene.segments.forEach((s) => Object.assign(s, { frames: [] }));
  for (const f of scene.frames)
    for (const [n, from, to] of f.carriers) scene.segmentByNumber.get(n)?.frames.push([f.id, from, to]);
  scene.subject = subjects(scene);
  scene.air = airtimes(scene);
  return scene;
}

/** The seqs that are steps at a zoom. -1 is before the first; and no zoom ends while a message is in the air. */
function stepsAt({ records, flights }, z) {
  const steps = [-1, ...records.zoom.keys()].filter((seq) => seq < 0 || records.zoom[seq] & (1 << z));
  const landed = flights.reduce((latest, leg) => Math.max(latest, leg.end ?? -1), -1);
  return landed > steps.at(-1) ? [...steps, landed] : steps;
}

/** For each record, what it is about: {frame}, {segment}, {command}. */
function subjects(scene) {
  const found = new Array(scene.n).fill(null);
  for (const s of scene.segments) {
    found[s.sent] = { segment: s.n };
    const over = s.arrived ?? s.lost_seq;
    if (over !== null) found[over] = { segment: s.n };
  }
  for (const c of scene.commands)
    for (const q of [c.sent, c.received]) if (q !== null) found[q] = { command: c.id };
  for (const f of scene.frames)
    for (const q of [f.sent, f.received]) if (q !== null) found[q] = { frame: f.id };
  return found;
}

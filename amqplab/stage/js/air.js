// Air: what is under way at which time, and finding it quickly.
//
// Theory
// ------
// Segments, frames, commands and flights have lifetimes in story time. A frame lives from the moment it is handed
// to TCP until it is whole at the other end; its segment only while it is on the wire, from when the line was
// free for it. Lifetimes are put into buckets, so that the moment of an hour-long recording is found without
// looking at the hour.

import { timeOf, timeOfMoment } from "./story.js";

/** A function of story time: the items alive then, [from, to), in their order. */
export function lifetimes(items, total) {
  const width = Math.max(400, total / 4000);
  const buckets = [];
  for (const item of items)
    for (let b = Math.floor(item.from / width); b <= Math.floor(item.to / width); b++)
      (buckets[b] ??= []).push(item);
  return (time) =>
    (buckets[Math.floor(time / width)] ?? []).filter((item) => item.from <= time && time < item.to);
}

/** The four kinds of things under way; gives segments, frames and commands their `from` and `to`. */
export function airtimes(scene) {
  const end = timeOf(scene, scene.n);
  for (const s of scene.segments) Object.assign(s, timesOfSegment(scene, s, end));
  for (const f of scene.frames) {
    f.rides = lastOf(f.carriers.map(([n]) => scene.segmentByNumber.get(n)));
    const departures = f.carriers.map(([n]) => scene.segmentByNumber.get(n)?.from ?? Infinity);
    f.departs = departures.length ? Math.min(...departures) : null;
  }
  for (const c of scene.commands) c.rides = lastOf(c.frames.map((id) => scene.frames[id].rides));
  for (const x of [...scene.frames, ...scene.commands]) Object.assign(x, timesBetweenEnds(scene, x));
  scene.flights.forEach((leg, id) => Object.assign(leg, { id }));
  const item = (name) => (x) => ({ [name]: x, from: x.from, to: x.to });
  const flights = scene.flights.map((leg) => ({
    leg,
    from: timeOf(scene, leg.start),
    to: leg.end === null ? end : timeOf(scene, leg.end),
  }));
  return {
    segments: lifetimes(scene.segments.map(item("s")), end),
    frames: lifetimes(scene.frames.map(item("f")), end),
    commands: lifetimes(scene.commands.map(item("c")), end),
    flights: lifetimes(flights, end),
  };
}

/** On the wire: from when the line was free for it. */
function timesOfSegment(scene, s, end) {
  const over = s.arrived ?? s.lost_seq;
  const [sent, to] = [timeOf(scene, s.sent), over === null ? end : timeOf(scene, over)];
  const waited = s.departs > scene.records.at[s.sent];
  return { from: waited ? Math.max(sent, Math.min(to - 1, timeOfMoment(scene, s.departs))) : sent, to };
}

/** Of several segments, the one that arrives last. */
function lastOf(segments) {
  const ridden = segments.filter(Boolean);
  return ridden.length ? ridden.reduce((a, b) => (b.to > a.to ? b : a)) : null;
}

/** From one end to the other; where one end was not recorded, a short while. */
function timesBetweenEnds(scene, x) {
  const ends = [x.sent, x.received].filter((seq) => seq !== null).map((seq) => timeOf(scene, seq));
  if (ends.length === 2) return { from: ends[0], to: ends[1] };
  if (x.sent !== null) return { from: ends[0], to: Math.max(ends[0] + 300, x.rides?.to ?? 0) };
  return { from: Math.max(0, ends[0] - 300), to: ends[0] };
}

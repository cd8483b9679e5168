// Journeys: the way of one message, or of its acknowledgement, as stops with times.
//
// Theory
// ------
// A flight (flights.py) says where a leg begins and ends, and between which two records. On its way it passes
// places that depend on the state (which cell, which slot) and, if it crosses the network, a pipe: there it
// keeps the times of the very segment that carries its last octet, so that message, frames and segment are one
// motion seen at three zooms.

import { encode } from "./text.js";
import { timeOf } from "./story.js";
import { cellPoint, handOf, lanePoint, lostPoint, slotPoint, xy } from "./geometry.js";

const UPWARD = ["publish", "ack", "reject"];

/** Whether a kind of leg goes to the broker. */
export const goesUp = (kind) => UPWARD.includes(kind);

/** The consumers of an application, in a fixed order: [key, entity]. */
export function consumersOf(view, app) {
  const mine = [];
  for (const [connection, pipe] of Object.entries(view.layout.pipes)) {
    if (pipe.app !== app) continue;
    const prefix = `consumer/${encode(connection)}/`;
    for (const [key, consumer] of view.consumers) if (key.startsWith(prefix)) mine.push([key, consumer]);
  }
  return mine.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

/** Where a message is in the hands of a connection's consumer (or at the application itself). */
function handPoint(view, connection, consumerKey, message) {
  const app = view.layout.apps[view.layout.pipes[connection].app];
  const rows = consumersOf(view, app.name);
  const row = rows.findIndex(([key]) => key === consumerKey);
  const held = row < 0 ? -1 : rows[row][1].holding.indexOf(message);
  return held < 0 ? xy(app) : slotPoint(app, row, held, handOf(rows[row][1]));
}

function queuePlace(view, key, message) {
  const queue = view.state.get(key);
  const node = view.layout.nodes[key];
  if (!queue) return xy(node);
  const at = [...queue.unacked, ...queue.ready].indexOf(message);
  return xy(cellPoint(node, at < 0 ? queue.unacked.length + queue.ready.length : at));
}

function lostPlace(view, message) {
  const at = view.lost.findIndex(([, entity]) => entity.message === message);
  return xy(lostPoint(view.layout, at < 0 ? view.lost.length : at));
}

/** The place of a leg's end inside the broker. */
function inside(view, key, message) {
  const { nodes, broker } = view.layout;
  if (key === "lost") return lostPlace(view, message);
  if (key.startsWith("queue/") && nodes[key]) return queuePlace(view, key, message);
  return nodes[key] ? xy(nodes[key]) : { x: broker.x + broker.w / 2, y: broker.y + broker.h / 2 };
}

/** From the exchange along the matched bindings into the queue. */
function routeStops(view, leg, from, to) {
  const { nodes, edges } = view.layout;
  const curves = leg.edges.map((key) => edges[key]?.curve).filter(Boolean);
  const end = inside(view, leg.target, leg.message);
  const door = curves.length ? { x: curves.at(-1)[6], y: curves.at(-1)[7] } : end;
  return [
    { time: from, ...xy(nodes[leg.source] ?? end) },
    { time: from + (to - from) * 0.75, ...door, curve: curves.length ? curves : null },
    { time: to, ...end },
  ];
}

/** The two ends of the way through the pipe, at the times of the segment that carries it. */
function wireStops(view, leg, pipe, from, to) {
  const command = leg.command === null ? null : view.scene.commands[leg.command];
  const rides = command?.rides;
  const wide = view.layout.orientation === "wide";
  const up = goesUp(leg.kind);
  const a = rides ? Math.min(to, Math.max(from, rides.from)) : from + (to - from) * 0.25;
  const b = rides ? Math.min(to, rides.to) : from + (to - from) * 0.8;
  const point = (p) => lanePoint(pipe, wide, up, command?.channel ?? 0, p, 8);
  return [
    { time: a, ...point(0) },
    { time: Math.max(a, b), ...point(1), linear: true },
  ];
}

/** From the queue along the subscription to the mouth of the consumer's pipe. */
function subscriptionStops(view, leg, from, mouth) {
  const curve = view.layout.subscriptions?.[leg.note]?.curve;
  if (!curve) return [];
  const part = (share) => from + (mouth - from) * share;
  return [
    { time: part(0.2), x: curve[0], y: curve[1] },
    { time: part(0.9), x: curve[6], y: curve[7], curve: [curve] },
  ];
}

/** The stops of one leg; `wire` is the number of the stop after which it is on the wire, -1 if it never is. */
export function stopsOf(view, leg) {
  const { layout, scene } = view;
  const [from, to] = [timeOf(scene, leg.start), timeOf(scene, leg.end ?? scene.n)];
  if (leg.kind === "route") return { stops: routeStops(view, leg, from, to), wire: -1 };
  const within = (key) => inside(view, key, leg.message);
  const straight = (a, b) => ({
    stops: [
      { time: from, ...a },
      { time: to, ...b },
    ],
    wire: -1,
  });
  if (leg.kind === "drop" || leg.kind === "letter") return straight(within(leg.source), within(leg.target));
  const up = goesUp(leg.kind);
  const connection = up ? leg.source : leg.target;
  const pipe = layout.pipes[connection];
  if (!pipe) return straight(within("broker"), within("broker"));
  const app = xy(layout.apps[pipe.app]);
  const wire = wireStops(view, leg, pipe, from, to);
  if (up) return { stops: [{ time: from, ...app }, ...wire, { time: to, ...within(leg.target) }], wire: 1 };
  const way = leg.kind === "deliver" ? subscriptionStops(view, leg, from, wire[0].time) : [];
  const hand = leg.kind === "deliver" ? handPoint(view, connection, leg.note, leg.message) : app;
  const stops = [{ time: from, ...within(leg.source) }, ...way, ...wire, { time: to, ...hand }];
  return { stops, wire: 1 + way.length };
}

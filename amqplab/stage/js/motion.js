// Motion: after a step, things move from where they were to where they are.
//
// Theory
// ------
// The step has already happened: numbers, sentence and panels are the new record's. Then every mark that may move
// goes its way: a message from its program along the link to the exchange, along a binding into the queue, along
// the subscription and the link into a hand. The way is read off the records between (`trail`), so what happened in
// one step is shown in its order: time is cut into as many slots as there are records at which something went on,
// and each leg ends in the slot of its record. On links movement is even, elsewhere it begins and ends gently.
//
// The last picture of a motion is the picture at rest, mark for mark. And on links nothing stands behind what was sent
// after it, also while things move. What was lost does not move: if it is sent again, it begins anew (anew.js).

import { anewAtSender, isSentAgain } from "./anew.js";
import { lanePoint, onCurve, smooth, xy } from "./geometry.js";
import { LOST_AT, rideOfCommand } from "./ride.js";
import { startOf, wayTo } from "./fixtures.js";
import { nameOf } from "./text.js";
import { inLine, newcomersOf } from "./convoy.js";

const LEG_MS = 260;
const LONGEST_MS = 1200;
const MOST_LEGS = 8;
const MOST_SPRITES = 80;
const SAMPLES = 10;
const LEAST_MOVE = 0.5;

/**
 * @typedef {{x: number, y: number, linear?: boolean, curves?: number[][]}} Stop where a leg ends, and how it goes there
 * @typedef {{mark: Mark, path: {t: number, x: number, y: number}[], gone: boolean}} Sprite
 */

/**
 * How the marks of one record become those of another: null if nothing moves.
 * @param {object} view the view at the new record
 * @param {Mark[]} shown the marks that were shown
 * @param {Mark[]} after those of the new record
 * @param {[number, string, object | null][]} trail what happened between (Player.trail)
 * @returns {{ms: number, at: (t: number) => Mark[]} | null}
 */
export function planMotion(view, shown, after, trail, from) {
  const before = anewAtSender(view, shown, from);
  const journeys = journeysOf(view, before, after, trail, from);
  const slots = slotsOf(journeys, view.seq > from);
  if (!journeys.length) return null;
  const sprites = new Map(journeys.map((journey) => [journey.mark.key, { ...journey, path: timed(journey, slots) }]));
  const vanishing = [...sprites.values()].filter((sprite) => sprite.gone);
  const newcomers = newcomersOf(view, before, after);
  const at = (t) => {
    if (t >= 1) return after;
    const moved = after.map((mark) => {
      const sprite = sprites.get(mark.key);
      return sprite && !sprite.gone ? { ...mark, ...pointAt(sprite.path, t), alone: false, ...endIsToCome(mark, sprite, t) } : mark;
    });
    for (const { mark, path, born } of vanishing)
      if (t < path.at(-1).t && (!born || t >= path[0].t)) moved.push({ ...mark, ...pointAt(path, t), alone: false });
    return inLine(newcomers, moved.filter((mark) => isThere(sprites.get(mark.key), t)));
  };
  return { ms: Math.min(LONGEST_MS, slots.weight * LEG_MS), at };
}

/** What will be lost or returned is not so before it is there. @param {Mark} mark */
const endIsToCome = ({ place }, { path }, t) =>
  (place === "lost" || place === "returned") && t < path.at(-1).t ? { place: "moving", state: "under way", reason: "" } : null;

/** What comes into being on the way is not there before. */
const isThere = (sprite, t) => !sprite || sprite.gone || !sprite.born || t >= sprite.path[0].t;

// --- who moves, and along which stops ---

function journeysOf(view, before, after, trail, from) {
  const context = contextOf(view, before, after, trail, from);
  const found = [];
  for (const mark of after) {
    const journey = journeyTo(context, mark);
    if (journey) found.push(journey);
  }
  for (const [key, events] of context.events)
    if (!context.after.has(key) && view.zoom > 2) found.push(...farewell(context, key, events));
  for (const mark of before)
    if (!context.after.has(mark.key) && isOnWire(mark)) found.push(...wireFarewell(context, mark));
  return found.slice(0, MOST_SPRITES);
}

const isOnWire = ({ kind }) => kind === "segment" || kind === "frame" || kind === "command" || kind === "part";

function contextOf(view, before, after, trail, from) {
  const events = new Map();
  const queues = new Map();
  const forward = view.seq > from;
  for (const [seq, key, entity] of trail) {
    if (key.startsWith("queue/")) {
      if (!queues.has(seq)) queues.set(seq, new Map());
      queues.get(seq).set(key, entity);
    } else {
      if (!events.has(key)) events.set(key, []);
      events.get(key).push({ seq, entity });
    }
  }
  const byKey = (marks) => new Map(marks.map((mark) => [mark.key, mark]));
  return { view, forward, before: byKey(before), after: byKey(after), events, queues, from };
}

/** The way of a mark that is there afterwards; null if it stays, or simply appears. */
function journeyTo(context, mark) {
  const { before, events } = context;
  const was = before.get(mark.key);
  const happened = events.get(mark.key);
  if (!context.forward && isSentAgain(context.view.scene, mark, context.view.seq, context.from)) return null;
  if (was && !happened) return stays(was, mark) ? null : straight(was, mark, isOnWire(mark) || mark.badge);
  if (happened) return tokenJourney(context, mark, was, happened);
  if (mark.kind === "message" && mark.place.startsWith("queue:")) return queueJourney(context, mark);
  return null;
}

const stays = (a, b) => Math.abs(a.x - b.x) < LEAST_MOVE && Math.abs(a.y - b.y) < LEAST_MOVE;

const straight = (was, mark, linear) => ({
  ...{ mark, gone: false, born: false },
  legs: [{ seq: null, start: { x: was.x, y: was.y }, stops: [{ x: mark.x, y: mark.y, linear }] }],
});

/** A token's way through its places. */
function tokenJourney(context, mark, was, happened) {
  const stages = stagesOf(happened);
  if (!stages.length) return was && !stays(was, mark) ? straight(was, mark, false) : null;
  const start = was ?? originOf(context, stages[0]);
  if (!start) return null;
  const legs = legsOf(context, start, stages);
  finish(legs, mark, stages.at(-1));
  return isMoving(start, legs) ? { mark, gone: false, born: !was || !!was.isAnew, legs: legs.slice(-MOST_LEGS) } : null;
}

/** The stages of a token that differ in place, in the order in which they are shown. */
function stagesOf(events) {
  const found = [];
  for (const { seq, entity } of events) {
    if (!entity) continue;
    const last = found.at(-1);
    if (last && last.entity.place === entity.place && last.entity.at === entity.at && last.entity.up === entity.up) continue;
    found.push({ seq, entity });
  }
  return found;
}

/** From where a token that is new sets out. */
function originOf(context, { seq, entity }) {
  const { view, before, queues } = context;
  if (entity.queue) {
    const cell = before.get(`ready ${entity.queue} ${entity.message}`) ?? before.get(`ghost ${entity.queue} ${entity.message}`);
    if (cell) return { x: cell.x, y: cell.y, queue: entity.queue };
    const node = view.layout.nodes[entity.queue];
    if (node) return { x: node.x, y: node.y, queue: entity.queue };
  }
  if (entity.place === "link") {
    const pipe = view.layout.pipes[entity.at];
    if (!pipe) return null;
    const app = view.layout.apps[pipe.app];
    return entity.up ? { x: app.x, y: app.y } : { x: pipe.x1, y: pipe.y1 };
  }
  const left = [...(queues.get(seq)?.keys() ?? [])].find((key) => view.layout.nodes[key]);
  if (left && (entity.place === "exchange" || entity.place === "lost")) {
    const lives = [entity.message, view.scene.lives?.[entity.message]?.message];
    const cell = lives.flatMap((one) => [before.get(`ready ${left} ${one}`), before.get(`ghost ${left} ${one}`)]).find(Boolean);
    const { x, y } = cell ?? view.layout.nodes[left];
    return { x, y, queue: left };
  }
  return null;
}

/** One leg for each stage: {seq, start, stops}. */
function legsOf(context, start, stages) {
  const legs = [];
  let at = start;
  let previous = start.conn === undefined ? null : start;
  for (const { seq, entity } of stages) {
    const stops = stopsTo(context, at, previous, entity, seq);
    addLeg(legs, seq, at, stops);
    at = stops.at(-1) ?? at;
    previous = entity.place === "link" ? { conn: entity.at, up: entity.up, command: entity.command } : null;
  }
  return legs;
}

/** One more leg; two legs of one record are one. */
function addLeg(legs, seq, { x, y }, stops) {
  const last = legs.at(-1);
  if (last && last.seq === seq) last.stops.push(...stops);
  else legs.push({ seq, start: { x, y }, stops });
}

/** The stops from one place to the next. */
function stopsTo(context, at, previous, entity, seq) {
  const { view } = context;
  const isSameLink = entity.place === "link" && previous?.conn === entity.at && previous.up === entity.up;
  const leaving = previous && !isSameLink ? linkEnd(view, previous, entity) : [];
  if (entity.place === "link") return [...leaving, ...ontoLink(view, entity, at.queue, seq)];
  const end = anchorOf(view, entity);
  return end ? [...leaving, end] : leaving;
}

/** To the end of the link that a token leaves: the far end, or the × if it is lost. */
function linkEnd(view, previous, next) {
  const pipe = view.layout.pipes[previous.conn];
  if (!pipe) return [];
  const p = next.place === "lost" ? LOST_AT : 1;
  return [{ ...lanePointOf(view, pipe, previous, previous.up, p), linear: true }];
}

function lanePointOf(view, pipe, token, up, p) {
  const { scene, layout } = view;
  const channel = scene.commands[token.command]?.channel ?? 0;
  return lanePoint(scene.geometry, pipe, layout.orientation === "wide", up, channel, p, scene.geometry.mouth);
}

/** Onto a link: along the subscription, if there is one, to the mouth. */
function ontoLink(view, token, queue, seq) {
  const pipe = view.layout.pipes[token.at];
  if (!pipe) return [];
  const command = view.scene.commands[token.command];
  const p = command ? rideOfCommand(view.scene, command, seq, view.scene.timeOf(seq)).p : 0;
  const way = queue && view.layout.subscriptions?.[token.target];
  const mouth = lanePointOf(view, pipe, token, token.up, p);
  return way ? [{ x: way.curve[0], y: way.curve[1] }, { x: way.curve[6], y: way.curve[7], curves: [way.curve] }, mouth] : [mouth];
}

/** Where a token stands, near enough for passing by. */
function anchorOf({ layout, scene }, { place, at, channel }) {
  if (place === "exchange") return layout.nodes[at] && xy(layout.nodes[at]);
  if (place === "broker") {
    const pipe = channel ? layout.pipes[nameOf(channel.split("/").slice(0, 2).join("/"))] : null;
    return pipe ? xy(pipe.dock ?? { x: pipe.x1, y: pipe.y1 }) : xy(layout.nodes[Object.keys(layout.nodes)[0]] ?? layout.broker);
  }
  if (place === "consumer") {
    const pipe = layout.pipes[nameOf(at.split("/").slice(0, 2).join("/"))];
    const app = pipe && layout.apps[pipe.app];
    const row = app?.hands?.[at];
    return app ? { x: row?.x ?? app.x, y: row?.y ?? app.y } : null;
  }
  if (place === "client") return layout.apps[at] ? xy(layout.apps[at]) : null;
  if (place === "lost" || place === "returned")
    return { x: layout.gutter.x + scene.geometry.lost_left, y: layout.gutter.y + layout.gutter.h / 2 };
  return null;
}

/** The last leg ends exactly where the mark is. */
function finish(legs, mark, last) {
  const leg = legs.at(-1);
  const end = { x: mark.x, y: mark.y, linear: last.entity.place === "link" };
  const stop = leg.stops.at(-1);
  if (last.entity.place === "link" || !stop) leg.stops.push(end);
  else leg.stops[leg.stops.length - 1] = { ...stop, x: mark.x, y: mark.y };
}

const isMoving = (start, legs) => legs.some((leg) => leg.stops.some((stop) => !stays(start, stop)));

/** Into a queue: from where its token was last, along the bindings. */
function queueJourney(context, mark) {
  const { view, before, events } = context;
  const [, queue, message] = /^\w+ (queue\/\S+) (\d+)$/.exec(mark.key) ?? [];
  if (!queue) return null;
  const other = before.get(`${mark.ghost ? "ready" : "ghost"} ${queue} ${message}`);
  if (other) return stays(other, mark) ? null : straight(other, mark, false);
  const token = `token/${message}/-`;
  const happened = events.get(token);
  const was = before.get(token);
  if (!happened && !was) return null;
  const stages = stagesOf(happened ?? []);
  const start = was ?? (stages.length ? originOf(context, stages[0]) : null);
  if (!start) return null;
  const legs = legsOf(context, start, stages);
  const exchange = exchangeOf(view, stages, +message);
  const curves = exchange ? wayTo(view, exchange, queue, +message).map((key) => view.layout.edges[key]?.curve).filter(Boolean) : [];
  const left = legs.at(-1)?.stops.at(-1) ?? start;
  const door = curves.length ? [{ x: curves.at(-1)[6], y: curves.at(-1)[7], curves }] : [];
  addLeg(legs, joinedAt(context, queue, +message), left, [...door, { x: mark.x, y: mark.y }]);
  return { mark, gone: false, born: true, legs: legs.slice(-MOST_LEGS) };
}

/** The record at which a message joined a queue; going back, at which it had left it. */
function joinedAt({ queues, view, forward }, queue, message) {
  let found = view.seq;
  for (const [seq, keys] of queues) {
    const entity = keys.get(queue);
    const isIn = entity && (entity.ready.includes(message) || entity.ready_last === message);
    if (isIn) return seq;
    if (entity && !forward) found = seq;
  }
  return found;
}

function exchangeOf(view, stages, message) {
  const last = stages.at(-1)?.entity;
  if (last?.place === "exchange") return last.at;
  return startOf(view, message);
}

/** The way of a token or signal that is no more: it came and went between, or went on its last way. */
function farewell(context, key, events) {
  const { view, before, forward } = context;
  const was = before.get(key);
  const stages = stagesOf(events);
  if (!forward) return [];
  const start = was ?? (stages.length ? originOf(context, stages[0]) : null);
  if (!start) return [];
  const legs = legsOf(context, start, stages);
  const rides = ridesLast(stages, was);
  if (rides && arrived(view, rides.command)) {
    const at = legs.at(-1)?.stops.at(-1) ?? start;
    const pipe = view.layout.pipes[rides.conn];
    const end = pipe && { ...lanePointOf(view, pipe, rides, rides.up, 1), linear: true };
    if (end) addLeg(legs, events.at(-1).seq, at, [end]);
  }
  if (!legs.length || !isMoving(start, legs)) return [];
  const mark = was ?? passingMark(key, stages.at(-1).entity);
  return mark ? [{ mark, gone: true, born: !was || !!was.isAnew, legs: legs.slice(-MOST_LEGS) }] : [];
}

/** If it was on a link when it was seen last: {conn, up, command}. */
function ridesLast(stages, was) {
  const last = stages.at(-1)?.entity;
  if (last) return last.place === "link" ? { conn: last.at, up: last.up, command: last.command } : null;
  return was?.conn === undefined ? null : was;
}

function arrived({ scene, seq }, number) {
  const command = scene.commands[number];
  return !!command && command.received !== null && command.received <= seq;
}

/** How something looks that is in neither picture. */
function passingMark(key, entity) {
  const common = { key: `passing ${key}`, x: 0, y: 0, label: entity.label, place: `link:${entity.at}`, state: "under way", said: "" };
  const flags = { subject: false, touched: false, lit: false };
  if (entity.kind !== undefined)
    return { ...common, ...flags, kind: "signal", id: String(entity.command), signal: entity.kind, pick: `command:${entity.command}` };
  if (!entity.message) return null;
  return {
    ...{ ...common, ...flags, kind: "message", id: String(entity.message), pick: `message:${entity.message}`, text: "" },
    ...{ hue: parseInt(entity.label, 10) || 0, share: null, persistent: false, redelivered: false },
  };
}

/** What was on the wire and has arrived meanwhile goes to its end. */
function wireFarewell(context, mark) {
  const { view, forward } = context;
  if (!forward) return [];
  const item = mark.s ?? mark.f ?? mark.c;
  const ended = item && (item.arrived ?? item.received);
  if (ended === null || ended === undefined || ended > view.seq) return [];
  const pipe = view.layout.pipes[item.conn];
  const { scene, layout } = view;
  const wide = layout.orientation === "wide";
  const end = lanePoint(scene.geometry, pipe, wide, item.up, item.channel ?? 0, 1, scene.geometry.mouth);
  const stop = wide ? { x: end.x, y: mark.y } : { x: mark.x, y: end.y };
  if (stays(mark, stop)) return [];
  return [{ mark, gone: true, born: false, legs: [{ seq: null, start: { x: mark.x, y: mark.y }, stops: [{ ...stop, linear: true }] }] }];
}

// --- when ---

/** The records at which something goes on, and how much time each of them gets. */
function slotsOf(journeys, forward) {
  const weights = new Map();
  for (const { legs } of journeys)
    for (const { seq, stops } of legs)
      if (seq !== null) weights.set(seq, Math.max(weights.get(seq) ?? 1, stops.length));
  const order = [...weights.keys()].sort((a, b) => (forward ? a - b : b - a));
  const whole = Math.max(1, order.reduce((all, seq) => all + weights.get(seq), 0));
  const ends = new Map();
  let sum = 0;
  for (const seq of order) {
    const start = sum / whole;
    sum += weights.get(seq);
    ends.set(seq, [start, sum / whole]);
  }
  return { ends, weight: whole };
}

/** A journey as points in time, 0..1. */
function timed({ legs }, { ends }) {
  const path = [];
  for (const { seq, start, stops } of legs) {
    const [slot, to] = seq === null ? [0, 1] : ends.get(seq);
    const last = path.at(-1);
    const from = Math.min(to, Math.max(slot, last?.t ?? slot));
    if (!last || last.t < from) path.push({ t: from, x: start.x, y: start.y });
    stops.forEach((stop, i) => {
      const t0 = from + ((to - from) * i) / stops.length;
      const t1 = from + ((to - from) * (i + 1)) / stops.length;
      path.push(...sampled(path.at(-1), stop, t0, t1));
    });
  }
  return path;
}

function sampled(from, stop, t0, t1) {
  if (stop.linear) return [{ t: t1, x: stop.x, y: stop.y }];
  const found = [];
  for (let i = 1; i <= SAMPLES; i++) {
    const s = smooth(i / SAMPLES);
    const at = stop.curves ? alongCurves(stop.curves, s) : { x: from.x + (stop.x - from.x) * s, y: from.y + (stop.y - from.y) * s };
    found.push({ t: t0 + ((t1 - t0) * i) / SAMPLES, ...at });
  }
  return found;
}

function alongCurves(curves, s) {
  const at = s * curves.length;
  const i = Math.min(curves.length - 1, Math.floor(at));
  return onCurve(curves[i], at - i);
}

function pointAt(path, t) {
  let k = 1;
  while (k < path.length - 1 && path[k].t < t) k++;
  const [a, b] = [path[k - 1], path[k] ?? path[k - 1]];
  if (b.t <= a.t || t >= b.t) return t >= b.t ? xy(b) : xy(a);
  const s = Math.max(0, (t - a.t) / (b.t - a.t));
  return { x: a.x + (b.x - a.x) * s, y: a.y + (b.y - a.y) * s };
}

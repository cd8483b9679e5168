// The stage: plays a recorded AMQP run, forward and back, without asking anybody.
//
// Theory
// ------
// One file, no imports, no network. Python sends a *scene* once (see scene.py). Everything on the screen is a
// pure function of
//
//     scene + position + zoom + selection
//
// where the position is one number: which step, and how far towards the next. Animation only moves that
// number; so scrubbing, stepping, playing and stepping back are the same code, and back is exactly the inverse
// of forward. Steps are stretched onto *story time*: virtual nanoseconds make poor theatre (a hop takes a
// millisecond, a sleep an hour), so gaps are compressed and moments are held long enough to be seen.
//
// Sections: 1 scene  2 story time  3 state  4 elements  5 places  6 what is in the air  7 the picture
//           8 ladder  9 inspector  10 tables  11 narration, timeline, controls  12 the player  13 mounting

// === 1. Scene ==============================================================================================

export const ZOOMS = ["segment", "frame", "command", "milestone"];
const TYPES = { 1: "M", 2: "H", 3: "B", 8: "♥", 65: "A" };
const TYPE_NAMES = { 1: "method", 2: "content header", 3: "content body", 8: "heartbeat", 65: "protocol header" };
const HOLD = {
  SegmentSent: 70, SegmentArrived: 70, SegmentDiscarded: 70, TcpStateChanged: 90, FrameSent: 110, FrameReceived: 110,
  CommandSent: 60, CommandReceived: 60, CallMade: 420, SegmentLost: 600,
};
const HOLD_MILESTONE = 460;

/** A scene as sent (text, buffer or object), with its indexes. */
export function decode(sent) {
  if (sent instanceof DataView) sent = new Uint8Array(sent.buffer, sent.byteOffset, sent.byteLength);
  if (sent instanceof ArrayBuffer || ArrayBuffer.isView(sent)) sent = new TextDecoder().decode(sent);
  const scene = typeof sent === "string" ? JSON.parse(sent) : { ...sent };
  const { at, kind, zoom } = scene.records;
  scene.n = at.length;
  scene.kinds = kind.map((k) => scene.names[k]);
  scene.steps = ZOOMS.map((_, z) => [-1, ...at.keys()].filter((seq) => seq < 0 || zoom[seq] & (1 << z)));
  scene.times = storyTimes(at, scene.kinds);
  scene.segmentByNumber = new Map(scene.segments.map((s) => [s.n, s]));
  scene.frames.forEach((f, i) => { f.id = i; f.size = f.hex.length / 2; });
  scene.commands.forEach((c, i) => { c.id = i; });
  scene.segments.forEach((s) => { s.frames = []; });
  for (const f of scene.frames)
    for (const [n, from, to] of f.carriers) scene.segmentByNumber.get(n)?.frames.push([f.id, from, to]);
  scene.subject = subjects(scene);
  scene.air = airtimes(scene);
  return scene;
}

/** For each record, what it is about: {frame}, {segment}, {command}. */
function subjects(scene) {
  const found = new Array(scene.n).fill(null);
  for (const s of scene.segments) {
    found[s.sent] = { segment: s.n };
    if (s.arrived !== null) found[s.arrived] = { segment: s.n };
  }
  for (const c of scene.commands) for (const q of [c.sent, c.received]) if (q !== null) found[q] = { command: c.id };
  for (const f of scene.frames) for (const q of [f.sent, f.received]) if (q !== null) found[q] = { frame: f.id };
  return found;
}

// === 2. Story time =========================================================================================

/** Milliseconds of story for a gap of virtual nanoseconds: 1 ms -> 0.5 s, 1 s -> 2.6 s, never more than 2.8 s. */
export function gapTime(ns) {
  return ns <= 0 ? 0 : Math.min(2800, 220 * Math.log2(1 + ns / 250e3));
}

/** Story time of each record; index 0 is before the first. Strictly rising. */
export function storyTimes(at, kinds) {
  const times = new Float64Array(at.length + 2);
  times[1] = 400;
  for (let seq = 1; seq <= at.length; seq++) {
    const hold = HOLD[kinds[seq - 1]] ?? HOLD_MILESTONE;
    times[seq + 1] = times[seq] + hold + (seq < at.length ? gapTime(at[seq] - at[seq - 1]) : 0);
  }
  return times;
}

export const timeOf = (scene, seq) => scene.times[Math.min(seq, scene.n) + 1];

/** How many elements of a sorted list are <= x, less one. */
export function lastAtMost(list, x) {
  let low = 0, high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (list[mid] <= x) low = mid + 1; else high = mid;
  }
  return low - 1;
}

/** Story time at position `u` (step index, with fraction) of a zoom. */
export function timeAt(scene, zoom, u) {
  const steps = scene.steps[zoom], k = Math.max(0, Math.min(Math.floor(u), steps.length - 1));
  const here = timeOf(scene, steps[k]);
  return k + 1 < steps.length ? here + (timeOf(scene, steps[k + 1]) - here) * (u - k) : here;
}

/** Position of a story time at a zoom: the inverse of timeAt. */
export function positionAt(scene, zoom, time) {
  const steps = scene.steps[zoom];
  let low = 0, high = steps.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (timeOf(scene, steps[mid]) <= time) low = mid + 1; else high = mid;
  }
  const k = Math.max(0, low - 1);
  if (k + 1 >= steps.length) return k;
  const here = timeOf(scene, steps[k]);
  return k + (time - here) / (timeOf(scene, steps[k + 1]) - here);
}

/** seq of the last record at or before a story time; -1 before the first. */
export const seqAt = (scene, time) => Math.min(scene.n - 1, lastAtMost(scene.times, time + 1e-6) - 1);

/** How long the way from step k to the next is shown, in ms at speed 1. */
export function stepDuration(scene, zoom, k) {
  const steps = scene.steps[zoom];
  if (k + 1 >= steps.length) return 400;
  return Math.max(300, Math.min(1700, timeOf(scene, steps[k + 1]) - timeOf(scene, steps[k])));
}

/** Things with a lifetime [from, to) in story time, found quickly. */
export function lifetimes(items, total) {
  const width = Math.max(400, total / 4000), buckets = [];
  items.forEach((item, order) => {
    item.order = order;
    for (let b = Math.floor(item.from / width); b <= Math.floor(item.to / width); b++) (buckets[b] ??= []).push(item);
  });
  return (time) => (buckets[Math.floor(time / width)] ?? []).filter((item) => item.from <= time && time < item.to);
}

function airtimes(scene) {
  const T = (seq) => timeOf(scene, seq), end = T(scene.n);
  const segments = scene.segments.map((s) => ({ s, from: T(s.sent), to: s.arrived === null ? end : T(s.arrived) }));
  for (const item of segments) item.s.from = item.from, item.s.to = item.to;
  const carried = (list) => {
    const ridden = list.map((n) => scene.segmentByNumber.get(n)).filter(Boolean);
    return ridden.length ? ridden.reduce((a, b) => (b.to > a.to ? b : a)) : null;
  };
  for (const f of scene.frames) {
    f.rides = carried(f.carriers.map((c) => c[0]));
    f.departs = f.carriers.length ? Math.min(...f.carriers.map((c) => scene.segmentByNumber.get(c[0]).from)) : null;
  }
  for (const c of scene.commands) c.rides = carried(c.frames.map((i) => scene.frames[i].rides?.n));
  const span = (x) => {
    const ends = [x.sent, x.received].filter((q) => q !== null).map(T);
    if (ends.length === 2) return { from: ends[0], to: ends[1] };
    if (x.sent !== null) return { from: ends[0], to: Math.max(ends[0] + 300, x.rides?.to ?? 0) };
    return { from: Math.max(0, ends[0] - 300), to: ends[0] };
  };
  const frames = scene.frames.map((f) => ({ f, ...span(f) }));
  const commands = scene.commands.map((c) => ({ c, ...span(c) }));
  for (const { f, from, to } of frames) f.from = from, f.to = to;
  for (const { c, from, to } of commands) c.from = from, c.to = to;
  const flights = scene.flights.map((leg, id) => {
    leg.id = id;
    return { leg, from: T(leg.start), to: leg.end === null ? end : T(leg.end) };
  });
  return {
    segments: lifetimes(segments, end), frames: lifetimes(frames, end),
    commands: lifetimes(commands, end), flights: lifetimes(flights, end),
  };
}

// === 3. State ==============================================================================================

const isList = Array.isArray;
const spliced = (list, at, out, into) => [...list.slice(0, at), ...into, ...list.slice(at + out.length)];

function changed(entity, fields, back) {
  const next = { ...entity };
  for (const [name, change] of Object.entries(fields)) {
    if (change.length === 3) {
      const [at, removed, inserted] = change;
      next[name] = back ? spliced(next[name], at, inserted, removed) : spliced(next[name], at, removed, inserted);
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
  const cursor = cursorFor(scene), ready = [0], unacked = [0];
  for (let seq = 0; seq < scene.n; seq++) {
    let r = ready[seq], u = unacked[seq];
    const touched = scene.patches[seq].filter(([key]) => key.startsWith("queue/")).map(([key]) => key);
    const count = (sign) => {
      for (const key of touched) {
        const queue = cursor.state.get(key);
        if (queue) r += sign * queue.ready_count, u += sign * queue.unacked_count;
      }
    };
    count(-1);
    seek(cursor, seq);
    count(1);
    ready.push(r);
    unacked.push(u);
  }
  return { ready, unacked, most: Math.max(1, ...ready.map((r, i) => r + unacked[i])) };
}

// === 4. Elements ===========================================================================================

/** An element as data. `key` in props names it among its siblings, so that it stays itself. */
export function h(tag, props, ...kids) {
  return { tag, props: props ?? {}, kids: kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false) };
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const attributes = (props) => Object.entries(props).filter(([n, v]) => n !== "key" && v !== null && v !== undefined && v !== false);

/** The same element as text: for tests and comparisons. */
export function toMarkup(v) {
  if (typeof v !== "object") return escaped(v);
  const inside = attributes(v.props).map(([n, value]) => ` ${n}="${escaped(value === true ? "" : value)}"`).join("");
  return `<${v.tag}${inside}>${v.kids.map(toMarkup).join("")}</${v.tag}>`;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make the children of `parent` be `kids`, touching only what differs. */
export function patch(parent, kids, svg = parent.namespaceURI === SVG) {
  const before = parent.__kids ?? [], byKey = new Map();
  before.forEach((old, i) => byKey.set(keyOf(old.v, i), old));
  const after = kids.map((v, i) => {
    const key = keyOf(v, i), old = byKey.get(key);
    if (old && typeof v !== "object") {
      byKey.delete(key);
      if (old.v !== v) old.node.nodeValue = v;
      return { v, node: old.node };
    }
    if (old && old.v.tag === v.tag) {
      byKey.delete(key);
      update(old.node, old.v.props, v.props);
      patch(old.node, v.kids, old.node.namespaceURI === SVG);
      return { v, node: old.node };
    }
    return { v, node: create(v, svg || v.tag === "svg") };
  });
  for (const { node } of byKey.values()) node.remove();
  after.forEach(({ node }, i) => { if (parent.childNodes[i] !== node) parent.insertBefore(node, parent.childNodes[i] ?? null); });
  parent.__kids = after;
}

const keyOf = (v, i) => (typeof v !== "object" ? `#${i}` : v.props.key !== undefined ? `${v.tag}:${v.props.key}` : `${v.tag}#${i}`);

function create(v, svg) {
  if (typeof v !== "object") return document.createTextNode(v);
  const node = svg ? document.createElementNS(SVG, v.tag) : document.createElement(v.tag);
  update(node, {}, v.props);
  patch(node, v.kids, svg);
  return node;
}

/** Attributes are written in the order given, so that the same picture is the same markup. */
function update(node, before, after) {
  const wanted = attributes(after), had = attributes(before);
  const same = wanted.length === had.length && wanted.every(([name], i) => had[i][0] === name);
  if (!same) for (const [name] of had) node.removeAttribute(name);
  wanted.forEach(([name, value], i) => {
    if (!same || had[i][1] !== value) node.setAttribute(name, value === true ? "" : value);
    if (name === "value" && node.value !== String(value) && node !== document.activeElement) node.value = value;
  });
}

const cls = (...names) => names.filter(Boolean).join(" ");
const cut = (text, most) => (text.length > most ? text.slice(0, Math.max(1, most - 1)) + "…" : text);
const round = (x) => Math.round(x * 10) / 10;
const decodeName = (part) => part.replaceAll("%2F", "/").replaceAll("%25", "%");
const nameOf = (key) => key.split("/").map(decodeName).at(-1);
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** A time as people say it: 0 s, 250 µs, 12.4 ms, 3.02 s, 1 h 2 min. */
export function timeText(ns) {
  if (ns === 0) return "0 s";
  if (ns < 1e6) return `${+(ns / 1e3).toPrecision(4)} µs`;
  if (ns < 1e9) return `${+(ns / 1e6).toPrecision(4)} ms`;
  const s = ns / 1e9;
  if (s < 120) return `${+s.toPrecision(5)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 120) return `${minutes} min ${+(s % 60).toPrecision(4)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// === 5. Places =============================================================================================

const LANE = 16, GAP = 8, CHIP = 18, CELL = 24, SLOT = 22;

/** Where channel `channel`'s lane is, at progress `p` (0..1 in the direction of travel) along a pipe. */
export function lanePoint(pipe, wide, up, channel, p, margin = 0) {
  const length = wide ? pipe.x1 - pipe.x0 : pipe.y1 - pipe.y0, sign = Math.sign(length);
  const from = margin * sign, run = length - 2 * from;
  const along = from + run * (up ? p : 1 - p);
  const lanes = pipe.lanes.length, lane = Math.max(0, Math.min(lanes - 1, pipe.lanes.indexOf(channel)));
  const index = pipe.lanes.indexOf(channel) < 0 ? lanes - 1 : lane;
  const across = up ? -(GAP / 2 + (lanes - index - 0.5) * LANE) : GAP / 2 + (index + 0.5) * LANE;
  return wide ? { x: pipe.x0 + along, y: pipe.y0 + across } : { x: pipe.x0 + across, y: pipe.y0 + along };
}

/** The place of the i-th message of a queue, counted from its head. */
export function cellPoint(node, i) {
  const room = Math.max(1, Math.floor((node.w - 22) / CELL));
  return { x: node.x + node.w / 2 - 19 - Math.min(i, room - 1) * CELL, y: node.y, room };
}

/** A consumer's hand: slot `i` of its `row`-th consumer, under the application's name. */
export function slotPoint(app, row, i, slots) {
  return { x: app.x - ((slots - 1) * SLOT) / 2 + i * SLOT, y: app.y + 56 + row * 22 };
}

export const handSlots = (consumer) => Math.max(1, Math.min(5, consumer.prefetch || consumer.holding.length));

/** A point of a cubic Bezier given as eight numbers. */
export function onCurve([x0, y0, x1, y1, x2, y2, x3, y3], t) {
  const u = 1 - t, a = u * u * u, b = 3 * u * u * t, c = 3 * u * t * t, d = t * t * t;
  return { x: a * x0 + b * x1 + c * x2 + d * x3, y: a * y0 + b * y1 + c * y2 + d * y3 };
}

const smooth = (t) => t * t * (3 - 2 * t);

/** The place at `time` of something that passes `stops` [{time, x, y, curve?}], sorted by time. */
export function alongStops(stops, time) {
  let k = 0;
  while (k + 1 < stops.length && stops[k + 1].time <= time) k++;
  const a = stops[k], b = stops[k + 1];
  if (!b || time <= a.time) return { x: a.x, y: a.y, leg: k };
  const t = (time - a.time) / (b.time - a.time);
  if (b.curve) {
    const s = smooth(t) * b.curve.length, i = Math.min(b.curve.length - 1, Math.floor(s));
    return { ...onCurve(b.curve[i], s - i), leg: k };
  }
  const s = b.linear ? t : smooth(t);
  return { x: a.x + (b.x - a.x) * s, y: a.y + (b.y - a.y) * s, leg: k };
}

// === 6. What is in the air =================================================================================

const PALETTE = 7;
export const hue = (message) => (message ? `m${(message - 1) % PALETTE}` : "m");

/** The consumers of an application, in a fixed order: [key, entity]. */
function consumersOf(view, app) {
  const mine = [];
  for (const [connection, pipe] of Object.entries(view.layout.pipes))
    if (pipe.app === app) for (const [key, c] of view.consumers) if (key.startsWith(`consumer/${encode(connection)}/`)) mine.push([key, c]);
  return mine.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

/** Real consumers, and for each channel that holds messages it got with basic.get one that has no tag. */
function handsOf(state) {
  const hands = pick(state, "consumer/"), got = new Map();
  for (const [key, copy] of pick(state, "copy/")) if (copy.state === "unacked" && !copy.consumer) {
    const hand = `consumer/${encode(copy.connection)}/${copy.channel}/`;
    if (!got.has(hand)) got.set(hand, []);
    got.get(hand).push(+key.slice(key.lastIndexOf("/") + 1));
  }
  for (const [key, holding] of got) hands.push([key, { prefetch: 0, holding, holding_count: holding.length, got: true }]);
  return hands;
}

const byKey = (a, b) => (a[0] < b[0] ? -1 : 1);
const pick = (state, prefix) => [...state].filter(([key]) => key.startsWith(prefix)).sort(byKey);

export const encode = (name) => name.replaceAll("%", "%25").replaceAll("/", "%2F");

/** Where a message is in the hands of a connection's consumer (or at the application itself). */
function handPoint(view, connection, consumerKey, message) {
  const app = view.layout.apps[view.layout.pipes[connection].app];
  const rows = consumersOf(view, app.name), row = rows.findIndex(([key]) => key === consumerKey);
  if (row < 0) return { x: app.x, y: app.y };
  const held = rows[row][1].holding.indexOf(message), slots = handSlots(rows[row][1]);
  return held < 0 ? { x: app.x, y: app.y } : slotPoint(app, row, Math.min(held, slots - 1), slots);
}

const queuePlace = (view, key, message) => {
  const queue = view.state.get(key), node = view.layout.nodes[key];
  if (!queue) return { x: node.x, y: node.y };
  const at = [...queue.unacked, ...queue.ready].indexOf(message);
  return cellPoint(node, at < 0 ? queue.unacked.length + queue.ready.length : at);
};

/** The stops of one leg, and which part of it is on the wire. */
export function stopsOf(view, leg) {
  const { layout, scene } = view, wide = layout.orientation === "wide", T = (seq) => timeOf(scene, seq);
  const from = T(leg.start), to = leg.end === null ? T(scene.n) : T(leg.end);
  const node = (key) => (key.startsWith("queue/") ? queuePlace(view, key, leg.message) : key === "lost" ? lostPlace(view, leg.message) : layout.nodes[key] ?? { x: layout.broker.x + layout.broker.w / 2, y: layout.broker.y + layout.broker.h / 2 });
  const wire = (connection, up) => {
    const rides = leg.command === null ? null : scene.commands[leg.command].rides;
    const pipe = layout.pipes[connection], channel = leg.command === null ? 0 : scene.commands[leg.command].channel;
    const a = rides ? Math.max(from, rides.from) : from + (to - from) * 0.25, b = rides ? Math.min(to, rides.to) : from + (to - from) * 0.8;
    return [{ time: a, ...lanePoint(pipe, wide, up, channel, 0, 8) }, { time: Math.max(a, b), ...lanePoint(pipe, wide, up, channel, 1, 8), linear: true }];
  };
  if (leg.kind === "route") {
    const curves = leg.edges.map((key) => layout.edges[key]?.curve).filter(Boolean);
    const start = layout.nodes[leg.source], end = node(leg.target);
    return { stops: [{ time: from, ...xy(start) }, { time: from + (to - from) * 0.75, x: curves.at(-1)?.[6] ?? end.x, y: curves.at(-1)?.[7] ?? end.y, curve: curves.length ? curves : null }, { time: to, ...xy(end) }], wire: -1 };
  }
  if (leg.kind === "drop" || leg.kind === "letter") return { stops: [{ time: from, ...xy(node(leg.source)) }, { time: to, ...xy(node(leg.target)) }], wire: -1 };
  const up = ["publish", "ack", "reject"].includes(leg.kind), connection = up ? leg.source : leg.target;
  if (!layout.pipes[connection]) return { stops: [{ time: from, x: 0, y: 0 }], wire: -1 };
  const app = layout.apps[layout.pipes[connection].app];
  const hand = leg.kind === "deliver" ? handPoint(view, connection, leg.note, leg.message) : xy(app);
  const inside = node(up ? leg.target : leg.source);
  const ends = up ? [{ time: from, ...hand }, { time: to, ...xy(inside) }] : [{ time: from, ...xy(inside) }, { time: to, ...hand }];
  return { stops: [ends[0], ...wire(connection, up), ends[1]], wire: 1 };
}

const xy = ({ x, y }) => ({ x, y });

/** Where the next chip of the gutter goes. */
export function lostPoint(layout, i) {
  const room = Math.max(1, Math.floor((layout.gutter.w - 140) / 132));
  return { x: layout.gutter.x + 138 + Math.min(i, room - 1) * 132, y: layout.gutter.y + layout.gutter.h / 2, room };
}

const lostPlace = (view, message) => {
  const at = view.lost.findIndex(([, entity]) => entity.message === message);
  return lostPoint(view.layout, at < 0 ? view.lost.length : at);
};

/** How far a segment is, 0..1; a lost one gets half way. */
export const progress = (s, time) => ((time - s.from) / Math.max(1, s.to - s.from)) * (s.lost ? 0.5 : 1);

/** Everything that moves, at the view's time: the topmost layer of the picture. */
export function tokens(view) {
  const { scene, time, zoom } = view, found = [];
  if (zoom <= 1) {
    for (const { s } of scene.air.segments(time)) if (zoom === 0 || s.end > s.start) found.push(drawSegment(view, s));
    for (const { f } of scene.air.frames(time)) if (f.departs === null || time < f.departs) found.push(drawWaiting(view, f));
  } else if (zoom === 2) for (const { c } of scene.air.commands(time)) found.push(drawCommand(view, c));
  for (const { leg } of scene.air.flights(time)) found.push(drawLeg(view, leg));
  return found.filter(Boolean);
}

/** A segment: a slab across its tube with the frames inside, first octet in front. */
function drawSegment(view, s) {
  const { layout, scene, time, zoom } = view, pipe = layout.pipes[s.conn], wide = layout.orientation === "wide";
  if (!pipe) return null;
  const shown = s.frames.slice(0, 7), size = Math.max(shown.length * CHIP + 6, 14), lanes = pipe.lanes.length * LANE;
  const p = progress(s, time), length = Math.abs(wide ? pipe.x1 - pipe.x0 : pipe.y1 - pipe.y0);
  const centre = lanePoint(pipe, wide, s.up, pipe.lanes[0], p, Math.min(size / 2 + 2, length / 2));
  const tube = wide ? pipe.y0 + (s.up ? -1 : 1) * (GAP / 2 + lanes / 2) : pipe.x0 + (s.up ? -1 : 1) * (GAP / 2 + lanes / 2);
  const ahead = Math.sign(wide ? pipe.x1 - pipe.x0 : pipe.y1 - pipe.y0) * (s.up ? 1 : -1);
  const box = wide ? { x: centre.x - size / 2, y: tube - lanes / 2, width: size, height: lanes } : { x: tube - lanes / 2, y: centre.y - size / 2, width: lanes, height: size };
  const chips = shown.map(([id, a, b], i) => {
    const f = scene.frames[id], lane = lanePoint(pipe, wide, s.up, f.channel, 0);
    const offset = ahead * ((shown.length - 1) / 2 - i) * CHIP;
    return frameChip(view, f, wide ? centre.x + offset : lane.x, wide ? lane.y : centre.y + offset, a > 0 || b < f.size);
  });
  const caption = zoom === 0 ? segmentLabel(s) : shown.map(([id]) => scene.frames[id].summary.split(" ")[0]).join(" · ");
  const y = s.up ? pipe.y0 - GAP / 2 - lanes - 6 : pipe.y0 + GAP / 2 + lanes + 13;
  return h("g", { key: `s${s.n}`, class: cls("segment", s.lost && "lost", s.again && "again", lit(view, "segment", s.n)), "data-sel": `segment:${s.n}` },
    h("rect", { class: "slab", ...rounded(box), rx: 5 }), chips,
    s.lost && time > s.from + (s.to - s.from) * 0.85 && h("path", { class: "cross", d: cross(wide ? centre.x : tube, wide ? tube : centre.y, 9) }),
    wide && h("text", { class: "caption halo", x: round(Math.max(Math.min(pipe.x0, pipe.x1) + 46, Math.min(Math.max(pipe.x0, pipe.x1) - 46, centre.x))), y: round(y) }, cut(caption, 26)));
}

export const segmentLabel = (s) => `${s.flags.replaceAll("|", " ")}${s.end > s.start ? ` ${s.end - s.start} B` : ""}${s.again ? " again" : ""}`;
const rounded = (box) => Object.fromEntries(Object.entries(box).map(([name, value]) => [name, round(value)]));
const cross = (x, y, r) => `M${round(x - r)} ${round(y - r)}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;

function frameChip(view, f, x, y, part) {
  return h("g", { key: `f${f.id}`, class: cls("chip", `t${f.type}`, hue(f.messages[0]), part && "part", lit(view, "frame", f.id)), "data-sel": `frame:${f.id}`, transform: `translate(${round(x)} ${round(y)})` },
    h("rect", { x: -7.5, y: -6.5, width: 15, height: 13, rx: f.type === 1 ? 3 : f.type === 2 ? 6 : 0 }), h("text", {}, TYPES[f.type] ?? "?"));
}

/** A frame handed to TCP which no segment has taken yet waits at the mouth of the pipe. */
function drawWaiting(view, f) {
  const { layout, scene, time } = view, pipe = layout.pipes[f.conn], wide = layout.orientation === "wide";
  if (!pipe) return null;
  const mates = f.command === null ? [f.id] : scene.commands[f.command].frames, i = mates.indexOf(f.id);
  const alone = f.departs === null && f.sent === null ? Math.max(0, (time - f.from) / (f.to - f.from)) : 0;
  const at = lanePoint(pipe, wide, f.up, f.channel, alone, 12);
  const ahead = Math.sign(wide ? pipe.x1 - pipe.x0 : pipe.y1 - pipe.y0) * (f.up ? 1 : -1), shift = ahead * Math.max(0, Math.min(mates.length, 6) - 1 - i) * CHIP;
  return frameChip(view, f, at.x + (wide ? shift : 0), at.y + (wide ? 0 : shift), false);
}

/** A command: a pill with its name, where the segment with its last octet is. */
function drawCommand(view, c) {
  const { layout, time } = view, pipe = layout.pipes[c.conn], wide = layout.orientation === "wide";
  if (!pipe) return null;
  const p = c.rides ? (time < c.rides.from ? 0 : time >= c.rides.to ? 1 : progress(c.rides, time)) : (time - c.from) / Math.max(1, c.to - c.from);
  const width = c.name.length * 5.9 + 14, at = lanePoint(pipe, wide, c.up, c.channel, Math.min(1, p), wide ? width / 2 + 2 : 12);
  return h("g", { key: `c${c.id}`, class: cls("pill", hue(c.messages[0]), lit(view, "command", c.id)), "data-sel": `frame:${c.frames[0]}`, transform: `translate(${round(at.x)} ${round(at.y)})` },
    h("rect", { x: round(-width / 2), y: -7.5, width: round(width), height: 15, rx: 7.5 }), h("text", {}, c.name));
}

const MARKS = { ack: "✓", confirm: "✓", reject: "✗" };

/** A message (or its ack) on its way; on the wire it shows only at milestones, where no frames are drawn. */
function drawLeg(view, leg) {
  const { stops, wire } = stopsOf(view, leg), at = alongStops(stops, view.time);
  if (wire >= 0 && at.leg <= 1 && view.zoom < 3 && (stops[1].time <= view.time || ["publish", "ack", "reject"].includes(leg.kind))) return null;
  if (wire >= 0 && view.zoom < 3 && leg.kind === "confirm" && at.leg === 0) return null;
  const mark = MARKS[leg.kind];
  if (mark) return h("g", { key: `l${leg.id}`, class: cls("mark", leg.kind), transform: `translate(${round(at.x)} ${round(at.y)})` }, h("circle", { r: 8 }), h("text", {}, leg.note.startsWith("nack") ? "✗" : mark));
  return messageChip(view, leg.message, at.x, at.y, { key: `l${leg.id}`, kind: cls("moving", leg.kind) });
}

/** A message: an envelope with its number, in its own colour. */
export function messageChip(view, message, x, y, { key, kind = "", hatched = false, label } = {}) {
  return h("g", { key: key ?? `m${message}`, class: cls("message", hue(message), kind, lit(view, "message", message)), "data-sel": `message:${message}`, transform: `translate(${round(x)} ${round(y)})` },
    h("rect", { class: "paper", x: -10.5, y: -8, width: 21, height: 16, rx: 2.5 }),
    hatched && h("rect", { class: "hatch", x: -10.5, y: -8, width: 21, height: 16, rx: 2.5 }),
    h("path", { class: "flap", d: "M-10 -6.5L0 .5L10 -6.5" }),
    h("text", { class: "number" }, label ?? message));
}

const lit = (view, kind, id) => view.lit?.[kind]?.has(id) && "lit";

// === 7. The picture ========================================================================================

/** All that stands still at the view's step. */
export function picture(view) {
  const { layout } = view;
  return [
    defs(),
    h("g", { class: "ground" }, drawBroker(view), drawGutter(view)),
    h("g", { class: "edges" }, Object.entries(layout.edges).map(([key, edge]) => drawEdge(view, key, edge))),
    h("g", { class: "pipes" }, Object.entries(layout.pipes).map(([name, pipe]) => drawPipe(view, name, pipe))),
    h("g", { class: "labels" }, Object.entries(layout.edges).map(([key, edge]) => edgeLabel(view, key, edge))),
    h("g", { class: "nodes" }, Object.entries(layout.nodes).map(([key, node]) => (node.kind === "queue" ? drawQueue(view, key, node) : drawExchange(view, key, node)))),
    h("g", { class: "apps" }, Object.values(layout.apps).map((app) => drawApp(view, app))),
  ];
}

const defs = () => h("defs", {},
  h("pattern", { id: "amqplab-hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, h("rect", { class: "stripe", width: 2, height: 5 })),
  h("marker", { id: "amqplab-arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, h("path", { class: "arrow", d: "M0 .8L7.4 4L0 7.2z" })),
  h("marker", { id: "amqplab-arrow-lit", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 5, markerHeight: 5, orient: "auto" }, h("path", { class: "arrow-lit", d: "M0 .8L7.4 4L0 7.2z" })));

const thing = (view, key, label, extra) => ({
  key, "data-sel": `entity:${key}`, class: cls(extra, lit(view, "entity", key), view.now?.has(key) && "now"), tabindex: 0, role: "button", "aria-label": label,
});

function drawBroker(view) {
  const { x, y, w, h: height } = view.layout.broker;
  return h("g", thing(view, "broker", `${view.scene.broker}: the broker`, "broker"),
    h("rect", { x: x + 1, y: y + 1, width: w - 2, height: height - 2, rx: 14 }),
    h("text", { class: "title", x: x + 16, y: y + 23 }, view.scene.broker), h("text", { class: "quiet end", x: x + w - 16, y: y + 23 }, "virtual host /"));
}

function drawGutter(view) {
  const { x, y, w, h: height } = view.layout.gutter, shown = view.lost;
  return h("g", { class: "gutter", role: "group", "aria-label": `lost and returned: ${plural(shown.length, "message")}` },
    h("rect", { x: x + 1, y: y + 1, width: w - 2, height: height - 2, rx: 10 }),
    h("text", { class: "quiet", x: x + 16, y: y + height / 2 + 4 }, "lost & returned"),
    shown.map(([key, entity], i) => {
      const at = lostPoint(view.layout, i);
      if (i >= at.room) return i === at.room && h("text", { class: "quiet end", x: x + w - 8, y: y + height / 2 + 4 }, `+${shown.length - at.room}`);
      return h("g", { key }, messageChip(view, entity.message, at.x, at.y, { kind: "dead" }), h("path", { class: "cross small", d: cross(at.x + 10, at.y - 8, 3.5) }),
        h("text", { class: "quiet", x: at.x + 17, y: at.y + 4 }, cut(entity.reason, 17)));
    }));
}

const path = (c) => `M${c[0]} ${c[1]}C${c.slice(2).join(" ")}`;

function drawEdge(view, key, edge) {
  const used = view.flow.edges.has(key), exists = edge.ghost ? used : view.state.has(key);
  if (!exists) return null;
  return h("g", { key, class: cls("edge", edge.ghost && "ghost", used && "used", lit(view, "entity", key), view.now?.has(key) && "now"), "data-sel": `entity:${key}` },
    h("path", { class: "reach", d: path(edge.curve) }), h("path", { class: "line", d: path(edge.curve), "marker-end": used ? "url(#amqplab-arrow-lit)" : "url(#amqplab-arrow)" }));
}

function edgeLabel(view, key, edge) {
  if (edge.ghost || !view.state.has(key)) return null;
  const label = cut(edge.label || "—", 18), width = label.length * 6.4 + 14, used = view.flow.edges.has(key);
  return h("g", { ...thing(view, key, `binding ${nameOf(edge.source) || "default"} to ${nameOf(edge.target)}, key ${edge.label || "empty"}`, cls("key", used && "used")), key: `k${key}`, transform: `translate(${edge.at[0]} ${edge.at[1]})` },
    h("rect", { x: round(-width / 2), y: -9, width: round(width), height: 18, rx: 9 }), h("text", { class: "mono" }, label));
}

/** A connection: two tubes, one per direction, each with a lane per channel. */
function drawPipe(view, name, pipe) {
  const connection = view.state.get(`connection/${encode(name)}`);
  if (!connection) return null;
  const wide = view.layout.orientation === "wide", lanes = pipe.lanes.length * LANE;
  const start = wide ? Math.min(pipe.x0, pipe.x1) : Math.min(pipe.y0, pipe.y1), length = Math.abs(wide ? pipe.x1 - pipe.x0 : pipe.y1 - pipe.y0);
  const axis = wide ? pipe.y0 : pipe.x0, rect = (along, across, l, a) => (wide ? { x: along, y: across, width: l, height: a } : { x: across, y: along, width: a, height: l });
  const tube = (up) => {
    const edge = up ? axis - GAP / 2 - lanes : axis + GAP / 2;
    return h("g", { class: cls("tube", up ? "up" : "down") }, h("rect", { class: "wall", ...rect(start, edge, length, lanes), rx: 6 }),
      pipe.lanes.map((channel, i) => {
        const open = channel === 0 || view.state.has(`channel/${encode(name)}/${channel}`);
        return h("g", { class: cls("lane", open && "open") }, h("rect", { class: "bed", ...rect(start + 1, edge + i * LANE + 1, length - 2, LANE - 2), rx: 5 }),
          wide && h("text", { class: "lane-name", x: (pipe.side === "left") === up ? start + length - 6 : start + 6, y: edge + i * LANE + 11.5, "text-anchor": (pipe.side === "left") === up ? "end" : "start" }, channel === 0 ? "" : `ch ${channel}`));
      }));
  };
  const state = connectionWords(connection), middle = start + length / 2;
  return h("g", thing(view, `connection/${encode(name)}`, `connection ${name}: ${state}`, cls("pipe", `is-${state.split(" ")[0].toLowerCase()}`, connection.blocked && "blocked")),
    tube(true), tube(false),
    wide && h("text", { class: "quiet mid", x: middle, y: axis - GAP / 2 - lanes - 21 }, `:${name.split(":").at(-1)} · ${state}`),
    connection.blocked && h("g", { class: "valve", transform: wide ? `translate(${pipe.x1} ${axis - GAP / 2 - lanes / 2})` : `translate(${axis - GAP / 2 - lanes / 2} ${pipe.y1})` }, h("circle", { r: 9 }), h("path", { d: wide ? "M0 -9V9" : "M-9 0H9" })));
}

/** A connection's state in a word or two, as an operator would say it. */
export function connectionWords(connection) {
  if (connection.blocked) return "blocked";
  return connection.state ?? connection.tcp ?? "connecting";
}

function drawExchange(view, key, node) {
  const name = nameOf(key), ghost = name === "", exchange = view.state.get(key);
  if (!exchange && !ghost) return null;
  const type = exchange?.type ?? "direct", busy = view.flow.nodes.has(key);
  return h("g", thing(view, key, ghost ? "the default exchange" : `exchange ${name}, type ${type}`, cls("exchange", ghost && "ghost", busy && "busy")),
    h("g", { transform: `translate(${node.x} ${node.y})` }, h("rect", { class: "shape", x: -20, y: -20, width: 40, height: 40, rx: 7, transform: "rotate(45)" }), h("text", { class: "letter" }, "X"),
      h("text", { class: "name", y: 43 }, ghost ? "(default)" : cut(name, 15)), h("text", { class: "quiet mid", y: 57 }, ghost ? "key = queue name" : type)));
}

/** A queue: its head at the right; Unacked as ghosts at the head, then Ready. */
function drawQueue(view, key, node) {
  const queue = view.state.get(key);
  if (!queue) return null;
  const { ready, unacked } = queue, all = [...unacked, ...ready], room = cellPoint(node, 0).room, name = nameOf(key);
  const words = `Ready ${queue.ready_count}  ·  Unacked ${queue.unacked_count}  ·  Total ${queue.total}`;
  const shown = all.slice(0, queue.total > room ? room - 1 : room), end = cellPoint(node, room - 1);
  const features = [queue.durable && "D", queue.exclusive && "Excl", queue.auto_delete && "AD", queue.arguments && "Args"].filter(Boolean).join(" ");
  return h("g", thing(view, key, `queue ${name}: ${words.replaceAll("  ·  ", ", ")}`, "queue"),
    h("text", { class: "name", x: node.x, y: node.y - node.h / 2 - 9 }, cut(name, 24), features && h("tspan", { class: "feature", dx: 7 }, features)),
    h("rect", { class: "shape", x: node.x - node.w / 2, y: node.y - node.h / 2, width: node.w, height: node.h, rx: 9 }),
    Array.from({ length: room }, (_, i) => cellPoint(node, i)).map((at) => h("rect", { class: "cell", x: at.x - 11, y: at.y - 14, width: 22, height: 28, rx: 3 })),
    shown.map((message, i) => {
      const at = cellPoint(node, i), out = i < unacked.length;
      return view.flow.into.has(`${key}#${message}`) ? null : messageChip(view, message, at.x, at.y, { kind: out ? "ghosted" : "ready" });
    }),
    queue.total > room && h("text", { class: "more", x: end.x, y: end.y + 4 }, `+${queue.total - shown.length}`),
    h("text", { class: "counts", x: node.x, y: node.y + node.h / 2 + 17 }, words));
}

/** An application: P, C or both; its hand with a slot per prefetch; its outstanding confirms. */
function drawApp(view, app) {
  const host = view.state.get(`host/${encode(app.name)}`), rows = consumersOf(view, app.name), held = rows.reduce((n, [, c]) => n + c.holding_count, 0);
  const roles = view.scene.roles?.[app.name] ?? "", letter = roles || "A", word = { P: "producer", C: "consumer", PC: "producer and consumer" }[roles] ?? "application";
  const dead = host?.crashed, frozen = host?.frozen;
  const confirms = [];
  for (const [connection, pipe] of Object.entries(view.layout.pipes)) if (pipe.app === app.name)
    for (const [key, entity] of view.confirms) if (key.startsWith(`confirm/${encode(connection)}/`)) confirms.push(...entity.outstanding);
  const base = app.y + 56 + rows.length * 22;
  return h("g", thing(view, `host/${encode(app.name)}`, `${word} ${app.name}${held ? `, holds ${plural(held, "unacknowledged message")}` : ""}`, cls("app", roles === "C" ? "consumer" : "producer", dead && "dead", frozen && "frozen")),
    h("circle", { class: "shape", cx: app.x, cy: app.y, r: 25 }), h("text", { class: "letter", x: app.x, y: app.y }, letter.length > 1 ? "P C" : letter),
    dead && h("path", { class: "cross", d: cross(app.x, app.y, 15) }),
    h("text", { class: "name", x: app.x, y: app.y + 40 }, cut(app.name, 14), frozen && h("tspan", { class: "feature", dx: 5 }, "frozen")),
    rows.map(([key, consumer], row) => drawHand(view, app, key, consumer, row)),
    confirms.length > 0 && h("g", { class: "confirms", transform: `translate(${app.x} ${base})` }, h("text", { class: "quiet mid", y: 3 }, "to confirm"),
      confirms.slice(0, 4).map((n, i) => h("g", { transform: `translate(${(i - (Math.min(confirms.length, 4) - 1) / 2) * 20} 16)` }, h("rect", { x: -8.5, y: -8, width: 17, height: 16, rx: 3 }), h("text", {}, i === 3 && confirms.length > 4 ? "…" : n)))));
}

function drawHand(view, app, key, consumer, row) {
  const slots = handSlots(consumer), more = consumer.holding_count > slots || consumer.prefetch > slots;
  return h("g", { ...thing(view, key, `consumer ${nameOf(key)}: ${consumer.prefetch ? `prefetch ${consumer.prefetch}` : "no prefetch limit"}, holds ${consumer.holding_count}`, cls("hand", !consumer.prefetch && "unlimited")) },
    Array.from({ length: slots }, (_, i) => {
      const at = slotPoint(app, row, i, slots), message = consumer.holding[i];
      const coming = message !== undefined && view.flow.coming.has(`${key}#${message}`);
      return h("g", { key: i }, h("rect", { class: cls("slot", coming && "coming"), x: at.x - 10.5, y: at.y - 8, width: 21, height: 16, rx: 2.5 }),
        message !== undefined && !coming && messageChip(view, message, at.x, at.y, { kind: "held", hatched: true }));
    }),
    more && h("text", { class: "quiet", x: slotPoint(app, row, slots - 1, slots).x + 14, y: app.y + 60 + row * 22 }, consumer.prefetch > slots ? `…${consumer.prefetch}` : `+${consumer.holding_count - slots}`));
}

// === 8. Ladder =============================================================================================

/** Rows of the ladder at a zoom: one per step; y rises with the steps and, compressed, with virtual time. */
export function ladderPlan(scene, zoom) {
  const { at } = scene.records, rows = [];
  let y = 14;
  for (const seq of scene.steps[zoom]) {
    if (seq < 0) continue;
    const gap = rows.length ? at[seq] - at[rows.at(-1).seq] : 0, quiet = isArrival(scene, seq, zoom);
    y += (rows.length ? 8 + Math.min(34, gapTime(gap) / 26) : 0) + (quiet ? 4 : 13);
    rows.push({ seq, y, quiet, gap });
  }
  return { rows, height: y + 30, ys: rows.map((r) => r.y), times: rows.map((r) => timeOf(scene, r.seq)), bands: ladderBands(scene, zoom) };
}

/** The far end of a band that has its own label at the near end. */
function isArrival(scene, seq, zoom) {
  const s = scene.subject[seq];
  if (!s) return false;
  if (s.segment !== undefined) return zoom === 0 && scene.segmentByNumber.get(s.segment).sent !== seq;
  const x = s.frame !== undefined ? scene.frames[s.frame] : scene.commands[s.command];
  return x.received === seq && x.sent !== null;
}

/** y of a story time: linear between rows. */
export function ladderY(plan, time) {
  if (!plan.ys.length) return 0;
  const k = lastAtMost(plan.times, time);
  if (k < 0) return plan.ys[0] - 10;
  if (k + 1 >= plan.ys.length) return plan.ys[k];
  const t = (time - plan.times[k]) / (plan.times[k + 1] - plan.times[k]);
  return plan.ys[k] + (plan.ys[k + 1] - plan.ys[k]) * t;
}

const clientOf = (connection) => connection.slice(0, connection.lastIndexOf(":"));

function ladderBands(scene, zoom) {
  const T = (seq) => timeOf(scene, seq), end = T(scene.n);
  const ends = (conn, up) => (up ? [clientOf(conn), scene.broker] : [scene.broker, clientOf(conn)]);
  const made = (kind, id, x, from, to, label, message, share = 0, lost = false) => {
    const [a, b] = ends(x.conn, x.up);
    return { kind, id, a, b, from, to: to ?? end, label, hue: hue(message), share, lost };
  };
  const share = (s) => (s && s.arrives !== null && s.arrives > s.departs ? s.serial / (s.arrives - s.departs) : 0);
  const serials = transmissionTimes(scene);
  for (const s of scene.segments) s.serial = serials.get(s.n) ?? 0;
  if (zoom === 0) return scene.segments.map((s) => ({ ...made("segment", s.n, s, s.from, s.to, segmentLabel(s), scene.frames[s.frames[0]?.[0]]?.messages[0], share(s), !!s.lost), parts: s.frames.map(([, a, b]) => b - a), up: s.up }));
  if (zoom === 1) return scene.frames.map((f) => ({ ...made("frame", f.id, f, f.from, f.to, f.summary, f.messages[0], f.rides ? (share(f.rides) * f.size) / Math.max(1, f.rides.end - f.rides.start) : 0), parts: f.carriers.map(([, a, b]) => b - a), up: f.up }));
  if (zoom === 2) return scene.commands.map((c) => ({ ...made("command", c.id, c, c.from, c.to, scene.frames[c.frames[0]].summary, c.messages[0], share(c.rides)), parts: [], up: c.up }));
  return scene.flights.filter((leg) => leg.command !== null).map((leg) => {
    const c = scene.commands[leg.command];
    return { ...made("message", leg.message, c, T(leg.start), leg.end === null ? null : T(leg.end), leg.kind === "confirm" ? `confirm ${leg.note}` : `${leg.kind} ${leg.message}`, leg.message, 0), parts: [], up: c.up };
  });
}

/** How long each segment took to leave, in ns: what exceeds the quickest segment of its direction. */
function transmissionTimes(scene) {
  const least = new Map(), found = new Map(), lane = (s) => `${s.conn} ${s.up}`;
  for (const s of scene.segments) if (s.serial_ns !== undefined) found.set(s.n, s.serial_ns);
  if (found.size) return found;
  for (const s of scene.segments) if (s.arrives !== null) least.set(lane(s), Math.min(least.get(lane(s)) ?? Infinity, s.arrives - s.departs));
  for (const s of scene.segments) if (s.arrives !== null) found.set(s.n, s.arrives - s.departs - least.get(lane(s)));
  return found;
}

/** The part of the ladder between two heights, as elements. */
export function drawLadder(view, plan, width, top, bottom) {
  const { scene } = view, hosts = scene.hosts, left = 66, column = (width - left) / hosts.length;
  const x = (host) => left + column * (Math.max(0, hosts.indexOf(host)) + 0.5), letters = (room) => Math.max(6, Math.floor(room / 6.3));
  const now = ladderY(plan, view.time), out = [];
  for (const host of hosts) out.push(h("line", { key: `h${host}`, class: cls("lifeline", host === scene.broker && "hub"), x1: round(x(host)), y1: round(top), x2: round(x(host)), y2: round(bottom) }));
  const first = Math.max(0, lastAtMost(plan.ys, top - 400));
  const bands = plan.bands.map((band) => ({ band, y0: ladderY(plan, band.from), y1: ladderY(plan, band.to) })).filter(({ y0, y1 }) => y1 >= top && y0 <= bottom);
  for (const { band, y0, y1 } of bands) out.push(drawBand(view, band, x(band.a), x(band.b), y0, y1, band.from > view.time));
  const starts = new Map(bands.map(({ band }) => [band.from, band]));
  for (let k = first; k < plan.rows.length && plan.rows[k].y <= bottom; k++) {
    const row = plan.rows[k], time = plan.times[k], future = time > view.time + 1e-6, next = future && (k === 0 || plan.times[k - 1] <= view.time + 1e-6);
    const band = starts.get(time), where = scene.names[scene.records.where[row.seq]], host = hosts.includes(where) ? where : scene.broker;
    const tone = cls("rung", future && "future", next && "next", !future && (k + 1 >= plan.rows.length || plan.times[k + 1] > view.time + 1e-6) && "here");
    out.push(h("g", { key: `r${row.seq}`, class: tone, "data-seq": row.seq },
      h("rect", { class: "reach", x: 0, y: round(row.y - (row.quiet ? 5 : 10)), width: round(width), height: row.quiet ? 10 : 20 }),
      (k === 0 || row.gap > 0) && !row.quiet && h("text", { class: "clock", x: left - 12, y: round(row.y + 3.5) }, timeText(scene.records.at[row.seq])),
      row.quiet ? h("circle", { class: "dot", cx: round(x(host)), cy: round(row.y), r: 2.5 })
        : band ? ladderText(scene, x(band.a), x(band.b), row.y, band, letters)
          : [h("circle", { class: "dot big", cx: round(x(host)), cy: round(row.y), r: 4 }), noteText(scene, x(host), row, hosts.indexOf(host), hosts.length, column, letters)]));
  }
  out.push(h("line", { key: "now", class: "nowline", x1: 0, x2: round(width), y1: round(now), y2: round(now) }));
  return out;
}

function ladderText(scene, a, b, y, band, letters) {
  const right = b > a;
  return h("text", { class: cls("band-label halo"), x: round(a + (right ? 9 : -9)), y: round(y - 3), "text-anchor": right ? "start" : "end" }, cut(band.label, letters(Math.abs(b - a) * 0.96)));
}

function noteText(scene, at, row, i, count, column, letters) {
  const last = i === count - 1 && count > 1;
  return h("text", { class: "note halo", x: round(at + (last ? -9 : 9)), y: round(row.y + 4), "text-anchor": last ? "end" : "start" }, cut(scene.briefs[row.seq], letters(last ? column * 1.2 : column * (i === 0 ? 0.9 : 1.3))));
}

function drawBand(view, band, a, b, y0, y1, future) {
  const stop = band.lost ? 0.5 : 1, xb = a + (b - a) * stop, yb = y1, d = Math.min((y1 - y0) * 0.75, (y1 - y0) * band.share);
  const points = [[a, y0], [xb, yb - d], [xb, yb], [a, y0 + d]].map((p) => p.map(round).join(" ")).join(" ");
  const total = band.parts.reduce((x, y) => x + y, 0), cuts = [];
  let sum = 0;
  for (const size of band.parts.slice(0, -1)) {
    sum += size;
    const shift = (d * sum) / total;
    if (d > 4) cuts.push(h("line", { class: "cut", x1: round(a), y1: round(y0 + shift), x2: round(xb), y2: round(yb - d + shift) }));
  }
  return h("g", { key: `b${band.kind}${band.id}-${band.from}`, class: cls("band", band.kind, band.hue, future && "future", band.lost && "lost", lit(view, band.kind, band.id)), "data-sel": `${band.kind}:${band.id}` },
    h("line", { class: "reach", x1: round(a), y1: round(y0), x2: round(xb), y2: round(yb) }),
    h("polygon", { points }), cuts,
    band.lost ? h("path", { class: "cross", d: cross(xb, yb, 6) }) : h("path", { class: "tip", d: `M${round(b)} ${round(yb)}l${b > a ? -8 : 8} -5.5v7.5z` }));
}

// === 9. Inspector ==========================================================================================

/** The spans of a frame as a flat list in reading order; `path` is unique, `counts` the octets a length counts. */
export function flatten(spans, size, depth = 0, out = []) {
  spans.forEach(([start, end, name, value, meaning, kids], i) => {
    const span = { i: out.length, start, end, name, value, meaning, depth, kids: kids.length };
    const counted = /(^|[ -])(length|size)$/.test(name) && Number.isInteger(value) && value > 0 && kids.length === 0 && end + value <= size;
    if (counted) span.counts = [end, end + value];
    out.push(span);
    flatten(kids, size, depth + 1, out);
  });
  return out;
}

/** The deepest span that has this octet. */
export const spanAt = (flat, octet) => flat.reduce((best, s) => (s.start <= octet && octet < s.end && (!best || s.depth >= best.depth) ? s : best), null);

const byteText = (hex) => { const b = parseInt(hex, 16); return b > 32 && b < 127 ? String.fromCharCode(b) : "·"; };

function drawFrame(view, f, width) {
  const { scene } = view, flat = flatten(scene.spans[f.spans], f.size), per = width < 520 ? 8 : 16;
  const host = clientOf(f.conn), [from, to] = f.up ? [host, scene.broker] : [scene.broker, host];
  return [
    h("p", { class: "headline" }, h("span", { class: cls("badge", hue(f.messages[0])) }, TYPES[f.type] ?? "?"), h("b", {}, f.summary)),
    h("p", { class: "under" }, `${from} → ${to} · ${TYPE_NAMES[f.type] ?? "frame"} on channel ${f.channel} · ${plural(f.size, "octet")}`,
      f.messages.map((m) => h("button", { class: cls("link", hue(m)), "data-sel": `message:${m}` }, `message ${m}`)),
      f.carriers.map(([n]) => h("button", { class: "link", "data-sel": `segment:${n}` }, `segment ${n}`))),
    drawHex(view, f, flat, per), drawTree(view, f, flat),
  ];
}

/** Rows of octets: the segments' ruler above, the brackets of lengths below. */
function drawHex(view, f, flat, per) {
  const hot = flat[view.hot], bytes = f.hex.match(/../g) ?? [], rows = [];
  const tops = flat.filter((s) => s.depth === 0 || (flat.length < 40 && s.depth === 1)), counts = flat.filter((s) => s.counts);
  const shown = Math.min(bytes.length, view.allBytes ? bytes.length : per * 24);
  for (let start = 0; start < shown; start += per) {
    const end = Math.min(start + per, bytes.length), cells = [h("span", { class: "offset" }, start.toString(16).padStart(4, "0"))];
    for (const [n, a, b] of f.carriers) if (a < end && b > start)
      cells.push(h("span", { class: cls("ruler", `r${n % 2}`, a >= start && "first", b <= end && "last", lit(view, "segment", n)), style: `grid-column:${Math.max(a, start) - start + 2}/${Math.min(b, end) - start + 2}`, "data-sel": `segment:${n}`, title: `segment ${n}` }, a >= start || start === 0 ? `segment ${n}` : ""));
    for (let i = start; i < end; i++) {
      const top = tops.findLastIndex((s) => s.start <= i && i < s.end), isHot = hot && hot.start <= i && i < hot.end, counted = hot?.counts && hot.counts[0] <= i && i < hot.counts[1];
      cells.push(h("span", { class: cls("b", `z${top % 2}`, isHot && "hot", counted && "counted", tops[top]?.start === i && "edge"), style: `grid-column:${i - start + 2}`, "data-byte": i }, bytes[i]));
    }
    let depth = 0;
    for (const s of counts) if (s.counts[0] < end && s.counts[1] > start) {
      if (s.depth < 1 && s !== hot) continue;
      cells.push(h("span", { class: cls("bracket", s === hot && "hot", s.counts[0] >= start && "first", s.counts[1] <= end && "last"), style: `grid-column:${Math.max(s.counts[0], start) - start + 2}/${Math.min(s.counts[1], end) - start + 2};grid-row:${3 + Math.min(depth++, 0)}` }));
    }
    cells.push(h("span", { class: "ascii", style: `grid-column:${per + 2}` }, bytes.slice(start, end).map((b, i) => h("span", { class: cls(hot && hot.start <= start + i && start + i < hot.end && "hot"), "data-byte": start + i }, byteText(b)))));
    rows.push(h("div", { key: start, class: "hexrow" }, cells));
  }
  return h("div", { class: "hex", "aria-hidden": "true", style: `--per:${per}` }, rows, shown < bytes.length && h("button", { class: "link", "data-do": "all-bytes" }, `show all ${bytes.length} octets`));
}

function drawTree(view, f, flat) {
  return h("ul", { class: "tree", role: "tree", "aria-label": "fields" }, flat.slice(0, view.allBytes ? flat.length : 260).map((s) =>
    h("li", { key: s.i, role: "treeitem", "aria-level": s.depth + 1, "aria-selected": s.i === view.hot ? "true" : "false", tabindex: s.i === (view.hot ?? 0) ? 0 : -1, class: cls("field", s.kids && "group", s.i === view.hot && "hot"), style: `--depth:${s.depth}`, "data-span": s.i, "aria-label": `${s.name}${s.value === null ? "" : ` ${s.value}`}. ${s.meaning ?? ""} octets ${s.start} to ${s.end - 1}` },
      h("span", { class: "where" }, s.end > s.start ? (s.end - s.start === 1 ? s.start : `${s.start}–${s.end - 1}`) : ""),
      h("span", { class: "field-name" }, s.name), h("span", { class: "field-value" }, s.value === null ? "" : cut(String(s.value), 80)), h("span", { class: "field-meaning" }, s.meaning ?? ""))));
}

const SHOWN_AS = { tcp: "TCP", no_ack: "auto-ack", auto_delete: "auto-delete", unacked: "Unacked", ready: "Ready", total: "Total" };
const valueText = (v) => (isList(v) ? (v.length ? cut(v.join(", "), 60) : "none") : v === null || v === undefined || v === "" ? "–" : v === true ? "yes" : v === false ? "no" : cut(typeof v === "object" ? JSON.stringify(v) : String(v), 90));

const facts = (pairs) => h("dl", { class: "facts" }, pairs.map(([name, value]) => [h("dt", {}, SHOWN_AS[name] ?? name.replaceAll("_", " ")), h("dd", {}, valueText(value))]));
const frameLinks = (view, ids) => h("ul", { class: "frames" }, ids.slice(0, 60).map((id) => {
  const f = view.scene.frames[id];
  return h("li", {}, h("button", { class: "frame-link", "data-sel": `frame:${id}` }, h("span", { class: cls("badge", hue(f.messages[0])) }, TYPES[f.type] ?? "?"), h("span", {}, f.summary), h("span", { class: "muted" }, `${f.up ? clientOf(f.conn) : view.scene.broker} → ${f.up ? view.scene.broker : clientOf(f.conn)}`)));
}));

/** What the inspector shows for the selection. */
export function inspector(view, width) {
  const { scene, selection } = view;
  if (!selection) return [h("p", { class: "empty" }, "Step to a frame, or click one: every octet of it is explained here.")];
  const [kind, id] = [selection.kind, selection.id];
  if (kind === "frame" && scene.frames[id]) return drawFrame(view, scene.frames[id], width);
  if (kind === "command") return drawFrame(view, scene.frames[scene.commands[id].frames[0]], width);
  if (kind === "segment") {
    const s = scene.segmentByNumber.get(id), [a, b] = s.up ? [s.conn, `${scene.broker}:5672`] : [`${scene.broker}:5672`, s.conn];
    return [h("p", { class: "headline" }, h("span", { class: "badge" }, "S"), h("b", {}, `Segment ${s.n}: ${segmentLabel(s)}`)), h("p", { class: "under" }, `${a} → ${b}`),
      facts([["sequence number", s.seq], ["acknowledges", s.flags.includes("ACK") ? s.ack : "–"], ["window", s.window], ["carries", s.end > s.start ? `octets ${s.start}–${s.end - 1} of this direction's stream` : "no octets"], ["left", timeText(s.departs)], ["arrives", s.lost ? `never: ${s.lost}` : s.arrives === null ? "–" : timeText(s.arrives)]]),
      h("h4", {}, "Frames inside"), s.frames.length ? frameLinks(view, s.frames.map((x) => x[0])) : h("p", { class: "empty" }, "None: TCP speaks for itself here.")];
  }
  if (kind === "message") {
    const entity = view.state.get(`message/${id}`);
    return [h("p", { class: "headline" }, h("span", { class: cls("badge", hue(id)) }, id), h("b", {}, `Message ${id}`)), entity ? facts(Object.entries(entity)) : h("p", { class: "empty" }, "Not at the broker at this step."),
      h("h4", {}, "Its frames"), frameLinks(view, scene.frames.filter((f) => f.messages.includes(id)).map((f) => f.id))];
  }
  const entity = view.state.get(id), title = id === "broker" ? scene.broker : id.split("/").slice(1).map(decodeName).join(" ");
  return [h("p", { class: "headline" }, h("b", {}, `${id.split("/")[0]} ${id === "broker" ? "" : title}`)), entity ? facts(Object.entries(entity)) : h("p", { class: "empty" }, id === "broker" ? "One broker, one virtual host." : "Not there at this step."),
    id.startsWith("connection/") && h("h4", {}, "Its frames so far"), id.startsWith("connection/") && frameLinks(view, scene.frames.filter((f) => f.conn === decodeName(id.slice(11)) && (f.sent ?? f.received) <= view.seq).map((f) => f.id).reverse())];
}

// === 10. Tables ============================================================================================

const TABLES = [
  ["Queues", "queue/", [["Name", (e, k) => nameOf(k)], ["Ready", (e) => e.ready_count], ["Unacked", (e) => e.unacked_count], ["Total", (e) => e.total], ["Features", (e) => [e.durable && "D", e.exclusive && "Excl", e.auto_delete && "AD", e.arguments].filter(Boolean).join(" ")]]],
  ["Exchanges", "exchange/", [["Name", (e, k) => nameOf(k) || "(default)"], ["Type", (e) => e.type], ["Bindings", (e, k, v) => [...v.state.keys()].filter((b) => b.startsWith("binding/") && b.split("/")[2] === k.split("/")[2]).length]]],
  ["Consumers", "consumer/", [["Tag", (e, k) => nameOf(k)], ["Queue", (e) => e.queue], ["Prefetch", (e) => e.prefetch || "∞"], ["Unacked", (e) => e.holding_count], ["Ack", (e) => (e.no_ack ? "auto" : "manual")]]],
  ["Connections", "connection/", [["Name", (e, k) => nameOf(k)], ["State", (e) => connectionWords(e)], ["Channels", (e, k, v) => [...v.state.keys()].filter((c) => c.startsWith(`channel/${k.slice(11)}/`)).length]]],
  ["Messages", "message/", [["#", (e, k) => nameOf(k)], ["Exchange", (e) => e.exchange || "(default)"], ["Routing key", (e) => e.routing_key], ["Octets", (e) => e.size], ["Status", (e) => e.status]]],
];

/** The state in words: the table twin of the picture. */
export function tables(view) {
  return TABLES.map(([title, prefix, columns]) => {
    const keys = [...view.state.keys()].filter((key) => key.startsWith(prefix)).sort((a, b) => a.localeCompare(b, "en", { numeric: true })).filter((key) => !nameOf(key).startsWith("amq.") || prefix !== "exchange/" || view.layout.nodes[key]);
    if (!keys.length) return null;
    const shown = prefix === "message/" ? keys.slice(-30) : keys.slice(0, 40);
    return h("table", { key: title }, h("caption", {}, title), h("thead", {}, h("tr", {}, columns.map(([name]) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, shown.map((key) => h("tr", { key, "data-sel": prefix === "message/" ? `message:${nameOf(key)}` : `entity:${key}`, class: cls(view.now.has(key) && "now", (prefix === "message/" ? lit(view, "message", +nameOf(key)) : lit(view, "entity", key))) }, columns.map(([name, cell], i) => h(i ? "td" : "th", { class: cls(/Ready|Unacked|Total|Octets|Channels|Bindings|Prefetch/.test(name) && "number"), scope: i ? null : "row" }, cell(view.state.get(key), key, view)))))));
  });
}

// === 11. Narration, timeline, controls =====================================================================

const ICONS = {
  start: "M5 4v12M16 4L8 10l8 6z", back: "M13 4L5 10l8 6zM16 4v12", play: "M6 3.5L16 10 6 16.5z", pause: "M6 4h3v12H6zM11.5 4h3v12h-3z",
  forward: "M7 4l8 6-8 6zM4 4v12", end: "M15 4v12M4 4l8 6-8 6z",
};
const icon = (name) => h("svg", { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" }, h("path", { d: ICONS[name] }));
const button = (action, label, inside, extra = {}) => h("button", { type: "button", "data-do": action, "aria-label": label, title: label, ...extra }, inside);

function drawBar(view) {
  return [
    h("span", { class: "brand", "aria-hidden": "true" }, "amqplab"), view.scene.title && h("span", { class: "scene-title" }, view.scene.title),
    h("div", { class: "zooms", role: "radiogroup", "aria-label": "a step is one" }, h("span", { class: "muted small" }, "step by"), ZOOMS.map((name, z) => h("button", { type: "button", role: "radio", "aria-checked": z === view.zoom ? "true" : "false", tabindex: z === view.zoom ? 0 : -1, "data-zoom": z, title: `step by ${name} (${z + 1})` }, name))),
    button("help", "keys and hints", "?", { class: "round", "aria-expanded": view.help ? "true" : "false" }),
  ];
}

function drawNarration(view) {
  const { scene, seq } = view, steps = scene.steps[view.zoom], next = steps[view.step + 1];
  const cause = seq < 0 ? -1 : scene.records.cause[seq];
  return [
    h("p", { class: "said" }, seq < 0 ? "Before the first step: nothing has happened yet." : scene.sentences[seq]),
    h("p", { class: "meta" }, h("span", {}, `step ${view.step} of ${steps.length - 1}`), seq >= 0 && h("span", {}, timeText(scene.records.at[seq])), seq >= 0 && h("span", {}, `at ${scene.names[scene.records.where[seq]]}`),
      cause >= 0 && h("button", { class: "link", "data-jump": cause, title: scene.sentences[cause] }, `because: ${cut(scene.sentences[cause], 72)}`)),
    h("p", { class: "upcoming" }, next === undefined ? "The recording ends here." : [h("span", {}, "next  "), scene.sentences[next]]),
  ];
}

function drawTransport(view) {
  return [
    h("div", { class: "buttons", role: "toolbar", "aria-label": "playback" }, button("start", "to the start (Home)", icon("start")), button("back", "one step back (←)", icon("back")),
      button("toggle", view.playing ? "pause (Space)" : "play (Space)", icon(view.playing ? "pause" : "play"), { class: "main" }), button("forward", "one step forward (→)", icon("forward")), button("end", "to the end (End)", icon("end"))),
    h("label", { class: "speed" }, h("span", { class: "muted small" }, "speed"), h("select", { "data-input": "speed", "aria-label": "speed" }, SPEEDS.map((s) => h("option", { value: s, selected: s === view.speed }, `${s}×`)))),
    h("div", { class: "until" }, h("input", { type: "text", "data-input": "until", placeholder: "run until …", "aria-label": "run until: a method, an event, #message, a time, or a condition like: app ready = 2", list: `${view.uid}-until`, spellcheck: "false", autocomplete: "off" }),
      h("datalist", { id: `${view.uid}-until` }, view.goals.map((goal) => h("option", { value: goal }))), button("until", "run until that is reached", "go", { class: "text" })),
    view.notice && h("span", { class: "notice", role: "status" }, view.notice),
  ];
}

/** The track: depth of all queues as a skyline, milestones as marks, the slider over both. */
function drawTimeline(view, width) {
  const { scene, zoom, u } = view, steps = scene.steps[zoom], last = Math.max(1, steps.length - 1), H = 46, left = 8, room = Math.max(40, width - 16);
  const x = (k) => left + (room * k) / last, base = H - 14, top = 8, { ready, unacked, most } = view.depth;
  const every = Math.max(1, Math.floor(steps.length / 400)), area = (value) => {
    let d = `M${left} ${base}`, y = base;
    for (let k = 0; k < steps.length; k += every) {
      const next = base - ((base - top) * value(steps[k] + 1)) / most;
      d += `H${round(x(k))}V${round((y = next))}`;
    }
    return `${d}H${round(left + room)}V${base}z`;
  };
  const at = steps[view.step], marks = [];
  for (let k = 1; k < steps.length && marks.length < 400; k += every) {
    const kind = scene.kinds[steps[k]], shape = MARK_SHAPES[kind];
    if (shape) marks.push(h("path", { key: k, class: cls("mark", shape[0]), d: shape[1], transform: `translate(${round(x(k))} ${H - 6})` }));
  }
  const said = at < 0 ? "start" : scene.sentences[at];
  return h("svg", { class: "track", width, height: H, viewBox: `0 0 ${width} ${H}`, role: "slider", tabindex: 0, "aria-label": "position", "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": view.step, "aria-valuetext": `step ${view.step}: ${said}` },
    h("path", { class: "area total", d: area((i) => ready[i] + unacked[i]) }), h("path", { class: "area ready", d: area((i) => ready[i]) }),
    h("line", { class: "rail", x1: left, x2: left + room, y1: base, y2: base }), h("line", { class: "rail done", x1: left, x2: round(x(u)), y1: base, y2: base }),
    h("g", { class: "marks" }, marks), h("line", { class: "needle", x1: round(x(u)), x2: round(x(u)), y1: 4, y2: base }), h("circle", { class: "knob", cx: round(x(u)), cy: base, r: 6 }));
}

const MARK_SHAPES = {
  Published: ["pub", "M0 -3.5A3.5 3.5 0 1 1 -.01 -3.5z"], Enqueued: ["enq", "M-3 -3h6v6h-6z"], Delivered: ["del", "M-3.5 -3L3.5 0L-3.5 3z"], Acknowledged: ["ack", "M-4 0L-1 3L4 -3"],
  Unroutable: ["bad", "M-3 -3L3 3M3 -3L-3 3"], SegmentLost: ["bad", "M-3 -3L3 3M3 -3L-3 3"], Discarded: ["bad", "M-3 -3L3 3M3 -3L-3 3"], Intervened: ["bad", "M0 -4V2M0 3.2V4"], ConnectionClosed: ["end", "M0 -4V4"], ChannelClosed: ["end", "M0 -3V3"],
};

const HELP = [["Space", "play, pause"], ["← →", "one step (PageUp, PageDown too)"], ["Shift + ← →", "one step at the next coarser zoom"], ["Home, End", "first, last step"], ["1 2 3 4", "step by segment, frame, command, milestone"], ["+ −", "faster, slower"], ["U", "run until …"], ["Esc", "let go of the selection"], ["?", "this"]];

function drawHelp(view) {
  return view.help ? [h("div", { class: "help", role: "note" }, h("dl", {}, HELP.map(([keys, what]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)])),
    h("p", {}, "Click a message, frame, segment, queue or connection to see it everywhere. Envelopes are messages, each with its own colour and number; M, H and B are a command's method, header and body frames. Hatched: delivered, not yet acknowledged."))] : [];
}

// Failures are buttons on the thing itself. What the lab offers comes with the widget; `at` is the step's seq.
const FAULTS = {
  segment: [["lose_segment", "lose this segment"]], connection: [["cut", "cut the link"], ["silence", "go silent"], ["heal", "heal the link"]], host: [["crash", "crash"], ["freeze", "freeze"], ["thaw", "thaw"]],
  consumer: [["freeze", "freeze"], ["crash", "crash"]], broker: [["alarm", "memory alarm"], ["crash", "crash"]],
};

export function faultsFor(selection) {
  if (!selection) return [];
  const kind = selection.kind === "entity" ? selection.id.split("/")[0] : selection.kind;
  return (FAULTS[kind] ?? []).map(([fault, label]) => ({ fault, label, target: selection.kind === "entity" ? selection.id : `${selection.kind}/${selection.id}` }));
}

function drawActions(view) {
  const offers = faultsFor(view.pinned).filter((o) => !view.breakable.length || view.breakable.includes(o.fault));
  if (!offers.length) return [];
  const reason = view.connected ? (view.breakable.length ? null : "This stage shows a recording that no lab stands behind.") : "No kernel here: open this in Jupyter to break things.";
  return [h("div", { class: "actions", role: "toolbar", "aria-label": "break it" }, h("span", { class: "small" }, "Break it:"), offers.map((o) => h("button", { type: "button", class: "fault", disabled: !!reason, title: reason ?? `${o.label}, from this step on`, "data-fault": o.fault, "data-target": o.target }, o.label)), reason && h("span", { class: "small muted" }, reason))];
}

// === 12. The player ========================================================================================

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

/** What "run until" means: a predicate on (scene, seq, state); null when it cannot be understood. */
export function goal(text) {
  const said = text.trim();
  let m;
  if (!said) return null;
  if ((m = /^#(\d+)$/.exec(said))) return (scene, seq) => scene.patches[seq].some(([key]) => key === `message/${m[1]}`);
  if ((m = /^([\d.]+) *(ns|µs|us|ms|s|min|h)$/.exec(said))) {
    const ns = +m[1] * { ns: 1, "µs": 1e3, us: 1e3, ms: 1e6, s: 1e9, min: 6e10, h: 3.6e12 }[m[2]];
    return (scene, seq) => scene.records.at[seq] >= ns;
  }
  if ((m = /^(\S+) +(ready|unacked|total) *(>=|<=|=|<|>) *(\d+)$/i.exec(said))) {
    const compare = { ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, "=": (a, b) => a === b, "<": (a, b) => a < b, ">": (a, b) => a > b }[m[3]];
    const count = { ready: (q) => q.ready_count, unacked: (q) => q.unacked_count, total: (q) => q.total }[m[2].toLowerCase()];
    return (scene, seq, state) => [...state].some(([key, q]) => key.startsWith("queue/") && nameOf(key) === m[1] && compare(count(q), +m[4]));
  }
  const word = said.toLowerCase();
  return (scene, seq) => {
    const subject = scene.subject[seq], command = subject?.command ?? (subject?.frame !== undefined ? scene.frames[subject.frame].command : null);
    return scene.kinds[seq].toLowerCase() === word || scene.briefs[seq].toLowerCase().includes(word) || (command !== null && command !== undefined && scene.commands[command].name === word);
  };
}

/** First record after `seq` that fulfils a goal, or null. */
export function find(scene, reached, seq) {
  const cursor = cursorFor(scene);
  seek(cursor, seq);
  for (let q = seq + 1; q < scene.n; q++) if (reached(scene, q, seek(cursor, q))) return q;
  return null;
}

/** What belongs to the selection, by kind: so that one thing lights up everywhere. */
export function related(scene, selection) {
  const found = { frame: new Set(), segment: new Set(), message: new Set(), command: new Set(), entity: new Set() };
  if (!selection) return found;
  const addFrame = (f) => { found.frame.add(f.id); for (const [n] of f.carriers) found.segment.add(n); if (f.command !== null) found.command.add(f.command); };
  found[selection.kind]?.add(selection.id);
  if (selection.kind === "message") for (const f of scene.frames) if (f.messages.includes(selection.id)) addFrame(f);
  if (selection.kind === "frame") { const f = scene.frames[selection.id]; addFrame(f); f.messages.forEach((m) => found.message.add(m)); }
  if (selection.kind === "command") for (const i of scene.commands[selection.id].frames) { addFrame(scene.frames[i]); scene.frames[i].messages.forEach((m) => found.message.add(m)); }
  if (selection.kind === "segment") for (const [id] of scene.segmentByNumber.get(selection.id)?.frames ?? []) { found.frame.add(id); scene.frames[id].messages.forEach((m) => found.message.add(m)); }
  return found;
}

const parseSelection = (text) => { const at = text.indexOf(":"), kind = text.slice(0, at), id = text.slice(at + 1); return { kind, id: kind === "entity" ? id : +id }; };

/** Position, zoom and selection, and how they change. Knows nothing of the page. */
export class Player {
  constructor(scene, { zoom = 3, at = -1 } = {}) {
    Object.assign(this, { zoom, playing: false, speed: 1, target: null, pinned: null, hot: null, help: false, notice: "" });
    this.adopt(scene, at);
  }

  adopt(scene, at) {
    this.scene = scene;
    this.cursor = cursorFor(scene);
    this.depth = depths(scene);
    this.target = null;
    this.goSeq(Math.min(at, scene.n - 1));
  }

  get last() { return this.scene.steps[this.zoom].length - 1; }
  get time() { return timeAt(this.scene, this.zoom, this.u); }
  get step() { return Math.max(0, Math.min(this.last, Math.floor(this.u + 1e-9))); }
  get resting() { return !this.playing && this.target === null; }

  go(u) { this.u = Math.max(0, Math.min(this.last, u)); this.target = null; }
  goSeq(seq) { this.go(positionAt(this.scene, this.zoom, timeOf(this.scene, seq))); }
  setZoom(zoom) { const time = this.time; this.zoom = zoom; this.go(positionAt(this.scene, zoom, time)); }

  /** One step; with `glide` the way there is shown. */
  move(by, glide) {
    const from = this.target ?? this.u, to = by > 0 ? Math.floor(from + 1e-9) + 1 : Math.ceil(from - 1e-9) - 1, end = Math.max(0, Math.min(this.last, to));
    this.playing = false;
    if (glide) this.target = end; else this.go(end);
  }

  coarser(by) {
    const zoom = Math.min(3, this.zoom + 1), steps = this.scene.steps[zoom], k = positionAt(this.scene, zoom, this.time);
    const to = steps[Math.max(0, Math.min(steps.length - 1, by > 0 ? Math.floor(k + 1e-9) + 1 : Math.ceil(k - 1e-9) - 1))];
    this.playing = false;
    this.goSeq(to);
  }

  toggle() {
    this.target = null;
    if (!this.playing && this.u >= this.last) this.go(0);
    this.playing = !this.playing;
  }

  /** Let `ms` of real time pass; true while something moves. */
  tick(ms, still) {
    if (this.playing) {
      let left = ms * this.speed;
      if (still) {
        this.waited = (this.waited ?? 0) + left;
        if (this.waited > Math.max(700, stepDuration(this.scene, this.zoom, this.step))) { this.waited = 0; this.go(this.step + 1); }
      } else while (left > 0 && this.u < this.last) {
        const k = Math.floor(this.u + 1e-9), whole = stepDuration(this.scene, this.zoom, k), rest = (k + 1 - this.u) * whole;
        if (left >= rest) { this.u = k + 1; left -= rest; } else { this.u += left / whole; left = 0; }
      }
      if (this.u >= this.last) this.playing = false;
    } else if (this.target !== null) {
      const away = this.target - this.u, k = Math.floor(away > 0 ? this.u + 1e-9 : this.u - 1e-9), whole = Math.min(900, stepDuration(this.scene, this.zoom, Math.max(0, k))) * (away < 0 ? 0.5 : 1);
      const by = (ms / whole) * Math.max(1, Math.abs(away));
      if (still || Math.abs(away) <= by) this.go(this.target); else this.u += Math.sign(away) * by;
    }
    return !this.resting;
  }

  /** The selection shown: what was picked, or what the step is about. */
  selection(seq) {
    if (this.pinned) return this.pinned;
    for (let q = seq; q >= 0 && q > seq - 40; q--) {
      const s = this.scene.subject[q];
      if (s?.frame !== undefined) return { kind: "frame", id: s.frame };
      if (s?.command !== undefined) return { kind: "frame", id: this.scene.commands[s.command].frames[0] };
      if (s && this.zoom === 0) return { kind: "segment", id: s.segment };
    }
    return null;
  }

  /** Everything the drawing functions need: the one argument of every picture. */
  view(orientation = "wide") {
    const { scene } = this, time = this.time, seq = seqAt(scene, time), state = seek(this.cursor, seq), layout = scene.layouts[orientation];
    if (this.picked?.seq !== seq || this.picked.scene !== scene) this.picked = { seq, scene, consumers: handsOf(state), confirms: pick(state, "confirm/"), lost: lostOf(state) };
    const flow = { edges: new Set(), nodes: new Set(), into: new Set(), coming: new Set() };
    for (const { leg } of scene.air.flights(time)) {
      leg.edges.forEach((key) => flow.edges.add(key));
      if (leg.kind === "route") flow.nodes.add(leg.source);
      if (leg.kind === "deliver") flow.coming.add(`${leg.note}#${leg.message}`);
    }
    const selection = this.selection(seq);
    return {
      scene, layout, time, seq, state, flow, selection, zoom: this.zoom, u: this.u, step: this.step, playing: this.playing, speed: this.speed, pinned: this.pinned, hot: this.hot, help: this.help, notice: this.notice, depth: this.depth,
      allBytes: this.allBytes, consumers: this.picked.consumers, confirms: this.picked.confirms, lost: this.picked.lost, lit: related(scene, this.pinned), now: new Set(seq < 0 ? [] : scene.patches[seq].map(([key]) => key)),
    };
  }
}

/** What lies in the gutter, oldest first. */
function lostOf(state) {
  return pick(state, "lost/").map(([key, entity]) => [key, { ...entity, message: +key.split("/")[1] }]).sort((a, b) => a[1].message - b[1].message || byKey(a, b));
}

// === 13. Mounting ==========================================================================================

let mounted = 0;

/** anywidget's entry: show `model`'s scene in `el`. */
function render({ model, el }) {
  const stage = new Stage(model, el);
  return () => stage.close();
}

class Stage {
  constructor(model, el) {
    this.model = model;
    this.uid = `amqplab-${++mounted}`;
    this.player = new Player(decode(model.get("scene")), model.get("start") ?? {});
    this.build(el);
    this.listen();
    this.onScene = () => this.adopt(decode(this.model.get("scene")));
    this.onMessage = (message) => { if (message?.type === "notice") { this.player.notice = message.text; this.draw(); } };
    model.on("change:scene", this.onScene);
    model.on("msg:custom", this.onMessage);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.root);
    this.measure();
  }

  close() {
    cancelAnimationFrame(this.raf);
    this.observer.disconnect();
    this.model.off("change:scene", this.onScene);
    this.model.off("msg:custom", this.onMessage);
    this.root.remove();
  }

  build(el) {
    const make = (tag, name, props = {}) => { const node = document.createElement(tag); node.className = name; for (const [k, v] of Object.entries(props)) node.setAttribute(k, v); return node; };
    const part = (tag, name, props) => (this[name] = make(tag, name, props));
    this.root = make("div", "amqplab-stage", { tabindex: "0", role: "group", "aria-roledescription": "stage", "aria-label": "AMQP run, step by step. Space plays, arrow keys step.", "data-lm-suppress-shortcuts": "true", "data-testid": "amqplab-stage" });
    const panel = (name, title, inside) => { const section = make("section", `panel ${name}-panel`, { "aria-label": title }), head = make("h3", ""); head.textContent = title; section.append(head, ...inside); return section; };
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("class", "picture");
    part("div", "canvas", { role: "group", "aria-label": "the stage" }).append(this.svg, part("div", "breakables"));
    part("div", "ladderScroll", { tabindex: "0", role: "region", "aria-label": "ladder, time runs down" }).append((this.ladderSvg = document.createElementNS(SVG, "svg")));
    this.ladderSvg.setAttribute("class", "ladder-lines");
    part("div", "panels").append(panel("ladder", "Ladder", [part("div", "ladderHead", { "aria-hidden": "true" }), this.ladderScroll]), panel("inspector", "Frame inspector", [part("div", "inspector")]), panel("state", "State", [part("div", "state")]));
    this.root.append(part("div", "bar"), part("div", "helpBox"), this.canvas, part("div", "narration"), part("div", "timeline"), part("div", "transport"), this.panels, part("div", "live", { "aria-live": "polite", role: "status" }));
    this.root.stage = this; // for the curious, and for tests
    el.append(this.root);
  }

  adopt(scene) {
    const { player } = this, at = player.time >= timeOf(player.scene, player.scene.n - 1) ? Infinity : seqAt(player.scene, player.time);
    const keep = Math.min(at, this.forkedAt ?? Infinity, player.scene.n - 1);
    this.forkedAt = undefined;
    player.adopt(scene, keep);
    this.plans = {};
    this.drawn = "";
    this.measure();
  }

  get connected() { return typeof this.model.send === "function" && this.model.comm_live !== false; }

  measure() {
    const width = this.root.clientWidth;
    if (!width) return;
    this.orientation = width < 660 ? "tall" : "wide";
    this.plans ??= {};
    this.drawn = "";
    this.draw();
  }

  /** Bring the page in line with the player. Cheap when only time has moved. */
  draw() {
    const { player } = this, view = player.view(this.orientation), { layout } = view;
    Object.assign(view, { uid: this.uid, connected: this.connected, breakable: this.model.get("breakable") ?? [], goals: this.goals() });
    const flights = view.scene.air.flights(view.time).map(({ leg }) => leg.id).join();
    const signature = [view.seq, view.step, view.zoom, flights, JSON.stringify(player.pinned), player.hot, this.orientation, player.help, player.playing, player.speed, player.notice, player.allBytes].join("|");
    patch(this.timeline, [drawTimeline(view, Math.max(160, this.timeline.clientWidth))]);
    if (signature !== this.drawn) {
      this.drawn = signature;
      this.svg.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
      this.svg.style.maxWidth = `${Math.round(layout.width * 1.3)}px`;
      this.fixed = picture(view);
      patch(this.bar, drawBar(view));
      patch(this.helpBox, drawHelp(view));
      patch(this.narration, drawNarration(view));
      patch(this.transport, drawTransport(view));
      patch(this.breakables, drawActions(view));
      patch(this.inspector, inspector(view, this.inspector.clientWidth));
      patch(this.state, tables(view).filter(Boolean));
    }
    patch(this.svg, [...this.fixed, h("g", { class: "tokens" }, tokens(view))]);
    this.drawRungs(view);
    if (player.resting) this.say(view);
  }

  drawRungs(view, follow = true) {
    const width = this.ladderScroll.clientWidth, box = this.ladderScroll, hosts = view.scene.hosts;
    const inner = Math.max(width - 4, 66 + hosts.length * 150), plan = (this.plans[view.zoom] ??= ladderPlan(view.scene, view.zoom));
    if (follow && !this.ladderHeld) {
      const y = ladderY(plan, view.time), want = Math.max(0, y - box.clientHeight * 0.55);
      if (Math.abs(want - box.scrollTop) > (this.player.playing ? 0.5 : 4)) box.scrollTop = want;
    }
    patch(this.ladderHead, hosts.map((host, i) => h("span", { style: `left:${66 + ((inner - 66) / hosts.length) * (i + 0.5) - box.scrollLeft}px` }, cut(host, 20))));
    this.ladderSvg.setAttribute("width", inner);
    this.ladderSvg.setAttribute("height", Math.ceil(plan.height));
    patch(this.ladderSvg, drawLadder(view, plan, inner, Math.max(0, box.scrollTop - 60), Math.min(plan.height, box.scrollTop + box.clientHeight + 60)));
  }

  say(view) {
    const text = view.seq < 0 ? "Start." : `Step ${view.step}: ${view.scene.sentences[view.seq]}`;
    if (this.live.textContent !== text) this.live.textContent = text;
  }

  goals() {
    const { scene } = this.player;
    if (this.goalsOf !== scene) {
      this.goalsOf = scene;
      const names = [...new Set(scene.commands.map((c) => c.name))].filter((name) => name.startsWith("basic.") || name.startsWith("connection.open") || name.startsWith("channel.open"));
      this.goalList = [...names, "Routed", "Enqueued", "Delivered", "Acknowledged", "SegmentLost", "#1", "1 s", "app ready = 1"];
    }
    return this.goalList;
  }

  run() {
    if (this.raf) return;
    let before = performance.now();
    const frame = (now) => {
      this.raf = 0;
      const moving = this.player.tick(Math.min(100, now - before), this.still.matches);
      before = now;
      this.draw();
      if (moving) this.raf = requestAnimationFrame(frame);
    };
    this.raf = requestAnimationFrame(frame);
  }

  // --- what people do ---

  listen() {
    const { root } = this;
    root.addEventListener("click", (event) => this.clicked(event));
    root.addEventListener("keydown", (event) => this.pressed(event));
    root.addEventListener("change", (event) => { if (event.target.dataset?.input === "speed") { this.player.speed = +event.target.value; this.draw(); } });
    root.addEventListener("pointerover", (event) => this.hovered(event.target));
    root.addEventListener("focusin", (event) => { if (event.target.dataset?.span) this.hovered(event.target); });
    this.timeline.addEventListener("pointerdown", (event) => this.scrub(event));
    this.ladderScroll.addEventListener("scroll", () => { this.ladderRaf ??= requestAnimationFrame(() => { this.ladderRaf = undefined; this.drawRungs(this.lastView(), false); }); });
    this.ladderScroll.addEventListener("pointerenter", () => { this.ladderHeld = !this.player.playing; });
    this.ladderScroll.addEventListener("pointerleave", () => { this.ladderHeld = false; });
  }

  lastView() { return Object.assign(this.player.view(this.orientation), { uid: this.uid }); }

  clicked(event) {
    const target = event.target.closest("[data-do],[data-zoom],[data-jump],[data-fault],[data-sel],[data-span],[data-byte],[data-seq]");
    if (!target) return;
    const { dataset } = target, { player } = this;
    if (dataset.do) return this.perform(dataset.do);
    if (dataset.zoom) player.setZoom(+dataset.zoom);
    else if (dataset.jump) { player.playing = false; player.goSeq(+dataset.jump); }
    else if (dataset.fault) return this.break(dataset.fault, dataset.target);
    else if (dataset.sel) this.select(parseSelection(dataset.sel), event.currentTarget && target.closest("svg.picture, svg.ladder-lines"));
    else if (dataset.span || dataset.byte) this.hovered(target);
    else if (dataset.seq) { player.playing = false; player.goSeq(+dataset.seq); }
    this.draw();
  }

  /** Picking what is picked lets go of it. */
  select(selection, again) {
    const same = again && this.player.pinned && selection.kind === this.player.pinned.kind && selection.id === this.player.pinned.id;
    Object.assign(this.player, { pinned: same ? null : selection, hot: null, allBytes: false, playing: false });
  }

  hovered(target) {
    const at = target.closest?.("[data-span],[data-byte]");
    if (!at || !this.inspector.contains(at)) return;
    const view = this.lastView(), { selection, scene } = view;
    const frame = selection?.kind === "frame" ? scene.frames[selection.id] : selection?.kind === "command" ? scene.frames[scene.commands[selection.id].frames[0]] : null;
    if (!frame) return;
    const hot = at.dataset.span ? +at.dataset.span : spanAt(flatten(scene.spans[frame.spans], frame.size), +at.dataset.byte)?.i ?? null;
    if (hot === this.player.hot) return;
    this.player.hot = hot;
    this.draw();
    if (at.dataset.byte) this.inspector.querySelector(".field.hot")?.scrollIntoView({ block: "nearest" });
  }

  break(fault, target) {
    const { player } = this, seq = seqAt(player.scene, player.time), segment = target.startsWith("segment/") ? player.scene.segmentByNumber.get(+target.slice(8)) : null;
    const at = segment ? segment.sent : seq;
    this.forkedAt = at;
    player.notice = "running the other history …";
    this.model.send({ type: "fault", fault, target, at });
    this.draw();
  }

  perform(action) {
    const { player } = this, glide = !this.still.matches;
    if (action === "toggle") player.toggle();
    else if (action === "forward") player.move(1, glide);
    else if (action === "back") player.move(-1, glide);
    else if (action === "start") { player.playing = false; player.go(0); }
    else if (action === "end") { player.playing = false; player.go(player.last); }
    else if (action === "help") player.help = !player.help;
    else if (action === "all-bytes") player.allBytes = true;
    else if (action === "until") this.until();
    this.draw();
    this.run();
  }

  until() {
    const { player } = this, input = this.transport.querySelector("[data-input=until]"), reached = goal(input.value);
    if (!reached) return input.focus();
    const seq = find(player.scene, reached, seqAt(player.scene, player.time));
    player.notice = seq === null ? `“${input.value.trim()}” does not happen after this step.` : "";
    if (seq !== null) { player.playing = false; player.goSeq(seq); }
  }

  pressed(event) {
    const { player } = this, typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (typing) { if (event.key === "Enter" && event.target.dataset.input === "until") this.perform("until"); else if (event.key === "Escape") this.root.focus(); event.stopPropagation(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onField = event.target.dataset?.span, onButton = event.target.closest("button,[role=button]");
    if (onField && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const next = event.key === "ArrowDown" ? event.target.nextElementSibling : event.target.previousElementSibling;
      if (next) { this.hovered(next); next.focus(); }
    } else if ((event.key === "Enter" || event.key === " ") && onButton && onButton.tagName !== "BUTTON") this.clicked({ target: onButton, currentTarget: this.root });
    else if (event.key === " " && onButton) return;
    else if (event.key === " ") this.perform("toggle");
    else if (event.key === "ArrowRight" && event.shiftKey) { player.coarser(1); this.draw(); }
    else if (event.key === "ArrowLeft" && event.shiftKey) { player.coarser(-1); this.draw(); }
    else if (event.key === "ArrowRight" || event.key === "PageDown") this.perform("forward");
    else if (event.key === "ArrowLeft" || event.key === "PageUp") this.perform("back");
    else if (event.key === "Home") this.perform("start");
    else if (event.key === "End") this.perform("end");
    else if (/^[1-4]$/.test(event.key)) { player.setZoom(+event.key - 1); this.draw(); }
    else if (event.key === "+" || event.key === "=" || event.key === "-") { player.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(player.speed) + (event.key === "-" ? -1 : 1)))]; this.draw(); }
    else if (event.key === "?") this.perform("help");
    else if (event.key === "Escape") { Object.assign(player, { pinned: null, hot: null, help: false }); this.draw(); }
    else if (event.key === "u" || event.key === "U") this.transport.querySelector("[data-input=until]").focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  scrub(event) {
    const track = this.timeline.querySelector(".track"), { player } = this;
    const to = (e) => { const box = track.getBoundingClientRect(); player.playing = false; player.go(((e.clientX - box.left - 8) / (box.width - 16)) * player.last); this.draw(); };
    const stop = () => {
      track.removeEventListener("pointermove", to);
      player.go(Math.round(player.u));
      this.draw();
    };
    track.setPointerCapture(event.pointerId);
    track.addEventListener("pointermove", to);
    track.addEventListener("pointerup", stop, { once: true });
    track.addEventListener("pointercancel", stop, { once: true });
    track.focus({ preventScroll: true });
    to(event);
    event.preventDefault();
  }
}

export default { render };

// Wire: the marks of what is on links: segments with the frames in them, frames that wait, commands.
//
// Theory
// ------
// The zoom decides what is looked at. At the zooms segment and frame, segments are slabs that fill their tube, with
// the frames inside them, each in the lane of its channel; frames that no segment carries wait at the mouth, stand
// at the × where they were lost, or at the far door until the rest of their command has come. At the zoom command, a command
// is a pill with its name. They all ride by the same rule (ride.js), so changing the zoom never changes what
// happens. Above, only messages and signals remain (riders.js).
//
// Things that are at one point stand one behind the other: three messages in one segment look like three. TCP hands
// over what was sent in its order, so of two things that are equally far the one that was sent earlier stands nearer to
// the receiver, be it an acknowledgement without octets; a later one is farther only where the earlier one was lost. What
// has come is read in the order of its octets.

import { mouthOf, placesOf } from "./crowd.js";
import { between, box, lanePoint, pipeSpan, point, tubeMiddle } from "./geometry.js";
import { isOver, isStuck, rideOfCommand, rideOfFrame, rideOfSegment, sentIn } from "./ride.js";
import { TYPES } from "./scene.js";
import { entityMark, numberedMark } from "./mark.js";
import { cut, encode, plural, widthOf } from "./text.js";

const PILL_LETTER = 6.2;
const PILL_PAD = 14;
const SHORT_PILL = 26;
const GROUP_W = 24;
const LEAST_SLAB = 14;
const MORE_W = 24;
const CAPTION = 30;
const CAPTION_SIZE = 11;
const CAPTION_GAP = 8;
const METHOD = 1;

/** Marks on the links, and for each command the point at which its message's number is written; it is covered where
 * that number is there already, or where what it stands on is only counted.
 * @returns {{marks: Mark[], hosts: Map<number, {x: number, y: number, covered?: boolean}>}} */
export function wireMarks(view) {
  const hosts = new Map();
  if (view.zoom > 2 || view.seq < 0) return { marks: [], hosts };
  const lanes = byTube(view);
  const draw = view.zoom === 2 ? commandMarks : segmentMarks;
  return { marks: lanes.flatMap((tube) => draw(view, tube, hosts)), hosts };
}

/** The connections whose links carry something that is seen, though nobody may know these connections any more: a last RST
 * is on its way after them. */
export function connectionsInUse({ scene, seq, zoom, subject }) {
  const told = scene.segmentByNumber.get(subject.segment);
  const seen = zoom === 0 ? scene.segmentsAt(seq) : [];
  return new Set((told ? [...seen, told] : seen).map(({ conn }) => conn));
}

/** What is alive on the wire, sorted by connection and direction: on connections that exist, segments also on others; and
 * what the record speaks of, which is shown at its end if it is over. */
function byTube(view) {
  const { scene, seq, state, layout, zoom } = view;
  const tubes = new Map();
  const put = (name, items, meant) => {
    const all = [...items, ...meant.filter((item) => item && !items.includes(item))];
    for (const item of all) {
      const pipe = layout.pipes[item.conn];
      if (!pipe || (name !== "segments" && !meant.includes(item) && !state.has(`connection/${encode(item.conn)}`))) continue;
      const key = `${item.conn} ${item.up}`;
      if (!tubes.has(key)) tubes.set(key, { name: item.conn, pipe, up: item.up, segments: [], frames: [], commands: [] });
      tubes.get(key)[name].push(item);
    }
  };
  const { segments, frames, commands } = subjectsOnWire(view);
  if (zoom === 2) put("commands", scene.commandsAt(seq), commands);
  else put("frames", scene.framesOnLink(seq), frames);
  if (zoom === 0) put("segments", scene.segmentsAt(seq), segments);
  return [...tubes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tube]) => tube);
}

/** What the record speaks of on the wire: a command and all its frames, unless a message has been made of them. */
function subjectsOnWire({ scene, subject, seq }) {
  const { segment, frame, command } = subject;
  const segments = segment === undefined ? [] : [scene.segmentByNumber.get(segment)];
  const commands = command === undefined ? [] : [scene.commands[command]];
  if (commands.some((one) => isUnpacked(scene, one, seq))) return { segments, frames: [], commands: [] };
  const mates = commands.flatMap((one) => one.frames);
  const meant = frame === undefined ? mates : [...new Set([...mates, frame])];
  return { segments, frames: meant.map((id) => scene.frames[id]), commands };
}

/** Whether a command with content has been read: its message is seen where it is now. */
const isUnpacked = ({ frames }, { frames: mates, received }, seq) =>
  mates.length > 1 && frames[mates[0]].type === METHOD && received !== null && received <= seq;

/** Things of one tube, {width, ride, octet, lane}, placed one behind the other: [[thing, point], …]; and marks that
 * count those which have no place. What the record speaks of has one. */
function placed(view, tube, things) {
  const { layout, scene } = view;
  const g = scene.geometry;
  const wide = layout.orientation === "wide";
  const inside = pipeSpan(g, tube.pipe, wide).length - 2;
  const count = !wide ? g.chip : view.zoom === 2 ? SHORT_PILL : MORE_W;
  const mouth = mouthOf(inside, wide && view.zoom < 2 ? 2 * g.chip : count);
  const channelOf = ({ f, c }) => (f ?? c)?.channel ?? 0;
  for (const thing of things) {
    const width = Math.min(thing.width, inside - Math.max(mouth, things.length === 1 ? 0 : count)); // it may be too long
    const at = mouth + width / 2 + thing.ride.p * (inside - mouth - width);
    Object.assign(thing, { width, at, p: thing.ride.p, meant: isMeant(view.subject, thing), stuck: isStuck(thing.ride), sent: sentIn(thing.ride) });
  }
  const places = placesOf([...things].sort(byProgress), inside, count).map(({ thing, those, middle }) => {
    return { thing, those, at: lanePoint(g, tube.pipe, wide, tube.up, channelOf(thing), middle / inside, 1) };
  });
  const counts = places.filter(({ those }) => those);
  return {
    found: places.filter(({ those }) => !those).map(({ thing, at }) => [thing, at]),
    rest: counts.map(({ thing, those, at }) => moreOf(view, tube, those, channelOf(thing), at)),
    hidden: counts.flatMap(({ those }) => those),
  };
}

/** The farthest first; of those that are equally far what has come before what is under way, in the order of its octets;
 * then what was sent earlier, octets or none. */
export const byProgress = (a, b) =>
  b.ride.p - a.ride.p || hasCome(b) - hasCome(a) || (hasCome(a) ? 0 : bySending(a, b)) || a.octet - b.octet;

const hasCome = ({ ride: { state } }) => +(state === "arrived" || state === "discarded");

/** Segments are numbered as they are sent; what none carries yet comes after all of them. */
const bySending = ({ ride: { segment: a } }, { ride: { segment: b } }) => (a && b ? a.n - b.n : +!a - +!b);

const isMeant = (subject, { s, f, c }) =>
  s ? s.n === subject.segment : f ? isSpokenFrame(subject, f) : c.id === subject.command;

/** A step that speaks of a command speaks of all its frames. */
const isSpokenFrame = (subject, f) => f.id === subject.frame || (f.command !== null && f.command === subject.command);

/** How many have no room. */
function moreOf(view, { name, up }, those, channel, at) {
  const [{ s, f, c }] = those;
  const kind = s ? "segment" : f ? "frame" : "command";
  const more = {
    ...{ key: `more ${kind} ${name} ${up} ${channel} from ${s?.n ?? (f ?? c).id}`, ...at, label: `+${those.length}`, state: "link" },
    ...{ said: `${plural(those.length, `more ${kind}`)}${wordsOnLost(those)}`, id: name },
  };
  return { ...entityMark(view, "more", `connection/${encode(name)}`, more), subject: false };
}

/** What a count says of those that were lost; they are counted apart from what is on its way. */
const wordsOnLost = ([{ stuck }]) => (stuck ? ", lost on the way" : "");

/** Which lane of a pipe a channel uses; those without one use the last. */
export const laneInPipe = ({ lanes }, channel) => (lanes.includes(channel) ? lanes.indexOf(channel) : lanes.length - 1);

/** Where a frame ends in its direction's stream of octets. */
const octetOf = (f) => f.offset + f.size;

/** Where a command ends there. */
export const lastOctetOf = (scene, { frames }) => octetOf(scene.frames[frames.at(-1)]);

// --- segments and frames ---

function segmentMarks(view, tube, hosts) {
  const { scene, seq, now, layout } = view;
  const g = scene.geometry;
  const wide = layout.orientation === "wide";
  const span = pipeSpan(g, tube.pipe, wide);
  const room = span.length - roomBeside(view, tube);
  const slabs = tube.segments.map((s) => {
    const cargo = cargoOf(view, s, room);
    const width = wide ? cargo.width : Math.max(LEAST_SLAB, cargo.width);
    return { s, cargo, ride: rideOfSegment(s, seq, now), octet: s.end, width };
  });
  const inSlabs = new Set(slabs.flatMap(({ cargo }) => carriedIn(scene, cargo)));
  const { found, rest, hidden } = placed(view, tube, [...slabs, ...looseFrames(view, tube, inSlabs)]);
  const spoken = captionsOf(view, found.filter(([{ s }]) => s), wide, span);
  for (const { f, cargo } of hidden) for (const one of f ? [f] : lastFramesIn(cargo)) carries(view, hosts, one, COVERED);
  const marks = found.flatMap(([thing, at]) => {
    if (thing.s) return slabMarks(view, tube, thing, wide ? at.x : at.y, spoken, hosts);
    carries(view, hosts, thing.f, badgePoint(at, wide));
    return frameMark(view, thing.f, at, thing.ride, { rest: 0, ...inStream(view, tube, thing) });
  });
  return [...marks, ...rest];
}

/** What segments leave to the frames beside them: for one that has come, and for a count of the rest. */
function roomBeside({ scene, seq, now }, { segments, frames }) {
  const isInside = (f) => segments.includes(rideOfFrame(scene, f, seq, now).segment);
  return frames.every(isInside) ? 0 : 2 * MORE_W;
}

/** Which stream of octets something is in, where in it, and which way that goes. */
function inStream({ scene, layout }, { name, pipe, up }, { octet, lane }) {
  const ahead = pipeSpan(scene.geometry, pipe, layout.orientation === "wide").ahead * (up ? 1 : -1);
  return { stream: `${name} ${up} ${lane}`, octet, ahead };
}

/** A segment across its tube, and what is in it; `along` is where its middle is. */
function slabMarks(view, tube, thing, along, spoken, hosts) {
  const { s, cargo, ride } = thing;
  const mark = slabMark(view, tube.pipe, thing, along, spoken.has(s));
  return [mark, ...cargoMarks(view, tube, s, cargo, { x: mark.x, y: mark.y }, ride, hosts)];
}

/** A segment itself. */
export function slabMark(view, pipe, { s, ride, width }, along, caption) {
  const { scene, layout } = view;
  const g = scene.geometry;
  const wide = layout.orientation === "wide";
  const span = pipeSpan(g, pipe, wide);
  const middle = tubeMiddle(g, span, s.up);
  const slab = box(wide, along - width / 2, middle - span.breadth / 2, width, span.breadth);
  return numberedMark(view, "segment", s.n, {
    ...{ ...point(wide, along, middle), s, w: slab.width, h: slab.height, up: s.up, label: segmentLabel(s), state: ride.state, caption },
    said: `segment ${s.n}: ${segmentLabel(s)}, ${stateWords(s, ride.state)}`,
    place: `link:${pipe.app}`,
  });
}

/** What is drawn on other things: not where it stands, but that it is there. */
const COVERED = { covered: true };

/** The segments whose captions stand free of each other; first the one that the record speaks of. */
function captionsOf({ subject }, found, wide, span) {
  const taken = [];
  const spoken = new Set();
  const order = [...found].sort(([a], [b]) => +(b.s.n === subject.segment) - +(a.s.n === subject.segment));
  for (const [{ s, ride }, at] of order) {
    const { along, half } = captionAt(span, captionWords(s, ride.state), wide ? at.x : at.y);
    if (taken.some((other) => Math.abs(other.along - along) < other.half + half + CAPTION_GAP)) continue;
    taken.push({ along, half });
    spoken.add(s);
  }
  return spoken;
}

/** What is written beside a segment: what it is, or why it is no more. */
export function captionWords(s, state) {
  return cut(whyOver(s, state) ? stateWords(s, state) : segmentLabel(s), CAPTION);
}

/** How a segment is, and why it is no more; of one under way nobody knows yet. */
const stateWords = (s, state) => [state, whyOver(s, state)].filter(Boolean).join(": ");
const whyOver = (s, state) => isOver(state) && (s.lost || s.discarded);

/** Where the middle of its caption is, and half of how long that is: as near to it as the tube goes. */
export function captionAt({ start, length }, words, along) {
  const half = Math.min(widthOf(words, CAPTION_SIZE) / 2, length / 2);
  return { along: between(start + half, along, start + length - half), half };
}

/** A segment in a few words, such as "PSH ACK 46 B". */
export const segmentLabel = (s) =>
  `${s.flags.replaceAll("|", " ")}${s.end > s.start ? ` ${s.end - s.start} B` : ""}${s.again ? " again" : ""}`;

/** What is shown in a segment: its frames one by one, or if there are many, those of each command as one. */
function cargoOf(view, s, length) {
  const { scene } = view;
  const g = scene.geometry;
  const isHere = (f) => rideOfFrame(scene, f, view.seq, view.now).segment === s;
  const one = (f, first, end) => ({ f, whole: first === 0 && end === f.size, isIt: end === f.size && isHere(f) });
  const frames = s.frames.map(([id, first, end]) => one(scene.frames[id], first, end));
  if (frames.length <= g.frames_shown && frames.length * g.chip + 6 <= length)
    return { chips: frames, pitch: g.chip, width: Math.max(LEAST_SLAB, frames.length * g.chip + 6) };
  const groups = [];
  for (const chip of frames) {
    const last = groups.at(-1);
    if (last && chip.f.command !== null && last.f.command === chip.f.command) {
      last.isIt = chip.isIt;
      last.end = chip.f;
    } else groups.push({ ...chip, group: true, end: chip.f });
  }
  const room = Math.max(1, Math.floor((length - 30) / GROUP_W));
  const shown = groups.length > room ? groups.slice(0, room - 1) : groups;
  const rest = groups.slice(shown.length);
  if (rest.length) shown.push({ ...rest[0], rest: rest.length, all: rest });
  return { chips: shown, pitch: GROUP_W, width: shown.length * GROUP_W + 6 };
}

/** The frames in a segment, first byte in front, each in its channel's lane. */
function cargoMarks(view, tube, s, { chips, pitch }, centre, ride, hosts) {
  const { layout } = view;
  const g = view.scene.geometry;
  const wide = layout.orientation === "wide";
  const ahead = pipeSpan(g, tube.pipe, wide).ahead * (tube.up ? 1 : -1);
  return chips.map((chip, i) => {
    const lane = lanePoint(g, tube.pipe, wide, tube.up, chip.f.channel, 0);
    const offset = ahead * ((chips.length - 1) / 2 - i) * pitch;
    const at = wide ? { x: centre.x + offset, y: lane.y } : { x: lane.x, y: centre.y + offset };
    const badge = chip.group ? { ...at, ...COVERED } : badgePoint(at, wide); // on a group its number is written already
    for (const f of lastFramesIn({ chips: [chip] })) carries(view, hosts, f, badge);
    const look = { part: !chip.whole && !chip.group, group: chip.group, rest: chip.rest ?? 0 };
    return frameMark(view, chip.f, at, ride, { ...look, s, isIt: chip.isIt });
  });
}

/** The frames that are shown in a segment. */
const carriedIn = (scene, { chips }) =>
  chips
    .flatMap((chip) => chip.all ?? [chip])
    .filter(({ isIt }) => isIt)
    .flatMap(({ f, group }) => (group && f.command !== null ? scene.commands[f.command].frames : [f.id]));

/** Of each chip the last frame whose last byte is in the segment. */
const lastFramesIn = ({ chips }) =>
  chips
    .flatMap((chip) => chip.all ?? [chip])
    .filter(({ isIt }) => isIt)
    .map(({ f, end = f }) => end);

/** A message's number is written on the last frame of its command that there is by now. */
function carries({ scene, seq }, hosts, f, at) {
  if (f.command === null) return;
  const there = scene.commands[f.command].frames.filter((id) => scene.frames[id].sent !== null && scene.frames[id].sent <= seq);
  if (there.at(-1) === f.id) hosts.set(f.command, at);
}

/** At the upper right corner of a chip; where the next one stands above it, at its side. */
const badgePoint = ({ x, y }, wide) => (wide ? { x: x + 7, y: y - 9 } : { x: x + 10, y: y - 3 });

/** Frames that no segment under way carries. */
const looseFrames = ({ scene, seq, now }, { pipe, frames }, inSlabs) =>
  frames
    .filter((f) => !inSlabs.has(f.id))
    .map((f) => ({
      ...{ f, ride: rideOfFrame(scene, f, seq, now), octet: octetOf(f) },
      ...{ width: scene.geometry.chip, lane: laneInPipe(pipe, f.channel) },
    }));

/** Things with the same name, together, in their order. */
export function groupedBy(things, nameOfGroup) {
  const groups = new Map();
  for (const thing of things) {
    const name = nameOfGroup(thing);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(thing);
  }
  return [...groups.values()];
}

function frameMark(view, f, at, ride, more) {
  const { scene } = view;
  const letter = TYPES[f.type] ?? "?";
  const message = f.messages[0];
  const label = more.rest ? `+${more.rest}` : more.group ? groupLabel(scene, f) : letter;
  const mark = numberedMark(view, "frame", f.id, {
    ...{ ...at, f, label, state: ride.state, hue: scene.rootOf(message), place: `link:${view.layout.pipes[f.conn].app}`, ...more },
    key: more.isIt === false ? `part ${f.id} in ${more.s.n}` : `frame ${f.id}`,
    said: `frame ${f.summary}, ${more.part ? "a part of it" : ride.state}`,
  });
  return { ...mark, subject: isSpokenFrame(view.subject, f), kind: more.isIt === false ? "part" : "frame" };
}

const groupLabel = (scene, f) => (f.messages.length ? scene.labelOf(f.messages[0]) : "M");

// --- commands ---

function commandMarks(view, tube, hosts) {
  const { scene, seq, now, layout } = view;
  const wide = layout.orientation === "wide";
  const all = tube.commands.map((c) => ({
    ...{ c, ride: rideOfCommand(scene, c, seq, now), octet: lastOctetOf(scene, c) },
    lane: laneInPipe(tube.pipe, c.channel),
  }));
  for (const lane of groupedBy(all.sort(byProgress), (one) => one.lane))
    lane.forEach((one, i) => Object.assign(one, pillOf(one.c, lane[i - 1], wide, lane.length === 1)));
  const { found, rest, hidden } = placed(view, tube, all);
  for (const { c } of hidden) hosts.set(c.id, COVERED);
  const marks = found.map(([thing, at]) => {
    const { c, ride, words, width } = thing;
    const badge = c.messages.length > 0;
    const across = wide ? { x: at.x + width / 2 - 11, y: at.y } : { x: at.x, y: at.y };
    if (badge) hosts.set(c.id, across);
    return numberedMark(view, "command", c.id, {
      ...{ ...at, c, w: width, label: c.name, words: wordsIn(words, width, badge), state: ride.state },
      ...{ hue: scene.rootOf(c.messages[0]), badge, place: `link:${tube.pipe.app}` },
      ...inStream(view, tube, thing),
      said: `${c.name} on channel ${c.channel}, ${ride.state}`,
    });
  });
  return [...marks, ...rest];
}

/** As much of the words as the pill has room for. */
const wordsIn = (words, width, badge) =>
  cut(words, Math.max(1, Math.round((width - PILL_PAD - (badge ? 20 : 0)) / PILL_LETTER)));

/** What is written on a command, and how wide that is: its name, without its class where it is not alone in its lane; nothing if
 * the one before it says the same. */
function pillOf(c, before, wide, alone) {
  const room = c.messages.length ? 20 : 0;
  if (before && before.c.name === c.name && c.messages.length) return { words: "", width: SHORT_PILL };
  const words = wide && alone ? c.name : c.name.split(".").at(-1);
  return { words, width: wide ? words.length * PILL_LETTER + PILL_PAD + room : 18 };
}

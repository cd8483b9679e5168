// Wire: the marks of what is on links: segments with the frames in them, frames that wait, commands.
//
// Theory
// ------
// The zoom decides what is looked at. At the zooms segment and frame, segments are slabs that fill their tube, with
// the frames inside them, each in the lane of its channel; frames that no segment carries wait at the mouth, stand
// at the × where they were lost, or at the far door until what is missing has come. At the zoom command, a command
// is a pill with its name. They all ride by the same rule (ride.js), so changing the zoom never changes what
// happens. Above, only messages and signals remain (messages.js).
//
// Things that are at one point stand one behind the other: three messages in one segment look like three.

import { box, lanePoint, linedUp, pipeSpan, point, tubeMiddle } from "./geometry.js";
import { rideOfCommand, rideOfFrame, rideOfSegment } from "./ride.js";
import { TYPES } from "./scene.js";
import { entityMark, numberedMark } from "./mark.js";
import { cut, encode } from "./text.js";

const PILL_LETTER = 6.2;
const PILL_PAD = 14;
const SHORT_PILL = 26;
const GROUP_W = 24;
const LEAST_SLAB = 14;
const MORE_W = 24;
const CAPTION_LETTER = 6;

/** Marks on the links, and for each command the point at which its message's number is written.
 * @returns {{marks: Mark[], hosts: Map<number, {x: number, y: number}>}} */
export function wireMarks(view) {
  const hosts = new Map();
  if (view.zoom > 2 || view.seq < 0) return { marks: [], hosts };
  const lanes = byTube(view);
  const draw = view.zoom === 2 ? commandMarks : segmentMarks;
  return { marks: lanes.flatMap((tube) => draw(view, tube, hosts)), hosts };
}

/** What is alive on the wire, sorted by connection and direction: on connections that exist; and what the record
 * speaks of, which is shown at its end if it is over. */
function byTube(view) {
  const { scene, seq, state, layout, zoom } = view;
  const tubes = new Map();
  const put = (name, items, meant) => {
    const all = [...items, ...meant.filter((item) => item && !items.includes(item))];
    for (const item of all) {
      const pipe = layout.pipes[item.conn];
      if (!pipe || (!meant.includes(item) && !state.has(`connection/${encode(item.conn)}`))) continue;
      const key = `${item.conn} ${item.up}`;
      if (!tubes.has(key)) tubes.set(key, { pipe, up: item.up, segments: [], frames: [], commands: [] });
      tubes.get(key)[name].push(item);
    }
  };
  const { segments, frames, commands } = subjectsOnWire(view);
  if (zoom === 2) put("commands", scene.commandsAt(seq), commands);
  else put("frames", scene.framesAt(seq), frames);
  if (zoom === 0) put("segments", scene.segmentsAt(seq), segments);
  return [...tubes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tube]) => tube);
}

/** What the record speaks of on the wire: of a command, all its frames. */
function subjectsOnWire({ scene, subject }) {
  const { segment, frame, command } = subject;
  const meant = command === undefined ? [] : scene.commands[command].frames;
  return {
    segments: segment === undefined ? [] : [scene.segmentByNumber.get(segment)],
    frames: [...new Set(frame === undefined ? meant : [...meant, frame])].map((id) => scene.frames[id]),
    commands: command === undefined ? [] : [scene.commands[command]],
  };
}

/** Things of one lane, placed one behind the other: [[thing, point], …]; and a mark that counts those which have
 * no place. What the record speaks of has one. */
function placed(view, { pipe, up }, things, channel, kind) {
  const { layout, scene } = view;
  const g = scene.geometry;
  const wide = layout.orientation === "wide";
  const inside = pipeSpan(g, pipe, wide).length - 2;
  for (const thing of things) thing.width = Math.min(thing.width, inside - MORE_W); // one alone may be too long
  const sorted = things.map((thing, i) => ({ thing, i })).sort((a, b) => b.thing.ride.p - a.thing.ride.p || a.i - b.i);
  const { shown, hidden } = roomFor(view, sorted.map(({ thing }) => thing), inside);
  const wanted = shown.map(({ width, ride }) => ({ at: width / 2 + ride.p * Math.max(0, inside - width), width }));
  if (hidden) wanted.push({ at: 0, width: MORE_W });
  const points = linedUp(squeezedInto(inside, wanted), inside).map((at) => lanePoint(g, pipe, wide, up, channel, at / inside, 1));
  const name = Object.entries(layout.pipes).find(([, one]) => one === pipe)[0];
  const more = {
    ...{ key: `more ${kind} ${name} ${up} ${channel}`, ...points[shown.length], label: `+${hidden}`, state: "link" },
    ...{ said: `${hidden} more ${kind}s`, id: name },
  };
  return {
    found: shown.map((thing, i) => [thing, points[i]]),
    rest: hidden ? [{ ...entityMark(view, "more", `connection/${encode(name)}`, more), subject: false }] : [],
  };
}

/** What must be shown stands closer where the link is too short even for that. */
function squeezedInto(room, wanted) {
  const whole = wanted.reduce((sum, { width }) => sum + width, 0);
  return whole <= room ? wanted : wanted.map(({ at, width }) => ({ at, width: (width * room) / whole }));
}

/** As many as there is room for, the last ones left out first; but not the record's own. */
function roomFor({ subject }, things, room) {
  const isMeant = ({ s, f, c }) =>
    (s && s.n === subject.segment) || (f && f.id === subject.frame) || (c && c.id === subject.command);
  let whole = things.reduce((sum, { width }) => sum + width, 0);
  if (whole <= room) return { shown: things, hidden: 0 };
  const shown = [...things];
  whole += MORE_W;
  for (let i = shown.length - 1; i >= 0 && whole > room && shown.length > 1; i--) {
    if (isMeant(shown[i])) continue;
    whole -= shown[i].width;
    shown.splice(i, 1);
  }
  return { shown, hidden: things.length - shown.length };
}

// --- segments and frames ---

function segmentMarks(view, tube, hosts) {
  const { scene, seq, now, layout } = view;
  const g = scene.geometry;
  const wide = layout.orientation === "wide";
  const span = pipeSpan(g, tube.pipe, wide);
  const inSlabs = new Set();
  const slabs = tube.segments.map((s) => {
    const cargo = cargoOf(view, s, span.length);
    return { s, cargo, ride: rideOfSegment(s, seq, now), width: wide ? cargo.width : Math.max(LEAST_SLAB, cargo.width) };
  });
  const { found, rest } = placed(view, tube, slabs, 0, "segment");
  const spoken = captionsOf(view, found, wide);
  const marks = found.flatMap(([{ s, cargo, ride, width }, at]) => {
    const centre = point(wide, wide ? at.x : at.y, tubeMiddle(g, span, tube.up));
    const slab = box(
      wide,
      (wide ? at.x : at.y) - width / 2,
      tubeMiddle(g, span, tube.up) - span.breadth / 2,
      width,
      span.breadth,
    );
    const mark = numberedMark(view, "segment", s.n, {
      ...{ ...centre, s, w: slab.width, h: slab.height, up: tube.up, label: segmentLabel(s), state: ride.state, caption: spoken.has(s) },
      said: `segment ${s.n}: ${segmentLabel(s)}, ${ride.state}${s.lost && `: ${s.lost}`}`,
      place: `link:${tube.pipe.app}`,
    });
    return [mark, ...cargoMarks(view, tube, s, cargo, centre, ride, inSlabs, hosts)];
  });
  const drawn = new Set(found.map(([slab]) => slab));
  for (const slab of slabs)
    if (!drawn.has(slab)) for (const { f, isIt } of slab.cargo.chips) if (isIt) inSlabs.add(f.id);
  return [...marks, ...rest, ...looseFrames(view, tube, inSlabs, hosts)];
}

/** The segments whose captions stand free of each other; first the one that the record speaks of. */
function captionsOf({ subject }, found, wide) {
  const taken = [];
  const spoken = new Set();
  const order = [...found].sort(([a], [b]) => +(b.s.n === subject.segment) - +(a.s.n === subject.segment));
  for (const [{ s }, at] of order) {
    const half = (segmentLabel(s).length * CAPTION_LETTER) / 2 + 4;
    const along = wide ? at.x : at.y;
    if (taken.some((other) => Math.abs(other.along - along) < other.half + half)) continue;
    taken.push({ along, half });
    spoken.add(s);
  }
  return spoken;
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
  if (frames.length <= g.frames_shown)
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
function cargoMarks(view, tube, s, { chips, pitch }, centre, ride, inSlabs, hosts) {
  const { scene, layout } = view;
  const g = scene.geometry;
  const wide = layout.orientation === "wide";
  const ahead = pipeSpan(g, tube.pipe, wide).ahead * (tube.up ? 1 : -1);
  return chips.map((chip, i) => {
    const lane = lanePoint(g, tube.pipe, wide, tube.up, chip.f.channel, 0);
    const offset = ahead * ((chips.length - 1) / 2 - i) * pitch;
    const at = wide ? { x: centre.x + offset, y: lane.y } : { x: lane.x, y: centre.y + offset };
    for (const one of chip.all ?? [chip]) {
      const { f, end = f, isIt, group } = one;
      if (isIt) for (const id of group && f.command !== null ? scene.commands[f.command].frames : [f.id]) inSlabs.add(id);
      if (isIt && end.command !== null && isLastOf(scene, end)) hosts.set(end.command, badgePoint(at));
    }
    const look = { part: !chip.whole && !chip.group, group: chip.group, rest: chip.rest ?? 0 };
    return frameMark(view, chip.f, at, ride, { ...look, s, isIt: chip.isIt });
  });
}

const isLastOf = (scene, f) => scene.commands[f.command].frames.at(-1) === f.id;

/** At the upper right corner of a chip. */
const badgePoint = ({ x, y }) => ({ x: x + 7, y: y - 9 });

/** Frames that no segment under way carries. */
function looseFrames(view, tube, inSlabs, hosts) {
  const { scene, seq, now } = view;
  const g = scene.geometry;
  const loose = tube.frames
    .filter((f) => !inSlabs.has(f.id))
    .map((f) => ({ f, ride: rideOfFrame(scene, f, seq, now), width: g.chip }));
  const marks = [];
  for (const lane of groupedBy(loose, ({ f }) => f.channel)) {
    const { found, rest } = placed(view, tube, lane, lane[0].f.channel, "frame");
    for (const [{ f, ride }, at] of found) {
      if (f.command !== null && isLastOf(scene, f)) hosts.set(f.command, badgePoint(at));
      marks.push(frameMark(view, f, at, ride, { rest: 0 }));
    }
    marks.push(...rest);
  }
  return marks;
}

function groupedBy(things, nameOfGroup) {
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
  const subject = mark.subject || (f.command !== null && view.subject.command === f.command && view.subject.frame === undefined);
  return { ...mark, subject, kind: more.isIt === false ? "part" : "frame" };
}

const groupLabel = (scene, f) => (f.messages.length ? scene.labelOf(f.messages[0]) : "M");

// --- commands ---

function commandMarks(view, tube, hosts) {
  const { scene, seq, now, layout } = view;
  const wide = layout.orientation === "wide";
  const marks = [];
  const all = tube.commands.map((c) => ({ c, ride: rideOfCommand(scene, c, seq, now) }));
  for (const lane of groupedBy(all, ({ c }) => c.channel)) {
    lane.sort((a, b) => b.ride.p - a.ride.p);
    lane.forEach((one, i) => Object.assign(one, pillOf(one.c, lane[i - 1], wide)));
    const { found, rest } = placed(view, tube, lane, lane[0].c.channel, "command");
    marks.push(...rest);
    found.forEach(([{ c, ride, words, width }, at]) => {
      const badge = c.messages.length > 0;
      const across = wide ? { x: at.x + width / 2 - 11, y: at.y } : { x: at.x, y: at.y };
      if (badge) hosts.set(c.id, across);
      marks.push(
        numberedMark(view, "command", c.id, {
          ...{ ...at, c, w: width, label: c.name, words: wordsIn(words, width, badge), state: ride.state },
          ...{ hue: scene.rootOf(c.messages[0]), badge, place: `link:${tube.pipe.app}` },
          said: `${c.name} on channel ${c.channel}, ${ride.state}`,
        }),
      );
    });
  }
  return marks;
}

/** As much of the words as the pill has room for. */
const wordsIn = (words, width, badge) =>
  cut(words, Math.max(1, Math.round((width - PILL_PAD - (badge ? 20 : 0)) / PILL_LETTER)));

/** What is written on a command, and how wide that is: its name, unless the one before it says the same. */
function pillOf(c, before, wide) {
  const room = c.messages.length ? 20 : 0;
  if (before && before.c.name === c.name && c.messages.length) return { words: "", width: SHORT_PILL };
  const words = wide ? c.name : c.name.split(".").at(-1);
  return { words, width: wide ? words.length * PILL_LETTER + PILL_PAD + room : 18 };
}

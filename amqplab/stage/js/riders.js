// Riders: messages on their links, and what is said about them; the farthest first, one behind the other in its lane.
//
// Theory
// ------
// A token on a link rides in the segment that carries the last of its command. Where frames and commands are seen, it is a
// number written on these (wire.js); at the coarse zooms it is seen itself. What TCP sends again has ridden before, or has
// arrived: then no token tells of it, and its load does (trace/loads.py). And a segment without any message is seen itself
// where the step tells that it is lost, or that it is sent again: it fills its tube, for it has no lane.
//
// A record tells of one segment. What a timeout sends again in the same moment may be several: all are shown, and a step of
// the story speaks of all.

import { encode } from "./text.js";
import { mouthOf, placesOf } from "./crowd.js";
import { insideTube, lanePoint, pipeSpan } from "./geometry.js";
import { isOver, isStuck, rideOfCommand, rideOfSegment, sentIn, stateOnLink } from "./ride.js";
import { numberedMark } from "./mark.js";
import { signalWidth } from "./marks.js";
import { isCarried, isSpokenOf, messageMark, moreMark, tokensOf } from "./messages.js";
import { STORY } from "./scene.js";
import { byProgress, groupedBy, laneInPipe, lastOctetOf, slabMark } from "./wire.js";

const OUTSIDE = -10;

/** On links: where messages are drawn as their frames or commands, as badges on those. */
export function riderMarks(view, hosts) {
  const told = toldSegments(view);
  const found = [];
  for (const [name, pipe] of Object.entries(view.layout.pipes)) {
    const riders = tokensOf(view, `link|${name}`).map(([key, token]) => riderOf(view, pipe, key, token));
    if (view.zoom <= 2) {
      found.push(...riders.filter(({ token }) => !isSignal(token)).map((rider) => badgeMark(view, rider, hosts)));
      continue;
    }
    const here = told.filter(({ conn }) => conn === name);
    const all = [...riders, ...loadsOn(view, name, pipe, riders, here), ...bareSegmentsOn(view, pipe, here)];
    for (const rider of all) rider.isTold = told.includes(rider.ride.segment);
    for (const those of directionsOf(all)) found.push(...directionMarks(view, name, pipe, those));
  }
  return found;
}

const isSignal = (token) => token.kind !== undefined;

/** What segments carry of which the step speaks, or which it sends again with that one, where no token tells of it. A token
 * tells of what rides in its own segment, and of what is sent again while it is on the link: that is one message, and would
 * be counted twice. Where frames and commands are seen, these tell of it. */
function loadsOn(view, name, pipe, riders, told) {
  const { scene, seq, now, state, subject } = view;
  if (!told.length || !state.has(`connection/${encode(name)}`)) return [];
  return state.of("load").flatMap((key) => {
    const load = state.get(key);
    const s = scene.segmentByNumber.get(load.segment);
    if (!told.includes(s)) return [];
    const ride = rideOfSegment(s, seq, now);
    const token = riders.find((one) => one.token.command === load.command && (one.ride.segment === s || !isOver(ride.state)));
    if (token) token.isInSpoken = s.n === subject.segment;
    if (token) return [];
    const { channel } = scene.commands[load.command];
    return [{ key, token: load, pipe, ride, channel, lane: laneInPipe(pipe, channel), state: ride.state, octet: s.end, isLoad: true }];
  });
}

/** A token on a link, with how far it is. */
function riderOf(view, pipe, key, token) {
  const { scene, seq, now } = view;
  const command = scene.commands[token.command];
  const ride = command ? rideOfCommand(scene, command, seq, now) : { p: 0, state: "waiting", segment: null };
  const octet = command ? lastOctetOf(scene, command) : 0;
  const channel = command?.channel ?? 0;
  return { key, token, pipe, ride, state: stateOnLink(token, ride), channel, lane: laneInPipe(pipe, channel), octet };
}

/** Those that go one way, the farthest first. */
function directionsOf(riders) {
  const directions = groupedBy(riders, ({ token }) => `${token.up}`);
  for (const those of directions) those.sort(byProgress);
  return directions;
}

/** One behind the other in each lane; a count of what has no room stands where the first of that would stand. */
function directionMarks(view, name, pipe, riders) {
  const { scene, layout } = view;
  const { geometry: g } = scene;
  const wide = layout.orientation === "wide";
  const breadth = wide ? g.message_w + 2 : g.message_h + 2;
  const { length: whole, ahead: forward } = pipeSpan(g, pipe, wide);
  const length = whole - 4;
  const { up } = riders[0].token;
  const stream = `${name} ${up}`;
  const ahead = forward * (up ? 1 : -1);
  const mouth = mouthOf(length, breadth);
  const firsts = firstsOf(riders);
  /** @type {any[]} */
  const sized = riders.map((rider) => {
    const { token, ride } = rider;
    const width = wide && isSignal(token) ? signalWidth(token.label) + 2 : breadth;
    const at = mouth + width / 2 + ride.p * Math.max(0, length - mouth - width);
    return { ...rider, width, at, p: ride.p, meant: isSpokenOf(view, token) || firsts.has(rider), stuck: isStuck(ride), sent: sentIn(ride) };
  });
  return placesOf(sized, length, breadth).map(({ thing, those, middle }) => {
    const { token, channel, octet, lane } = thing;
    const spot = lanePoint(g, pipe, wide, up, channel, middle / length, 2);
    if (thing.s) return segmentMark(view, pipe, thing, wide ? spot.x : spot.y);
    const broad = isSignal(token) && !those ? signalWidth(token.label) : g.message_w;
    const at = insideTube(g, pipe, wide, up, spot, broad);
    const alone = !riders.some((other) => other.key !== thing.key && (other.lane === lane || other.s));
    if (!those) return riderMark(view, thing, { ...at, alone, stream: `${stream} ${channel}`, ahead, octet });
    const key = `more ${stream} ${channel} from ${thing.key}`;
    const isSpoken = those.some((one) => isInIt(view, one));
    return moreMark(view, key, `connection/${name}`, those.length, at, "link", isSpoken, `${those.length} more ${howThoseAre(those)}`);
  });
}

const COUNTED = {
  waiting: "waiting to be sent",
  arrived: "arrived, and not read yet",
  lost: "lost on the way",
  discarded: "thrown away where they came",
};

/** How those are for which one count stands, in words. */
function howThoseAre(those) {
  const [state, ...others] = new Set(those.map((one) => one.ride.state));
  return others.length ? "on the link" : (COUNTED[state] ?? "under way");
}

/** Of each lane the first that is in a segment of which the step tells. */
function firstsOf(riders) {
  const firsts = new Map();
  for (const rider of riders) if (rider.isTold && !firsts.has(rider.lane)) firsts.set(rider.lane, rider);
  return new Set(firsts.values());
}

/** Whether it is in a segment of which the step speaks: a step of the story speaks of all that TCP sends again at once. */
function isInIt({ subject, zoom, visit }, { ride, isTold }) {
  const isOfRecord = subject.segment !== undefined && ride.segment?.n === subject.segment;
  return isOfRecord || (zoom === STORY && !visit && !!isTold);
}

/** The segment of which the record tells, and those that TCP sent again in the same moment, the same way. */
function toldSegments({ scene, seq, subject }) {
  const told = scene.segmentByNumber.get(subject.segment);
  if (!told) return [];
  if (!told.again || told.sent !== seq) return [told];
  return scene.segmentsAt(seq).filter(
    ({ again, conn, up, sent }) => again && conn === told.conn && up === told.up && scene.timeOf(sent) === scene.timeOf(seq),
  );
}

function riderMark(view, rider, at) {
  const mark = tokenMark(view, rider, at);
  if (!rider.isLoad) return mark;
  return { ...mark, kind: "load", id: rider.key.slice("load/".length), subject: isInIt(view, rider), stream: "" }; // none waits for it
}

function tokenMark(view, rider, at) {
  const { key, token, state, pipe } = rider;
  if (!isSignal(token)) {
    const more = { place: `link:${pipe.app}`, state, up: token.up, conn: token.at, command: token.command };
    const message = messageMark(view, key, token.message, token, at, more);
    return { ...message, subject: message.subject || isInIt(view, rider) || !!rider.isInSpoken };
  }
  const messages = token.messages.map((one) => view.scene.labelOf(one)).join(", ");
  const mark = numberedMark(view, "signal", token.command, {
    ...{ key, ...at, label: token.label, place: `link:${pipe.app}`, state, signal: token.kind, up: token.up },
    ...{ conn: token.at, command: token.command },
    said: `${SIGNALS[token.kind] ?? token.kind}${messages && ` of message ${messages}`}, ${token.label}`,
  });
  return { ...mark, pick: `command:${token.command}`, subject: isCarried(view, token) || isInIt(view, rider) || !!rider.isInSpoken };
}

const SIGNALS = {
  ack: "acknowledgement",
  nack: "refusal",
  reject: "refusal",
  confirm: "confirm",
  "confirm-nack": "refused publish",
  return: "return",
};

/** The number of a message, on its command or on the last of its frames; before there is any, outside the mouth. */
function badgeMark(view, rider, hosts) {
  const { scene, layout } = view;
  const { token, pipe, channel, ride } = rider;
  const wide = layout.orientation === "wide";
  const own = lanePoint(scene.geometry, pipe, wide, token.up, channel, ride.p, OUTSIDE);
  const mark = riderMark(view, rider, { ...own, ...hosts.get(token.command) });
  return { ...mark, badge: true };
}

/** Of those segments the ones with no message and no answer in them, if it is told that they were lost, thrown away or sent
 * again: they are shown themselves, at every zoom. */
function bareSegmentsOn({ scene, seq, now, state }, pipe, told) {
  if (!told.length) return [];
  const kind = scene.kindOf(seq);
  const isNews = (s) => kind === "SegmentLost" || kind === "SegmentDiscarded" || (kind === "SegmentSent" && s.again);
  const loaded = new Set(state.of("load").map((key) => state.get(key).segment));
  return told
    .filter((s) => isNews(s) && !loaded.has(s.n))
    .map((s) => ({ key: `segment ${s.n}`, s, token: { up: s.up }, pipe, ride: rideOfSegment(s, seq, now), channel: 0, octet: s.end }));
}

/** A segment that is shown itself. */
function segmentMark(view, pipe, rider, along) {
  const mark = slabMark(view, pipe, rider, along, true);
  return { ...mark, subject: mark.subject || isInIt(view, rider) };
}

// Messages: the marks of all messages, wherever their copies are, and of what answers them.
//
// Theory
// ------
// A copy is either in a queue's line, then the queue's entity says so (ready, and as a ghost what is unacked), or
// it has a token, which says where it is. Nothing else is a message. So every message is drawn where its copies
// are, as often as there are copies, and nowhere else.
//
// Where there is no room for all of them, the rest is counted in a mark of its own, "+n". What the step speaks of has a
// place on its link, in its hand and in the gutter; in a queue's line it may be counted, then that mark is the subject.

import { encode, nameOf, plural } from "./text.js";
import { mouthOf, placesOf } from "./crowd.js";
import {
  HIDDEN,
  beforeCell,
  cellPoint,
  cellsOf,
  dockPoint,
  gutterRoom,
  handOf,
  insideTube,
  lanePoint,
  leavingPoint,
  lostPlaces,
  nodePoint,
  pipeSpan,
  point,
  roomOf,
  slotPoint,
  trayPoint,
  xy,
} from "./geometry.js";
import { isOver, isStuck, rideOfCommand, rideOfSegment, sentIn, stateOnLink } from "./ride.js";
import { handsOfApp, isStream, rowOf } from "./fixtures.js";
import { isReader } from "./hands.js";
import { entityMark, numberedMark } from "./mark.js";
import { signalWidth } from "./marks.js";
import { bareSegmentOn, byProgress, lastOctetOf, slabMark } from "./wire.js";

const OUTSIDE = -10;
const CURSOR_W = 10;

/** The marks of messages and signals. `hosts` are those of commands and frames (wire.js), by command. */
export const messageMarks = (view, hosts) => [
  ...queuedMarks(view),
  ...programMarks(view),
  ...txTrayMarks(view),
  ...dockMarks(view),
  ...exchangeMarks(view),
  ...handedMarks(view),
  ...linkMarks(view, hosts),
  ...gutterMarks(view),
];

/** A message. `copy` are the facts of this very copy. */
function messageMark(view, key, message, copy, at, more = {}) {
  const { scene, state } = view;
  const entity = message ? state.get(`message/${message}`) : undefined;
  const label = copy.label ?? scene.labelOf(message);
  const words = copy.text || entity?.body || "";
  const mark = numberedMark(view, "message", message, {
    ...{ key, ...at, label, text: words, hue: parseInt(label, 10) || message || 0 },
    ...{ persistent: !!entity?.persistent, redelivered: !!copy.redelivered, share: priorityShare(entity, more.queue) },
    ...more,
    said: [`message ${label}`, words && `“${words.slice(0, 40)}”`, SAID[more.state] ?? more.state, copy.reason]
      .filter(Boolean)
      .join(", "),
  });
  const { command } = copy;
  if (message) return { ...mark, subject: mark.subject || isCarried(view, copy) || isNextLife(view, key, message) };
  return { ...mark, id: key.split("/")[1], pick: command === null ? `entity:${key}` : `command:${command}` };
}

/** Whether the step speaks of the command that brings this copy, or has brought it. */
const isCarried = ({ subject }, { command }) => command !== undefined && command !== null && command === subject.command;

/** Whether a message is what another one, which the step speaks of, has become. */
const isNextLife = ({ scene, subject, touched }, key, message) =>
  !!subject.message && subject.message !== message && touched.has(key) && scene.rootOf(message) === scene.rootOf(subject.message);

const SAID = {
  unacked: "not acknowledged",
  done: "handed over for good",
  gone: "gone with the memory of its program",
  waiting: "waits to be sent",
  arrived: "arrived, and not read yet",
  "still at work": "no longer in the broker's books, and still with its program",
};

/** How high a message's priority is, 0..1; null in a queue without priorities. */
function priorityShare(entity, queue) {
  const most = /x-max-priority=(\d+)/.exec(queue?.arguments ?? "");
  return most && +most[1] && entity?.priority !== undefined ? Math.min(1, (entity.priority ?? 0) / +most[1]) : null;
}

/** What has no place of its own: "+n". */
const moreMark = (view, key, owner, count, at, state, holdsSubject, said) => ({
  ...entityMark(view, "more", owner, { key, ...at, label: short(count), state, said }),
  subject: holdsSubject,
  touched: false,
  lit: false,
});

const short = (n) => (n < 1000 ? `+${n}` : `+${Math.floor(n / 100) / 10}k`);

// --- in queues ---

function queuedMarks(view) {
  return Object.entries(view.layout.nodes).flatMap(([key, node]) =>
    node.kind === "queue" && view.state.has(key) ? lineMarks(view, key, node) : [],
  );
}

function lineMarks(view, key, node) {
  const { scene, state } = view;
  const queue = state.get(key);
  const name = nameOf(key);
  const cells = cellsOf(queue, roomOf(scene.geometry, node));
  const shown = new Set(cells.map((cell) => cell.message));
  const hidesSubject = view.subject.message && view.subject.keys.includes(key) && !shown.has(view.subject.message);
  const place = { ready: `queue:${name}:ready`, unacked: `queue:${name}:ghost` };
  const marks = cells.map(({ line, message, more }, i) => {
    const at = cellPoint(scene.geometry, node, i);
    const isGhost = line === "unacked";
    if (message === null) {
      const words = `${more} more ${isGhost ? "Unacked" : "Ready"} in ${name}`;
      return moreMark(view, `more ${key} ${line}`, key, more, at, line, hidesSubject && !isGhost, words);
    }
    const copy = state.get(`copy/${key.slice("queue/".length)}/${message}`) ?? {};
    return messageMark(view, `${isGhost ? "ghost" : "ready"} ${key} ${message}`, message, copyOf(copy), at, {
      place: place[line],
      state: isGhost ? "unacked" : "ready",
      ghost: isGhost,
      queue,
    });
  });
  return isStream(queue) ? [...marks, ...cursorMarks(view, key, node, cells)] : marks;
}

const copyOf = ({ redelivered }) => ({ redelivered, command: null });

/** Streams are not taken out of: a reader is a cursor at the message that it was handed last, or, before its first
 * one, between those that it does not get and that one. */
function cursorMarks(view, key, node, cells) {
  const { scene, layout } = view;
  const { first } = view.state.get(key);
  const readers = view.consumers.filter(([, one]) => queueKey(one.vhost, one.queue) === key && isReader(one));
  const placeOf = ([, { cursor, start }]) =>
    cursor === null ? beforeCell(cells, start - first) : cells.findIndex((cell) => cell.message === cursor);
  const whose = ([reader]) => layout.pipes[nameOf(reader.split("/").slice(0, 2).join("/"))]?.app ?? nameOf(reader);
  const names = readers.map(whose);
  return readers.map(([reader, { cursor, start }], row) => {
    const i = placeOf(readers[row]);
    const mates = readers.filter((one) => placeOf(one) === i);
    const x = cellPoint(scene.geometry, node, i).x + CURSOR_W * (mates.indexOf(readers[row]) - (mates.length - 1) / 2);
    const who = names[row];
    const where = cursor === null ? `before offset ${start}` : `at message ${scene.labelOf(cursor)}`;
    return entityMark(view, "cursor", reader, {
      ...{ key: `cursor ${reader}`, x, y: node.y + node.h / 2 - 8, row, node, names, label: who, state: i === HIDDEN ? "hidden" : "" },
      ...{ covered: i === HIDDEN, said: `stream reader ${who} ${where}` },
    });
  });
}

const queueKey = (vhost, queue) => `queue/${encode(vhost ?? "")}/${encode(queue ?? "")}`;

// --- with programs, in docks, at exchanges, in hands ---

const tokensOf = ({ state }, place) => state.at(place).map((key) => [key, state.get(key)]);

function programMarks(view) {
  const { geometry } = view.scene;
  return Object.values(view.layout.apps).flatMap((app) =>
    tokensOf(view, `client|${app.name}`).map(([key, token], i) =>
      messageMark(view, key, token.message, token, trayPoint(geometry, app, i), {
        place: `client:${app.name}`,
        state: token.state,
      }),
    ),
  );
}

/** The connection that a token's channel is on. */
const connectionOf = (token) => (token.channel ? nameOf(token.channel.split("/").slice(0, 2).join("/")) : token.at);

/** Inside a server, where what has just come in stands; and what a transaction holds back. */
function dockMarks(view) {
  const { layout, scene } = view;
  const counts = new Map();
  return tokensOf(view, "broker").map(([key, token]) => {
    const connection = connectionOf(token);
    const pipe = layout.pipes[connection];
    const where = pipe ? connection : token.queue;
    const i = counts.get(where) ?? 0;
    counts.set(where, i + 1);
    const node = layout.nodes[token.queue];
    const at = pipe ? dockPoint(scene.geometry, pipe, i) : node ? leavingPoint(scene.geometry, node, i) : middleOfBroker(layout);
    const more = { place: "broker", state: token.state, connection, covered: i >= scene.geometry.dock_shown };
    return messageMark(view, key, token.message, token, at, more);
  });
}

const middleOfBroker = ({ broker }) => ({ x: broker.x + broker.w / 2, y: broker.y + broker.h / 2 });

/** What a transaction holds until it is committed, at the door where it came in: messages, and what was said of others. */
function txTrayMarks(view) {
  const { state } = view;
  const held = new Map();
  for (const [, token] of tokensOf(view, "broker"))
    if (token.state === "held in tx") held.set(token.channel, (held.get(token.channel) ?? 0) + 1);
  for (const key of state.of("channel")) if (state.get(key).settling_count && !held.has(key)) held.set(key, 0);
  return [...held].flatMap(([channel, count]) => {
    const pipe = view.layout.pipes[connectionOf({ channel })];
    if (!pipe) return [];
    const at = dockPoint(view.scene.geometry, pipe, 0);
    const answers = state.get(channel)?.settling_count ?? 0;
    const answer = answers ? answersHeld(view, state.get(channel).settling, answers) : "";
    const told = [count && plural(count, "message"), answers && plural(answers, "answer")].filter(Boolean).join(" and ");
    return entityMark(view, "tray", channel, {
      ...{ ...at, place: "broker", state: `${[count || "", answer].filter(Boolean).join(" and ")} held`, label: "tx", count, answer },
      said: `${told} held until tx.commit`,
    });
  });
}

/** What stands for the answers that a transaction holds: ✓ and the message's number, or how many there are. */
function answersHeld({ scene, state }, shown, count) {
  const signs = new Set(shown.map((key) => (state.get(key)?.held_in_tx === "acknowledged" ? "✓" : "✗")));
  const sign = ["✓", "✗"].filter((one) => signs.has(one)).join("");
  return count === 1 ? `${sign} ${scene.labelOf(+nameOf(shown[0]))}` : `${count} × ${sign}`;
}

function exchangeMarks(view) {
  const { layout, scene, state } = view;
  const found = [];
  for (const place of state.places.keys())
    if (place.startsWith("exchange|")) found.push(place.slice("exchange|".length));
  return found.sort().flatMap((exchange) => {
    const node = layout.nodes[exchange];
    const tokens = tokensOf(view, `exchange|${exchange}`);
    return tokens.map(([key, token], i) =>
      messageMark(
        view,
        key,
        token.message,
        token,
        node ? nodePoint(scene.geometry, node, i, tokens.length) : middleOfBroker(layout),
        { place: `exchange:${nameOf(exchange)}`, state: token.state, alone: tokens.length === 1 },
      ),
    );
  });
}

/** In the slots of hands. */
function handedMarks(view) {
  return Object.values(view.layout.apps).flatMap((app) =>
    handsOfApp(view, app).flatMap(([key, consumer], number) => handMarksOf(view, app, key, consumer, number)),
  );
}

function handMarksOf(view, app, key, consumer, number) {
  const { geometry } = view.scene;
  const tokens = tokensOf(view, `consumer|${key}`);
  const hand = handOf(geometry, consumer.prefetch, tokens.length);
  const { slots } = hand;
  const row = rowOf(app, key, number);
  const chosen = withMeant(view, tokens, tokens.slice(0, slots), slots - 1);
  const shown = chosen.map(([token, value], i) =>
    messageMark(view, token, value.message, value, slotPoint(geometry, row, i, hand), {
      place: `consumer:${app.name}`,
      state: value.state,
    }),
  );
  const hidden = tokens.length - shown.length;
  if (!hidden) return shown;
  const at = slotPoint(geometry, row, slots, hand);
  const words = `${hidden} more in the hand of ${nameOf(key)}`;
  return [...shown, moreMark(view, `more ${key}`, key, hidden, at, "held", false, words)];
}

/** Those that are shown of all tokens, and last the one that is meant: if it is not among them, the one in this place goes
 * for it. */
function withMeant(view, tokens, shown, place) {
  const meant = tokens.find(([, token]) => isSpokenOf(view, token));
  return !meant || shown.includes(meant) ? shown : [...shown.filter((_, i) => i !== place), meant];
}

// --- on links ---

/** On links: where messages are drawn as their frames or commands, as badges on those. */
function linkMarks(view, hosts) {
  const found = [];
  for (const [name, pipe] of Object.entries(view.layout.pipes)) {
    const riders = tokensOf(view, `link|${name}`).map(([key, token]) => riderOf(view, pipe, key, token));
    riders.push(...loadsOn(view, name, pipe, riders));
    if (view.zoom <= 2) found.push(...riders.filter(({ token }) => !isSignal(token)).map((rider) => badgeMark(view, rider, hosts)));
    else for (const lane of lanesOf([...riders, ...bareSegmentOn(view, name, pipe)])) found.push(...laneMarks(view, name, pipe, lane));
  }
  return found;
}

const isSignal = (token) => token.kind !== undefined;

/** What segments carry of which the step speaks, or which it sends again with that one, where no token tells of it. A token
 * tells of what rides in its own segment, and of what is sent again while it is on the link: that is one message, and would
 * be counted twice. Where frames and commands are seen, these tell of it. */
function loadsOn(view, name, pipe, riders) {
  const { scene, seq, now, state, subject } = view;
  const spoken = scene.segmentByNumber.get(subject.segment);
  if (view.zoom <= 2 || !spoken || spoken.conn !== name || !state.has(`connection/${encode(name)}`)) return [];
  const isSpoken = (s) => s === spoken || (spoken.sent === seq && spoken.up === s.up);
  return state.of("load").flatMap((key) => {
    const load = state.get(key);
    const s = scene.segmentByNumber.get(load.segment);
    if (load.at !== name || !isSpoken(s)) return [];
    const ride = rideOfSegment(s, seq, now);
    const token = riders.find((one) => one.token.command === load.command && (one.ride.segment === s || !isOver(ride.state)));
    if (token) token.isInSpoken = s === spoken;
    if (token) return [];
    const { channel } = scene.commands[load.command];
    return [{ key, token: load, pipe, ride, channel, state: ride.state, octet: s.end, isLoad: true }];
  });
}

/** A token on a link, with how far it is. */
function riderOf(view, pipe, key, token) {
  const { scene, seq, now } = view;
  const command = scene.commands[token.command];
  const ride = command ? rideOfCommand(scene, command, seq, now) : { p: 0, state: "waiting", segment: null };
  const octet = command ? lastOctetOf(scene, command) : 0;
  return { key, token, pipe, ride, state: stateOnLink(token, ride), channel: command?.channel ?? 0, octet };
}

/** Those that share a lane and a direction, the farthest first. */
function lanesOf(riders) {
  const lanes = new Map();
  for (const rider of riders) {
    const index = rider.pipe.lanes.indexOf(rider.channel);
    const lane = `${rider.token.up}${index < 0 ? rider.pipe.lanes.length - 1 : index}`;
    if (!lanes.has(lane)) lanes.set(lane, []);
    lanes.get(lane).push(rider);
  }
  for (const lane of lanes.values()) lane.sort(byProgress);
  return [...lanes.values()];
}

/** One behind the other; a count of what has no room stands where the first of that would stand. */
function laneMarks(view, name, pipe, riders) {
  const { scene, layout } = view;
  const { geometry: g } = scene;
  const wide = layout.orientation === "wide";
  const breadth = wide ? g.message_w + 2 : g.message_h + 2;
  const length = pipeSpan(g, pipe, wide).length - 4;
  const widthFor = ({ token }) => (wide && isSignal(token) ? signalWidth(token.label) + 2 : breadth);
  const mouth = mouthOf(length, breadth);
  const first = riders.find((rider) => isInIt(view, rider));
  /** @type {any[]} */
  const sized = riders.map((rider) => {
    const width = widthFor(rider);
    const at = mouth + width / 2 + rider.ride.p * Math.max(0, length - mouth - width);
    const { ride } = rider;
    return { ...rider, width, at, meant: isSpokenOf(view, rider.token) || rider === first, stuck: isStuck(ride), sent: sentIn(ride) };
  });
  const ahead = pipeSpan(g, pipe, wide).ahead * (riders[0].token.up ? 1 : -1);
  const stream = `${name} ${riders[0].token.up} ${riders[0].channel}`;
  return placesOf(sized, length, breadth).map(({ thing, those, middle }) => {
    const { token, channel, octet } = thing;
    const lane = lanePoint(g, pipe, wide, token.up, channel, middle / length, 2);
    if (thing.s) return slabMark(view, pipe, thing, wide ? lane.x : lane.y, true);
    const broad = isSignal(token) && !those ? signalWidth(token.label) : g.message_w;
    const at = insideTube(g, pipe, wide, token.up, lane, broad);
    if (!those) return riderMark(view, thing, { ...at, alone: riders.length === 1, stream, ahead, octet });
    const key = `more ${name} ${token.up} ${channel} from ${thing.key}`;
    return moreMark(view, key, `connection/${name}`, those.length, at, "link", false, `${those.length} more ${thing.stuck ? "lost on the way" : "under way"}`);
  });
}

/** Whether the step speaks of what a token stands for, or of the command that brings it. */
const isSpokenOf = (view, token) => isCarried(view, token) || (!!token.message && token.message === view.subject.message);

/** Whether it is in the segment of which the step speaks. */
const isInIt = ({ subject }, { ride }) => subject.segment !== undefined && ride.segment?.n === subject.segment;

function riderMark(view, rider, at) {
  const mark = tokenMark(view, rider, at);
  if (!rider.isLoad) return mark;
  return { ...mark, kind: "load", id: rider.key.slice("load/".length), subject: true, stream: "" }; // none waits for it
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
    pick: `command:${token.command}`,
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

// --- lost and returned ---

/** The newest, from left to right; and the one that this step speaks of. */
function gutterMarks(view) {
  const { layout, lost } = view;
  const { geometry } = view.scene;
  if (!lost.length) return [];
  const room = gutterRoom(geometry, layout);
  const shown = lost.length <= room ? lost : withMeant(view, lost, lost.slice(-Math.max(1, room - 1)), 0);
  const hidden = lost.length - shown.length;
  const places = lostPlaces(geometry, layout, shown.map(([, token]) => token.reason ?? ""), hidden);
  const marks = shown.map(([key, token], i) =>
    messageMark(view, key, token.message, token, xy(places[i]), {
      place: token.place,
      state: token.state,
      reason: token.reason,
      room: places[i].room,
    }),
  );
  if (!hidden) return marks;
  const at = point(true, layout.gutter.x + layout.gutter.w - 24, layout.gutter.y + layout.gutter.h / 2);
  return [...marks, moreMark(view, "more lost", "gutter", hidden, at, "lost", false, `${hidden} more lost or returned`)];
}

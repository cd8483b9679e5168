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
import {
  HIDDEN,
  beforeCell,
  cellPoint,
  cellsOf,
  dockPoint,
  gutterRoom,
  handOf,
  leavingPoint,
  lostPlaces,
  nodePoint,
  point,
  roomOf,
  slotPoint,
  trayPoint,
  xy,
} from "./geometry.js";
import { handsOfApp, isStream, rowOf } from "./fixtures.js";
import { isReader } from "./hands.js";
import { entityMark, numberedMark } from "./mark.js";

const CURSOR_W = 10;

/** The marks of all messages that are on no link; those are in riders.js. */
export const messageMarks = (view) => [
  ...queuedMarks(view),
  ...programMarks(view),
  ...txTrayMarks(view),
  ...dockMarks(view),
  ...exchangeMarks(view),
  ...handedMarks(view),
  ...gutterMarks(view),
];

/** A message. `copy` are the facts of this very copy. */
export function messageMark(view, key, message, copy, at, more = {}) {
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
export const isCarried = ({ subject }, { command }) => command !== undefined && command !== null && command === subject.command;

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
export const moreMark = (view, key, owner, count, at, state, holdsSubject, said) => ({
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

export const tokensOf = ({ state }, place) => state.at(place).map((key) => [key, state.get(key)]);

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

/** Whether the step speaks of what a token stands for, or of the command that brings it. */
export const isSpokenOf = (view, token) => isCarried(view, token) || (!!token.message && token.message === view.subject.message);

/** Those that are shown of all tokens, and last the one that is meant: if it is not among them, the one in this place goes
 * for it. */
function withMeant(view, tokens, shown, place) {
  const meant = tokens.find(([, token]) => isSpokenOf(view, token));
  return !meant || shown.includes(meant) ? shown : [...shown.filter((_, i) => i !== place), meant];
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

// The legend: what every mark of this picture means, one key away.
//
// Theory
// ------
// A picture that needs no words needs a page that has them all: but not those of things that are not there. Each entry
// says of which marks it speaks, and is shown if one of these is on the picture now. It is drawn with the classes of
// the picture itself, so it looks as the thing looks, in both themes.

import { h } from "./elements.js";
import { TYPES } from "./scene.js";
import { longGaps } from "./axis.js";
import { marks } from "./describe.js";
import { isHatched } from "./marks.js";
import { isOver } from "./ride.js";
import { MARK_WORDS, SHAPES, drawMark, markAt } from "./timeline.js";

const sign = (...inside) =>
  h("svg", { class: "sign", viewBox: "-22 -14 44 28", width: 44, height: 28, "aria-hidden": "true" }, inside);

const PAPER = { x: -10.5, y: -8, width: 21, height: 16, rx: 2.5 };

function envelope(kind, { number = "7", hatched = false, extra = null } = {}) {
  return sign(
    h(
      "g",
      { class: `message m0 ${kind}` },
      h("rect", { class: "paper", ...PAPER }),
      hatched && h("rect", { class: "hatch", ...PAPER }),
      h("path", { class: "flap", d: "M-10 -6.5L0 .5L10 -6.5" }),
      h("text", { class: "number" }, number),
    ),
    extra,
  );
}

const frame = (letter, rx, kind) =>
  sign(h("g", { class: `chip ${kind}` }, h("rect", { x: -7.5, y: -6.5, width: 15, height: 13, rx }), h("text", {}, letter)));

const app = (kind, letter, extra) =>
  sign(
    h(
      "g",
      { class: `app ${kind}` },
      h("circle", { class: "shape", r: 12 }),
      h("text", { class: "letter", style: "font-size:11px" }, letter),
      extra,
    ),
  );

const line = (kind, d = "M-20 0H20") => sign(h("g", { class: kind }, h("path", { class: "line", d })));

const CROSS = h("path", { class: "cross small", d: "M6 -11l7 7m0 -7l-7 7" });
const VALVE = h("g", { class: "valve" }, h("circle", { r: 9 }), h("path", { d: "M-5 0h10" }));

const centred = (kind, width, height, rx) => h("rect", { class: kind, x: -width / 2, y: -height / 2, width, height, rx });
const signOf = (kind, ...inside) => sign(h("g", { class: kind }, inside));
const queueSign = (kind) => signOf(`queue ${kind}`, centred("shape", 40, 18, 4));
const exchangeSign = (kind) =>
  signOf(
    `exchange ${kind}`,
    h("rect", { class: "shape", x: -8, y: -8, width: 16, height: 16, rx: 3, transform: "rotate(45)" }),
    h("text", { class: "letter", style: "font-size:11px" }, "X"),
  );
const slabSign = (kind, ...more) => signOf(`segment ${kind}`, centred("slab", 32, 16, 3), ...more);
const tubeSign = () => signOf("tube", centred("wall", 40, 16, 4));
const capsuleSign = (kind, text) => signOf(kind, centred("", 38, 16, 8), h("text", { class: "mono mid" }, text));
const slotsSign = (kind, more) =>
  signOf(`hand ${kind}`, [-12, 0, 12].map((x) => h("rect", { class: "slot", x: x - 5, y: -6, width: 10, height: 12, rx: 2 })), more);
const wordSign = (kind, text, x = -20) => sign(h("text", { class: kind, x, y: 4 }, text));
const signalSign = (kind, text) => signOf(`signal ${kind}`, centred("", 18, 16, 8), h("text", {}, text));
const groundSign = (kind) => signOf(`broker ${kind}`, centred("", 40, 24, 5));
const DEAD = h("path", { class: "cross", d: "M-7 -7L7 7M7 -7L-7 7" });
const WIDE_CROSS = h("path", { class: "cross", d: "M-7 -7l14 14m0 -14l-14 14" });

/** An entry: its sign, its words (or a function of the marks that gives them), and of which marks it speaks. */
const entry = (picture, words, of) => ({ picture, words, of });
/** @param {string} kind @param {(mark: any) => unknown} test */
const marksOf = (kind, test = () => true) => (mark) => mark.kind === kind && test(mark);
const message = (test) => marksOf("message", test);
const paper = (test) => (mark) => (mark.kind === "message" || (mark.kind === "load" && !mark.signal)) && test(mark);
const answer = (test) => (mark) => (mark.kind === "signal" || (mark.kind === "load" && mark.signal)) && test(mark);
const gone = ({ place }) => place === "lost" || place === "returned";
const client = (test) => marksOf("client", test);
const hand = (test) => (mark) => (mark.kind === "consumer" || mark.kind === "hand") && test(mark);
const chip = (test) => (mark) => (mark.kind === "frame" || mark.kind === "part") && test(mark);
const frameEntry = (type, words, rx = 3) =>
  entry(frame(TYPES[type], rx, `t${type}`), words, chip((mark) => mark.f.type === type && !isGathered(mark)));
const isGathered = ({ group: several, rest }) => several || rest > 0;

const FEATURES = {
  D: "durable",
  Excl: "exclusive",
  AD: "auto-delete",
  Stream: "a stream: it keeps what it hands out",
  SAC: "single active consumer",
  Pri: "with priorities",
  Args: "declared with arguments; the inspector has them",
};

/** Of the letters at a queue's name those that are there. */
const featureWords = (found) => {
  const there = new Set(found.flatMap(({ features }) => features.split(" ")));
  return Object.keys(FEATURES)
    .filter((name) => there.has(name))
    .map((name) => `${name}: ${FEATURES[name]}`)
    .join("; ");
};

/**
 * @typedef {{picture: VElement, words: string}} Sign
 * @typedef {{picture: VElement, words: string | ((found: any[]) => string), of: (mark: any) => unknown}} Entry
 */

/** @type {[title: string, entries: Entry[]][]} */
const PARTS = [
  [
    "Messages",
    [
      entry(envelope("ready"), "a message, with its number and its own colour", message(({ badge }) => !badge)),
      entry(
        envelope("badge", { number: "7" }),
        "the number of the message that this carries",
        message(({ badge }) => badge),
      ),
      entry(
        envelope("ghosted"),
        "delivered, still the queue's until it is acknowledged",
        message(({ ghost }) => ghost),
      ),
      entry(
        envelope("held", { hatched: true }),
        "hatched: handed over, and the broker has no acknowledgement yet",
        message((mark) => !mark.badge && isHatched(mark)),
      ),
      entry(
        envelope("is-done"),
        "handed over for good: it needs no acknowledgement",
        message(({ state }) => state === "done"),
      ),
      entry(
        envelope("is-gone"),
        "gone with the memory of its program, and the broker does not know yet",
        message(({ state }) => state === "gone"),
      ),
      entry(
        envelope("is-still-at-work"),
        "the broker counts on its answer no more, and its program still has it",
        message(({ state }) => state === "still at work"),
      ),
      entry(
        envelope("ready", { number: "7′" }),
        "7′: what message 7 has become by way of a dead-letter exchange; 7″: the second time; 7·3: the third",
        (mark) => /\d[′″·]/.test(mark.label),
      ),
      entry(
        envelope("ready", { extra: h("path", { class: "again", d: "M-7 -11A4 4 0 1 0 -6.5 -7m-1.5 -4.5l1.2 .8l1 -2" }) }),
        "a turned arrow: it was delivered before",
        message(({ redelivered }) => redelivered),
      ),
      entry(
        envelope("ready", { extra: h("path", { class: "foot", d: "M-7.5 6.5H7.5" }) }),
        "a foot: it is persistent, so a durable queue writes it to disk",
        message(({ persistent }) => persistent),
      ),
      entry(
        envelope("ready"),
        "the higher, the higher its priority",
        message(({ share }) => share !== null && share !== undefined),
      ),
      entry(
        envelope("is-held-in-tx"),
        "kept aside: it goes on if its transaction is committed",
        message(({ state }) => state === "held in tx"),
      ),
      entry(
        envelope("dead", { extra: CROSS }),
        "lost, dropped or returned; in the strip “lost & returned” the reason stands beside it",
        paper((mark) => gone(mark) || isOver(mark.state)),
      ),
      entry(
        envelope("moving"),
        "what a segment has of a message that is elsewhere by now, or only a part of it",
        marksOf("load", ({ signal, state }) => !signal && !isOver(state)),
      ),
      entry(
        signalSign("good", "✓"),
        "an acknowledgement, or a confirm",
        answer(({ signal }) => !/nack|reject|refus/.test(signal)),
      ),
      entry(signalSign("bad", "✗"), "a refusal", answer(({ signal }) => /nack|reject|refus/.test(signal))),
      entry(wordSign("more", "+3", 0), "so many more, for which there is no room", marksOf("more")),
      entry(
        sign(h("g", { class: "cursor" }, h("path", { d: "M-5 4l5 -8l5 8z" }))),
        "how far a reader of a stream has come",
        marksOf("cursor"),
      ),
      entry(
        sign(h("g", { class: "tray" }, h("rect", { x: -14, y: -10, width: 28, height: 20, rx: 5 }))),
        "what a transaction holds back: messages, and answers to others",
        marksOf("tray"),
      ),
    ],
  ],
  [
    "Who and where",
    [
      entry(app("producer", "P"), "a program that publishes", client(({ roles }) => roles === "P")),
      entry(app("consumer", "C"), "a program that consumes", client(({ roles }) => roles === "C")),
      entry(app("producer", "P C"), "a program that does both", client(({ roles }) => roles === "PC")),
      entry(app("producer", "A"), "another program", client(({ roles }) => !roles)),
      entry(app("producer away", "P"), "pale: not connected yet, or no more", client(({ away }) => away)),
      entry(
        app("producer frozen", "P"),
        "frozen: it stands still, its machine does not",
        client(({ state }) => state === "frozen"),
      ),
      entry(
        app("producer finished", "P"),
        "its program has come to its end",
        client(({ state }) => state === "finished"),
      ),
      entry(
        app("producer dead", "P", DEAD),
        "it was killed, it failed, or its machine has no power",
        client(({ state }) => ["killed", "failed", "powered off"].includes(state)),
      ),
      entry(
        app("producer not-running", "P"),
        "its machine has power again, and it has not begun again",
        client(({ state }) => state === "not running"),
      ),
      entry(
        groundSign(""),
        "the broker: what stands in it is there for all its clients",
        marksOf("server", ({ box }) => !isForeign(box)),
      ),
      entry(groundSign("plain"), "a server of another protocol", marksOf("server", ({ box }) => isForeign(box))),
      entry(signOf("alarm", centred("", 24, 20, 4), h("path", { d: "M0 -5l6 10h-12z" })), "an alarm: who publishes is not listened to", marksOf("alarm")),
      entry(exchangeSign(""), "an exchange: it keeps nothing, it passes on", marksOf("exchange", ({ ghost }) => !ghost)),
      entry(
        exchangeSign("ghost"),
        "the default exchange: always there, the key is a queue's name",
        marksOf("exchange", ({ ghost }) => ghost),
      ),
      entry(queueSign(""), "a queue; its head, taken from first, is at the right", marksOf("queue")),
      entry(wordSign("feature", "D"), featureWords, marksOf("queue", ({ features }) => features)),
      entry(slotsSign(""), "a consumer's prefetch: so many at a time", hand(({ limit }) => limit)),
      entry(slotsSign("unlimited"), "a consumer without a prefetch limit", marksOf("consumer", ({ limit }) => !limit)),
      entry(slotsSign(""), "what a channel holds without a consumer: asked for with basic.get, or its consumer is gone", marksOf("hand")),
      entry(wordSign("had", "3 done", -18), "how many messages a consumer has acknowledged, or finished where it acknowledges nothing", hand(({ had }) => had)),
      entry(
        slotsSign("active", h("path", { class: "active", d: "M-22 -6l6 6l-6 6z" })),
        "of several consumers the one that is served; the others wait (…)",
        hand(({ state }) => state),
      ),
      entry(
        sign(h("g", { class: "confirms" }, h("rect", { x: -9, y: -8, width: 18, height: 16, rx: 3 }), h("text", { class: "slip" }, "4"))),
        "broker owes confirm #: the numbers, not the count, of publishes that the broker has yet to confirm",
        marksOf("confirms"),
      ),
    ],
  ],
  [
    "Ways",
    [
      entry(
        tubeSign(),
        "a TCP connection: one tube each way, one lane for each channel",
        (mark) => mark.kind === "connection" || mark.kind === "channel",
      ),
      entry(
        sign(VALVE),
        "blocked: the broker reads nothing from it",
        marksOf("connection", ({ connection }) => connection.blocked),
      ),
      entry(
        sign(h("path", { class: "link-gap", d: "M-4 -12l6 6l-5 6l6 6l-5 6" })),
        "the cable is cut, or passes one way only",
        marksOf("connection", ({ link }) => link),
      ),
      entry(line("edge"), "a binding, with its key", marksOf("binding", ({ state }) => !state)),
      entry(
        line("edge used"),
        "what a message just took",
        (mark) => (mark.kind === "binding" || mark.kind === "fold") && mark.state,
      ),
      entry(
        capsuleSign("key fold", "×20"),
        "so many bindings between the same two",
        marksOf("fold", ({ state }) => !state),
      ),
      entry(line("policy"), "where dead letters go, or what was not routed", marksOf("policy")),
      entry(line("subscription"), "a queue's consumer", marksOf("subscription")),
      entry(slabSign(""), "a TCP segment under way", marksOf("segment", ({ state }) => !isOver(state))),
      entry(
        slabSign("lost", WIDE_CROSS),
        "a segment that is lost, or thrown away where it arrives",
        marksOf("segment", ({ state }) => isOver(state)),
      ),
      entry(slabSign("again"), "a segment that is sent again", marksOf("segment", ({ s }) => s.again)),
      frameEntry(1, "a method frame"),
      frameEntry(2, "a content header: the properties", 6),
      frameEntry(3, "a content body: the message's bytes", 0),
      frameEntry(8, "a heartbeat"),
      frameEntry(65, "the protocol header: “AMQP”, 0, 0, 9, 1"),
      frameEntry(256, "an HTTP request or response"),
      frameEntry(257, "a WebSocket frame"),
      frameEntry(258, "bytes of an unknown protocol"),
      entry(
        frame("7", 3, "m0"),
        "all frames of one command, with the number of its message",
        chip(isGathered),
      ),
      entry(frame("B", 0, "t3 part"), "dashed: only a part of this frame", chip(({ part }) => part)),
      entry(capsuleSign("pill", "ack"), "a command, or a unit of another protocol, under way", marksOf("command")),
    ],
  ],
  [
    "Emphasis",
    [
      entry(queueSign("subject"), "what the sentence speaks of", ({ subject }) => subject),
      entry(queueSign("now"), "what this step changed", ({ touched }) => touched),
      entry(queueSign("lit"), "what belongs to what you picked", ({ lit }) => lit),
    ],
  ],
];

const isForeign = ({ kind = "broker" }) => kind !== "broker" && kind !== "amqp";

/** What the legend says of these marks, part by part. @param {any[]} found @returns {[title: string, entries: Sign[]][]} */
export function legendOf(found) {
  /** @type {(entry: Entry) => Sign[]} */
  const said = ({ picture, words, of }) => {
    const meant = found.filter(of);
    if (!meant.length) return [];
    return [{ picture, words: typeof words === "string" ? words : words(meant) }];
  };
  /** @type {[title: string, entries: Sign[]][]} */
  const parts = PARTS.map(([title, entries]) => [title, entries.flatMap(said)]);
  return parts.filter(hasEntries);
}

/** The marks that no entry speaks of: there must be none. */
export function unexplained(found) {
  const speaking = PARTS.filter(([title]) => title !== "Emphasis").flatMap(([, entries]) => entries);
  return found.filter((mark) => !speaking.some(({ of }) => of(mark)));
}

const AREAS = [
  ["area ready", "Ready messages in all queues", "ready"],
  ["area total", "Unacked ones on top", "unacked"],
];

/** What the time line has: the marks of its steps, the depths, the breaks. */
function timelineEntries({ scene, steps, depth }) {
  const there = new Set();
  for (let k = 1; k < steps.length; k++) there.add(markAt(scene, steps[k]));
  const shapes = Object.keys(SHAPES).filter((kind) => there.has(kind));
  const areas = AREAS.filter(([, , name]) => depth[name].some(Boolean));
  const cuts = longGaps(scene, steps).length ? [CUT] : [];
  return [
    ...shapes.map((kind) => ({ picture: sign(drawMark(kind, { transform: "scale(1.5)" })), words: MARK_WORDS[kind] })),
    ...areas.map(([kind, words]) => ({ picture: sign(centred(kind, 32, 16, 0)), words })),
    ...cuts,
  ];
}

const CUT = {
  picture: sign(h("path", { class: "break", d: "M-4 7l4 -14M2 7l4 -14" })),
  words: "a long time between two steps; it says whether nothing happened",
};

/** @param {[title: string, entries: Sign[]]} part @returns {boolean} */
const hasEntries = ([, entries]) => entries.length > 0;

/** The legend, when it is asked for. */
export function drawLegend(view) {
  if (!view.legend) return [];
  /** @type {(part: [title: string, entries: Sign[]]) => VElement} */
  const part = ([title, entries]) =>
    h(
      "section",
      { key: title, "aria-label": title },
      h("h2", {}, title),
      h(
        "ul",
        {},
        entries.map(({ picture, words }) => h("li", { key: words }, picture, h("span", {}, words))),
      ),
    );
  /** @type {[title: string, entries: Sign[]][]} */
  const parts = [...legendOf(marks(view)), ["Time line", timelineEntries(view)]];
  return [
    h(
      "div",
      { class: "sheet legend", role: "note", "aria-label": "legend" },
      closeButton("legend", "close the legend (L)"),
      h("div", { class: "legend-parts" }, parts.filter(hasEntries).map(part)),
    ),
  ];
}

export const closeButton = (action, label) =>
  h("button", { type: "button", class: "round sheet-close", "data-do": action, "aria-label": label, title: label, tabindex: -1 }, "×");

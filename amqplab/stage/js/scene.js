// The scene: what Python sent, with the indexes that make every question about it quick.
//
// Theory
// ------
// One recording, sent once (stage/scene.py): columns of integers, tables of segments, frames and commands, a patch
// per record, where everything stands. It comes compressed; the browser itself unpacks it, and for that moment
// a stage has to wait (`unpack`). Everything on the screen is then a pure function of
//
//     scene + record + zoom + selection
//
// What cannot be read says so in a sentence: it is an `Unreadable`, and never a picture that is half right.
//
// Indexes are made when somebody asks for them first: a stage that is opened at its beginning need not know where
// every frame of an hour is.

import { SIZES } from "./geometry.js";
import { endOfSegment } from "./ride.js";
import { lastAtMost, lifetimes } from "./lifetimes.js";
import { momentText } from "./text.js";

export const FORMAT = 2;
export const ZOOMS = ["segment", "frame", "command", "milestone", "story"];
export const STORY = 4;

export const TYPES = { 1: "M", 2: "H", 3: "B", 8: "♥", 65: "A", 256: "h", 257: "w", 258: "b" };

export const TYPE_NAMES = {
  1: "method",
  2: "content header",
  3: "content body",
  8: "heartbeat",
  65: "protocol header",
  256: "HTTP message",
  257: "WebSocket frame",
  258: "bytes",
};

/** A scene that cannot be shown, and why, in a sentence for whoever looks at the page. */
export class Unreadable extends Error {}

/** @param {string} why */
const broken = (why) =>
  new Unreadable(`This recording cannot be shown: ${why} Make the stage again from the recording.`);

// --- unpacking ---

/** The scene as it was sent (an object, text, or compressed bytes, perhaps in base64), with its indexes; a
 * promise of it where it has to be unpacked first. Raises Unreadable.
 * @param {any} sent @returns {Scene | Promise<Scene>} */
export function unpack(sent) {
  const isBase64 = typeof sent === "string" && !/^\s*[[{]/.test(sent);
  const bytes = isBase64 ? bytesOfBase64(sent) : bytesOf(sent);
  if (bytes && isCompressed(bytes)) return inflate(bytes).then((text) => decode(text));
  return decode(bytes ? new TextDecoder().decode(bytes) : sent);
}

/** @param {any} sent @returns {Uint8Array<ArrayBuffer> | null} */
function bytesOf(sent) {
  if (ArrayBuffer.isView(sent)) return new Uint8Array(/** @type {ArrayBuffer} */ (sent.buffer), sent.byteOffset, sent.byteLength);
  return sent instanceof ArrayBuffer ? new Uint8Array(sent) : null;
}

/** @param {string} text */
function bytesOfBase64(text) {
  try {
    return Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  } catch {
    throw broken("what was sent is neither JSON nor compressed.");
  }
}

/** RFC 1950: deflate, and a header that divides by 31. @param {Uint8Array} bytes */
const isCompressed = (bytes) =>
  bytes.length > 2 && (bytes[0] & 15) === 8 && ((bytes[0] << 8) | bytes[1]) % 31 === 0;

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function inflate(bytes) {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return await new Response(stream).text();
  } catch {
    throw broken("its compressed bytes are not complete.");
  }
}

// --- indexes ---

/** A scene from text or an object, with its indexes. Raises Unreadable. @param {any} sent */
export function decode(sent) {
  const scene = typeof sent === "string" ? parsed(sent) : { ...sent };
  if (scene.format !== FORMAT)
    throw broken(`it has format ${scene.format ?? "unknown"}, and this stage reads format ${FORMAT}.`);
  try {
    return new Scene(scene);
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    throw broken(`a part of it is missing (${/** @type {Error} */ (error).message}).`);
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw broken("what was sent is not complete.");
  }
}

/** What was sent, and what can be worked out from it. */
export class Scene {
  /** @param {Sent.Scene} sent */
  constructor(sent) {
    Object.assign(this, sent);
    this.geometry = { ...SIZES, ...sent.geometry };
    this.n = sent.records.at.length;
    for (const name of /** @type {const} */ (["patches", "sentences"]))
      if (sent[name].length !== this.n) throw broken(`it has ${this.n} records and ${sent[name].length} ${name}.`);
    this.frames.forEach((f, id) => Object.assign(f, { id, size: f.hex.length / 2 }));
    this.commands.forEach((c, id) => Object.assign(c, { id }));
    this.segmentByNumber = new Map(this.segments.map((s) => [s.n, s]));
    for (const s of this.segments) s.frames = [];
    for (const f of this.frames)
      for (const [n, first, end] of f.carriers) this.segmentByNumber.get(n)?.frames.push([f.id, first, end]);
    for (const { refused, frames } of this.segments)
      for (const [id] of refused === null ? [] : frames) this.wholeOf(this.frames[id]).gone ??= refused;
    this.steps = ZOOMS.map((_, z) => (z === STORY && sent.story?.length ? storySteps(sent.story) : this.stepsAt(z)));
    const { depth, labels } = this.survey();
    this.depth = depth;
    this.labelByMessage = labels;
  }

  /** The seqs that are steps at a zoom; -1 is before the first. @param {number} z */
  stepsAt(z) {
    const { zoom } = this.records;
    const found = [-1];
    for (let seq = 0; seq < this.n; seq++) if (zoom[seq] & (1 << z)) found.push(seq);
    return Int32Array.from(found);
  }

  /** One way through all patches: how deep the queues are, and what is written on the messages. */
  survey() {
    const ready = new Int32Array(this.n + 1);
    const unacked = new Int32Array(this.n + 1);
    /** @type {Map<number, string>} */
    const labels = new Map();
    let most = 1;
    this.patches.forEach((patch, seq) => {
      let [r, u] = [ready[seq], unacked[seq]];
      for (const [key, what] of patch) {
        if (key.startsWith("queue/")) {
          r += difference(what, "ready_count");
          u += difference(what, "unacked_count");
        } else if (key.startsWith("token/") && what["+"]?.message) {
          this.carry(what["+"].command, what["+"].message);
        } else if (key.startsWith("message/") && what["+"]?.label) {
          labels.set(+key.slice("message/".length), what["+"].label);
        }
      }
      [ready[seq + 1], unacked[seq + 1]] = [r, u];
      if (r + u > most) most = r + u;
    });
    return { depth: { ready, unacked, most }, labels };
  }

  /** A command and its frames carry a message. @param {number | null | undefined} command @param {number} message */
  carry(command, message) {
    if (command === null || command === undefined) return;
    const { messages, frames } = this.commands[command];
    for (const list of [messages, ...frames.map((id) => this.frames[id].messages)])
      if (!list.includes(message)) list.push(message);
  }

  // --- records ---

  /** The name of the event of a record. @param {number} seq */
  kindOf(seq) {
    return this.names[this.records.kind[seq]];
  }

  /** What its class says of it: {level, mark, chapter, hold}. @param {number} seq */
  aboutOf(seq) {
    return this.kinds?.[this.kindOf(seq)] ?? NOTHING_SAID;
  }

  /** What a record speaks of. @param {number} seq @returns {Subject} */
  subjectOf(seq) {
    if (!(seq >= 0 && seq < this.n)) return NOBODY;
    const { keys, frame, command, segment, message } = this.records;
    return {
      ...{ keys: this.keys[keys[seq]], frame: numberOf(frame, seq), command: numberOf(command, seq) },
      ...{ segment: numberOf(segment, seq), message: numberOf(message, seq) },
    };
  }

  /** @param {number} seq */
  timeOf(seq) {
    return this.records.at[Math.max(0, Math.min(seq, this.n - 1))] ?? 0;
  }

  /** The times of the records just before and just after a moment. @param {number} ns @returns {number[]} */
  timesAround(ns) {
    const { at } = this.records;
    const before = lastAtMost(at, ns - 1);
    const after = lastAtMost(at, ns) + 1;
    return [at[before], at[after]].filter((time) => time !== undefined);
  }

  /** A moment of the run in words; moments that differ read differently. @param {number} ns */
  moment(ns) {
    return momentText(ns, this.timesAround(ns));
  }

  /** The number of the last step at or before a record. @param {number} zoom @param {number} seq */
  stepOf(zoom, seq) {
    return Math.max(0, lastAtMost(this.steps[zoom], seq));
  }

  // --- messages ---

  /** What is written on a message: its number; for a dead letter its first number, with primes. @param {number} message */
  labelOf(message) {
    return this.labelByMessage.get(message) ?? String(message);
  }

  /** The number whose colours a message has: dead letters keep theirs. @param {number | null} message */
  rootOf(message) {
    return message ? parseInt(this.labelOf(message), 10) || message : 0;
  }

  /** @param {number} message */
  framesOfMessage(message) {
    this.framesByMessage ??= grouped(this.frames, (f) => f.messages);
    return this.framesByMessage.get(message) ?? [];
  }

  /** The seq at which a message was routed last, at or before a record; null if it never was.
   * @param {number} message @param {number} seq */
  routedAt(message, seq) {
    this.routesByMessage ??= grouped(Object.keys(this.routes ?? {}).map(Number), (at) => [this.subjectOf(at).message]);
    const found = this.routesByMessage.get(message)?.filter((at) => at <= seq) ?? [];
    return found.length ? Math.max(...found) : null;
  }

  /** The keys of the bindings that matched in the Routed of a record. @param {number} seq */
  matchedAt(seq) {
    return (this.routes?.[seq] ?? []).filter(([, matched]) => matched).map(([key]) => key);
  }

  // --- the wire ---

  /** The segments that carry a frame's last byte, in the order of sending. @param {Frame} f @returns {Segment[]} */
  lastCarriers(f) {
    f.last ??= f.carriers
      .filter(([, , end]) => end === f.size)
      .map(([n]) => this.segmentByNumber.get(n))
      .filter((s) => s !== undefined);
    return f.last;
  }

  get linked() {
    return (this.connectionsWithSegments ??= new Set(this.segments.map((s) => s.conn)));
  }

  /** @param {number} low @param {number} [high] */
  segmentsAt(low, high) {
    this.segmentLives ??= lifetimes(this.segments.map((item) => ({ item, from: item.sent, to: endOfSegment(item) })));
    return this.segmentLives(low, high);
  }

  /** @param {number} low @param {number} [high] */
  framesAt(low, high) {
    this.frameLives ??= lifetimes(this.frames.map((item) => this.lifeOf(item)));
    return this.frameLives(low, high);
  }

  /** The frames that are on the link at a record: under way, or read and waiting at the door for the rest of their command.
   * @param {number} seq */
  framesOnLink(seq) {
    this.unfinished ??= lifetimes(this.frames.map((item) => ({ ...this.lifeOf(item), to: this.lifeOf(this.wholeOf(item)).to })));
    return this.unfinished(seq);
  }

  /** The command that a frame is of, or the frame itself. @param {Frame} f */
  wholeOf(f) {
    return f.command === null ? f : this.commands[f.command];
  }

  /** @param {number} low @param {number} [high] */
  commandsAt(low, high) {
    this.commandLives ??= lifetimes(this.commands.map((item) => this.lifeOf(item)));
    return this.commandLives(low, high);
  }

  /** From the record at which it is handed to TCP to the one at which it is read, that one left out, or to the one at which
   * it is thrown away; where only one
   * end was recorded, nothing is known of the way.
   * @template {Frame | Command} T @param {T} item @returns {{item: T, from: number, to: number}} */
  lifeOf(item) {
    const from = "frames" in item ? this.frames[item.frames[0]].sent : item.sent;
    const { gone } = "frames" in item ? item : this.wholeOf(item);
    if (from === null || (item.received === null && !this.linked.has(item.conn))) return { item, from: 0, to: -1 };
    return { item, from, to: item.received === null ? (gone ?? Infinity) : item.received - 1 };
  }
}

/** @type {Readonly<Subject>} */
const NOBODY = Object.freeze({ keys: [] });
const NOTHING_SAID = Object.freeze({ level: "milestone", mark: "", chapter: "", hold: 460 });

/** -1 is none. @param {number[]} column @param {number} seq */
const numberOf = (column, seq) => (column[seq] < 0 ? undefined : column[seq]);

/** @param {Sent.Chapter[]} story */
const storySteps = (story) => Int32Array.from([-1, ...story.map(([last]) => last)]);

/** By how much a patch changes a count of an entity. @param {Sent.Change} what @param {string} field */
function difference(what, field) {
  if (what["+"]) return what["+"][field];
  if (what["-"]) return -what["-"][field];
  const change = what["="]?.[field];
  return change ? change[1] - change[0] : 0;
}

/**
 * @template T, G
 * @param {T[]} items
 * @param {(item: T) => Iterable<G>} groupsOf
 * @returns {Map<G, T[]>}
 */
function grouped(items, groupsOf) {
  /** @type {Map<G, T[]>} */
  const found = new Map();
  for (const item of items)
    for (const group of groupsOf(item)) {
      const members = found.get(group);
      if (members) members.push(item);
      else found.set(group, [item]);
    }
  return found;
}

// The ladder: one lifeline per host, time runs down, and what crosses between them.
//
// Theory
// ------
// This is the diagram of every protocol book, made from the same records as the picture above it: a row per step
// of the zoom, so that stepping moves exactly one row; and one more for a record that is visited. A row is as high
// as its label needs, and a little higher the longer nothing happened before it. A gap many
// times as long as the others (silence.js) is a *break*: it would be dishonest to draw three minutes like three milliseconds,
// and tedious to draw them to scale. A break that is silence stands at that silence; any other stands for all the time between
// its two records, and what happened in that time is inside it.
//
// Where a record between two rows stands (a band begins and ends at records, not at rows) follows from its time and
// its turn. So heights rise with the records, always. A plan is a few arrays, made once for a zoom; what is drawn is
// found in them by halving.
//
// The story's sentences are long. Across the ladder they would lie on its arrows, so they have a column of their own, left
// of the lifelines, and a row is as high as its sentence has lines there.

import { lastAtMost } from "./lifetimes.js";
import { gapTime } from "./story.js";
import { STORY } from "./scene.js";
import { gapBetween, longGap } from "./silence.js";
import { nameOf, wrapped } from "./text.js";
import { segmentLabel } from "./wire.js";

const FIRST_ROW = 16;
const TAIL = 34;
const BREAK = 26;
const AROUND_BREAK = 14;
const SHORE = 9;
const VISIT = 26;
const MOST_STRETCH = 14;
const LEAST_COLUMN = 70;
const THIN_COLUMN = 9;
/** With sentences beside them lifelines may stand closer, so that an arrow is seen whole, and need not stand far apart. */
const LEAST_BESIDE = 14;
const ROOMY_BESIDE = 30;
const MOST_BESIDE = 130;
const LEAST_WORDS = 140;
const SHARE_OF_WORDS = 0.57;
const USUAL_WIDTH = 440;
export const ROW_SIZE = 11.5;
export const BOLD = 1.1;
export const LINE = 14;
const MOST_LINES = 6;

/** The kinds of rows, by number, and how much room each needs above and below its line. */
const ROWS = ["quiet", "note", "band", "chapter"];
const [QUIET, NOTE, BAND, CHAPTER] = [0, 1, 2, 3];
const ABOVE = [5, 8, 16, 10];
const BELOW = [4, 8, 3, 11]; // and of a chapter its further lines

/**
 * @typedef {{k: number, first: number, last: number, longest: number, silent: boolean, y0: number, y1: number, words: string}} Break
 * After row `k`: records up to `first` stand above it, those from `last` on below; after `longest` is the longest time without any.
 */

/** The rows of a zoom, by their records, and how high each stands. `words` is how wide the column of sentences is. */
export class LadderPlan {
  constructor(scene, zoom, width) {
    this.scene = scene;
    this.zoom = zoom;
    this.words = zoom === STORY ? wordsColumn(scene.hosts, width) : 0;
    this.heights = new Map();
    const steps = scene.steps[zoom];
    this.seqs = steps[0] < 0 ? steps.subarray(1) : steps;
    this.kinds = kindsOf(scene, zoom, this.seqs);
    this.breaks = [];
    this.ys = new Float64Array(this.seqs.length);
    this.stack(longGap(scene, this.seqs));
    this.visit = null;
  }

  get count() {
    return this.seqs.length;
  }

  /** Put row under row. */
  stack(least) {
    const { scene, seqs, kinds, ys } = this;
    const { at } = scene.records;
    let y = FIRST_ROW;
    for (let k = 0; k < seqs.length; k++) {
      if (k) {
        const gap = at[seqs[k]] - at[seqs[k - 1]];
        y += this.below(k - 1) + 3;
        if (gap > least) y = this.breakAt(k - 1, y);
        else y += kinds[k] === QUIET || gap <= 0 ? 0 : Math.min(MOST_STRETCH, gapTime(gap) / 60);
      }
      y += ABOVE[kinds[k]];
      ys[k] = y;
    }
    const last = seqs.length - 1;
    this.height = y + TAIL + (this.words && last >= 0 ? this.moreLines(seqs[last]) : 0);
  }

  /** How much room a row needs below its line. */
  below(k) {
    return BELOW[this.kinds[k]] + (this.words ? this.moreLines(this.seqs[k]) : 0);
  }

  /** How high the lines of a sentence are that follow its first. A long story has few sentences with ever new numbers, and
   * all digits are of one width: so sentences that differ in digits only are broken once. */
  moreLines(seq) {
    const alike = rowWords(this.scene, this.zoom, seq).replace(/\d/g, "0");
    let more = this.heights.get(alike);
    if (more === undefined) this.heights.set(alike, (more = LINE * (this.linesOf(seq).length - 1)));
    return more;
  }

  /** The sentence of a record in its column, broken as if it were bold, so that no step breaks it otherwise. */
  linesOf(seq) {
    return wrapped(rowWords(this.scene, this.zoom, seq), this.words - 12, ROW_SIZE * BOLD, MOST_LINES);
  }

  breakAt(k, y) {
    const y0 = y + AROUND_BREAK;
    this.breaks.push({ k, y0, y1: y0 + BREAK, ...spanOf(this.scene, this.seqs[k], this.seqs[k + 1]) });
    return y0 + BREAK + AROUND_BREAK;
  }

  /** "quiet", "note", "band" or "chapter". */
  kindOfRow(k) {
    return ROWS[this.kinds[k]];
  }

  /** Whether a row is the first of its moment that has words: there the clock stands. Arrowheads have none. */
  isFirstOfItsTime(k) {
    const at = this.scene.timeOf(this.seqs[k]);
    for (let before = k - 1; before >= 0 && this.scene.timeOf(this.seqs[before]) === at; before--)
      if (this.kinds[before] !== QUIET) return false;
    return true;
  }

  /** The same rows, and one more for a record that is none of them. */
  visiting(seq) {
    const plan = Object.create(this);
    const k = lastAtMost(this.seqs, seq);
    const gap = this.breakAfter(k);
    const isLate = gap && seq > gap.longest;
    const room = VISIT + (this.words ? this.moreLines(seq) : 0);
    const y = isLate ? gap.y1 + VISIT - 6 : k < 0 ? FIRST_ROW + VISIT - 18 : this.ys[k] + this.stepBelow(k);
    plan.visit = { seq, k, y, room, late: Boolean(isLate) };
    plan.height = this.height + room;
    if (gap && !gap.silent) plan.breaks = this.breaks.map((one) => (one === gap ? this.withoutPartOf(gap, seq, isLate) : one));
    return plan;
  }

  /** A break that stood for all the time between two rows stands for the longer part of it, when a visit divides it. */
  withoutPartOf(gap, seq, isLate) {
    const [from, to] = isLate ? [this.seqs[gap.k], seq] : [seq, this.seqs[gap.k + 1]];
    return { ...gap, ...spanOf(this.scene, from, to) };
  }

  /** How far below a row a visit stands. */
  stepBelow(k) {
    return this.words ? this.below(k) + 3 + ABOVE[CHAPTER] : VISIT - 4;
  }

  breakAfter(k) {
    const found = this.breaks[lastAtMost(this.breaks, k, (one) => one.k)];
    return found?.k === k ? found : undefined;
  }

  /** How much lower a row stands because of the visit. */
  shiftOf(k) {
    return this.visit && k > this.visit.k ? this.visit.room : 0;
  }

  yOfRow(k) {
    return this.ys[k] + this.shiftOf(k);
  }

  /** A break where it is drawn. */
  placed(gap) {
    const { visit } = this;
    const shift = visit && (gap.k > visit.k || (gap.k === visit.k && !visit.late)) ? visit.room : 0;
    return { ...gap, y0: gap.y0 + shift, y1: gap.y1 + shift };
  }

  /** The height of a record: its row's, or between two rows. */
  yOf(seq) {
    const { seqs, count } = this;
    if (!count) return FIRST_ROW;
    const k = lastAtMost(seqs, seq);
    if (k >= 0 && seqs[k] === seq) return this.yOfRow(k);
    const gap = this.breakAfter(k);
    if (gap && !gap.silent && gap.first < seq && seq < gap.last) {
      const { y0, y1 } = this.placed(gap);
      return y0 + (y1 - y0) * this.share(gap.first, gap.last, seq);
    }
    const stops = this.stopsAfter(k);
    const i = stops.findLastIndex((stop) => stop.seq <= seq);
    const [a, b] = [stops[i], stops[i + 1]];
    return a.seq === seq || !b ? a.y : a.y + (b.y - a.y) * this.share(a.seq, b.seq, seq);
  }

  /** Records whose heights are known, from row `k` to the next. */
  stopsAfter(k) {
    const { seqs, count, scene, visit } = this;
    const stops = [k < 0 ? { seq: -1, y: 4 } : { seq: seqs[k], y: this.yOfRow(k) }];
    const gap = this.breakAfter(k);
    if (gap?.silent) {
      const { first, last, y0, y1 } = this.placed(gap);
      stops.push({ seq: first, y: first === seqs[k] ? stops[0].y : y0 - SHORE }, { seq: last, y: y1 + SHORE });
    }
    if (visit?.k === k) {
      const same = stops.findIndex((stop) => stop.seq === visit.seq);
      stops.splice(same < 0 ? stops.length : same, same < 0 ? 0 : 1, { seq: visit.seq, y: visit.y });
    }
    stops.push(
      k + 1 < count ? { seq: seqs[k + 1], y: this.yOfRow(k + 1) } : { seq: scene.n, y: this.height - TAIL + 22 },
    );
    return stops.sort((a, b) => a.seq - b.seq || a.y - b.y);
  }

  /** How far a record is between two others: its time counts, and its turn. */
  share(a, b, seq) {
    const { scene } = this;
    const turn = (seq - a) / (b - a);
    const whole = scene.timeOf(b) - scene.timeOf(a);
    return whole > 0 ? (turn + 3 * ((scene.timeOf(seq) - scene.timeOf(a)) / whole)) / 4 : turn;
  }

  /** The number of the last row above a height; -1 if there is none. */
  rowAbove(y) {
    const { visit, count } = this;
    if (!visit || visit.k + 1 >= count || y < this.yOfRow(visit.k + 1)) return Math.min(lastAtMost(this.ys, y), visit?.k ?? Infinity);
    return lastAtMost(this.ys, y - visit.room);
  }

  /** What stands between two heights: {first, last} rows, {low, high} records. */
  between(top, bottom) {
    const first = Math.max(0, this.rowAbove(top));
    const last = Math.min(this.count - 1, Math.max(0, this.rowAbove(bottom)) + 1);
    return {
      ...{ first, last },
      low: first > 0 ? this.seqs[first] : -1,
      high: last + 1 >= this.count ? this.scene.n - 1 : (this.seqs[last] ?? -1),
    };
  }

  /** The breaks between two rows, where they are drawn. */
  breaksBetween(first, last) {
    const found = [];
    for (let i = Math.max(0, lastAtMost(this.breaks, first - 1, (one) => one.k)); i < this.breaks.length; i++) {
      if (this.breaks[i].k > last) break;
      found.push(this.placed(this.breaks[i]));
    }
    return found;
  }
}

/** What a break between two records stands for: their longest silence, or all the time between them. */
function spanOf(scene, from, to) {
  const { first: longest, silent, words } = gapBetween(scene, from, to);
  return silent
    ? { longest, silent, first: longest, last: longest + 1, words: `${words} of silence` }
    : { longest, silent, first: from, last: to, words: `${words} go by` };
}

export const ladderPlan = (scene, zoom, width = USUAL_WIDTH) => new LadderPlan(scene, zoom, width);

/** What kind of row each record is: BAND where something sets out, QUIET where it ends, else NOTE. */
function kindsOf(scene, zoom, seqs) {
  const kinds = new Uint8Array(seqs.length);
  if (zoom === STORY) return kinds.fill(CHAPTER);
  for (let k = 0; k < seqs.length; k++) kinds[k] = kindOfRecord(scene, zoom, seqs[k]);
  return kinds;
}

function kindOfRecord(scene, zoom, seq) {
  const { segment, frame, command } = scene.subjectOf(seq);
  if (zoom === 0 && segment !== undefined) {
    const s = scene.segmentByNumber.get(segment);
    return s?.sent === seq ? BAND : s?.arrived === seq ? QUIET : NOTE;
  }
  if (frame === undefined && command === undefined) return NOTE;
  const isFrame = scene.kindOf(seq).startsWith("Frame");
  const x = isFrame ? scene.frames[frame] : (scene.commands[command] ?? scene.frames[frame]);
  const isDrawn = zoom === 1 ? isFrame : zoom > 1 && command !== undefined;
  if (isDrawn && (x.sent ?? x.received) === seq) return BAND;
  return x.received === seq && isStep(scene, zoom, x.sent) ? QUIET : NOTE;
}

export const isStep = (scene, zoom, seq) => seq !== null && (scene.records.zoom[seq] & (1 << zoom)) !== 0;

/** What sets out or arrives at a record, if the zoom draws such things: {kind, item, begins, known}; `known`: it set out in a
 * row of its own. */
export function crossingAt(scene, zoom, seq) {
  const { segment, frame, command } = scene.subjectOf(seq);
  const name = scene.kindOf(seq);
  if (zoom === 0) {
    const s = segment === undefined ? undefined : scene.segmentByNumber.get(segment);
    if (!s || (seq !== s.sent && seq !== s.arrived)) return null;
    return { kind: "segment", item: s, begins: seq === s.sent, known: true };
  }
  if (zoom === 1 ? frame === undefined || !name.startsWith("Frame") : command === undefined) return null;
  const [kind, item] = zoom === 1 ? ["frame", scene.frames[frame]] : ["command", scene.commands[command]];
  const first = item.sent ?? item.received;
  if (seq === first) return { kind, item, begins: true, known: true };
  return seq === item.received ? { kind, item, begins: false, known: isStep(scene, zoom, item.sent) } : null;
}

/** The segment that is lost at a record. */
export function lossAt(scene, seq) {
  const s = scene.segmentByNumber.get(scene.subjectOf(seq).segment);
  return s?.lost_seq === seq ? s : undefined;
}

/** What a row says. */
export function rowWords(scene, zoom, seq) {
  if (zoom === STORY) return chapterWords(scene, seq);
  const found = crossingAt(scene, zoom, seq);
  if (!found) return scene.labels[seq];
  const { kind, item } = found;
  if (kind === "segment") return `${item.n}: ${segmentLabel(item)}`;
  const [frame] = kind === "command" ? item.frames.map((id) => scene.frames[id]) : [item];
  return frame.summary;
}

/** The sentence of a chapter; of a record that ends none, its own. */
function chapterWords(scene, seq) {
  const step = scene.stepOf(STORY, seq);
  const isEnd = scene.steps[STORY][step] === seq;
  return (isEnd && scene.story?.[step - 1]?.[2]) || scene.sentences[seq];
}

/** The margin of the clock. */
const marginOf = (width) => (width < 440 ? 68 : 72);

/** How wide the column of sentences is: a good half of the room, or what the lifelines leave. */
function wordsColumn(hosts, width) {
  const room = width - marginOf(width);
  return Math.round(Math.max(LEAST_WORDS, room * SHARE_OF_WORDS, room - hosts.length * MOST_BESIDE));
}

/** Where the lifelines stand in a ladder of this width, of which sentences take `words`. Where not all have room, those who
 * do nothing in sight (they are not in `busy`) stand close together. */
export function columnsOf(hosts, width, busy = new Set(hosts), words = 0) {
  const margin = marginOf(width);
  const left = margin + words;
  const least = words ? LEAST_BESIDE : LEAST_COLUMN;
  const fits = left + hosts.length * (words ? ROOMY_BESIDE : LEAST_COLUMN) <= width;
  const wide = (host) => fits || busy.has(host);
  const many = hosts.filter(wide).length || 1;
  const column = Math.max(least, (width - left - (hosts.length - many) * THIN_COLUMN) / many);
  const places = new Map();
  let x = left;
  for (const host of hosts) {
    const own = wide(host) ? column : THIN_COLUMN;
    places.set(host, { x: x + own / 2, width: own });
    x += own;
  }
  const place = (host) => places.get(host) ?? places.get(hosts[0]);
  return { margin, left, width: Math.max(width, x), x: (host) => place(host).x, room: (host) => place(host).width };
}

/** The host that a record happened at, as a column; what was done from outside stands at whom it was done to. */
export function hostOf(scene, seq) {
  const where = scene.names[scene.records.where[seq]];
  if (scene.hosts.includes(where)) return where;
  const target = scene.subjectOf(seq).keys.find((key) => key.startsWith("host/") && scene.hosts.includes(nameOf(key)));
  return target ? nameOf(target) : scene.broker || scene.hosts[0];
}

/** The two hosts of a connection: {client, server}, as the pictures say. */
export function endsOf(scene, connection) {
  const { app, server } = scene.layouts.wide.pipes[connection] ?? {};
  const client = app ?? connection.slice(0, connection.lastIndexOf(":"));
  return { client, server: server ?? scene.broker };
}

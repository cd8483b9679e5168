// The player: where we are, and how that changes. It knows nothing of the page.
//
// Theory
// ------
// A position is a record's number, `seq`; -1 is before the first. A zoom says which records are steps. Whoever
// jumps to a record that is no step of the zoom *visits* it: the stage shows that very record, and there is a way
// back. So "because", run-until, links and bookmarks always end where they say.
//
// A step changes `seq` at once: sentence, panels and numbers are the new record's. What moves then moves under
// them (`motion`), from where it was to where it is. Playing is: step, let it move, rest, let the silence before
// the next record pass with the clock running, and step again.

import { Cursor, pick } from "./state.js";
import { restOf, silenceBetween } from "./story.js";
import { related, selectionOf } from "./selection.js";
import { between } from "./geometry.js";
import { STORY } from "./scene.js";
import { isOfChapter } from "./causes.js";

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

/** Over more records than these nothing moves: a jump is a cut. */
const FARTHEST_MOVE = 400;
const MOST_TOUCHED = 2000;

/**
 * @typedef {{from: number, t: number, total: number | null, trail: [seq: number, key: string, entity: any][]}} Motion
 * From which record, how far, in how many milliseconds (null: not planned yet), and what happens on the way.
 */

/** @typedef {{seq: number, zoom: number, pinned: Picked | null, parts: ReturnType<Player["partsAnew"]>}} Kept */

/** Position, zoom and selection, and how they change. */
export class Player {
  /** @param {Scene} scene @param {{zoom?: number, at?: number | null}} [start] */
  constructor(scene, { zoom = STORY, at = null } = {}) {
    this.zoom = zoom;
    this.playing = false;
    this.speed = 1;
    /** @type {Motion | null} */
    this.motion = null;
    /** @type {number | null} where to come back to from a visit */
    this.home = null;
    /** @type {Picked | null} */
    this.pinned = null;
    /** @type {number | null} the field of a frame that is pointed at */
    this.hot = null;
    this.help = false;
    this.notice = "";
    this.allBytes = false;
    /** @type {Kept | null} */
    this.kept = null;
    this.seq = -1;
    this.rested = 0;
    this.now = 0;
    this.scene = scene;
    this.cursor = new Cursor(scene);
    const first = at ?? scene.opening ?? -1;
    this.adopt(scene, first);
    if (first >= scene.n - 1) this.go(this.last); // the end is the last step; what comes after it is none
  }

  /** Show another scene, at record `at`. @param {Scene} scene @param {number} at */
  adopt(scene, at) {
    this.scene = scene;
    this.cursor = new Cursor(scene);
    this.kept = null;
    this.seq = -1;
    this.arrive(between(-1, at, scene.n - 1));
  }

  // --- where we are ---

  /** The number of the last step at or before the record shown. */
  get step() {
    return this.scene.stepOf(this.zoom, this.seq);
  }

  get last() {
    return this.scene.steps[this.zoom].length - 1;
  }

  /** Whether the record shown is no step of this zoom. */
  get visit() {
    return this.scene.steps[this.zoom][this.step] !== this.seq;
  }

  get resting() {
    return !this.playing && this.motion === null;
  }

  // --- moving ---

  /** Be at a record; with `glide` what changed its place moves there. @param {number} seq */
  arrive(seq, glide = false) {
    const from = this.seq;
    const far = Math.abs(seq - from) > FARTHEST_MOVE;
    this.motion = glide && !far && seq !== from ? { from, t: 0, total: null, trail: this.trail(seq) } : null;
    this.seq = seq;
    this.rested = 0;
    this.now = this.scene.timeOf(seq);
  }

  /** What happens to tokens and queues on the way to a record: [seq, key, the entity then, or null]. @param {number} seq */
  trail(seq) {
    const { patches } = this.scene;
    /** @type {Motion["trail"]} */
    const found = [];
    this.cursor.seek(this.seq);
    this.cursor.walk(seq, (passed) => {
      for (const [key] of patches[passed])
        if (MOVES.test(key)) found.push([passed, key, this.cursor.state.get(key) ?? null]);
    });
    return found;
  }

  /** Stop, and be at a record. Where that is no step, or if that is wished (`returns`), one can come back to where one
   * was. @param {number} seq */
  jump(seq, glide = false, returns = false) {
    const was = this.visit && this.home !== null ? this.home : this.seq;
    this.playing = false;
    this.arrive(between(-1, seq, this.scene.n - 1), glide);
    this.home = this.visit || (returns && was !== this.seq) ? was : null;
  }

  /** Back from a visit, or from where a jump led; false if this is neither. */
  comeBack(glide = false) {
    if (!this.visit && this.home === null) return false;
    this.playing = false;
    this.arrive(this.home ?? this.scene.steps[this.zoom][this.step], glide);
    this.home = null;
    return true;
  }

  /** One step forward (1) or back (-1). @param {number} by */
  move(by, glide = false) {
    this.playing = false;
    this.go(this.beside(this.zoom, by), glide);
  }

  /** The number of the step after (1) or before (-1) the record shown, at a zoom. @param {number} zoom @param {number} by */
  beside(zoom, by) {
    const steps = this.scene.steps[zoom];
    const k = this.scene.stepOf(zoom, this.seq);
    const target = by > 0 ? k + 1 : steps[k] < this.seq ? k : k - 1;
    return between(0, target, steps.length - 1);
  }

  /** Be at a step of the zoom, by its number. @param {number} step */
  go(step, glide = false) {
    this.home = null;
    this.arrive(this.scene.steps[this.zoom][between(0, Math.round(step), this.last)], glide);
  }

  /** One step of the next coarser zoom. @param {number} by */
  coarser(by, glide = false) {
    this.bySteps(Math.min(STORY, this.zoom + 1), by, glide);
  }

  /** One step of the next finer zoom. @param {number} by */
  finer(by, glide = false) {
    this.bySteps(Math.max(0, this.zoom - 1), by, glide);
  }

  /** @param {number} zoom @param {number} by @param {boolean} glide */
  bySteps(zoom, by, glide) {
    this.jump(this.scene.steps[zoom][this.beside(zoom, by)], glide);
  }

  /** Another zoom at the same record. @param {number} zoom */
  setZoom(zoom) {
    Object.assign(this, { zoom, motion: null, home: null, rested: 0, now: this.scene.timeOf(this.seq) });
  }

  // --- playing ---

  /** @param {number} by */
  faster(by) {
    this.speed = SPEEDS[between(0, SPEEDS.indexOf(this.speed) + by, SPEEDS.length - 1)];
  }

  toggle() {
    if (!this.playing && this.step >= this.last) this.go(0);
    Object.assign(this, { playing: !this.playing, rested: 0, now: this.scene.timeOf(this.seq) });
  }

  /** Let `ms` of real time pass; true while something goes on. `still`: nothing glides. @param {number} ms */
  tick(ms, still = false) {
    let left = ms * (this.playing ? this.speed : 1);
    if (this.motion) left = this.glide(this.motion, left);
    if (this.playing && !this.motion) this.rest(left, still);
    return !this.resting;
  }

  /** Some of the way; what is left of the time when all is there. @param {Motion} motion @param {number} ms */
  glide(motion, ms) {
    const whole = motion.total ?? 0;
    const rest = (1 - motion.t) * whole;
    if (ms < rest) motion.t += ms / whole;
    else this.motion = null;
    return Math.max(0, ms - rest);
  }

  /** @param {number} ms @param {boolean} still */
  rest(ms, still) {
    const { scene, seq } = this;
    const steps = scene.steps[this.zoom];
    const next = steps[this.step + 1];
    if (next === undefined) {
      this.playing = false;
      return;
    }
    this.rested += ms;
    const toRead = this.zoom >= STORY - 1 ? sentenceOf(this) : "";
    const [hold, silence] = [restOf(scene, seq, toRead), silenceBetween(scene, seq, next)];
    const passed = silence ? between(0, (this.rested - hold) / silence, 1) : 0;
    const [from, to] = [scene.timeOf(seq), scene.timeOf(next)];
    this.now = from + Math.round((to - from) * passed);
    if (this.rested >= hold + silence) this.go(this.step + 1, !still);
    if (this.step >= this.last) this.playing = false;
  }

  // --- what is picked ---

  /** Picking what is picked lets go of it. @param {Picked} selection */
  pick(selection) {
    const same = this.pinned?.kind === selection.kind && this.pinned.id === selection.id;
    Object.assign(this, { pinned: same ? null : selection, hot: null, allBytes: false, playing: false });
  }

  letGo() {
    Object.assign(this, { pinned: null, hot: null, help: false });
  }

  // --- the view ---

  /** Everything the drawing functions need: the one argument of every picture. */
  view(/** @type {Layout["orientation"]} */ orientation = "wide") {
    const { scene, seq, zoom, now, step, visit, home, playing, speed, pinned, hot, help, notice, allBytes } = this;
    const { motion } = this;
    return {
      ...{ scene, seq, at: scene.timeOf(seq), now, zoom, step, visit, home, playing, speed, pinned, hot, help, notice },
      ...{ allBytes, state: this.cursor.seek(seq), steps: scene.steps[zoom], depth: scene.depth },
      motion: motion && { t: motion.t, from: motion.from },
      layout: scene.layouts[orientation],
      selection: pinned ?? selectionOf(scene, zoom, seq),
      ...this.parts(),
    };
  }

  /** Parts that are worked out once for each record, zoom and selection. */
  parts() {
    const { seq, zoom, pinned, kept } = this;
    if (kept && kept.seq === seq && kept.zoom === zoom && kept.pinned === pinned) return kept.parts;
    const parts = this.partsAnew(kept?.pinned === pinned ? kept.parts.lit : related(this.scene, pinned));
    this.kept = { seq, zoom, pinned, parts };
    return parts;
  }

  /** @param {Lit} lit */
  partsAnew(lit) {
    const { state } = this.cursor;
    const lost = [...tokensAt(state, "lost"), ...tokensAt(state, "returned")];
    return { consumers: handsOf(state), lost, touched: this.touched(), subject: this.subject(), lit };
  }

  /** What the step speaks of: of a message that several queues get in one step of the story, all of these.
   * @returns {Subject} */
  subject() {
    const { scene, seq, zoom, step, visit } = this;
    const subject = scene.subjectOf(seq);
    const begin = scene.story?.[step - 1]?.[1] ?? seq;
    if (zoom !== STORY || visit || scene.kindOf(seq) !== "Enqueued") return subject;
    const keys = new Set(subject.keys);
    for (let q = Math.max(begin, seq - MOST_TOUCHED); q < seq; q++) {
      const other = scene.kindOf(q) === "Enqueued" ? scene.subjectOf(q) : undefined;
      if (other?.message === subject.message) for (const key of other?.keys ?? []) if (key.startsWith("queue/")) keys.add(key);
    }
    return { ...subject, keys: [...keys] };
  }

  /** The keys that this step's records changed; what another chapter did meanwhile is not this one's. */
  touched() {
    const { scene, seq, zoom, visit } = this;
    const before = visit ? seq - 1 : (scene.steps[zoom][this.step - 1] ?? seq);
    const chapter = zoom === STORY && !visit ? this.step - 1 : -1;
    const begin = scene.story?.[chapter]?.[1] ?? 0;
    /** @type {Set<string>} */
    const found = new Set();
    for (let q = Math.max(before + 1, seq - MOST_TOUCHED, begin, 0); q <= seq; q++)
      if (chapter < 0 || isOfChapter(scene, q, chapter)) for (const [key] of scene.patches[q]) found.add(key);
    return found;
  }
}

const MOVES = /^(token|signal|queue)\//;

/** @param {World} state @param {string} place @returns {[string, any][]} */
const tokensAt = (state, place) => state.at(place).map((key) => [key, state.get(key)]);

/** Consumers; and for each channel that holds messages without a consumer, a hand that has no tag. @param {World} state */
export function handsOf(state) {
  const hands = pick(state, "consumer");
  for (const [place, keys] of state.places) {
    if (!place.startsWith("consumer|channel/")) continue;
    const key = place.slice("consumer|".length);
    hands.push([key, { prefetch: 0, holding_count: keys.length, got: true }]);
  }
  return hands.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

/** What the step shown says; at the story zoom it speaks of all that belongs to it.
 * @param {Pick<View, "scene" | "seq" | "zoom" | "step" | "visit">} view */
export function sentenceOf({ scene, seq, zoom, step, visit }) {
  if (seq < 0) return "Before the first step: nothing has happened yet.";
  if (zoom === STORY && !visit && scene.story?.length) return scene.story[step - 1][2];
  return scene.sentences[seq];
}

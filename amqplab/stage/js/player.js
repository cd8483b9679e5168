// The player: where we are, and how that changes. It knows nothing of the page.
//
// Theory
// ------
// The position `u` is a step's number and a fraction of the way to the next. Playing lets it run at the story's
// pace; a step lets it glide to the neighbouring whole number; scrubbing sets it. `view` makes of all this the
// one argument that every drawing function takes.

import { positionAt, seqAt, stepDuration, timeAt, timeOf } from "./story.js";
import { cursorFor, depths, handsOf, lostOf, pick, seek } from "./state.js";
import { related } from "./selection.js";

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const NEAR = 1e-9;
const LONGEST_GLIDE = 900;
const STILL_PAUSE = 700;
const LOOK_BACK = 40;

const between = (low, x, high) => Math.max(low, Math.min(high, x));
const stepAfter = (u) => Math.floor(u + NEAR) + 1;
const stepBefore = (u) => Math.ceil(u - NEAR) - 1;

/** Position, zoom and selection, and how they change. */
export class Player {
  constructor(scene, { zoom = 3, at = -1 } = {}) {
    Object.assign(this, { zoom, playing: false, speed: 1, target: null });
    Object.assign(this, { pinned: null, hot: null, help: false, notice: "", allBytes: false, waited: 0 });
    this.adopt(scene, at);
  }

  /** Show another scene, at record `at`. */
  adopt(scene, at) {
    this.scene = scene;
    this.cursor = cursorFor(scene);
    this.depth = depths(scene);
    this.goSeq(Math.min(at, scene.n - 1));
  }

  get last() {
    return this.scene.steps[this.zoom].length - 1;
  }

  get time() {
    return timeAt(this.scene, this.zoom, this.u);
  }

  get step() {
    return between(0, Math.floor(this.u + NEAR), this.last);
  }

  get resting() {
    return !this.playing && this.target === null;
  }

  go(u) {
    this.u = between(0, u, this.last);
    this.target = null;
  }

  goSeq(seq) {
    this.go(positionAt(this.scene, this.zoom, timeOf(this.scene, seq)));
  }

  /** Stop, and be at a record. */
  jump(seq) {
    this.playing = false;
    this.goSeq(seq);
  }

  setZoom(zoom) {
    const time = this.time;
    this.zoom = zoom;
    this.go(positionAt(this.scene, zoom, time));
  }

  /** One step; with `glide` the way there is shown. */
  move(by, glide) {
    const from = this.target ?? this.u;
    const end = between(0, by > 0 ? stepAfter(from) : stepBefore(from), this.last);
    this.playing = false;
    if (glide) this.target = end;
    else this.go(end);
  }

  /** One step of the next coarser zoom. */
  coarser(by) {
    const zoom = Math.min(3, this.zoom + 1);
    const steps = this.scene.steps[zoom];
    const at = positionAt(this.scene, zoom, this.time);
    this.jump(steps[between(0, by > 0 ? stepAfter(at) : stepBefore(at), steps.length - 1)]);
  }

  faster(by) {
    this.speed = SPEEDS[between(0, SPEEDS.indexOf(this.speed) + by, SPEEDS.length - 1)];
  }

  toggle() {
    this.target = null;
    if (!this.playing && this.u >= this.last) this.go(0);
    this.playing = !this.playing;
  }

  /** Picking what is picked lets go of it. */
  pick(selection) {
    const same = this.pinned?.kind === selection.kind && this.pinned.id === selection.id;
    Object.assign(this, { pinned: same ? null : selection, hot: null, allBytes: false, playing: false });
  }

  letGo() {
    Object.assign(this, { pinned: null, hot: null, help: false });
  }

  /** Let `ms` of real time pass; true while something moves. `still`: nothing glides. */
  tick(ms, still) {
    if (this.playing) this.play(ms * this.speed, still);
    else if (this.target !== null) this.glide(ms, still);
    return !this.resting;
  }

  play(ms, still) {
    let left = ms;
    if (still) this.playStill(ms);
    else
      while (left > 0 && this.u < this.last) {
        const k = Math.floor(this.u + NEAR);
        const whole = stepDuration(this.scene, this.zoom, k);
        const rest = (k + 1 - this.u) * whole;
        this.u = left >= rest ? k + 1 : this.u + left / whole;
        left -= Math.min(left, rest);
      }
    if (this.u >= this.last) this.playing = false;
  }

  playStill(ms) {
    this.waited += ms;
    if (this.waited <= Math.max(STILL_PAUSE, stepDuration(this.scene, this.zoom, this.step))) return;
    this.waited = 0;
    this.go(this.step + 1);
  }

  glide(ms, still) {
    const away = this.target - this.u;
    const k = Math.max(0, Math.floor(away > 0 ? this.u + NEAR : this.u - NEAR));
    const whole = Math.min(LONGEST_GLIDE, stepDuration(this.scene, this.zoom, k)) * (away < 0 ? 0.5 : 1);
    const by = (ms / whole) * Math.max(1, Math.abs(away));
    if (still || Math.abs(away) <= by) this.go(this.target);
    else this.u += Math.sign(away) * by;
  }

  /** The selection shown: what was picked, or what the step is about. */
  selection(seq) {
    if (this.pinned) return this.pinned;
    for (let q = seq; q >= 0 && q > seq - LOOK_BACK; q--) {
      const s = this.scene.subject[q];
      if (s?.frame !== undefined) return { kind: "frame", id: s.frame };
      if (s?.command !== undefined) return { kind: "frame", id: this.scene.commands[s.command].frames[0] };
      if (s && this.zoom === 0) return { kind: "segment", id: s.segment };
    }
    return null;
  }

  /** Everything the drawing functions need: the one argument of every picture. */
  view(orientation = "wide") {
    const { scene, time } = this;
    const seq = seqAt(scene, time);
    const state = seek(this.cursor, seq);
    const { zoom, u, step, playing, speed, pinned, hot, help, notice, depth, allBytes } = this;
    return {
      ...{
        scene,
        time,
        seq,
        state,
        zoom,
        u,
        step,
        playing,
        speed,
        pinned,
        hot,
        help,
        notice,
        depth,
        allBytes,
      },
      ...this.picked(seq, state),
      layout: scene.layouts[orientation],
      flow: flowOf(scene, time),
      selection: this.selection(seq),
      lit: related(scene, pinned),
      now: new Set(seq < 0 ? [] : scene.patches[seq].map(([key]) => key)),
    };
  }

  /** Parts of the state that several drawings want, picked once per record. */
  picked(seq, state) {
    if (this.kept?.seq !== seq || this.kept.scene !== this.scene) {
      const parts = { consumers: handsOf(state), confirms: pick(state, "confirm/"), lost: lostOf(state) };
      this.kept = { seq, scene: this.scene, parts };
    }
    return this.kept.parts;
  }
}

/** What the messages under way are passing: edges, exchanges, slots kept free for them. */
function flowOf(scene, time) {
  const flow = { edges: new Set(), nodes: new Set(), coming: new Set() };
  for (const { leg } of scene.air.flights(time)) {
    leg.edges.forEach((key) => flow.edges.add(key));
    if (leg.kind === "route") flow.nodes.add(leg.source);
    if (leg.kind !== "deliver") continue;
    flow.edges.add(leg.note);
    flow.coming.add(`${leg.note}#${leg.message}`);
  }
  return flow;
}

// The stage: plays a recorded AMQP run, forward and back, without asking anybody.
//
// Theory
// ------
// This is where page, player and drawing functions meet. People's wishes arrive as names (data attributes, keys),
// change the player, and `draw` brings the page in line with it. What the kernel hears is nothing, mostly; and
// a message when a failure button is pressed. Scrubbing needs no kernel, so it works when there is none.
//
// Reading order: scene, state, ride; then geometry, mark, fixtures, wire, messages, describe; then picture and motion;
// then ladder, octets, inspector, tables; then player; then the frame around it (wiring), and this.

import { patch } from "./elements.js";
import { Unreadable, unpack } from "./scene.js";
import { movable, standing } from "./describe.js";
import { movingLayer, picture } from "./picture.js";
import { planMotion } from "./motion.js";
import { flatten, showLinked, spanAt } from "./octets.js";
import { drawActions, faultsFor } from "./faults.js";
import { find, goal, goalsOf, noGoal } from "./goals.js";
import { framesOf, parseSelection } from "./selection.js";
import { Player, sentenceOf } from "./player.js";
import { actionOf } from "./keys.js";
import { skeleton } from "./skeleton.js";
import { Rungs } from "./rungs.js";
import { Frame } from "./wiring.js";

const WISHES = "[data-do],[data-zoom],[data-jump],[data-fault],[data-branch],[data-sel],[data-span],[data-byte],[data-kind=row]";
const PREPARED_AT_ONCE = 400;
const TYPING = /^(INPUT|SELECT|TEXTAREA)$/;

/** Each widget of a notebook loads this script anew, so what has been counted is kept by the page. */
const nextStage = () => (document.amqplabStages = (document.amqplabStages ?? 0) + 1);

/** anywidget's entry: show `model`'s scene in `el`. A scene that comes compressed takes a moment to unpack. */
function render({ model, el }) {
  const note = document.createElement("p");
  note.className = "amqplab-note";
  note.setAttribute("role", "status");
  let stage = null;
  let closed = false;
  const begin = (scene) => {
    if (closed) return;
    note.remove();
    stage = new Stage(model, el, scene);
  };
  const apologise = (error) => {
    note.textContent = sorry(error);
    el.append(note);
  };
  note.textContent = "The recording is being unpacked …";
  try {
    const scene = unpack(model.get("scene"));
    if (!(scene instanceof Promise)) begin(scene);
    else {
      el.append(note);
      scene.then(begin).catch(apologise);
    }
  } catch (error) {
    apologise(error);
  }
  return () => {
    closed = true;
    note.remove();
    stage?.close();
  };
}

/** What went wrong, for whoever looks at the page. */
const sorry = (error) =>
  error instanceof Unreadable ? error.message : `This recording cannot be shown: ${error.message}.`;

/** One stage on the page. */
export class Stage {
  constructor(model, el, scene) {
    this.model = model;
    this.uid = `amqplab-${nextStage()}`;
    this.player = new Player(scene, model.get("start") ?? {});
    Object.assign(this, skeleton());
    this.shown = [];
    this.marks = [];
    this.rest = [];
    this.plan = null;
    this.kept = new Map();
    this.scenes = 0; // how many have been sent
    /** @type {number | undefined} the record after which another history was asked for */
    this.forkedAt = undefined;
    /** @type {number | undefined} the record to be at in a history that was left there */
    this.backTo = undefined;
    /** @type {number[]} the record shown when each history was left for the next */
    this.leftAt = [];
    this.rungs = new Rungs(this);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.root.stage = this; // for the curious, and for tests
    this.root.style.setProperty("--hatch", `url(#${this.uid}-hatch)`);
    el.append(this.root);
    this.frame = new Frame(this);
    this.listen();
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.root);
    this.measure();
    this.prepare();
  }

  close() {
    cancelAnimationFrame(this.raf);
    cancelAnimationFrame(this.settling);
    clearTimeout(this.preparing);
    this.observer.disconnect();
    this.frame.close();
    this.model.off("change:scene", this.onScene);
    this.model.off("msg:custom", this.onMessage);
    this.root.remove();
  }

  /** Pass the run in small parts while nobody wants anything, so that a far jump is quick. */
  prepare() {
    clearTimeout(this.preparing);
    this.preparing = setTimeout(() => this.player.cursor.prepare(PREPARED_AT_ONCE) && this.prepare(), 30);
  }

  listen() {
    const { root, player } = this;
    this.onScene = () => this.renew();
    this.onMessage = (message) => message?.type === "notice" && this.notice(message.text);
    this.model.on("change:scene", this.onScene);
    this.model.on("msg:custom", this.onMessage);
    root.addEventListener("click", (event) => this.clicked(event.target));
    root.addEventListener("keydown", (event) => this.pressed(event));
    root.addEventListener("pointerover", (event) => this.hovered(event.target));
    root.addEventListener("focusin", (event) => event.target.dataset?.span && this.hovered(event.target));
    root.addEventListener("change", ({ target }) => {
      if (target.dataset?.input === "speed") player.speed = +target.value;
      this.draw();
    });
    this.track.addEventListener("pointerdown", (event) => this.scrub(event));
    this.ladderScroll.addEventListener("scroll", () => this.frame.focus.keeping(() => this.rungs.scrolled(() => this.view())));
    this.ladderScroll.addEventListener("pointerenter", () => (this.rungs.held = !player.playing));
    this.ladderScroll.addEventListener("pointerleave", () => (this.rungs.held = false));
  }

  // --- drawing ---

  /** Another scene has been sent. If a newer one comes while it is unpacked, that one counts. */
  async renew() {
    const number = ++this.scenes;
    try {
      const scene = await unpack(this.model.get("scene"));
      if (number === this.scenes) this.adopt(scene);
    } catch (error) {
      this.notice(sorry(error));
    }
  }

  /** Another history, or the same with more in it: who looked at its end looks at the new end; who comes back is where
   * that history was left. */
  adopt(scene) {
    const { player } = this;
    const atEnd = player.step >= player.last;
    const known = this.backTo ?? this.forkedAt;
    player.adopt(scene, this.backTo ?? Math.min(player.seq, this.forkedAt ?? Infinity));
    if (atEnd && known === undefined) player.go(player.last);
    this.forkedAt = this.backTo = undefined;
    this.kept.clear();
    this.rungs.forget();
    this.measure();
    this.prepare();
  }

  get connected() {
    return typeof this.model.send === "function" && this.model.comm_live !== false;
  }

  /** The size may have changed: everything is drawn anew. */
  measure() {
    const width = this.root.clientWidth;
    if (!width) return;
    this.frame.focus.keeping(() => this.frame.measure());
    this.orientation = /** @type {Layout["orientation"]} */ (this.frame.setting.orientation);
    this.drawn = "";
    this.draw();
  }

  view() {
    const { player, uid, connected } = this;
    const breakable = this.model.get("breakable") ?? [];
    const view = { ...player.view(this.orientation), uid, connected, breakable, goals: goalsOf(player.scene) };
    return this.frame.view(view);
  }

  /** Bring the page in line with the player, and keep the focus in it. While things move, only they are drawn. */
  draw() {
    const view = this.view();
    const signature = this.signature(view);
    if (signature === this.drawn) this.drawMoving(view);
    else this.frame.focus.keeping(() => this.drawStep(view));
    this.drawn = signature;
    if (this.player.resting) this.say(view);
  }

  /** All that the page depends on, but for what moves. */
  signature({ seq, step, zoom, visit, pinned, hot, help, playing, speed, notice, allBytes, breakable }) {
    return JSON.stringify([
      ...[seq, step, zoom, visit, pinned, hot, this.orientation],
      ...[help, playing, speed, notice, allBytes, breakable, this.connected],
      ...this.frame.signature,
    ]);
  }

  drawStep(view) {
    this.marks = standing(view);
    this.rest = movable(view);
    this.fixed = picture(view, this.marks, this.kept, this.rest);
    this.planMotion(view);
    this.drawMoving(view);
    this.frame.drawTime(view);
    this.frame.draw(view);
    this.rungs.draw(view);
    patch(this.breakables, drawActions(view));
    this.settling ||= requestAnimationFrame(() => this.settle());
  }

  /** What needs the page to be laid out waits for the frame in which the browser does that anyway: so a step never
   * asks for a layout of its own. */
  settle() {
    this.settling = 0;
    this.rungs.settle();
    this.frame.settle();
  }

  /** If this is a step: how what was shown becomes what is to be shown. */
  planMotion(view) {
    const { motion } = this.player;
    if (!motion) this.plan = null;
    else if (motion.total === null) {
      this.plan = planMotion(view, this.shown, this.rest, motion.trail, motion.from);
      if (this.plan) motion.total = this.plan.ms;
      else this.player.motion = null;
    }
  }

  /** What may move: on its way, at rest, or carried on by the clock while nothing else happens. */
  drawMoving(view) {
    const { motion } = this.player;
    if (motion && this.plan) this.shown = this.plan.at(motion.t);
    else this.shown = view.now === view.at ? this.rest : movable(view);
    patch(this.svg, [...this.fixed, movingLayer(view, this.shown, this.kept)]);
    this.frame.drawRunning(view);
  }

  /** The live region speaks when the story rests, not while it runs. */
  say(view) {
    const text = view.seq < 0 ? "Start." : `${view.visit ? "Between steps" : `Step ${view.step}`}: ${sentenceOf(view)}`;
    if (this.live.textContent !== text) this.live.textContent = text;
  }

  notice(text) {
    this.player.notice = text;
    this.draw();
  }

  run() {
    if (this.raf) return;
    let before = performance.now();
    const frame = (now) => {
      this.raf = 0;
      const ms = Math.max(0, Math.min(100, now - before)); // a frame's time may be from before the click
      const moving = this.player.tick(ms, this.still.matches);
      before = now;
      this.draw();
      if (moving) this.raf = requestAnimationFrame(frame);
    };
    this.raf = requestAnimationFrame(frame);
  }

  // --- wishes ---

  clicked(from) {
    const target = from.closest(WISHES);
    if (!target) return;
    const { player } = this;
    const wish = target.dataset;
    if (wish.do) this.perform(wish.do);
    else if (wish.zoom) this.perform(`zoom-${wish.zoom}`);
    else if (wish.fault) this.break(wish.fault);
    else if (wish.branch) this.toBranch(+wish.branch);
    else if (wish.sel) this.pick(wish.sel);
    else if (wish.span || wish.byte) this.hovered(target);
    else {
      player.letGo();
      player.jump(+(wish.jump ?? wish.id), this.glides, true); // a row of the ladder is named by its record
    }
    this.run();
    this.draw();
  }

  /** What is picked is inspected: the inspector comes to the front, unless somebody has closed it. */
  pick(selection) {
    this.player.pick(parseSelection(selection));
    if (this.player.pinned) this.frame.bring("inspector");
  }

  get glides() {
    return !this.still.matches;
  }

  /** Do what a key or a button names. */
  perform(action) {
    const { player } = this;
    const glide = this.glides;
    const deeds = {
      toggle: () => player.toggle(),
      forward: () => player.move(1, glide),
      back: () => player.move(-1, glide),
      "coarser-forward": () => player.coarser(1, glide),
      "coarser-back": () => player.coarser(-1, glide),
      "finer-forward": () => player.finer(1, glide),
      "finer-back": () => player.finer(-1, glide),
      start: () => player.jump(-1),
      end: () => player.go(player.last),
      faster: () => player.faster(1),
      slower: () => player.faster(-1),
      "let-go": () => this.letGo(),
      "come-back": () => player.comeBack(glide),
      "all-bytes": () => (player.allBytes = true),
      "ask-until": () => this.untilField.focus(),
      until: () => this.until(),
    };
    if (action.startsWith("zoom-")) this.toZoom(+action.slice(5));
    else if (!this.frame.perform(action)) deeds[action]();
    this.run(); // its frame comes before the one that settles
    this.draw();
  }

  toZoom(zoom) {
    if (zoom < this.player.scene.steps.length) this.player.setZoom(zoom);
  }

  /** Escape: first the selection goes, then the visit. */
  letGo() {
    const { player } = this;
    const had = player.pinned || player.hot !== null || player.help;
    player.letGo();
    if (!had) player.comeBack(this.glides);
  }

  get untilField() {
    return this.transport.querySelector("[data-input=until]");
  }

  until() {
    const { player } = this;
    const said = this.untilField.value;
    const reached = goal(player.scene, said);
    if (!reached) {
      player.notice = said.trim() && noGoal(said);
      return this.untilField.focus();
    }
    const seq = find(player.scene, reached, player.seq);
    player.notice = seq === null ? `“${said.trim()}” does not happen after this step.` : "";
    if (seq !== null) player.jump(seq);
  }

  pressed(event) {
    const { target, key } = event;
    if (TYPING.test(target.tagName)) return this.typed(event);
    const thing = target.closest("button,summary,[role=button],[data-focus],.rung");
    const activates = thing && (key === "Enter" || key === " ");
    if (activates && /^(BUTTON|SUMMARY)$/.test(thing.tagName)) return;
    if (activates) this.clicked(thing);
    else if (target.dataset?.span && /^Arrow(Up|Down)$/.test(key)) this.stepField(target, key);
    else if (!this.frame.pressed(event)) {
      const action = actionOf(event, this.frame.presenting.on);
      if (!action) return;
      this.perform(action);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** In a field, keys belong to the field. */
  typed(event) {
    if (event.key === "Enter" && event.target.dataset.input === "until") this.perform("until");
    if (event.key === "Escape") this.root.focus();
    event.stopPropagation();
  }

  stepField(field, key) {
    const next = key === "ArrowDown" ? field.nextElementSibling : field.previousElementSibling;
    if (!next) return;
    this.hovered(next);
    next.focus();
  }

  /** A field lights its octets, an octet its field. */
  hovered(target) {
    const at = target.closest?.("[data-span],[data-byte]");
    if (!at || !this.inspector.contains(at)) return;
    const { scene, selection } = this.view();
    const [frame] = selection ? framesOf(scene, selection) : [];
    if (!frame) return;
    const flat = () => flatten(scene.spans[frame.spans], frame.size);
    const hot = at.dataset.span ? +at.dataset.span : (spanAt(flat(), +at.dataset.byte)?.i ?? null);
    if (hot === this.player.hot) return;
    this.player.hot = hot;
    this.draw();
    showLinked(this.inspector, Boolean(at.dataset.byte));
  }

  /** Ask the lab for another history, in which this went wrong from here on. */
  break(name) {
    const { seq, pinned } = this.player;
    const { fault, client, segment, at } = faultsFor(this.view(), pinned).find((offer) => offer.fault === name);
    this.forkedAt = at ?? seq;
    this.player.notice = "running the other history …";
    const branch = Math.max(0, (this.model.get("branch") ?? []).length - 1);
    this.leftAt[branch] = seq;
    this.model.send({ type: "fault", fault, client, segment, at: this.forkedAt, branch });
  }

  /** Go back to a history one has come through, to where one left it. */
  toBranch(to) {
    this.player.notice = "";
    this.backTo = this.leftAt[to];
    this.model.send({ type: "branch", to });
  }

  scrub(event) {
    const { track, player } = this;
    if (event.target.closest(".flag")) return;
    const to = ({ clientX }) => {
      player.playing = false;
      player.go(this.frame.stepAt(clientX));
      this.draw();
    };
    const stop = () => track.removeEventListener("pointermove", to);
    track.setPointerCapture(event.pointerId);
    track.addEventListener("pointermove", to);
    track.addEventListener("pointerup", stop, { once: true });
    track.addEventListener("pointercancel", stop, { once: true });
    track.focus({ preventScroll: true });
    to(event);
    event.preventDefault();
  }
}

export default { render };

// The stage: plays a recorded AMQP run, forward and back, without asking anybody.
//
// Theory
// ------
// This is where page, player and drawing functions meet. People's wishes arrive as names (data attributes, keys),
// change the player, and `draw` brings the page in line with it. What the kernel hears is nothing, mostly; and
// a message when a failure button is pressed. Scrubbing needs no kernel, so it works when there is none.
//
// Reading order: scene, story, state; then geometry, journeys, moving, picture; then ladder, octets, inspector,
// tables, timeline, controls; then player and this.

import { h, patch } from "./elements.js";
import { decode } from "./scene.js";
import { seqAt, timeOf } from "./story.js";
import { tokens } from "./moving.js";
import { picture } from "./picture.js";
import { flatten, spanAt } from "./octets.js";
import { drawActions, faultsFor } from "./faults.js";
import { find, goal, goalsOf } from "./goals.js";
import { framesOf, parseSelection } from "./selection.js";
import { Player } from "./player.js";
import { actionOf } from "./keys.js";
import { skeleton } from "./skeleton.js";
import { Rungs } from "./rungs.js";
import { Frame } from "./wiring.js";

const WISHES = "[data-do],[data-zoom],[data-jump],[data-fault],[data-branch],[data-sel],[data-span],[data-byte],[data-seq]";
const TYPING = /^(INPUT|SELECT|TEXTAREA)$/;

let mounted = 0;

/** anywidget's entry: show `model`'s scene in `el`. */
function render({ model, el }) {
  const stage = new Stage(model, el);
  return () => stage.close();
}

class Stage {
  constructor(model, el) {
    this.model = model;
    this.uid = `amqplab-${++mounted}`;
    this.player = new Player(decode(model.get("scene")), model.get("start") ?? {});
    Object.assign(this, skeleton());
    this.rungs = new Rungs(this);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.root.stage = this; // for the curious, and for tests
    el.append(this.root);
    this.frame = new Frame(this);
    this.listen();
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.root);
    this.measure();
  }

  close() {
    cancelAnimationFrame(this.raf);
    this.observer.disconnect();
    this.frame.close();
    this.model.off("change:scene", this.onScene);
    this.model.off("msg:custom", this.onMessage);
    this.root.remove();
  }

  listen() {
    const { root, player } = this;
    this.onScene = () => this.adopt(decode(this.model.get("scene")));
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
    this.ladderScroll.addEventListener("scroll", () => this.rungs.draw(this.view(), false));
    this.ladderScroll.addEventListener("pointerenter", () => (this.rungs.held = !player.playing));
    this.ladderScroll.addEventListener("pointerleave", () => (this.rungs.held = false));
  }

  // --- drawing ---

  /** Another history, or the same with more in it: who looked at its end looks at the new end. */
  adopt(scene) {
    const { player } = this;
    const atEnd = player.time >= timeOf(player.scene, player.scene.n - 1);
    const at = atEnd ? scene.n - 1 : seqAt(player.scene, player.time);
    player.adopt(scene, Math.min(at, this.forkedAt ?? Infinity));
    this.forkedAt = undefined;
    this.rungs.forget();
    this.measure();
  }

  get connected() {
    return typeof this.model.send === "function" && this.model.comm_live !== false;
  }

  /** The size may have changed: everything is drawn anew. */
  measure() {
    const width = this.root.clientWidth;
    if (!width) return;
    this.frame.measure();
    this.orientation = this.frame.setting.orientation;
    this.drawn = "";
    this.draw();
  }

  view() {
    const { player, uid, connected } = this;
    const breakable = this.model.get("breakable") ?? [];
    const view = { ...player.view(this.orientation), uid, connected, breakable, goals: goalsOf(player.scene) };
    view.steps ??= player.scene.steps[view.zoom];
    view.at ??= view.seq < 0 ? 0 : player.scene.records.at[view.seq];
    view.touched ??= view.now;
    return this.frame.view(view);
  }

  /** Bring the page in line with the player, and keep the focus in it. Cheap when only time has moved. */
  draw() {
    this.frame.focus.keeping(() => this.redraw());
  }

  redraw() {
    const view = this.view();
    this.frame.drawTime(view);
    const signature = this.signature(view);
    if (signature !== this.drawn) this.drawPanels(view);
    this.drawn = signature;
    patch(this.svg, [...this.fixed, h("g", { class: "tokens" }, tokens(view))]);
    this.rungs.draw(view);
    if (this.player.resting) this.say(view);
  }

  /** All that the panels depend on: while it is the same, only what moves is drawn. */
  signature({
    scene,
    time,
    seq,
    step,
    zoom,
    pinned,
    hot,
    help,
    playing,
    speed,
    notice,
    allBytes,
    breakable,
  }) {
    const flights = scene.air.flights(time).map(({ leg }) => leg.id);
    return JSON.stringify([
      ...[seq, step, zoom, flights, pinned, hot, this.orientation],
      ...[help, playing, speed, notice, allBytes, breakable, this.connected],
      ...this.frame.signature,
    ]);
  }

  drawPanels(view) {
    this.fixed = picture(view);
    this.frame.draw(view);
    patch(this.breakables, drawActions(view));
  }

  /** The live region speaks when the story rests, not while it runs. */
  say({ scene, step, zoom }) {
    const seq = scene.steps[zoom][step];
    const text = seq < 0 ? "Start." : `Step ${step}: ${scene.sentences[seq]}`;
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
    else if (wish.sel) player.pick(parseSelection(wish.sel));
    else if (wish.span || wish.byte) this.hovered(target);
    else {
      player.letGo();
      player.jump(+(wish.jump ?? wish.seq));
    }
    this.draw();
  }

  /** Do what a key or a button names. */
  perform(action) {
    const { player } = this;
    const glide = !this.still.matches;
    const deeds = {
      toggle: () => player.toggle(),
      forward: () => player.move(1, glide),
      back: () => player.move(-1, glide),
      "coarser-forward": () => player.coarser(1),
      "coarser-back": () => player.coarser(-1),
      start: () => player.jump(-1),
      end: () => player.jump(player.scene.n - 1),
      faster: () => player.faster(1),
      slower: () => player.faster(-1),
      "let-go": () => player.letGo(),
      "all-bytes": () => (player.allBytes = true),
      "ask-until": () => this.untilField.focus(),
      until: () => this.until(),
    };
    const number = action.startsWith("zoom-") ? +action.slice(5) : null;
    if (number !== null) number < player.scene.steps.length && player.setZoom(number);
    else if (!this.frame.perform(action)) deeds[action]();
    this.draw();
    this.run();
  }

  get untilField() {
    return this.transport.querySelector("[data-input=until]");
  }

  until() {
    const { player } = this;
    const said = this.untilField.value;
    const reached = goal(said);
    if (!reached) return this.untilField.focus();
    const seq = find(player.scene, reached, seqAt(player.scene, player.time));
    player.notice = seq === null ? `“${said.trim()}” does not happen after this step.` : "";
    if (seq !== null) player.jump(seq);
  }

  pressed(event) {
    const { target, key } = event;
    if (TYPING.test(target.tagName)) return this.typed(event);
    const thing = target.closest("button,[role=button],[data-focus]");
    const activates = thing && (key === "Enter" || key === " ");
    if (activates && thing.tagName === "BUTTON") return;
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
    if (at.dataset.byte) this.inspector.querySelector(".field.hot")?.scrollIntoView({ block: "nearest" });
  }

  /** Ask the lab for another history, in which this went wrong from here on. */
  break(name) {
    const { scene, time, pinned } = this.player;
    const { fault, client, segment, at } = faultsFor(this.view(), pinned).find((offer) => offer.fault === name);
    this.forkedAt = at ?? seqAt(scene, time);
    this.player.notice = "running the other history …";
    const branch = (this.model.get("branch") ?? []).length - 1;
    this.model.send({ type: "fault", fault, client, segment, at: this.forkedAt, branch: Math.max(0, branch) });
  }

  /** Go back to a history one has come through. */
  toBranch(to) {
    this.player.notice = "";
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

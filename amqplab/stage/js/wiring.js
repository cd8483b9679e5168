// The frame: room, docks, camera, time line and focus, wired to the stage.
//
// Theory
// ------
// The stage (stage.js) knows the player and draws; the frame knows the page around the drawing: how much room there
// is and who gets it. It adds to the view what only the page knows (layout in this room, which panels are seen,
// bookmarks, history), draws its own parts, and answers for the actions that change the page and not the run.

import { cut } from "./text.js";
import { patch, writeAll } from "./elements.js";
import { AXES } from "./axis.js";
import { drawBranches } from "./branches.js";
import { drawClock } from "./clock.js";
import { ROOMY, closer, lens, pointsOf, setting, shifted, wishedHeight } from "./camera.js";
import { drawAxisButton, drawBar, drawHelp, drawNarration, drawTransport } from "./controls.js";
import { arrangementOf, dockOf, DOCKS, keeperOf, redock, resized, seenPanels, togglePanel } from "./dock.js";
import { Focus } from "./focus.js";
import { drawLegend } from "./legend.js";
import { noStops, PANELS, panelNames } from "./panels.js";
import { drag } from "./pointers.js";
import { Presenting } from "./present.js";
import { drawFlags, drawTimeline, sliderProps, stepOn, timelinePlan, trackProps } from "./timeline.js";

const PADDING = 10;
const LEAST_HEIGHT = 520;
const LEAST_WITH_PANEL = 760;
const LEAST_A_PANEL = 450;
const LEAST_ALONE = 460;
const LEAST_PICTURE = 200;
const LEAST_BELOW = 160;
const MOST_BELOW = 260;
const MOST_HEIGHT = 1100;
const AROUND_STAGE = 16;
const NARROW_PANEL = 380;
const SCROLLERS = ".jp-WindowedPanel-outer, .jp-NotebookPanel-notebook, .jp-Notebook";
const PANS = { "pan-left": [-0.25, 0], "pan-right": [0.25, 0], "pan-up": [0, -0.25], "pan-down": [0, 0.25] };
const SASH_STEP = 24;

/** The page around the picture of one stage. */
export class Frame {
  constructor(stage) {
    this.stage = stage;
    Object.assign(this, { look: null, legend: false, whole: false, settings: null, plan: null });
    this.keeper = keeperOf(stage.model);
    this.arrangement = arrangementOf(this.keeper.load(), panelNames);
    this.focus = new Focus(stage.root);
    this.presenting = new Presenting(stage.root, stage.blank, () => stage.measure());
    this.listen();
  }

  close() {
    this.presenting.close();
    this.observer.disconnect();
    this.stage.model.off("change:arrangement", this.onArrangement);
    this.stage.model.off("change:branch", this.onBranch);
  }

  listen() {
    const { stage } = this;
    this.onArrangement = () => {
      this.arrangement = arrangementOf(this.keeper.load(), panelNames);
      stage.measure();
    };
    this.onBranch = () => stage.measure();
    stage.model.on("change:arrangement", this.onArrangement);
    stage.model.on("change:branch", this.onBranch);
    stage.root.addEventListener("pointerdown", (event) => this.pressedPointer(event));
    stage.canvas.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    this.observer = new ResizeObserver(() => this.isResized() && stage.measure());
    for (const box of this.boxes()) this.observer.observe(box);
  }

  // --- room ---

  /** What is drawn to its size. */
  boxes() {
    const { canvas, panels, ladderScroll } = this.stage;
    return [canvas, ladderScroll, ...Object.values(panels).map(({ body }) => body)];
  }

  /** The sizes that the drawing reckons with are read here, and nowhere while a step is drawn. */
  isResized() {
    const sizes = this.boxes().map(({ clientWidth, clientHeight }) => `${clientWidth}×${clientHeight}`).join();
    const isOther = sizes !== this.sized;
    this.sized = sizes;
    return isOther;
  }

  /** How much of the page one can see at a time: the notebook's window, else the browser's. */
  roomHeight() {
    if (this.presenting.full) return window.innerHeight;
    const scroller = this.stage.root.closest(SCROLLERS);
    const seen = Math.min(window.innerHeight, scroller?.clientHeight || Infinity);
    return Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, seen - 2 * AROUND_STAGE));
  }

  /** Give every part its room; the picture takes what is left. */
  measure() {
    const { root, canvas } = this.stage;
    const [width, height] = [root.clientWidth, this.roomHeight()];
    const { layouts } = this.stage.player.scene;
    this.seen = this.presenting.on
      ? { beside: [], below: [] }
      : seenPanels(this.arrangement, panelNames, { width, height });
    this.placePanels(width);
    root.classList.toggle("narrow", width < 760);
    root.classList.toggle("has-branches", (this.stage.model.get("branch") ?? []).length > 1);
    this.fitHeight(layouts, width, height);
    this.trackWidth = this.measureTrack();
    this.isResized();
    this.stage.rungs.measure();
    this.panelWidths = new Map(PANELS.map(({ name }) => [name, this.stage.panels[name].body.clientWidth]));
    const room = {
      width: Math.max(120, canvas.clientWidth - 2 * PADDING),
      height: Math.max(120, canvas.clientHeight - 2 * PADDING),
    };
    const key = `${room.width}×${room.height}`;
    if (this.room?.key === key && this.room.layouts === layouts) return;
    this.room = { ...room, key, layouts };
    this.setting = setting(layouts, room);
    this.look = null;
  }

  /** As high as the room, or as the picture needs if that is less. */
  fitHeight(layouts, width, height) {
    const { seen, arrangement } = this;
    const isBeside = seen.beside.length > 0;
    const inside = (isBeside ? width * (1 - arrangement.width) : width) - 2 * PADDING;
    const wished = wishedHeight(layouts, inside) + 2 * PADDING;
    const others = this.othersHeight();
    const below = seen.below.length ? this.belowHeight(height - others - wished, height) : 0;
    const least = isBeside ? Math.max(LEAST_WITH_PANEL, seen.beside.length * LEAST_A_PANEL) : LEAST_ALONE;
    const shared = Math.min(height, Math.max(wished + others + below, least));
    const fits = this.presenting.full ? height : Math.max(shared, others + below + LEAST_PICTURE);
    this.below = below;
    const { style } = this.stage.root;
    style.setProperty("--stage-height", `${Math.round(fits)}px`);
    style.setProperty("--below", `${below}px`);
    this.stage.sashBelow.setAttribute("aria-valuenow", String(below));
  }

  /** What somebody chose; else what the picture leaves. */
  belowHeight(left, height) {
    const { height: chosen } = this.arrangement;
    const wanted = chosen ?? Math.max(LEAST_BELOW, Math.min(left, MOST_BELOW));
    return Math.round(Math.min(wanted, height * 0.6));
  }

  /** The height of what is neither picture nor panel. */
  othersHeight() {
    const { bar, branchBox, narration, timeline, transport } = this.stage;
    return [bar, branchBox, narration, timeline, transport].reduce((sum, part) => sum + part.offsetHeight, 2);
  }

  /** The time line without its padding and its button. */
  measureTrack() {
    const { timeline, axisBox } = this.stage;
    const { paddingLeft, paddingRight } = getComputedStyle(timeline);
    return Math.max(160, Math.floor(timeline.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - axisBox.offsetWidth));
  }

  placePanels(width) {
    const { stage, arrangement, seen } = this;
    for (const { name } of PANELS) {
      const { section } = stage.panels[name];
      const dock = stage[dockOf(arrangement, name, width)];
      if (section.parentElement !== dock) {
        const at = PANELS.slice(panelNames.indexOf(name) + 1)
          .map((later) => stage.panels[later.name].section)
          .find((later) => later.parentElement === dock);
        dock.insertBefore(section, at ?? null);
      }
      section.hidden = !(seen.beside.includes(name) || seen.below.includes(name));
    }
    const { root } = stage;
    for (const dock of DOCKS) root.classList.toggle(`has-${dock}`, seen[dock].length > 0);
    root.style.setProperty("--beside", `${Math.round(Math.max(260, arrangement.width * width))}px`);
    stage.sashBeside.setAttribute("aria-valuenow", String(Math.round(arrangement.width * 100)));
  }

  // --- the view ---

  /** What only the page knows, added to the view. */
  view(view) {
    const { arrangement, stage } = this;
    const branch = stage.model.get("branch") ?? [];
    const bookmarks = this.bookmarks();
    return {
      ...view,
      layout: this.setting.layout,
      branch,
      legend: this.legend,
      whole: this.whole,
      axis: arrangement.axis,
      bookmarks,
      bookmarked: bookmarks.some(({ seq }) => seq === view.seq),
      panels: PANELS.map((panel) => ({ ...panel, seen: this.isSeen(panel.name) })),
      presenting: this.presenting.on,
    };
  }

  isSeen(name) {
    return this.seen.beside.includes(name) || this.seen.below.includes(name);
  }

  bookmarks() {
    return [...(this.stage.model.get("bookmarks") ?? []), ...this.arrangement.bookmarks].sort((a, b) => a.seq - b.seq);
  }

  /** What the frame's drawing depends on, for the stage's signature. */
  get signature() {
    const { arrangement, legend, whole, room, look, seen } = this;
    return [arrangement, legend, whole, room?.key, look, seen, this.stage.model.get("branch"), this.presenting.on];
  }

  // --- drawing ---

  draw(view) {
    const { stage } = this;
    patch(stage.bar, drawBar(view));
    patch(stage.branchBox, drawBranches(view));
    patch(stage.helpBox, drawHelp(view));
    patch(stage.legendBox, drawLegend(view));
    patch(stage.narration, drawNarration(view));
    patch(stage.transport, drawTransport(view));
    patch(stage.axisBox, drawAxisButton(view));
    this.drawPanels(view);
    this.aim(view);
    this.nameRoot(view);
  }

  /** In the frame that shows the step: what is followed comes into sight, and a long sentence gets its button. */
  settle() {
    const { stage } = this;
    for (const { name, follow } of PANELS) {
      if (!follow || !this.isSeen(name)) continue;
      const { body } = stage.panels[name];
      const followed = body.querySelector(follow);
      if (followed) body.scrollTop = followed.offsetTop - body.clientHeight / 2;
    }
    const isClipped = this.isClipped();
    this.focus.settleHidden();
    stage.narration.classList.toggle("clipped", isClipped);
  }

  drawPanels(view) {
    for (const panel of view.panels) {
      if (!panel.seen || panel.own) continue;
      const { body } = this.stage.panels[panel.name];
      patch(body, panel.draw(view, this.panelWidths.get(panel.name) || NARROW_PANEL).map(noStops));
    }
  }

  isClipped() {
    const said = this.stage.narration.querySelector(".said");
    return Boolean(said) && (this.whole || said.scrollHeight > said.clientHeight + 2);
  }

  nameRoot({ scene, seq, zoom, step, steps, branch }) {
    const { dataset } = this.stage.root;
    const names = { record: seq, zoom: scene.zooms?.[zoom] ?? zoom, step, steps: steps.length - 1 };
    for (const [name, value] of Object.entries({ ...names, branch: branch.at(-1) ?? "original" }))
      if (dataset[name] !== String(value)) dataset[name] = value;
  }

  /** The time line: all of it when zoom, axis or width have changed, else the needle only. */
  drawTime(view) {
    const { track } = this.stage;
    const width = this.trackWidth;
    const { scene, steps, axis, step } = view;
    const known = this.plan;
    if (known?.scene !== scene || known.steps !== steps || known.mode !== axis || known.width !== width) {
      this.plan = { ...timelinePlan(view, width, axis), scene };
      for (const [name, value] of Object.entries(trackProps(width))) track.setAttribute(name, value);
      patch(track, drawTimeline(view, this.plan));
    }
    writeAll(track, sliderProps(view));
    patch(track.querySelector(".flags"), drawFlags(view, this.plan));
    const at = this.plan.x(step);
    writeAll(track.querySelector(".needle"), { transform: `translate(${at} 0)` });
    writeAll(track.querySelector(".rail.done"), { x2: at });
  }

  /** The clock runs while things move, and while a silence passes. */
  drawRunning(view) {
    const clock = this.stage.transport.querySelector(".clock");
    if (clock) patch(clock, drawClock(view));
  }

  /** The step at a place of the page on the time line. */
  stepAt(clientX) {
    return stepOn(this.plan, clientX - this.stage.track.getBoundingClientRect().left);
  }

  // --- the camera ---

  /** Point the picture's viewBox at what is to be seen. */
  aim(view) {
    const { svg } = this.stage;
    this.lens = lens(this.setting, this.room, this.look, this.look ? [] : pointsOf(view, [...this.stage.marks, ...this.stage.rest]));
    const { x, y, width, height, scale } = this.lens;
    const numbers = [x, y, width, height].map((value) => Math.round(value * 10) / 10);
    const least = Math.round((11 / scale) * 100) / 100;
    writeAll(svg, { viewBox: numbers.join(" "), style: `--least:${least}px`, "data-letters": scale < ROOMY ? "large" : "fit" });
    svg.classList.toggle("small", scale < ROOMY);
    this.stage.canvas.classList.toggle("larger", width < this.setting.layout.width - 1 || height < this.setting.layout.height - 1);
  }

  lookCloser(factor, point) {
    this.look = closer(this.lens, this.setting, factor, point);
  }

  wheeled(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.lookCloser(Math.exp(-event.deltaY / 300), this.pictureAt(event));
    this.stage.draw();
  }

  /** A place of the page in the picture's coordinates. */
  pictureAt({ clientX, clientY }) {
    const { left, top } = this.stage.svg.getBoundingClientRect();
    const { x, y, scale } = this.lens;
    return { x: x + (clientX - left) / scale, y: y + (clientY - top) / scale };
  }

  // --- wishes ---

  /** Do what concerns the page; true if that was it. */
  perform(action) {
    const { stage } = this;
    const deeds = {
      "look-in": () => this.lookCloser(1.25),
      "look-out": () => this.lookCloser(0.8),
      "look-fit": () => (this.look = this.look === null && this.lens.scale > this.setting.whole ? "all" : null),
      legend: () => ((this.legend = !this.legend), (stage.player.help = false)),
      help: () => ((this.legend = false), (stage.player.help = !stage.player.help)),
      axis: () => this.keep({ axis: AXES[(AXES.indexOf(this.arrangement.axis) + 1) % AXES.length] }),
      "whole-sentence": () => (this.whole = !this.whole),
      bookmark: () => this.toggleBookmark(),
      "bookmark-back": () => this.toBookmark(-1),
      "bookmark-forward": () => this.toBookmark(1),
      "full-screen": () => void this.presenting.toggleFull(),
      present: () => void this.presenting.toggle(),
      blank: () => this.presenting.toggleBlank(),
    };
    if (PANS[action]) this.look = shifted(this.lens, this.setting, ...PANS[action]);
    else if (action.startsWith("panel-")) this.togglePanel(action.slice(6));
    else if (action.startsWith("dock-")) this.keep(redock(this.arrangement, action.slice(5)));
    else if (action === "let-go") return this.letGo();
    else if (deeds[action]) deeds[action]();
    else return false;
    return true;
  }

  /** Escape closes what was opened last: a sheet, the sentence, the presentation; else it is the player's. */
  letGo() {
    const { player } = this.stage;
    if (this.legend || player.help || this.whole) {
      this.legend = player.help = this.whole = false;
      return true;
    }
    return this.presenting.leave();
  }

  togglePanel(name) {
    this.keep(togglePanel(this.arrangement, name, this.isSeen(name)));
  }

  /** A panel that is open, but waits for room, gets it. */
  bring(name) {
    const { open } = this.arrangement;
    if (open.includes(name) && !this.isSeen(name)) this.keep({ open: [...open.filter((other) => other !== name), name] });
  }

  toggleBookmark() {
    const { seq, scene } = this.stage.view();
    const { bookmarks } = this.arrangement;
    const others = bookmarks.filter((mark) => mark.seq !== seq);
    const name = seq < 0 ? "start" : cut(scene.sentences[seq], 80);
    this.keep({ bookmarks: others.length < bookmarks.length ? others : [...others, { seq, name }] });
  }

  toBookmark(by) {
    const { seq } = this.stage.view();
    const ahead = this.bookmarks().filter((mark) => (by > 0 ? mark.seq > seq : mark.seq < seq));
    const next = by > 0 ? ahead[0] : ahead.at(-1);
    if (next) this.stage.player.jump(next.seq);
  }

  /** Change the arrangement, and have it kept. */
  keep(change) {
    this.arrangement = { ...this.arrangement, ...change };
    this.keeper.save(this.arrangement);
    this.stage.measure();
  }

  /** A key press that belongs to the frame: dividers, arrows inside a group. True if it was one. */
  pressed(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (target.dataset?.sash) return this.sashKey(target.dataset.sash, key);
    if (target === this.stage.track || target.dataset?.span) return false;
    return this.focus.moved(event, (item) => item.dataset.zoom && this.stage.perform(`zoom-${item.dataset.zoom}`));
  }

  sashKey(dock, key) {
    const by = { ArrowLeft: 1, ArrowUp: 1, ArrowRight: -1, ArrowDown: -1 }[key];
    if (!by) return false;
    this.keep(resized(this.arrangement, dock, by * SASH_STEP, this.sizes()));
    return true;
  }

  // --- pointers ---

  /** What is done with the mouse leaves the keys to the stage: arrows step after a click on play. */
  pressedPointer(event) {
    const { target } = event;
    if (target.dataset?.sash) return this.dragSash(event);
    if (target.closest("input,select,.track")) return;
    if (target.closest("button,[data-sel],[data-kind=row],[data-jump]")) {
      event.preventDefault();
      this.stage.root.focus({ preventScroll: true });
    }
    if (this.stage.svg.contains(target)) this.dragPicture(event);
  }

  sizes() {
    const { clientWidth: width, clientHeight: height } = this.stage.root;
    return { width, height, below: this.below };
  }

  dragSash(event) {
    const { sash } = event.target.dataset;
    const [before, now] = [this.arrangement, this.sizes()];
    drag(this.stage.root, event, (dx, dy) => {
      this.arrangement = resized(before, sash, sash === "beside" ? -dx : -dy, now);
      this.stage.measure();
    }).then(() => this.keep({}));
  }

  dragPicture(event) {
    const from = this.lens;
    if (!this.stage.canvas.classList.contains("larger")) return;
    drag(this.stage.root, event, (dx, dy) => {
      this.look = shifted(from, this.setting, -dx / (from.width * from.scale), -dy / (from.height * from.scale));
      this.stage.draw();
    });
  }
}

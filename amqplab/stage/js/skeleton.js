// The skeleton: the parts of the page that stay, in reading order.
//
// Theory
// ------
// Made once; the drawing functions fill the parts. The order in the page is the order of focus: what it is, the
// picture, the sentence, the controls, the panels. Each part is a *group*: one stop for the Tab key, arrows
// inside (focus.js); `data-group` says so.

import { SVG } from "./elements.js";
import { PANELS } from "./panels.js";

const ROOT = {
  tabindex: "0",
  role: "group",
  "aria-roledescription": "stage",
  "aria-label": "AMQP run, step by step. Space plays, arrow keys step, question mark lists all keys.",
  "data-lm-suppress-shortcuts": "true",
  "data-testid": "amqplab-stage",
};

function make(tag, name, props = {}, ...inside) {
  const node = document.createElement(tag);
  node.className = name;
  for (const [attribute, value] of Object.entries(props)) node.setAttribute(attribute, value);
  node.append(...inside);
  return node;
}

function makeSvg(name, props = {}) {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("class", name);
  for (const [attribute, value] of Object.entries(props)) node.setAttribute(attribute, value);
  return node;
}

const group = (name, label, role = "group") => ({ "data-group": name, role, "aria-label": label });

/** A button of the skeleton; its words are its name. */
function pushButton(action, sign, label, props = {}) {
  const node = make("button", "round", { type: "button", tabindex: "-1", "data-do": action, "aria-label": label, title: label });
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.textContent = sign;
  return node;
}

/** A panel: its head with what can be done to it, and its body. @param {Panel} panel */
function makePanel({ name, title, about, own }) {
  const body = make("div", `panel-body ${name}`, own ? {} : group(`panel-${name}`, title));
  const heading = make("h2", "");
  heading.textContent = title;
  heading.title = about;
  const tools = make("div", "panel-tools", { "data-group": `tools-${name}`, role: "toolbar", "aria-label": `${title} panel` });
  tools.append(
    pushButton(`dock-${name}`, "⇄", `move ${title} beside or below the picture`),
    pushButton(`panel-${name}`, "×", `close ${title}`),
  );
  const head = make("header", "panel-head", {}, heading, tools);
  const section = make("section", `panel ${name}-panel`, { "aria-label": title, "data-panel": name }, head, body);
  return { section, body };
}

const sash = (dock, orientation) =>
  make("div", `sash sash-${dock}`, {
    role: "separator",
    tabindex: "0",
    "aria-orientation": orientation,
    "aria-label": `size of the panels ${dock} the picture`,
    "data-sash": dock,
  });

/** The parts by name; `root` has them all. */
export function skeleton() {
  const parts = {
    root: make("div", "amqplab-stage", ROOT),
    bar: make("div", "bar"),
    branchBox: make("div", "branches", group("branches", "histories", "navigation")),
    svg: makeSvg("picture", { ...group("picture", "the picture"), "data-axes": "spatial" }),
    looks: make("div", "looks", group("looks", "look closer", "toolbar")),
    breakables: make("div", "breakables"),
    legendBox: make("div", "legendBox"),
    helpBox: make("div", "helpBox"),
    narration: make("div", "narration", { "data-group": "sentence", role: "group", "aria-label": "this step" }),
    timeline: make("div", "timeline"),
    transport: make("div", "transport"),
    beside: make("aside", "dock beside", { "aria-label": "panels beside the picture" }),
    below: make("aside", "dock below", { "aria-label": "panels below the picture" }),
    sashBeside: sash("beside", "vertical"),
    sashBelow: sash("below", "horizontal"),
    blank: make("div", "blank", { hidden: "", "aria-hidden": "true" }),
    live: make("div", "live", { "aria-live": "polite", role: "status" }),
  };
  parts.looks.append(
    pushButton("look-out", "−", "smaller (O)"),
    pushButton("look-fit", "⤢", "fit the picture (0)"),
    pushButton("look-in", "+", "larger (I)"),
  );
  const canvas = make("div", "canvas", {}, parts.svg, parts.looks, parts.breakables);
  const track = makeSvg("track", { tabindex: "0" });
  const axisBox = make("div", "axisBox", group("axis", "time axis", "toolbar"));
  parts.timeline.append(track, axisBox);
  const panels = Object.fromEntries(PANELS.map((panel) => [panel.name, makePanel(panel)]));
  for (const { section } of Object.values(panels)) parts.beside.append(section);
  const { root, bar, branchBox, legendBox, helpBox, narration, timeline, transport } = parts;
  root.append(bar, branchBox, helpBox, legendBox, canvas, narration, timeline, transport);
  root.append(parts.sashBeside, parts.beside, parts.sashBelow, parts.below, parts.blank, parts.live);
  return { ...parts, canvas, track, axisBox, panels, inspector: panels.inspector.body, ...ladderParts(panels.ladder.body) };
}

/** The ladder draws itself into these (rungs.js). */
function ladderParts(body) {
  const ladderHead = make("div", "ladderHead", { "aria-hidden": "true" });
  const ladderScroll = make("div", "ladderScroll", group("panel-ladder", "ladder, time runs down"));
  const ladderSvg = makeSvg("ladder-lines");
  ladderScroll.append(ladderSvg);
  body.append(ladderHead, ladderScroll);
  return { ladderHead, ladderScroll, ladderSvg };
}

// The skeleton: the parts of the page that stay, in reading order.
//
// Theory
// ------
// Made once; the drawing functions fill the parts. The order in the page is the order of focus: what it is, the
// picture, the sentence, the controls, the panels.

import { SVG } from "./elements.js";

const ROOT = {
  tabindex: "0",
  role: "group",
  "aria-roledescription": "stage",
  "aria-label": "AMQP run, step by step. Space plays, arrow keys step.",
  "data-lm-suppress-shortcuts": "true",
  "data-testid": "amqplab-stage",
};

function make(tag, name, props = {}) {
  const node = document.createElement(tag);
  node.className = name;
  for (const [attribute, value] of Object.entries(props)) node.setAttribute(attribute, value);
  return node;
}

function makeSvg(name) {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("class", name);
  return node;
}

function panel(name, title, ...inside) {
  const section = make("section", `panel ${name}-panel`, { "aria-label": title });
  const head = make("h3", "");
  head.textContent = title;
  section.append(head, ...inside);
  return section;
}

/** The parts by name; `root` has them all. */
export function skeleton() {
  const names = ["bar", "helpBox", "breakables", "narration", "timeline", "transport", "inspector", "state"];
  const parts = Object.fromEntries(names.map((name) => [name, make("div", name)]));
  parts.root = make("div", "amqplab-stage", ROOT);
  parts.svg = makeSvg("picture");
  parts.canvas = make("div", "canvas", { role: "group", "aria-label": "the stage" });
  parts.canvas.append(parts.svg, parts.breakables);
  parts.ladderHead = make("div", "ladderHead", { "aria-hidden": "true" });
  parts.ladderScroll = make("div", "ladderScroll", {
    tabindex: "0",
    role: "region",
    "aria-label": "ladder, time runs down",
  });
  parts.ladderSvg = makeSvg("ladder-lines");
  parts.ladderScroll.append(parts.ladderSvg);
  parts.panels = make("div", "panels");
  parts.panels.append(
    panel("ladder", "Ladder", parts.ladderHead, parts.ladderScroll),
    panel("inspector", "Frame inspector", parts.inspector),
    panel("state", "State", parts.state),
  );
  parts.live = make("div", "live", { "aria-live": "polite", role: "status" });
  const { bar, helpBox, canvas, narration, timeline, transport, panels, live } = parts;
  parts.root.append(bar, helpBox, canvas, narration, timeline, transport, panels, live);
  return parts;
}

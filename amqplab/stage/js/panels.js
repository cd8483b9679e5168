// The panels: what can stand around the picture, as a registry.
//
// Theory
// ------
// A panel is a name, a title and a function from the view to elements. It knows nothing of docks, sizes or other
// panels; whoever adds one adds a line here. One that cannot be drawn in one go (the ladder draws only what is in
// sight, and follows) brings its own parts and is drawn by its own hand: `own` makes them.

import { drawDepths } from "./depths.js";
import { inspector } from "./inspector.js";
import { tables } from "./tables.js";
import { drawCauses, drawSteps } from "./steps.js";

/**
 * @typedef {{name: string, title: string, about: string, own?: boolean, follow?: string,
 *   draw?: (view: View, width: number) => Drawn[]}} Panel
 * `follow`: what stays in sight; `own`: it draws itself.
 * @type {Panel[]}
 */
export const PANELS = [
  { name: "ladder", title: "Ladder", about: "what crosses between the hosts, time runs down", own: true },
  { name: "inspector", title: "Inspector", about: "every byte of what is selected", draw: inspector },
  { name: "state", title: "State", about: "the picture as tables", draw: tables },
  { name: "depths", title: "Depths", about: "Ready and Unacked in each queue, over time", draw: drawDepths },
  { name: "story", title: "Story", about: "all steps as sentences", draw: drawSteps, follow: ".step.here" },
  { name: "why", title: "Why", about: "the causes of this step", draw: drawCauses },
];

export const panelNames = PANELS.map(({ name }) => name);

/** The things of a panel are reached by arrows, its group is the stop: so no button in it is one. What is drawn says
 * so itself, for what is added to the page afterwards is not the same on the way back. @param {Drawn} v */
export function noStops(v) {
  if (!v || typeof v !== "object") return v;
  if (v.tag === "button") v.props.tabindex ??= -1;
  v.kids.forEach(noStops);
  return v;
}

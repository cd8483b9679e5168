// Faults: failures are buttons on the thing itself.
//
// Theory
// ------
// Whoever picks a segment may lose it; a connection can be cut, a client's machine can crash. The page only says
// which fault, at whom and at which step: the lab (lab.faults) runs the history again with it. A button that
// nobody stands behind is shown, disabled, with the reason, so that the reader learns that it exists.

import { clientOf, decodeName } from "./text.js";
import { h } from "./elements.js";

const LINK = {
  cut: "cut the link",
  "half-open": "one side falls silent",
  heal: "heal the link",
  reset: "reset",
};
const HOST = { crash: "crash the machine", freeze: "freeze the process", thaw: "thaw it" };
const OFFERS = {
  segment: { "lose segment": "lose this segment" },
  connection: LINK,
  host: HOST,
  consumer: HOST,
};

/** The faults that can happen to what is selected: {fault, label, client, segment?}. */
export function faultsFor(scene, selection) {
  if (!selection) return [];
  const kind = selection.kind === "entity" ? selection.id.split("/")[0] : selection.kind;
  const victim = victimOf(scene, kind, selection);
  return Object.entries(OFFERS[kind] ?? {}).map(([fault, label]) => ({ fault, label, ...victim }));
}

/** The client that it happens to, and for a segment its number and its record. */
function victimOf(scene, kind, { id }) {
  if (kind === "segment") {
    const segment = scene.segmentByNumber.get(id);
    return { client: clientOf(segment.conn), segment: id, at: segment.sent };
  }
  const name = decodeName(String(id).split("/")[1] ?? "");
  return { client: kind === "host" ? name : clientOf(name) };
}

/** The buttons for what is selected. */
export function drawActions(view) {
  const { breakable, connected } = view;
  const offers = faultsFor(view.scene, view.pinned).filter(
    ({ fault }) => !breakable.length || breakable.includes(fault),
  );
  if (!offers.length) return [];
  const noLab = breakable.length ? null : "This stage shows a recording that no lab stands behind.";
  const reason = connected ? noLab : "No kernel here: open this in Jupyter to break things.";
  return [
    h(
      "div",
      { class: "actions", role: "toolbar", "aria-label": "break it" },
      h("span", { class: "small" }, "Break it:"),
      offers.map((offer) => faultButton(offer, reason)),
      reason && h("span", { class: "small muted" }, reason),
    ),
  ];
}

function faultButton({ fault, label }, reason) {
  const title = reason ?? `${label}, from this step on`;
  return h(
    "button",
    { type: "button", class: "fault", disabled: !!reason, title, "data-fault": fault },
    label,
  );
}

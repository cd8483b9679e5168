// Faults: failures are buttons on the thing itself.
//
// Theory
// ------
// Whoever picks a segment may lose it; a connection can be cut, a client's machine can lose its power. The page
// only says which fault, at whom, at which step and in which history: the lab (lab.faults) runs the history again
// with it. Only what makes sense is offered: who stands still can be thawed, not frozen; what is cut can be
// healed, not cut. A button that nobody stands behind is shown, disabled, with the reason, so that the reader
// learns that it exists.

import { clientOf, decodeName, encode } from "./text.js";
import { h } from "./elements.js";
import { hostCondition } from "./fixtures.js";

const always = () => true;
/** Whether there is a process. Whoever has failed has none any more. */
const isUp = ({ host }) => !host?.crashed && hostCondition(host) !== "failed";
const isWhole = ({ host }) => !host?.link;

/** To a channel happens what happens to its connection. */
const ON_A_LINK = [
  ["cut", "cut the link", isWhole],
  ["half-open", "one side falls silent", isWhole],
  ["heal", "heal the link", ({ host }) => Boolean(host?.link)],
  ["reset", "reset", ({ connection, host }) => connection !== undefined && connection.state !== "closed" && !host?.off],
];

/** Code cannot be stopped in the middle, only ended there; between two waits no time passes. */
const ONCE_IT_WAITS = "from this step on, or as soon after it as its code waits";

/** By kind of thing: [fault, words, whether it makes sense of {host, connection, segment, seq}]. */
const OFFERS = {
  segment: [["lose segment", "lose this segment", ({ segment }) => !segment.lost]],
  connection: ON_A_LINK,
  channel: ON_A_LINK,
  host: [
    ["freeze", "freeze the process", (it) => isUp(it) && !it.host?.frozen],
    ["thaw", "thaw it", (it) => isUp(it) && Boolean(it.host?.frozen)],
    ["kill", "kill the process", isUp],
    ["power off", "pull the plug", ({ host }) => !host?.off],
    ["power on", "power on", ({ host }) => Boolean(host?.off)],
  ],
  consumer: [
    ["freeze", "freeze the process", (it) => isUp(it) && !it.host?.frozen],
    ["thaw", "thaw it", (it) => isUp(it) && Boolean(it.host?.frozen)],
    ["kill", "kill the process", isUp],
  ],
};

/** The faults that can happen now to what is selected: {fault, label, client, segment?, at?}. */
export function faultsFor({ scene, state, seq }, selection) {
  if (!selection) return [];
  const kind = selection.kind === "entity" ? selection.id.split("/")[0] : selection.kind;
  const victim = victimOf(scene, kind, selection);
  if (!victim || victim.client === scene.broker) return [];
  const now = {
    seq,
    host: state.get(`host/${encode(victim.client)}`),
    connection: OFFERS[kind] === ON_A_LINK ? state.get(`connection/${selection.id.split("/")[1]}`) : undefined,
    segment: kind === "segment" ? scene.segmentByNumber.get(selection.id) : undefined,
  };
  return (OFFERS[kind] ?? [])
    .filter(([, , makesSense]) => (makesSense ?? always)(now))
    .map(([fault, label]) => ({ fault, label, ...victim }));
}

/** The client that it happens to, and for a segment its number and its record. */
function victimOf(scene, kind, { id }) {
  if (kind === "segment") {
    const segment = scene.segmentByNumber.get(id);
    return segment && { client: clientOf(segment.conn), segment: id, at: segment.sent };
  }
  if (!OFFERS[kind]) return null;
  const name = decodeName(String(id).split("/")[1] ?? "");
  return { client: kind === "host" ? name : clientOf(name) };
}

/** The buttons for what is selected. */
export function drawActions(view) {
  const { breakable, connected } = view;
  const offers = faultsFor(view, view.pinned).filter(
    ({ fault }) => !breakable.length || breakable.includes(fault),
  );
  if (!offers.length) return [];
  const noLab = breakable.length ? null : "This stage shows a recording that no lab stands behind.";
  const reason = connected ? noLab : "No kernel here: open this in Jupyter to break things.";
  const props = { class: "actions", role: "toolbar", "aria-label": "break it", "data-group": "faults", tabindex: 0 };
  return [
    h(
      "div",
      props,
      h("span", { class: "small" }, "Break it:"),
      offers.map((offer) => faultButton(offer, reason)),
      reason && h("span", { class: "small muted" }, reason),
    ),
  ];
}

function faultButton({ fault, label }, reason) {
  const title = reason ?? `${label}, ${fault === "freeze" ? ONCE_IT_WAITS : "from this step on"}`;
  const props = { key: fault, type: "button", class: "fault", disabled: !!reason, title, "data-fault": fault };
  return h("button", { ...props, tabindex: -1 }, label);
}

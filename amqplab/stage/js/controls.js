// Controls: the bar above, the narration, the transport, the help.
//
// Theory
// ------
// Every control says in `data-do`, `data-zoom` or `data-jump` what it asks for, and nothing else: one listener on
// the whole stage reads it (stage.js). So the same action has one name for the mouse, the keyboard and the tests.

import { cut, timeText } from "./text.js";
import { h } from "./elements.js";
import { ZOOMS } from "./scene.js";
import { SPEEDS } from "./player.js";
import { HELP } from "./keys.js";
import { drawLegend } from "./timeline.js";

const ICONS = {
  start: "M5 4v12M16 4L8 10l8 6z",
  back: "M13 4L5 10l8 6zM16 4v12",
  play: "M6 3.5L16 10 6 16.5z",
  pause: "M6 4h3v12H6zM11.5 4h3v12h-3z",
  forward: "M7 4l8 6-8 6zM4 4v12",
  end: "M15 4v12M4 4l8 6-8 6z",
};
const HINT =
  "Click a message, frame, segment, queue or connection to see it everywhere. Envelopes are messages, each with " +
  "its own colour and number; M, H and B are a command's method, header and body frames. Hatched: delivered, not " +
  "yet acknowledged.";

function icon(name) {
  const box = { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" };
  return h("svg", box, h("path", { d: ICONS[name] }));
}

const button = (action, label, inside, extra = {}) =>
  h("button", { type: "button", "data-do": action, "aria-label": label, title: label, ...extra }, inside);

/** The name of the run, and what a step is. */
export function drawBar(view) {
  const zoom = (name, z) => {
    const chosen = z === view.zoom;
    const props = {
      type: "button",
      role: "radio",
      "aria-checked": chosen ? "true" : "false",
      tabindex: chosen ? 0 : -1,
      "data-zoom": z,
      title: `step by ${name} (${z + 1})`,
    };
    return h("button", props, name);
  };
  const words = h("span", { class: "muted small" }, "step by");
  return [
    h("span", { class: "brand", "aria-hidden": "true" }, "amqplab"),
    view.scene.title && h("span", { class: "scene-title" }, view.scene.title),
    h("div", { class: "zooms", role: "radiogroup", "aria-label": "a step is one" }, words, ZOOMS.map(zoom)),
    button("help", "keys and hints", "?", { class: "round", "aria-expanded": view.help ? "true" : "false" }),
  ].filter(Boolean);
}

/** What this step was, why, and what comes next. */
export function drawNarration(view) {
  const { scene, step } = view;
  const steps = scene.steps[view.zoom];
  const [seq, next] = [steps[step], steps[step + 1]];
  const cause = seq < 0 ? -1 : scene.records.cause[seq];
  const because = () =>
    h(
      "button",
      { class: "link", "data-jump": cause, title: scene.sentences[cause] },
      `because: ${cut(scene.sentences[cause], 96)}`,
    );
  const said = seq < 0 ? "Before the first step: nothing has happened yet." : scene.sentences[seq];
  return [
    h("p", { class: "said" }, said),
    h(
      "p",
      { class: "meta" },
      h("span", {}, `step ${step} of ${steps.length - 1}`),
      seq >= 0 && h("span", {}, timeText(scene.records.at[seq])),
      seq >= 0 && h("span", {}, `at ${scene.names[scene.records.where[seq]]}`),
      cause >= 0 && because(),
    ),
    h(
      "p",
      { class: "upcoming" },
      next === undefined ? "The recording ends here." : [h("span", {}, "next  "), scene.sentences[next]],
    ),
  ];
}

/** Play, step, speed, run until. */
export function drawTransport(view) {
  const playing = view.playing ? ["pause (Space)", "pause"] : ["play (Space)", "play"];
  return [
    h(
      "div",
      { class: "buttons", role: "toolbar", "aria-label": "playback" },
      button("start", "to the start (Home)", icon("start")),
      button("back", "one step back (←)", icon("back")),
      button("toggle", playing[0], icon(playing[1]), { class: "main" }),
      button("forward", "one step forward (→)", icon("forward")),
      button("end", "to the end (End)", icon("end")),
    ),
    h(
      "label",
      { class: "speed" },
      h("span", { class: "muted small" }, "speed"),
      h(
        "select",
        { "data-input": "speed", "aria-label": "speed" },
        SPEEDS.map((speed) => h("option", { value: speed, selected: speed === view.speed }, `${speed}×`)),
      ),
    ),
    drawUntil(view),
    view.notice && h("span", { class: "notice", role: "status" }, view.notice),
    drawLegend(),
  ].filter(Boolean);
}

function drawUntil(view) {
  const input = {
    type: "text",
    "data-input": "until",
    placeholder: "run until …",
    "aria-label": "run until: a method, an event, #message, a time, or a condition like: app ready = 2",
    list: `${view.uid}-until`,
    spellcheck: "false",
    autocomplete: "off",
  };
  const options = view.goals.map((goal) => h("option", { value: goal }));
  return h(
    "div",
    { class: "until" },
    h("input", input),
    h("datalist", { id: `${view.uid}-until` }, options),
    button("until", "run until that is reached", "go", { class: "text" }),
  );
}

/** The keys, when they are asked for. */
export function drawHelp(view) {
  if (!view.help) return [];
  const keys = HELP.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]);
  return [h("div", { class: "help", role: "note" }, h("dl", {}, keys), h("p", {}, HINT))];
}

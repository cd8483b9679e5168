// Controls: the bar above, the sentence, the transport, the help.
//
// Theory
// ------
// Every control says in `data-do`, `data-zoom` or `data-jump` what it asks for, and nothing else: one listener on
// the whole stage reads it (stage.js). So the same action has one name for the mouse, the keyboard and the tests.
//
// What a button is called begins with what is written on it, so that those who speak to their computer can say
// what they see.

import { cut } from "./text.js";
import { cls, h } from "./elements.js";
import { causeOf } from "./causes.js";
import { STORY, ZOOMS } from "./scene.js";
import { SPEEDS, sentenceOf } from "./player.js";
import { HELP } from "./keys.js";
import { closeButton } from "./legend.js";
import { drawClock } from "./clock.js";
import { sentenceOfStep } from "./steps.js";

const ICONS = {
  start: "M5 4v12M16 4L8 10l8 6z",
  back: "M13 4L5 10l8 6zM16 4v12",
  play: "M6 3.5L16 10 6 16.5z",
  pause: "M6 4h3v12H6zM11.5 4h3v12h-3z",
  forward: "M7 4l8 6-8 6zM4 4v12",
  end: "M15 4v12M4 4l8 6-8 6z",
  flag: "M5 3v14M5 4h9l-2.5 3.2L14 10.5H5",
  screen: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  present: "M3 4h14v9H3zM10 13v2M7 17l3-2l3 2",
};
const AXIS_WORDS = { event: "per event", compressed: "compressed", linear: "linear" };
const HINT =
  "Click a message, frame, segment, queue or connection to see it everywhere. L shows what every mark means.";

function icon(name) {
  const box = { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" };
  return h("svg", box, h("path", { d: ICONS[name] }));
}

const button = (action, label, inside, extra = {}) =>
  h(
    "button",
    { type: "button", "data-do": action, "aria-label": label, title: label, tabindex: -1, ...extra },
    inside,
  );

const barGroup = (name, role, label, props, ...inside) =>
  h("div", { class: name, "data-group": name, role, "aria-label": label, tabindex: 0, ...props }, inside);

/** The name of the run, what a step is, which panels are open, and what else there is. */
export function drawBar(view) {
  const { scene, zoom, help, legend, panels } = view;
  const zoomButton = (name, z) => {
    const props = {
      type: "button",
      role: "radio",
      "aria-checked": z === zoom ? "true" : "false",
      tabindex: -1,
      "data-zoom": z,
      title: `step by ${name} (${z + 1})`,
    };
    return h("button", props, name);
  };
  const panelButton = ({ name, title, about, seen }) =>
    h(
      "button",
      {
        type: "button",
        "data-do": `panel-${name}`,
        "aria-pressed": seen ? "true" : "false",
        tabindex: -1,
        title: about,
      },
      title,
    );
  const tools = [
    button("legend", "legend (L)", "L", { class: "round", "aria-expanded": String(Boolean(legend)) }),
    button("present", "presenter mode (P)", icon("present"), { class: "round" }),
    button("full-screen", "full screen (F)", icon("screen"), { class: "round" }),
    button("help", "? keys and hints", "?", { class: "round", "aria-expanded": String(Boolean(help)) }),
  ];
  return [
    h("span", { key: "title", class: "scene-title", title: scene.title || null }, scene.title || "amqplab"),
    barGroup("zooms", "radiogroup", "a step is one", { key: "zooms" }, ZOOMS.map(zoomButton)),
    barGroup("tabs", "toolbar", "panels", { key: "tabs" }, panels.map(panelButton)),
    barGroup("tools", "toolbar", "more", { key: "tools" }, tools),
  ];
}

/** The sentence of the step; its height is fixed, and a longer one can be opened. */
export function drawNarration(view) {
  const { scene, steps, step, seq, visit, home, whole } = view;
  const next = step + 1 < steps.length ? sentenceOfStep(view, step + 1) : undefined;
  const sentence = sentenceOf(view);
  const props = { key: "said", class: cls("said", whole && "whole"), "data-testid": "sentence" };
  return [
    h("p", { ...props, "data-subject": subjectText(view.subject) }, sentence),
    button("whole-sentence", whole ? "less (E)" : "more (E)", whole ? "less" : "more", {
      key: "more",
      class: "more-button link",
      "aria-expanded": String(Boolean(whole)),
    }),
    h(
      "p",
      { key: "meta", class: "meta" },
      h("span", {}, placeText(view)),
      seq >= 0 && h("span", {}, scene.moment(scene.records.at[seq])),
      seq >= 0 && h("span", {}, whereText(scene, seq)),
      visit && button("come-back", "back to the step", "back to the step", { class: "link visit" }),
      !visit && home !== null && button("come-back", "back (Esc)", "back", { class: "link visit" }),
      because(view),
    ),
    h(
      "p",
      { key: "next", class: "upcoming", title: next },
      next === undefined ? endText(view) : [h("span", {}, "next  "), next],
    ),
  ];
}

/** What is true at the last step of a zoom: the recording may go on with what only finer zooms show. */
function endText({ scene, zoom, seq, visit }) {
  const last = Math.max(seq, ...scene.steps.slice(0, zoom).map((steps) => steps[steps.length - 1]));
  if (last === seq) return "The recording ends here.";
  const own = zoom < STORY ? "At this zoom nothing follows" : visit ? "The story has ended" : "The story ends here";
  const [now, end] = [seq, last].map((one) => scene.moment(scene.timeOf(one)));
  return `${own}; the recording goes on${end === now ? "" : ` to ${end}`} at a finer zoom.`;
}

const whereText = (scene, seq) =>
  scene.kindOf(seq) === "SegmentLost" ? "on the way" : `at ${scene.names[scene.records.where[seq]]}`;

function placeText({ visit, step, steps }) {
  const last = steps.length - 1;
  if (!visit) return `step ${step} of ${last}`;
  return step < last ? `between steps ${step} and ${step + 1} of ${last}` : `after step ${last} of ${last}`;
}

/** What the sentence speaks of, for tests and tools: "message:3 frame:12 queue/%2F/app". */
function subjectText({ keys, ...numbered }) {
  const named = Object.entries(numbered).filter(([, value]) => value !== undefined);
  return [...named.map(([kind, value]) => `${kind}:${value}`), ...keys].join(" ") || null;
}

function because({ scene, zoom, seq, visit }) {
  const cause = causeOf(scene, zoom, seq, visit);
  if (!cause) return null;
  const props = { type: "button", class: "link because", "data-jump": cause.seq, tabindex: -1 };
  return h("button", { ...props, title: cause.sentence }, `because: ${cut(cause.sentence, 140)}`);
}

/** How the time line is laid out: a button that goes through the ways. */
export const drawAxisButton = ({ axis }) => [
  button("axis", `${AXIS_WORDS[axis]}: time axis (T)`, AXIS_WORDS[axis], { class: "axis-button" }),
];

/** Play, step, the time, speed, run until. */
export function drawTransport(view) {
  const { playing, bookmarked, notice, speed } = view;
  const play = playing ? ["pause (Space)", "pause"] : ["play (Space)", "play"];
  const playback = [
    button("start", "to the start (Home)", icon("start")),
    button("back", "one step back (←)", icon("back")),
    button("toggle", play[0], icon(play[1]), { class: "main" }),
    button("forward", "one step forward (→)", icon("forward")),
    button("end", "to the end (End)", icon("end")),
  ];
  const marking = [
    button("bookmark", bookmarked ? "take the bookmark away (M)" : "bookmark this step (M)", icon("flag"), {
      class: "flag-button",
      "aria-pressed": String(bookmarked),
    }),
  ];
  return [
    barGroup("buttons", "toolbar", "playback", { key: "buttons" }, playback),
    h("div", { key: "clock", class: "clock", role: "group", "aria-label": "virtual time" }, drawClock(view)),
    barGroup("marking", "toolbar", "bookmarks", { key: "marking" }, marking),
    h("div", { key: "speed", class: "speed" }, [
      h(
        "select",
        { "data-input": "speed", "aria-label": "speed", title: "speed" },
        SPEEDS.map((value) => h("option", { value, selected: value === speed }, `${value}×`)),
      ),
    ]),
    drawUntil(view),
    h("span", { key: "notice", class: "notice", role: "status" }, notice || ""),
  ];
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
    { key: "until", class: "until" },
    h("input", input),
    h("datalist", { id: `${view.uid}-until` }, options),
    button("until", "go: run until that is reached", "go", { class: "text", tabindex: 0 }),
  );
}

/** The keys, when they are asked for. */
export function drawHelp({ help }) {
  if (!help) return [];
  const entry = ([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)];
  const part = ([title, keys]) =>
    h("section", { key: title, "aria-label": title }, h("h2", {}, title), h("dl", {}, keys.map(entry)));
  return [
    h(
      "div",
      { class: "sheet help", role: "note", "aria-label": "keys" },
      closeButton("help", "close the keys (?)"),
      h("div", { class: "help-parts" }, HELP.map(part)),
      h("p", { class: "hint" }, HINT),
    ),
  ];
}

// The legend: what every mark means, one key away.
//
// Theory
// ------
// A picture that needs no words needs a page that has them all. Each entry is drawn with the classes of the
// picture itself, so it looks as the thing looks, in both themes.

import { h } from "./elements.js";
import { MARK_WORDS, SHAPES, drawMark } from "./timeline.js";

const sign = (...inside) =>
  h("svg", { class: "sign", viewBox: "-22 -14 44 28", width: 44, height: 28, "aria-hidden": "true" }, inside);

const PAPER = { x: -10.5, y: -8, width: 21, height: 16, rx: 2.5 };

function envelope(kind, { number = "7", hatched = false, extra = null } = {}) {
  return sign(
    h(
      "g",
      { class: `message m0 ${kind}` },
      h("rect", { class: "paper", ...PAPER }),
      hatched && h("rect", { class: "hatch", ...PAPER }),
      h("path", { class: "flap", d: "M-10 -6.5L0 .5L10 -6.5" }),
      h("text", { class: "number" }, number),
    ),
    extra,
  );
}

const frame = (letter, rx, kind) =>
  sign(h("g", { class: `chip ${kind}` }, h("rect", { x: -7.5, y: -6.5, width: 15, height: 13, rx }), h("text", {}, letter)));

const app = (kind, letter, extra) =>
  sign(
    h(
      "g",
      { class: `app ${kind}` },
      h("circle", { class: "shape", r: 12 }),
      h("text", { class: "letter", style: "font-size:11px" }, letter),
      extra,
    ),
  );

const line = (kind, d = "M-20 0H20") => sign(h("g", { class: kind }, h("path", { class: "line", d })));

const CROSS = h("path", { class: "cross small", d: "M6 -11l7 7m0 -7l-7 7" });
const VALVE = h("g", { class: "valve" }, h("circle", { r: 9 }), h("path", { d: "M-5 0h10" }));

/** @type {[title: string, entries: [picture: VElement, words: string][]][]} */
const PARTS = [
  [
    "Messages",
    [
      [envelope("ready"), "a message, with its number and its own colour"],
      [envelope("ghosted"), "delivered, still the queue's until it is acknowledged"],
      [envelope("held", { hatched: true }), "in a consumer's hand, not acknowledged yet"],
      [envelope("ready", { number: "7′" }), "its next life after a dead-letter exchange"],
      [envelope("dead", { extra: CROSS }), "lost, dropped or returned; the reason stands beside it"],
      [
        sign(h("g", { class: "mark" }, h("circle", { class: "good", r: 8 }), h("text", { class: "tick-sign" }, "✓"))),
        "an acknowledgement, or a confirm",
      ],
    ],
  ],
  [
    "Who and where",
    [
      [app("producer", "P"), "a program that publishes"],
      [app("consumer", "C"), "a program that consumes"],
      [app("producer away", "P"), "not connected yet, or no more"],
      [app("producer frozen", "P"), "frozen: it stands still, its machine does not"],
      [
        app("producer dead", "P", h("path", { class: "cross", d: "M-7 -7L7 7M7 -7L-7 7" })),
        "its process is gone",
      ],
      [
        sign(
          h(
            "g",
            { class: "exchange" },
            h("rect", { class: "shape", x: -8, y: -8, width: 16, height: 16, rx: 3, transform: "rotate(45)" }),
            h("text", { class: "letter", style: "font-size:11px" }, "X"),
          ),
        ),
        "an exchange: it keeps nothing, it passes on",
      ],
      [
        sign(h("g", { class: "queue" }, h("rect", { class: "shape", x: -20, y: -9, width: 40, height: 18, rx: 4 }))),
        "a queue; its head, taken from first, is at the right",
      ],
      [
        sign(h("g", { class: "hand" }, [-12, 0, 12].map((x) => h("rect", { class: "slot", x: x - 5, y: -6, width: 10, height: 12, rx: 2 })))),
        "a consumer's prefetch: so many at a time",
      ],
      [sign(h("text", { class: "had", x: -10, y: 4 }, "✓ 3")), "how many messages a consumer has done with"],
      [sign(h("text", { class: "feature", x: -20, y: 4 }, "D Excl AD")), "durable, exclusive, auto-delete"],
    ],
  ],
  [
    "Ways",
    [
      [
        sign(h("g", { class: "tube" }, h("rect", { class: "wall", x: -20, y: -8, width: 40, height: 16, rx: 4 }))),
        "a TCP connection: one tube each way, one lane for each channel",
      ],
      [sign(VALVE), "blocked: the broker reads nothing from it"],
      [line("edge"), "a binding, with its key"],
      [line("edge used"), "what a message just took"],
      [line("subscription"), "a queue's consumer"],
      [sign(h("g", { class: "segment" }, h("rect", { class: "slab", x: -16, y: -8, width: 32, height: 16, rx: 3 }))), "a TCP segment under way"],
      [frame("M", 3, "t1"), "a method frame"],
      [frame("H", 6, "t2"), "a content header: the properties"],
      [frame("B", 0, "t3"), "a content body: the message's bytes"],
      [frame("♥", 3, "t8"), "a heartbeat"],
      [frame("A", 3, "t65"), "the protocol header: “AMQP”, 0, 0, 9, 1"],
    ],
  ],
];

const timelineSigns = () => [
  ...Object.keys(SHAPES).map((kind) => [sign(drawMark(kind, { transform: "scale(1.5)" })), MARK_WORDS[kind]]),
  [sign(h("rect", { class: "area ready", x: -16, y: -8, width: 32, height: 16 })), "Ready messages in all queues"],
  [sign(h("rect", { class: "area total", x: -16, y: -8, width: 32, height: 16 })), "Unacked ones on top"],
  [sign(h("path", { class: "break", d: "M-4 7l4 -14M2 7l4 -14" })), "a long time between two steps; it says whether nothing happened"],
];

/** The legend, when it is asked for. */
export function drawLegend({ legend }) {
  if (!legend) return [];
  const part = ([title, entries]) =>
    h(
      "section",
      { key: title, "aria-label": title },
      h("h2", {}, title),
      h(
        "ul",
        {},
        entries.map(([picture, words]) => h("li", {}, picture, h("span", {}, words))),
      ),
    );
  return [
    h(
      "div",
      { class: "sheet legend", role: "note", "aria-label": "legend" },
      closeButton("legend", "close the legend (L)"),
      h("div", { class: "legend-parts" }, [...PARTS.map(part), part(["Time line", timelineSigns()])]),
    ),
  ];
}

export const closeButton = (action, label) =>
  h("button", { type: "button", class: "round sheet-close", "data-do": action, "aria-label": label, title: label, tabindex: -1 }, "×");

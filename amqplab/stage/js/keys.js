// Keys: everything can be done from the keyboard, and from a presenter's remote.
//
// Theory
// ------
// A key press means an action by name; what the action does is the stage's business. Whoever types into a field
// is left alone. In presenter mode a few keys mean what a remote's buttons send: b is its "blank the screen".

/** All keys, by what they are for. */
/** @type {[title: string, keys: [key: string, what: string][]][]} */
export const HELP = [
  [
    "Play",
    [
      ["Space", "play, pause"],
      ["← →", "one step (PageUp, PageDown too)"],
      ["Shift + ← →", "one step at the next coarser zoom"],
      ["Home, End", "first, last step"],
      ["+ −", "faster, slower"],
      ["U", "run until …"],
    ],
  ],
  [
    "Look",
    [
      ["1 2 3 4 5", "step by segment, frame, command, milestone, story"],
      ["I O 0", "picture larger, smaller, fitted (or Ctrl + wheel)"],
      ["W A S D", "move the picture (or drag it)"],
      ["T", "time axis: per event, compressed, linear"],
      ["E", "the whole of a long sentence"],
      ["L", "legend: what every mark means"],
    ],
  ],
  [
    "Keep",
    [
      ["M", "set a bookmark here, or take it away"],
      ["[ ]", "previous, next bookmark"],
      ["F", "full screen"],
      ["P", "presenter: large type, picture and sentence only"],
      ["B", "presenter: blank the screen"],
      ["Esc", "let go; leave what is open"],
    ],
  ],
  [
    "Move around",
    [
      ["Tab", "from part to part: bar, picture, sentence, controls, panels"],
      ["← ↑ → ↓", "inside a part: from thing to thing"],
      ["Enter, Space", "pick a thing, press a button"],
      ["← → on a divider", "size of a panel"],
      ["?", "these keys"],
    ],
  ],
];

/** @type {Record<string, string>} */
const PLAIN = {
  " ": "toggle",
  ArrowRight: "forward",
  PageDown: "forward",
  ArrowLeft: "back",
  PageUp: "back",
  Home: "start",
  End: "end",
  1: "zoom-0",
  2: "zoom-1",
  3: "zoom-2",
  4: "zoom-3",
  5: "zoom-4",
  "+": "faster",
  "=": "faster",
  "-": "slower",
  "?": "help",
  Escape: "let-go",
  u: "ask-until",
  i: "look-in",
  o: "look-out",
  0: "look-fit",
  w: "pan-up",
  a: "pan-left",
  s: "pan-down",
  d: "pan-right",
  t: "axis",
  e: "whole-sentence",
  l: "legend",
  m: "bookmark",
  "[": "bookmark-back",
  "]": "bookmark-forward",
  f: "full-screen",
  p: "present",
};
/** @type {Record<string, string>} */
const SHIFTED = { ArrowRight: "coarser-forward", ArrowLeft: "coarser-back" };
/** @type {Record<string, string>} */
const PRESENTING = { b: "blank", ".": "blank" };

/** The action that a key press means; undefined for one that means nothing here.
 * @param {Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">} event */
export function actionOf({ key, shiftKey, ctrlKey, metaKey, altKey }, presenting = false) {
  if (ctrlKey || metaKey || altKey) return undefined;
  const plain = key.length === 1 ? key.toLowerCase() : key;
  return (presenting ? PRESENTING[plain] : undefined) ?? (shiftKey ? SHIFTED[key] : undefined) ?? PLAIN[plain];
}

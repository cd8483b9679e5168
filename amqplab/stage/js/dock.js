// Docks: which panels are open, where they stand, and how large they are.
//
// Theory
// ------
// There are two docks, beside the picture and below it. A panel belongs to one of them; a dock shows as many of
// its open panels as have room, the ones opened last before the others, and always in the registry's order, so
// that nothing changes places. What does not fit waits: its button in the bar is a tab. The arrangement is plain
// data, kept in the notebook (or in the browser, where there is no notebook), and everything in it that does not
// make sense is put right on the way in.

/** @typedef {"beside" | "below"} Dock */
/** @typedef {{width: number, height: number}} Room */
/**
 * @typedef {{open: string[], docks: Record<string, Dock>, width: number, height: number | null, axis: string,
 *   bookmarks: {seq: number, name: string}[]}} Arrangement
 */

/** @type {Dock[]} */
export const DOCKS = ["beside", "below"];
const ROOM_FOR_ONE = { beside: 390, below: 430 };
const LEAST_WIDTH = 760;

/** @template T @param {number} low @param {any} value @param {number} high @param {T} otherwise @returns {number | T} */
const within = (low, value, high, otherwise) =>
  Number.isFinite(value) ? Math.max(low, Math.min(high, value)) : otherwise;

/** An arrangement from whatever was kept. `names` are those of the panels there are.
 * @param {any} kept @param {string[]} names @returns {Arrangement} */
export function arrangementOf(kept, names) {
  const { open, docks, width, height, axis, bookmarks } = kept ?? {};
  const known = Array.isArray(open) ? open.filter((name, i) => names.includes(name) && open.indexOf(name) === i) : null;
  const wanted = Object.entries(docks ?? {}).filter(([name, dock]) => names.includes(name) && DOCKS.includes(dock));
  return {
    open: known ?? ["inspector", "ladder"].filter((name) => names.includes(name)),
    docks: Object.fromEntries(wanted),
    width: within(0.22, width, 0.65, 0.34),
    height: within(120, height, 700, null),
    axis: ["event", "compressed", "linear"].includes(axis) ? axis : "event",
    bookmarks: Array.isArray(bookmarks) ? bookmarks.filter((mark) => Number.isInteger(mark?.seq)) : [],
  };
}

/** The dock that a panel stands in, on a page of this width: beside there must be room.
 * @param {Arrangement} arrangement @param {string} name @param {number} width @returns {Dock} */
export const dockOf = ({ docks }, name, width) => (width < LEAST_WIDTH ? "below" : (docks[name] ?? "beside"));

/** The panels that are seen: {beside: [names], below: [names]}, each in the registry's order.
 * @param {Arrangement} arrangement @param {string[]} names @param {Room} room */
export function seenPanels(arrangement, names, { width, height }) {
  /** @type {Record<Dock, string[]>} */
  const seen = { beside: [], below: [] };
  const room = {
    beside: Math.max(1, Math.floor(height / ROOM_FOR_ONE.beside)),
    below: Math.max(1, Math.floor(width / ROOM_FOR_ONE.below)),
  };
  for (const name of [...arrangement.open].reverse()) {
    const dock = dockOf(arrangement, name, width);
    if (seen[dock].length < room[dock]) seen[dock].push(name);
  }
  for (const dock of DOCKS) seen[dock].sort((a, b) => names.indexOf(a) - names.indexOf(b));
  return seen;
}

/** A panel that is seen is closed, any other comes to the front.
 * @param {Arrangement} arrangement @param {string} name @param {boolean} isSeen @returns {Arrangement} */
export function togglePanel(arrangement, name, isSeen) {
  const others = arrangement.open.filter((other) => other !== name);
  return { ...arrangement, open: isSeen ? others : [...others, name] };
}

/** A panel moves to the other dock, and to its front. @param {Arrangement} arrangement @param {string} name @returns {Arrangement} */
export function redock(arrangement, name) {
  const to = (arrangement.docks[name] ?? "beside") === "beside" ? "below" : "beside";
  const open = [...arrangement.open.filter((other) => other !== name), name];
  return { ...arrangement, open, docks: { ...arrangement.docks, [name]: to } };
}

/** A dock's size changed by `by` pixels towards the picture; `now` is what it measures, and the whole stage.
 * @param {Arrangement} arrangement @param {Dock} dock @param {number} by @param {Room & {below: number}} now @returns {Arrangement} */
export function resized(arrangement, dock, by, now) {
  if (dock === "below")
    return { ...arrangement, height: within(120, Math.round(Math.min(now.below + by, now.height * 0.6)), 700, null) };
  const width = Math.round((arrangement.width + by / now.width) * 1000) / 1000;
  return { ...arrangement, width: within(0.22, width, 0.65, 0.34) };
}

const KEPT_UNDER = "amqplab-stage";

/** Where the arrangement is kept: the widget's model if it has a place for it, else the browser. @param {Model} model */
export function keeperOf(model) {
  const inNotebook = typeof model.save_changes === "function" && model.get("arrangement") !== undefined;
  if (inNotebook)
    return {
      load: () => model.get("arrangement"),
      save(/** @type {Arrangement} */ arrangement) {
        model.set("arrangement", arrangement);
        model.save_changes();
      },
    };
  return {
    load() {
      try {
        return JSON.parse(localStorage.getItem(KEPT_UNDER) ?? "null");
      } catch {
        return null; // a sandboxed page has no storage, and somebody may have written there
      }
    },
    save(/** @type {Arrangement} */ arrangement) {
      try {
        const { bookmarks: _, ...ofAnyRun } = arrangement;
        localStorage.setItem(KEPT_UNDER, JSON.stringify(ofAnyRun));
      } catch {
        // a sandboxed page has no storage: the arrangement lives as long as the page
      }
    },
  };
}

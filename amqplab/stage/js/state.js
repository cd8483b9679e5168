// State: what is true after a record, found by applying patches forward or back.
//
// Theory
// ------
// A patch keeps the old value beside the new one (scene.py), so undoing is the same work as doing, and any moment
// is as many patches away as records lie between. Entities are replaced, never changed in place: what was drawn
// from the old one stays true of the old one.
//
// Pictures ask "which consumers are there?" and "who is at this exchange?" at every step. A `World` is the Map of
// all entities, which also keeps the keys of each kind, and of the tokens at each place, sorted: so the answer
// costs nothing, and depends only on what is true, not on the way there.
//
// A far jump starts from a *keyframe*, a copy made on an earlier way past. Keyframes are further apart the larger
// the world is, so that they cost no more than the patches between them.

const NOT_INDEXED = new Set(["copy"]);
const KEYFRAME_EVERY = 256;

/** @param {string} key */
const kindOfKey = (key) => key.slice(0, key.indexOf("/"));
/** @param {string} key */
const numberIn = (key) => +key.slice(key.indexOf("/") + 1);

/** Where a token is, as one text: "link|a:1", "consumer|consumer/…", "lost". @param {Entity} token */
export const tokenPlace = ({ place, at }) =>
  place === "lost" || place === "returned" || place === "broker" ? place : `${place}|${at}`;

/** @type {readonly string[]} */
const NONE = Object.freeze([]);

/** All entities, by key; with the keys of each kind and of each place in order. @extends {Map<string, Entity>} */
export class World extends Map {
  /** @type {Map<string, string[]>} */
  kinds = new Map();
  /** @type {Map<string, string[]>} */
  places = new Map();

  /** The keys of a kind, such as "queue", in order. Not yours to change. @param {string} kind @returns {readonly string[]} */
  of(kind) {
    return this.kinds.get(kind) ?? NONE;
  }

  /** Those of a kind whose keys begin so. @param {string} kind @param {string} start @returns {string[]} */
  under(kind, start) {
    const keys = this.of(kind);
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (keys[middle] < start) low = middle + 1;
      else high = middle;
    }
    while (high < keys.length && keys[high].startsWith(start)) high++;
    return keys.slice(low, high);
  }

  /** The keys of the tokens at a place, in the order of their going there. @param {string} place @returns {readonly string[]} */
  at(place) {
    return this.places.get(place) ?? NONE;
  }

  /** @param {string} key @param {Entity} entity */
  set(key, entity) {
    const kind = kindOfKey(key);
    const old = super.get(key);
    if (old === undefined && !NOT_INDEXED.has(kind)) insert(this.kinds, kind, key, kind === "message" ? byNumber : byKey);
    if (kind === "token" || kind === "signal") {
      if (old !== undefined) take(this.places, tokenPlace(old), key);
      super.set(key, entity);
      insert(this.places, tokenPlace(entity), key, (a, b) => byTurn(entityOf(this, a), a, entityOf(this, b), b));
      return this;
    }
    return super.set(key, entity);
  }

  /** @param {string} key */
  delete(key) {
    const old = super.get(key);
    if (old === undefined) return false;
    const kind = kindOfKey(key);
    if (!NOT_INDEXED.has(kind)) take(this.kinds, kind, key);
    if (kind === "token" || kind === "signal") take(this.places, tokenPlace(old), key);
    return super.delete(key);
  }

  copy() {
    const other = new World();
    for (const [key, entity] of this) Map.prototype.set.call(other, key, entity);
    for (const [kind, keys] of this.kinds) other.kinds.set(kind, keys.slice());
    for (const [place, keys] of this.places) other.places.set(place, keys.slice());
    return other;
  }
}

/** @param {string} a @param {string} b */
const byKey = (a, b) => (a < b ? -1 : 1);
/** @param {string} a @param {string} b */
const byNumber = (a, b) => numberIn(a) - numberIn(b);

/** One that is there. @param {World} state @param {string} key @returns {Entity} */
const entityOf = (state, key) => /** @type {Entity} */ (state.get(key));

/** Who went first stands first: by command, then by message.
 * @param {Entity} a @param {string} keyA @param {Entity} b @param {string} keyB */
const byTurn = (a, keyA, b, keyB) =>
  (a.command ?? -1) - (b.command ?? -1) || (a.message ?? 0) - (b.message ?? 0) || byKey(keyA, keyB);

/** Into a sorted list; most come last.
 * @param {Map<string, string[]>} lists @param {string} name @param {string} key
 * @param {(a: string, b: string) => number} order */
function insert(lists, name, key, order) {
  let list = lists.get(name);
  if (!list) lists.set(name, (list = []));
  let at = list.length;
  while (at > 0 && order(key, list[at - 1]) < 0) at--;
  list.splice(at, 0, key);
}

/** @param {Map<string, string[]>} lists @param {string} name @param {string} key */
function take(lists, name, key) {
  const list = /** @type {string[]} it is in there */ (lists.get(name));
  list.splice(list.lastIndexOf(key), 1);
  if (!list.length) lists.delete(name);
}

// --- patches ---

/** @param {any[]} list @param {number} at @param {any[]} out @param {any[]} into */
const spliced = (list, at, out, into) => [...list.slice(0, at), ...into, ...list.slice(at + out.length)];

/** @param {Entity} entity @param {Record<string, any[]>} fields @param {boolean} back */
function changed(entity, fields, back) {
  /** @type {Entity} */
  const next = { ...entity };
  for (const name in fields) {
    const parts = fields[name];
    if (parts.length === 3) {
      const [at, removed, inserted] = parts;
      next[name] = back
        ? spliced(next[name], at, inserted, removed)
        : spliced(next[name], at, removed, inserted);
    } else next[name] = parts[back ? 0 : 1];
  }
  return next;
}

/** Let one change happen to a state, or with `back` take it back.
 * @param {Map<string, Entity>} state @param {string} key @param {Sent.Change} what @param {boolean} back */
function change(state, key, what, back) {
  const appears = back ? what["-"] : what["+"];
  const goes = back ? what["+"] : what["-"];
  if (appears) state.set(key, appears);
  else if (goes) state.delete(key);
  else state.set(key, changed(state.get(key) ?? {}, what["="] ?? {}, back));
}

/** Apply one record's patch to a Map of entities. Entities are replaced, never changed in place.
 * @template {Map<string, Entity>} W @param {W} state @param {Sent.ChangeOf[]} patch */
export function apply(state, patch) {
  for (const [key, what] of patch) change(state, key, what, false);
  return state;
}

/** The exact inverse of apply. @template {Map<string, Entity>} W @param {W} state @param {Sent.ChangeOf[]} patch */
export function undo(state, patch) {
  for (let i = patch.length - 1; i >= 0; i--) change(state, patch[i][0], patch[i][1], true);
  return state;
}

// --- cursors ---

/** A place in the stream with the state there. */
export class Cursor {
  /** @param {Pick<Scene, "patches" | "n">} scene */
  constructor(scene) {
    this.scene = scene;
    this.seq = -1;
    this.state = new World();
    this.keyframes = [{ seq: -1, state: new World() }];
    /** @type {Cursor | undefined} who passes the run for later */
    this.scout = undefined;
  }

  /** How far the run has been passed and keyframes left. */
  get reach() {
    return this.keyframes[this.keyframes.length - 1].seq;
  }

  /** The state after record `seq`. It is the cursor's own, and changes with the next seek. @param {number} seq */
  seek(seq) {
    this.hurry(seq);
    const { patches } = this.scene;
    while (this.seq < seq) {
      apply(this.state, patches[++this.seq]);
      this.leaveKeyframe();
    }
    while (this.seq > seq) undo(this.state, patches[this.seq--]);
    return this.state;
  }

  /** The same, one record after the other, with a call for each: (seq whose patch was applied or undone).
   * @param {number} seq @param {(seq: number) => void} passed */
  walk(seq, passed) {
    const { patches } = this.scene;
    while (this.seq < seq) {
      apply(this.state, patches[++this.seq]);
      passed(this.seq);
    }
    while (this.seq > seq) {
      undo(this.state, patches[this.seq--]);
      passed(this.seq + 1);
    }
    return this.state;
  }

  /** Start from the keyframe that is nearest, if that is nearer than where we are. @param {number} seq */
  hurry(seq) {
    const { keyframes } = this;
    let [low, high] = [0, keyframes.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (keyframes[middle].seq <= seq) low = middle;
      else high = middle;
    }
    const after = keyframes[low + 1];
    const nearest = after && after.seq - seq < seq - keyframes[low].seq ? after : keyframes[low];
    const cost = Math.abs(nearest.seq - seq) + this.state.size / 8;
    if (cost >= Math.abs(this.seq - seq)) return;
    this.seq = nearest.seq;
    this.state = nearest.state.copy();
  }

  leaveKeyframe() {
    const gap = this.seq - this.reach;
    if (gap < KEYFRAME_EVERY || gap < this.state.size / 4) return;
    this.keyframes.push({ seq: this.seq, state: this.state.copy() });
  }

  /** Pass a part of the run that nobody has passed, so that a later jump is quick; true while more is left.
   * @param {number} records */
  prepare(records) {
    const last = this.scene.n - 1;
    if (this.reach + KEYFRAME_EVERY > last) return false;
    const scout = (this.scout ??= new Cursor(this.scene));
    scout.keyframes = this.keyframes;
    if (scout.seq < this.reach) scout.seek(this.reach);
    scout.seek(Math.min(last, scout.seq + records));
    if (scout.seq < last) return true;
    this.scout = undefined;
    return false;
  }
}

/** Entities of a kind in order. @param {World} state @param {string} kind @returns {Keyed[]} */
export const pick = (state, kind) => state.of(kind).map((key) => [key, entityOf(state, key)]);

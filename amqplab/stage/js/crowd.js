// Crowd: where things stand in a tube that may be full of them, and which of them are only counted.
//
// Theory
// ------
// Nothing stands before the place where it is, and nothing that is under way ever goes back. So things that are at one
// point stand one behind the other, each as near to its place as the one before it allows; and who has no room behind the
// others, because the tube begins there, is counted at its mouth. Nobody is pushed ahead to make room: only who is meant has
// a place at the mouth in any case, and what is counted before it.
//
// What was lost stands where it was lost and moves no more. What passes it waits behind it until it is past, and is no
// reason for it to give way. And as it is not on the way any more, it is never counted together with what is.

/** How far the lanes of a tube are filled, from one of its ends. What has no lane of its own fills all of them. */
class Filling {
  whole = 0;
  /** @type {Map<number, number>} */
  lanes = new Map();

  /** @param {number} [lane] */
  of(lane) {
    return Math.max(this.whole, ...(lane === undefined ? this.lanes.values() : [this.lanes.get(lane) ?? 0]));
  }

  /** @param {number | undefined} lane @param {number} to */
  fill(lane, to) {
    if (lane === undefined) this.whole = to;
    else this.lanes.set(lane, to);
  }
}

/** @typedef {{at: number, width: number, p: number, sent: number, lane?: number, meant?: boolean, stuck?: boolean}} InTube
 * `at` is where its middle is, `p` how far it is, 0..1, `sent` the number of the segment that it is in; `stuck` is what was
 * lost on the way. */

const HAIR = 0.01;
const SHORT_TUBE = 5;

/** How far inside its tube a way begins: before it there is `room` for what waits, or its count. A short tube has none to
 * spare. @param {number} length @param {number} room */
export const mouthOf = (length, room) => (length < SHORT_TUBE * room ? 0 : room);

/** @typedef {{those: InTube[], low: number}} Run who has no room, one after the other; their count begins at `low` */
/** @typedef {{thing: InTube, those: InTube[] | null, middle: number}} Place */

/**
 * Places for things in a tube, the farthest first: of each the middle, or of those that one count stands for.
 * @template {InTube} T
 * @param {T[]} things @param {number} length of the tube @param {number} count how long a count is
 * @returns {{thing: T, those: T[] | null, middle: number}[]}
 */
export function placesOf(things, length, count) {
  const middles = oneBehindTheOther(things, length);
  const inTurn = [...things].sort((a, b) => standOf(middles, b) - standOf(middles, a)); // as they stand
  const turn = new Map(inTurn.map((thing, i) => [/** @type {InTube} */ (thing), i]));
  const { shown, runs } = roomFor(inTurn, middles, count);
  const places = [...shown, ...runs.map((run) => placeOfCount(run, middles, count, length))];
  const turnOf = (/** @type {Place} */ { thing }) => turn.get(thing) ?? 0;
  return /** @type {any[]} */ (places.sort((a, b) => turnOf(a) - turnOf(b)));
}

/** Who has room where it stands, and who is counted instead, lane by lane; seen from the mouth, for there it is missing.
 * @param {InTube[]} inTurn @param {Map<InTube, number>} middles @param {number} count @returns {{shown: Place[], runs: Run[]}} */
function roomFor(inTurn, middles, count) {
  const [needed, behind] = [new Filling(), new Filling()];
  /** @type {Map<number | undefined, Run>} */
  const open = new Map();
  /** @type {Place[]} */
  const shown = [];
  /** @type {Run[]} */
  const runs = [];
  for (const thing of [...inTurn].reverse()) {
    const { width, lane, meant, stuck } = thing;
    const middle = standOf(middles, thing);
    const isLast = !behind.of(lane);
    const low = Math.max(needed.of(lane), isLast ? 0 : count);
    behind.fill(lane, 1);
    const hasRoom = middle - width / 2 >= low - HAIR;
    if (hasRoom || meant) {
      if (!hasRoom) needed.fill(lane, low + width);
      shown.push({ thing, those: null, middle: hasRoom ? middle : low + width / 2 });
      for (const one of lane === undefined ? [...open.keys()] : [lane, undefined]) open.delete(one);
      continue;
    }
    let run = open.get(lane);
    if (!run || !run.those[0].stuck !== !stuck) {
      run = { those: [], low: isLast ? 0 : low };
      open.set(lane, run);
      runs.push(run);
      needed.fill(lane, run.low + count);
    }
    run.those.unshift(thing);
  }
  return { shown, runs };
}

/** Where a count stands: in the place of the first of those, as far from its back as that one is on its way. One alone that
 * needs no more room than a count is shown itself.
 * @param {Run} run @param {Map<InTube, number>} middles @param {number} count @param {number} length @returns {Place} */
function placeOfCount({ those, low }, middles, count, length) {
  const [first] = those;
  const isAlone = those.length === 1 && !low && first.width <= count;
  const width = isAlone ? first.width : count;
  const back = standOf(middles, first) - first.width / 2;
  const middle = back + width / 2 + first.p * (first.width - width);
  return { thing: first, those: isAlone ? null : those, middle: Math.min(length - width / 2, Math.max(low + width / 2, middle)) };
}

/** Middles: each as near to where it is as those before it allow; what passes something that is stuck stands behind that
 * until it is past. @param {InTube[]} things @param {number} length @returns {Map<InTube, number>} */
function oneBehindTheOther(things, length) {
  const [moving, stuck] = [new Filling(), new Filling()];
  /** @type {{lane?: number, middle: number, half: number}[]} */
  const inTheWay = [];
  /** @type {Map<InTube, number>} */
  const middles = new Map();
  const waiting = things.filter((thing) => thing.stuck);
  const stickThose = (/** @type {number} */ sentBefore) => {
    while (waiting.length && waiting[0].sent < sentBefore) {
      const thing = /** @type {InTube} */ (waiting.shift());
      const { at, width, lane } = thing;
      const middle = Math.min(at, length - Math.max(moving.of(lane), stuck.of(lane)) - width / 2);
      stuck.fill(lane, length - middle + width / 2);
      inTheWay.push({ lane, middle, half: width / 2 });
      middles.set(thing, middle);
    }
  };
  for (const thing of things.filter((one) => !one.stuck)) {
    const { at, width, lane, sent } = thing;
    stickThose(sent);
    let middle = Math.min(at, length - moving.of(lane) - width / 2);
    for (const other of inTheWay)
      if (sharesLane(lane, other.lane) && Math.abs(middle - other.middle) < width / 2 + other.half - HAIR)
        middle = other.middle - other.half - width / 2;
    moving.fill(lane, length - middle + width / 2);
    middles.set(thing, middle);
  }
  stickThose(Infinity);
  return middles;
}

/** @param {Map<InTube, number>} middles @param {InTube} thing */
const standOf = (middles, thing) => middles.get(thing) ?? 0;

/** @param {number} [lane] @param {number} [other] */
const sharesLane = (lane, other) => lane === undefined || other === undefined || lane === other;

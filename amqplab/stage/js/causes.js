// Causes: what the step that is shown came from, said at its own zoom.
//
// Theory
// ------
// Every record has the record that it came of (amqplab.trace.causes). At a coarse zoom that one is mostly part of the step
// itself ("the last byte has arrived"), which explains nothing. So the chain is followed back until it leaves the step: to
// another step of this zoom, or to somebody's act (a call, its return, an intervention), whichever comes first. If there is
// none, the nearest is named that is a step at a finer zoom; a jump there is a visit.
//
// What arrived was sent. The record goes the way of the segments, and a segment carries much at once. So above the segments,
// a frame or command that is read comes from the one that was written.
//
// A step of the story contains the records that lead from its beginning to its end. If a call is its beginning, it came of
// that; of a call within it, it did not, unless it is the end of that very call: calls that fail together are one step, and
// the first of them is no cause of the last. Two steps often have their first records in common, as all that a commit does;
// then neither is the other's cause. So another step is named only if the chain leads through what that step tells: its end, a
// milestone in it, the basic.consume of a consumer, or of who connects that the connection stands.
//
// That a segment was sent is no reason for its loss. If nobody cut its link, took its host's power or picked it out, it was
// chance, and chance has no cause.

import { STORY } from "./scene.js";

const READ = new Set(["FrameReceived", "UnitReceived"]);
const WAKING = new Set(["Intervened", "AlarmChanged"]);
const ACTS = new Set(["CallMade", "CallReturned", "Intervened"]);

/** The record to go to for "why?", and the sentence there; null for what has no cause. */
export function causeOf(scene, zoom, seq, visit = false) {
  if (seq < 0 || cameFrom(scene, zoom, seq) < 0) return null;
  if (visit) return namedCause(scene, zoom, cameFrom(scene, zoom, seq));
  const own = zoom === STORY ? ownersOf(scene)[seq] : -1;
  const begin = beginningOf(scene, zoom, seq);
  const chain = [];
  for (let at = cameFrom(scene, zoom, seq); at >= 0; at = cameFrom(scene, zoom, at)) {
    chain.push(at);
    const step = stepWith(scene, zoom, at, own, seq);
    if (step >= 0) return namedCause(scene, zoom, step);
    if ((at <= begin || endsCall(scene, seq, at)) && ACTS.has(scene.kindOf(at))) return namedCause(scene, zoom, at);
  }
  if (begin !== seq && ACTS.has(scene.kindOf(begin))) return namedCause(scene, zoom, begin);
  const nearest = nearestStep(scene, zoom, seq, chain, own);
  return nearest < 0 ? null : namedCause(scene, zoom, nearest); // else it began by itself
}

/** Of the records before a step, the first that is one at a finer zoom and no part of this one; -1 if there is none. */
function nearestStep(scene, zoom, seq, chain, own) {
  const { command } = scene.subjectOf(seq);
  const others = chain.filter((at) =>
    zoom === STORY ? own < 0 || ownersOf(scene)[at] !== own : command === undefined || scene.subjectOf(at).command !== command);
  for (let finer = zoom - 1; finer >= 0; finer--) {
    const found = others.find((at) => scene.steps[finer][scene.stepOf(finer, at)] === at);
    if (found !== undefined) return found;
  }
  return -1;
}

/** Everything that led to a record, itself first, nearest next; back through segments the frame is followed, not what else
 * was in them (amqplab.trace.causes, Causes.chain). */
export function chainOf(scene, seq, most = Infinity) {
  const chain = [];
  let frame = null;
  for (let at = seq; at >= 0 && chain.length < most; at = goBack(scene, at, frame)) {
    chain.push(at);
    if (READ.has(scene.kindOf(at))) frame = scene.frames[scene.subjectOf(at).frame] ?? frame;
  }
  return chain;
}

function goBack(scene, at, frame) {
  const cause = scene.records.cause[at];
  if (frame === null || frame.sent === null || frame.sent >= at) return cause;
  const kind = scene.kindOf(at);
  const segment = scene.segmentByNumber.get(scene.subjectOf(at).segment);
  if (kind === "SegmentLost") return segment?.sent ?? cause;
  if (kind === "RetransmissionTimedOut") return beforeSentAgain(scene, at, frame);
  if (kind !== "SegmentSent" || !frame.carriers.some(([n]) => n === segment?.n)) return cause;
  return cause >= 0 && scene.kindOf(cause) === "RetransmissionTimedOut" ? cause : beforeSentAgain(scene, at, frame);
}

/** Why octets of a frame are sent: they were lost, or have been written. */
function beforeSentAgain(scene, at, frame) {
  const lost = frame.carriers.map(([n]) => scene.segmentByNumber.get(n)?.lost_seq ?? -1).filter((seq) => seq >= 0 && seq < at);
  return lost.length ? Math.max(...lost) : frame.sent;
}

/** Whether a record tells how a call ended. */
const endsCall = (scene, seq, call) => scene.kindOf(seq) === "CallFailed" && scene.records.cause[seq] === call;

/** The record in which a step of the story begins; every other step is one record. */
function beginningOf(scene, zoom, seq) {
  const chapter = zoom === STORY ? scene.story?.[scene.stepOf(zoom, seq) - 1] : undefined;
  return chapter?.[0] === seq ? chapter[1] : seq;
}

/** The record that made this one, as a zoom sees it; -1 if there is none. */
function cameFrom(scene, zoom, seq) {
  const cause = scene.records.cause[seq];
  if (scene.kindOf(seq) === "SegmentLost") return cause >= 0 && scene.kindOf(cause) === "Intervened" ? cause : -1;
  const { frame, command } = zoom > 0 ? scene.subjectOf(seq) : {};
  for (const item of [scene.commands[command], scene.frames[frame]])
    if (item?.received === seq && item.sent !== null) return wakerOf(scene, item) ?? item.sent;
  return cause;
}

/** What had it read that had arrived long before: the end of an alarm, a program that goes on. */
function wakerOf(scene, item) {
  const { received } = "frames" in item ? scene.frames[item.frames.at(-1)] : item;
  const cause = scene.records.cause[received] ?? -1;
  return cause >= 0 && WAKING.has(scene.kindOf(cause)) ? cause : null;
}

/** The last record of the step, before `seq`, to which a record belongs; -1 if there is none. */
function stepWith(scene, zoom, at, own, seq) {
  const steps = scene.steps[zoom];
  if (zoom !== STORY || !scene.story?.length) return steps[scene.stepOf(zoom, at)] === at ? at : -1;
  const owner = ownersOf(scene)[at];
  const last = owner < 0 || owner === own ? -1 : scene.story[owner][0];
  return last >= 0 && last < seq && (at === last || isMilestone(scene, at) || consumes(scene, at, last) || connects(scene, at, last)) ? last : -1;
}

const consumes = (scene, at, last) =>
  scene.kindOf(last) === "ConsumerAdded" && scene.kindOf(at) === "CommandReceived" && scene.labels[at].startsWith("basic.consume");

/** Of who connects, not of who gets no connection. */
const connects = (scene, at, last) =>
  scene.kindOf(at) === "TcpStateChanged" && scene.labels[at].endsWith("ESTABLISHED") && !scene.labels[last].endsWith("CLOSED");

const isMilestone = (scene, at) => scene.steps[STORY - 1][scene.stepOf(STORY - 1, at)] === at;

function namedCause(scene, zoom, seq) {
  const step = scene.stepOf(zoom, seq);
  const isStep = zoom === STORY && scene.story?.length && scene.steps[zoom][step] === seq;
  return { seq, sentence: isStep ? scene.story[step - 1][2] : scene.sentences[seq] };
}

/** Whether a record leads to a chapter of the story, or at least to no other one. */
export function isOfChapter(scene, seq, number) {
  const owner = ownersOf(scene)[seq];
  return owner < 0 || owner === number;
}

/** For each record the number of the chapter that it leads to from within, the first that ends; or -1. */
function ownersOf(scene) {
  if (scene.owners) return scene.owners;
  const owners = new Int32Array(scene.n).fill(-1);
  (scene.story ?? []).forEach(([last, first], number) => {
    for (let at = last; at >= first && owners[at] < 0; at = cameFrom(scene, STORY, at)) owners[at] = number;
  });
  return (scene.owners = owners);
}

// Causes: what the step that is shown came from, said at its own zoom.
//
// Theory
// ------
// Every record names the record that made it. At a coarse zoom that one is mostly part of the step itself ("the last
// byte has arrived"), which explains nothing. So the chain is followed back until it leaves the step: to another step
// of this zoom, or to somebody's act (a call, its return, an intervention), whichever comes first. What is no step of the
// zoom is named all the same: a jump there is a visit.
//
// What arrived was sent. The record goes the way of the segments, and a segment may be sent because of something else:
// an acknowledgement that made room for it. So above the segments, a frame or command that is read comes from the one
// that was written; and what the broker writes about a message comes from what it decided just before.
//
// A step of the story contains the records that lead from its beginning to its end. If a call is its beginning, it came of
// that; of a call within it, it did not. Two steps often have their first records in common, as all that a commit does; then
// neither is the other's cause. So another step is named only if the chain leads through what that step tells: its end, a
// milestone in it, or the basic.consume of a consumer.
//
// A segment is lost because somebody cut its link, took its host's power, or picked it out; that it was sent is no reason.

import { STORY } from "./scene.js";
import { encode } from "./text.js";

const ACTS = new Set(["CallMade", "CallReturned", "Intervened"]);
const BLOWS = /: (the link is cut|the machine is off|injected)$/;
const DECISIONS = {
  "basic.deliver": ["Delivered", "Replied"],
  "basic.get-ok": ["Delivered"],
  "basic.return": ["Returned"],
  "basic.ack": ["Confirmed"],
  "basic.nack": ["Confirmed"],
};

/** The record to go to for "why?", and the sentence there; null for what has no cause. */
export function causeOf(scene, zoom, seq, visit = false) {
  if (seq < 0 || cameFrom(scene, zoom, seq) < 0) return null;
  if (visit) return namedCause(scene, zoom, cameFrom(scene, zoom, seq));
  const own = zoom === STORY ? ownersOf(scene)[seq] : -1;
  const begin = beginningOf(scene, zoom, seq);
  let root = seq;
  for (let at = cameFrom(scene, zoom, seq); at >= 0; at = cameFrom(scene, zoom, at)) {
    root = at;
    const step = stepWith(scene, zoom, at, own, seq);
    if (step >= 0) return namedCause(scene, zoom, step);
    if (at <= begin && ACTS.has(scene.kindOf(at))) return namedCause(scene, zoom, at);
  }
  if (begin !== seq && ACTS.has(scene.kindOf(begin))) return namedCause(scene, zoom, begin);
  return own >= 0 && ownersOf(scene)[root] === own ? null : namedCause(scene, zoom, root); // it began by itself
}

/** The record in which a step of the story begins; every other step is one record. */
function beginningOf(scene, zoom, seq) {
  const chapter = zoom === STORY ? scene.story?.[scene.stepOf(zoom, seq) - 1] : undefined;
  return chapter?.[0] === seq ? chapter[1] : seq;
}

/** The record that made this one, as a zoom sees it; -1 if there is none. */
function cameFrom(scene, zoom, seq) {
  const blow = scene.kindOf(seq) === "SegmentLost" ? blowTo(scene, seq) : -1;
  if (blow >= 0) return blow;
  const { frame, command } = zoom > 0 ? scene.subjectOf(seq) : {};
  for (const item of [scene.commands[command], scene.frames[frame]])
    if (item?.received === seq && item.sent !== null) return item.sent;
  const wrote = scene.commands[command];
  const answers = wrote?.sent === seq && scene.frames[frame]?.dialect !== "amqp" ? heardBefore(scene, seq) : -1;
  if (answers >= 0) return answers;
  const decided = wrote?.sent === seq && !wrote.up && zoom > 1 ? decisionFor(scene, wrote) : -1;
  return decided < 0 ? scene.records.cause[seq] : decided;
}

/** The intervention for which a segment is lost; -1 if it is lost by chance. */
function blowTo(scene, seq) {
  if (!BLOWS.test(scene.labels[seq])) return -1;
  const client = scene.segments[scene.subjectOf(seq).segment]?.conn?.replace(/:\d+$/, "");
  let last = -1;
  for (let at = seq - 1; at >= 0; at--) {
    if (scene.kindOf(at) !== "Intervened") continue;
    if (scene.subjectOf(at).keys.includes(`host/${encode(client ?? "")}`)) return at;
    if (last < 0) last = at;
  }
  return last;
}

/** What the same host had read from the same connection in the instant in which it wrote; -1 if nothing. In HTTP that is
 * what is answered, whatever woke the program. */
function heardBefore(scene, seq) {
  const { where } = scene.records;
  const connection = (at) => scene.subjectOf(at).keys.find((key) => key.startsWith("connection/"));
  for (let at = seq - 1; at >= 0 && scene.timeOf(at) === scene.timeOf(seq); at--)
    if (scene.kindOf(at) === "UnitReceived" && where[at] === where[seq] && connection(at) === connection(seq)) return at;
  return -1;
}

/** What the broker had decided in the same instant when it wrote a command; -1 if that is not in the recording. */
function decisionFor(scene, { conn, name, messages, sent }) {
  for (let at = sent - 1; at >= 0 && scene.timeOf(at) === scene.timeOf(sent); at--) {
    const { keys, message } = scene.subjectOf(at);
    const fits = DECISIONS[name]?.includes(scene.kindOf(at)) && keys.includes(`connection/${encode(conn)}`);
    if (fits && (!messages.length || messages.includes(message))) return at;
  }
  return -1;
}

/** The last record of the step, before `seq`, to which a record belongs; -1 if there is none. */
function stepWith(scene, zoom, at, own, seq) {
  const steps = scene.steps[zoom];
  if (zoom !== STORY || !scene.story?.length) return steps[scene.stepOf(zoom, at)] === at ? at : -1;
  const owner = ownersOf(scene)[at];
  const last = owner < 0 || owner === own ? -1 : scene.story[owner][0];
  return last < seq && (at === last || isMilestone(scene, at) || consumes(scene, at, last)) ? last : -1;
}

const consumes = (scene, at, last) =>
  scene.kindOf(last) === "ConsumerAdded" && scene.kindOf(at) === "CommandReceived" && scene.labels[at].startsWith("basic.consume");

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

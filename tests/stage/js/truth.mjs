// The truth: every law of laws.mjs at every step of every recording that is handed over.
//
//     STAGE=file:///…/stage.mjs CASES=folder node truth.mjs
//
// Each file of the folder is a case: {name, scene, prefix, whole, marks, counts}. For each, a line of JSON says what
// was drawn and what was wrong: {drawn: {…}, wrong: {law: [[case, zoom, seq, words], …]}, count: {law: n}}.
//
// Theory
// ------
// A case is played forward step by step, then back, then at random, then along its causes; whatever the way to a
// record, the same must be drawn. At last the whole page is run in a small DOM: drawn, patched, resized, played.

import { readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { install, page, pass, written } from "./dom.mjs";
import * as laws from "./laws.mjs";

const WORDS_KEPT = 12;
const environment = { STEPS: 30, PAGES: 4, ...process.env };
const STEPS = +environment.STEPS;
const PAGES = +environment.PAGES;
const ZOOMS = environment.ZOOMS ? environment.ZOOMS.split(",").map(Number) : [0, 1, 2, 3, 4];
const only = environment.ONLY ? new Set(environment.ONLY.split(",")) : null;
const has = (law) => !only || only.has(String(law));

install();
const stage = await import(process.env.STAGE);
const secondScript = await import(`${process.env.STAGE}?again`); // as each widget of a notebook has one
const fresh = () => ({ drawn: { cases: 0, prefixes: 0, zooms: 0, steps: 0, jumps: 0, visits: 0, pages: 0, compared: 0 }, wrong: {}, count: {} });
let report = fresh();

/** A deterministic source of chance. */
function chanceOf(seed) {
  let x = [...seed].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 7) | 1;
  return (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

function wrongOf(law, name, view) {
  return (words) => {
    if (!has(law)) return;
    report.count[law] = (report.count[law] ?? 0) + 1;
    const list = (report.wrong[law] ??= []);
    const alike = list.filter(([, , , other]) => other.replace(/\d+/g, "") === words.replace(/\d+/g, "")).length;
    if (list.length < 60 && alike < WORDS_KEPT) list.push([name, view?.zoom ?? -1, view?.seq ?? -1, words]);
  };
}

/** Do something that must not raise. */
function safely(name, view, deed) {
  try {
    return deed();
  } catch (error) {
    const at = [...error.stack.matchAll(/at ([\w.]+) [^\n]*?:(\d+):\d+\)/g)].slice(0, 4).map(([, name, line]) => `${name} ${line}`);
    wrongOf(1, name, view)(`${error.message} (${at.join(", ")})`);
    return undefined;
  }
}

const viewOf = (player, orientation) => ({
  ...player.view(orientation),
  ...{ uid: "t", connected: false, breakable: [], goals: [], branch: [], panels: [], bookmarks: [], axis: "event" },
});

const printed = (marks) =>
  marks.map((m) => `${m.key}|${m.place}|${m.state}|${m.label}|${m.x},${m.y}|${+m.subject}${+m.touched}`).join("\n");

/** The seqs at which a zoom is looked at: all, or of a large scene stretches of them; the end always. */
function sampled(steps, most, chance) {
  if (steps.length <= most) return [...steps];
  const run = 10;
  const found = new Set([...steps.slice(0, run), ...steps.slice(-run)]);
  while (found.size < most) {
    const from = chance(steps.length - run);
    for (let i = 0; i < run; i++) found.add(steps[from + i]);
  }
  return [...found].sort((a, b) => a - b);
}

// --- at one record ---

function look(one, player, memory) {
  const view = safely(one.name, player, () => viewOf(player, "wide"));
  if (!view) return;
  const it = safely(one.name, view, () => judged(one, view));
  if (!it) return;
  report.drawn.steps++;
  if (has(6)) counts(one, it);
  if (has(8)) compare(one, it);
  if (has(8) && view.seq % 5 === 0) explained(one, it);
  memory.set(view.seq, printed(it.marks));
  return { view, marks: it.marks };
}

/** In a narrow window there is room for less; what is seen is no less true. */
const NARROW = { width: 560, height: 380 };

function lookNarrow(one, player) {
  const wide = viewOf(player, "wide");
  judged(one, { ...wide, layout: stage.setting(wide.scene.layouts, NARROW).layout });
}

const OF_ONE_PICTURE = [
  [1, laws.drawable],
  [2, laws.subjectSeen],
  [3, laws.everyCopyOnce],
  [3, laws.countedOnce],
  [3, laws.readersInTheirPlaces],
  [3, laws.deadHandsAreEmpty],
  [4, laws.nothingArrivesThatDidNot],
  [4, laws.framesStay],
  [4, laws.thrownAway],
  [4, laws.underWayIsThere],
  [4, laws.segmentsHaveLinks],
  [4, laws.cameAsItCame],
  [4, laws.countsSayHow],
  ["4 order", laws.streamsInOrder],
  ["4 order", laws.segmentsInOrder],
  ["4 order", laws.countsInOrder],
  ["4 place", laws.neverBefore],
  ["4 place", laws.countsNeverBefore],
  ["4 place", laws.lostIsNotOnTheWay],
];

/** A picture, held against the laws that one picture can break. */
function judged(one, view) {
  const it = laws.seen(view, stage.marks(view));
  for (const [law, holds] of OF_ONE_PICTURE) if (law === 1 || has(law)) holds(it, wrongOf(law, one.name, view));
  return it;
}

/** Picture, tables, fold and lab.table() count alike. */
function counts(one, it) {
  const { view } = it;
  const expected = one.counts[view.seq];
  const isInVain = it.messages.some(({ state }) => state === "lost" || state === "discarded");
  const withTables = expected !== undefined || isInVain || view.seq % 7 === 0;
  const drawn = withTables && safely(one.name, view, () => stage.tables(view));
  const tables = drawn && laws.rowsOf(drawn);
  if (drawn) laws.toldAsItIs(it, drawn, wrongOf(6, one.name, view));
  laws.oneNumber(it, tables || null, expected, wrongOf(6, one.name, view));
}

/** The legend speaks of every mark, and only of what is there. */
function explained(one, { view, marks }) {
  const wrong = wrongOf(8, one.name, view);
  for (const mark of stage.unexplained(marks)) wrong(`the legend does not know ${mark.key}, ${mark.state}`);
  if (stage.legendOf([]).length) wrong("the legend speaks of what is not there");
  const isHatched = marks.some((mark) => mark.kind === "message" && stage.toMarkup(stage.drawMessage(view, mark)).includes('class="hatch"'));
  const entries = stage.legendOf(marks).flatMap(([, found]) => found);
  if (entries.some(({ words }) => words.startsWith("hatched")) !== isHatched) wrong(`${isHatched ? "something" : "nothing"} is hatched, and the legend says otherwise`);
}

/** So many commands on a link may have no room beside each other. */
const CROWD = 3;

/** The marks that Python would draw are those of the script. */
function compare(one, { view, marks: all }) {
  const theseToo = one.marks[`${view.zoom} ${view.seq}`];
  if (!theseToo) return;
  // where the room on a link is too small for the wire's own things, each form gathers them in its way
  const lanes = counted(all.filter(({ kind }) => kind === "command").map(({ place }) => place));
  const crowded = [...lanes.values()].some((many) => many >= CROWD) || all.some((mark) => mark.group || mark.kind === "part" || mark.key.startsWith("more ") && ON_WIRE.has(mark.key.split(" ")[1]));
  const isCompared = (kind) => !crowded || (!ON_WIRE.has(kind) && kind !== "more");
  const marks = all.filter(({ kind }) => isCompared(kind));
  const expected = theseToo.filter(([kind]) => isCompared(kind));
  report.drawn.compared++;
  const wrong = wrongOf(8, one.name, view);
  const said = marks.map(({ kind, id, place, state, label }) => JSON.stringify([kind, id, place, state, label]));
  const [mine, theirs] = [counted(said), counted(expected.map((mark) => JSON.stringify(mark)))];
  for (const [mark, n] of mine) if ((theirs.get(mark) ?? 0) < n) wrong(`only in the browser: ${mark}`);
  for (const [mark, n] of theirs) if ((mine.get(mark) ?? 0) < n) wrong(`only in the SVG: ${mark}`);
}

const ON_WIRE = new Set(["segment", "frame", "part", "command"]);

function counted(list) {
  const found = new Map();
  for (const one of list) found.set(one, (found.get(one) ?? 0) + 1);
  return found;
}

/** All that is drawn around a record, as text. */
function wholePage(view) {
  const plan = planOf(view);
  const y = plan.yOf(view.seq);
  return [
    ...stage.picture(view, stage.standing(view)),
    stage.movingLayer(view, stage.movable(view)),
    ...stage.drawNarration(view),
    ...stage.tables(view),
    ...stage.inspector(view, 600),
    ...stage.drawSteps(view),
    ...stage.drawCauses(view),
    ...stage.drawLadder(view, plan, 500, y - 300, y + 300),
  ]
    .filter(Boolean)
    .map(stage.toMarkup)
    .join("");
}

const plans = new WeakMap();

function planOf({ scene, zoom, seq, visit }) {
  if (!plans.has(scene)) plans.set(scene, new Map());
  const known = plans.get(scene);
  if (!known.has(zoom)) known.set(zoom, stage.ladderPlan(scene, zoom));
  const plan = known.get(zoom);
  return visit && seq >= 0 ? plan.visiting(seq) : plan;
}

// --- ladder, inspector and sentence speak of the same record ---

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => ESCAPES[c]);

function samePlaceEverywhere(one, { view, marks }) {
  const wrong = wrongOf(2, one.name, view);
  const { scene, subject, seq } = view;
  const text = (parts) => parts.filter(Boolean).map(stage.toMarkup).join("");
  arrowsAroundAreTold(view, marks, wrongOf("4 ladder", one.name, view));
  const said = text(stage.drawNarration(view));
  if (!said.includes(escaped(stage.sentenceOf(view)))) wrong("the narration does not show the sentence");
  if (seq < 0) return;
  const inside = text(stage.inspector(view, 600));
  const frame = scene.frames[subject.frame] ?? scene.frames[scene.commands[subject.command]?.frames[0]];
  const messages = view.zoom === 4 ? (scene.commands[subject.command]?.messages ?? []) : [];
  if (messages.length === 1) {
    if (!inside.includes(`Message ${scene.labelOf(messages[0])}`)) wrong(`the inspector does not show message ${messages[0]}`);
    return;
  }
  if (frame && !inside.includes(`<b>${escaped(frame.summary)}</b>`)) wrong(`the inspector does not show frame ${frame.id}`);
  if (!frame && subject.segment !== undefined && !inside.includes(`egment ${subject.segment}`)) wrong(`the inspector does not show segment ${subject.segment}`);
  const plan = planOf(view);
  const y = plan.yOf(seq);
  const ladder = stage.drawLadder(view, plan, 500, y - 40, y + 40);
  const here = ladder.filter((v) => /\brung\b.*\bhere\b/.test(v.props.class ?? ""));
  if (!here.some((v) => v.props["data-id"] === seq)) wrong(`the ladder shows ${here.map((v) => v.props["data-id"])}, not this record`);
}

const ARROWS_AROUND = 120;

/** Of whatever is told to be lost, thrown away or sent again there is an arrow. */
function toldAreDrawn(view, drawn, wrong) {
  const { scene } = view;
  const bands = new Set(drawn.map((v) => v.props["data-sel"]).filter(Boolean));
  const isItsWay = (s) => (id) => stage.waysOf(scene, scene.commands[id]).some(({ left }) => left === s.sent);
  for (const s of laws.toldSegments(view)) {
    const commands = [...new Set(s.frames.map(([id]) => scene.frames[id].command))].filter((id) => id !== null && bands.has(`command:${id}`));
    if (!bands.has(`segment:${s.n}`) && !commands.some(isItsWay(s))) wrong(`segment ${s.n} is spoken of at ${view.seq}, and has no arrow`);
  }
}

function arrowsAroundAreTold(view, marks, wrong) {
  const plan = planOf(view);
  const y = plan.yOf(view.seq);
  const drawn = stage.drawLadder(view, plan, 500, y - ARROWS_AROUND, y + ARROWS_AROUND);
  if (view.zoom > 2 && view.seq >= 0 && !view.visit) toldAreDrawn(view, drawn, wrong);
  laws.arrowsAreToldAsTheyAre(view, marks, drawn.filter((v) => /\bband\b/.test(v.props.class ?? "") && v.props["data-sel"]), wrong);
}

// --- a case ---

function play(one, scene, zoom) {
  const chance = chanceOf(`${one.name} ${zoom}`);
  const player = new stage.Player(scene, { zoom });
  const memory = new Map();
  const most = one.prefix ? Math.ceil(STEPS / 6) : STEPS;
  const wanted = sampled(scene.steps[zoom], most, chance);
  if (one.prefix) wanted.splice(0, wanted.length, ...wanted.slice(-most));
  for (const key of Object.keys(one.marks)) if (key.startsWith(`${zoom} `)) wanted.push(+key.split(" ")[1]);
  wanted.sort((a, b) => a - b);
  report.drawn.zooms++;
  let before = null;
  wanted.forEach((seq, i) => {
    if (i && seq === wanted[i - 1]) return;
    const isNext = player.scene.steps[zoom][player.step + 1] === seq;
    if (isNext) player.move(1, true);
    else player.jump(seq);
    const motion = player.motion;
    player.motion = null;
    const now = look(one, player, memory);
    if (now && before && motion) safely(one.name, now.view, () => move(one, before, now, motion));
    if (now && before && isNext && has("4 place")) safely(one.name, now.view, () => laws.neverBack(before, now, wrongOf("4 place", one.name, now.view)));
    if (now && i % 3 === 0) safely(one.name, now.view, () => lookNarrow(one, player));
    if (now && i % 5 === 0) safely(one.name, now.view, () => samePlaceEverywhere(one, now));
    before = now;
  });
  if (has(7)) backAndForth(one, player, memory, wanted, chance);
  if (has(5)) jumps(one, scene, zoom, chance);
  const isTurn = !one.prefix || zoom === scene.n % 5; // of a prefix one zoom is enough
  if (has(1) && isTurn) safely(one.name, { zoom, seq: scene.n }, () => tall(one, player, wanted, chance));
}

/** Things move from where they were to where they are; nothing is twice there meanwhile. */
function move(one, before, { view, marks }, motion) {
  const after = stage.movable(view);
  const was = before.marks.filter((mark) => MOVING.has(mark.kind));
  const plan = stage.planMotion(view, was, after, motion.trail, motion.from);
  if (!plan) return;
  const wrong = wrongOf(3, one.name, view);
  if (plan.ms > 1200) wrongOf(1, one.name, view)(`a motion takes ${plan.ms} ms`);
  for (const t of [0, 0.35, 0.8, 1]) {
    const keys = new Set();
    const loose = plan.at(t).filter(({ s, kind, stream }) => kind === "command" || (kind === "frame" && s === undefined) || (view.zoom > 2 && stream));
    if (has("4 order")) laws.streamsInOrder({ view, marks: loose, before: was }, wrongOf("4 order", one.name, view));
    for (const mark of plan.at(t)) {
      if (!Number.isFinite(mark.x) || !Number.isFinite(mark.y)) wrong(`${mark.key} moves to nowhere`);
      if (keys.has(mark.key)) wrong(`${mark.key} is twice in a motion`);
      keys.add(mark.key);
    }
  }
  if (printed(plan.at(1)) !== printed(after)) wrong("a motion does not end in the picture at rest");
  void marks;
}

const MOVING = new Set(["segment", "frame", "part", "command", "message", "signal", "more", "cursor", "tray"]);

/** Whatever the way to a record, the same is drawn. */
function backAndForth(one, player, memory, wanted, chance) {
  const compareAt = (seq) => {
    player.jump(seq);
    const view = viewOf(player, "wide");
    const marks = safely(one.name, view, () => stage.marks(view));
    if (marks && memory.has(seq) && printed(marks) !== memory.get(seq)) wrongOf(7, one.name, view)(different(memory.get(seq), printed(marks)));
  };
  const known = [...memory.keys()].sort((a, b) => b - a);
  known.filter((_, i) => i % 2 === 0).forEach(compareAt);
  for (let i = 0; i < (one.prefix ? 4 : 12); i++, report.drawn.jumps++) compareAt(known[chance(known.length)]);
  void wanted;
}

function different(was, is) {
  const [a, b] = [was.split("\n"), is.split("\n")];
  const i = a.findIndex((line, k) => line !== b[k]);
  return `drawn otherwise on the way back: ${i < 0 ? `${a.length} and ${b.length} marks` : `${a[i]} and ${b[i]}`}`;
}

/** "because" lands on its record; a visit has a way back. */
function jumps(one, scene, zoom, chance) {
  const player = new stage.Player(scene, { zoom });
  const steps = scene.steps[zoom];
  const share = Math.min(steps.length, one.prefix ? 5 : STEPS);
  for (let i = 0; i < share; i++) {
    const from = steps.length <= share ? steps[i] : steps[chance(steps.length)];
    const cause = from < 0 ? -1 : scene.records.cause[from];
    const to = cause >= 0 ? cause : chance(scene.n);
    player.jump(from);
    becauseLeads(one, scene, zoom, from);
    player.jump(to);
    report.drawn.visits++;
    const view = safely(one.name, player, () => viewOf(player, "wide"));
    if (!view) continue;
    const wrong = wrongOf(5, one.name, view);
    if (view.seq !== to) wrong(`a jump to ${to} ends at ${view.seq}`);
    const isStep = steps.includes(to);
    if (view.visit !== !isStep) wrong(`record ${to} is ${isStep ? "a" : "no"} step, and ${view.visit ? "a visit" : "no visit"}`);
    const own = isStep && zoom === 4 ? scene.story[steps.indexOf(to) - 1]?.[2] : scene.sentences[to];
    if (stage.sentenceOf(view) !== own) wrong(`a jump to ${to} says “${stage.sentenceOf(view)}”`);
    if (i % 8 === 0) safely(one.name, view, () => wholePage(view));
    if (!view.visit) continue;
    const offers = stage.drawNarration(view).filter(Boolean).map(stage.toMarkup).join("");
    if (!offers.includes('data-do="come-back"')) wrong(`a visit of ${to} has no way back`);
    if (!player.comeBack() || player.seq !== from) wrong(`the way back from ${to} leads to ${player.seq}, not to ${from}`);
  }
}

/** What was decided about the same client in the instant in which the broker wrote a command, and what led to it. */
function decisionsBefore(scene, c) {
  const found = [];
  for (let at = c.sent - 1; at >= 0 && scene.timeOf(at) === scene.timeOf(c.sent); at--)
    if (/^(Delivered|Replied|Returned|Confirmed)$/.test(scene.kindOf(at)) && scene.subjectOf(at).keys.some((key) => key.endsWith(c.conn)))
      for (let why = at; why >= 0; why = scene.records.cause[why]) found.push(why);
  return found;
}

const isAct = (scene, seq) => ["CallMade", "CallReturned", "Intervened"].includes(scene.kindOf(seq));

/** What led to a record, nearest first: by its cause, and above the segments by what was written where it is read. A step
 * of the story begins with its own first record. */
function causesOf(scene, zoom, from) {
  const written = new Map([...scene.frames, ...scene.commands].map(({ sent, received }) => [received, sent]));
  const begin = zoom === 4 ? ((scene.story ?? []).find(([last]) => last === from)?.[1] ?? from) : from;
  const chain = [];
  const { cause } = scene.records;
  const wokenBy = (at) => [cause[at], cause[cause[at]]].find((act) => act >= 0 && /Intervened|AlarmChanged/.test(scene.kindOf(act)));
  const before = (at) => (zoom > 0 && written.has(at) ? (wokenBy(at) ?? written.get(at)) : null) ?? cause[at];
  for (let at = from; at >= 0; at = before(at)) chain.push(at);
  return begin === from ? chain.slice(1) : [begin, ...chain.slice(1)];
}

/** Whether a record is nobody's doing although another went before: it was lost by chance. */
const isChance = (scene, seq) => scene.kindOf(seq) === "SegmentLost" && scene.kindOf(scene.records.cause[seq]) !== "Intervened";

/** Whether all that led to a command is that its own frames were written, as for a heartbeat. */
const isOwnFrame = (scene, seq) => {
  const { command } = scene.subjectOf(seq);
  return causesOf(scene, 0, seq).every((at) => command !== undefined && scene.subjectOf(at).command === command);
};

/** The Why panel shows the chain of causes that lab.why tells. */
function sameChain(one, scene) {
  for (const [seq, chain] of one.chains ?? [])
    if (stage.chainOf(scene, seq).join() !== chain.join()) wrongOf(5, one.name, { zoom: 0, seq })(`Python goes back ${chain}, the page ${stage.chainOf(scene, seq)}`);
}

/** "because" names a step of the zoom, or somebody's act, that is among the causes; a step of the story if its end or a
 * milestone in it is among them. */
function becauseLeads(one, scene, zoom, from) {
  const wrong = wrongOf(5, one.name, { zoom, seq: from });
  const found = stage.causeOf(scene, zoom, from);
  const { cause } = scene.records;
  if (!found) {
    if (zoom < 4 && from >= 0 && cause[from] >= 0 && !isOwnFrame(scene, from) && !isChance(scene, from)) wrong("it has a cause, and none is named");
    return;
  }
  if (isChance(scene, from)) wrong(`chance has no cause, and “${found.sentence}” is named`);
  const chain = causesOf(scene, zoom, from);
  const chapter = zoom === 4 ? (scene.story ?? []).find(([last]) => last === found.seq) : undefined;
  const isToldBy = (at, [last, first]) =>
    first <= at && at < last && (scene.steps[3].includes(at) || (scene.kindOf(last) === "ConsumerAdded" && scene.labels[at].startsWith("basic.consume")));
  const tells = (at) => at === found.seq || (chapter && isToldBy(at, chapter));
  if (found.seq >= from || !chain.some(tells)) wrong(`“${found.sentence}” did not lead there`);
  const commandOf = (at) => scene.subjectOf(at).command ?? scene.frames[scene.subjectOf(at).frame]?.command ?? `none at ${at}`;
  const isTold = (at) => tells(at) || commandOf(at) === commandOf(found.seq);
  if ((zoom === 4 || from % 7 === 0) && !stage.chainOf(scene, from).some(isTold)) wrong(`“${found.sentence}” is not among the causes that Why tells`);
  const player = new stage.Player(scene, { zoom, at: found.seq });
  if (stage.sentenceOf(player.view("wide")) !== found.sentence) wrong(`because says “${found.sentence}”, and that is not what is said there`);
  const nearer = zoom < 2 && scene.kindOf(from) !== "UnitSent" && chain.find((at) => scene.steps[zoom].includes(at));
  if (nearer > found.seq && !isAct(scene, found.seq)) wrong(`record ${nearer} is a nearer cause, and a step`);
}

/** The other orientation, and everything around the picture, at some steps. */
function tall(one, player, wanted, chance) {
  for (let i = 0; i < (one.prefix ? 1 : 3); i++) {
    player.jump(i ? wanted[chance(wanted.length)] : player.scene.n - 1);
    for (const orientation of ["tall", "wide"]) {
      const view = viewOf(player, orientation);
      const first = wholePage(view);
      laws.drawable(laws.seen(view, stage.marks(view)), wrongOf(1, one.name, view));
      if (has(7) && wholePage(viewOf(player, orientation)) !== first) wrongOf(7, one.name, view)("drawn twice, it is not the same");
      const bad = /(?:=|>|\s)(?:NaN|undefined|\[object Object\])/.exec(first);
      if (bad) wrongOf(1, one.name, view)(`the markup says ${first.slice(Math.max(0, bad.index - 60), bad.index + 20)}`);
    }
    player.setZoom(player.zoom);
    if (i === 0) safely(one.name, player, () => whoHasItIsWhole(one, viewOf(player, "wide")));
  }
}

/** Which end alone still has a connection is read to its end, also where a window leaves little room over the tubes. */
function whoHasItIsWhole(one, view) {
  const { layout } = stage.setting(view.scene.layouts, { width: 640, height: 300 });
  const drawn = stage.picture({ ...view, layout }, stage.standing({ ...view, layout })).map(stage.toMarkup).join("");
  for (const [words] of drawn.matchAll(/only its [^<]*…/g)) wrongOf(1, one.name, view)(`over a connection stands “${words}”`);
}

/** What the picture shows on the link as an answer has an arrow in the ladder; of very many things it draws the last. */
function answersAreDrawn(one, view, drawn) {
  const { commands } = view.scene;
  if (commands.length > 400) return;
  for (const { id, name, sent } of commands)
    if (/^basic\.(ack|nack|reject)$/.test(name) && sent !== null && !drawn.has(`command:${id}`)) wrongOf("4 ladder", one.name, view)(`${name} ${id} has no arrow`);
}

/** A loss that is a row has an arrow from its sender to its ×. */
function lossesAreDrawn(one, view) {
  const { scene, zoom } = view;
  if (scene.commands.length > 400) return;
  const ways = stage.bandsBetween(scene, zoom, 0, scene.n - 1).flatMap(({ legs }) => legs);
  const crosses = new Set(ways.filter(({ outcome }) => outcome === "lost").map(({ to }) => to));
  for (const seq of scene.steps[zoom])
    if (seq >= 0 && scene.kindOf(seq) === "SegmentLost" && !crosses.has(seq)) wrongOf("4 ladder", one.name, view)(`the segment that is lost at ${seq} has no arrow`);
}

/** What waits to be read has arrived: its arrow is no longer than its way took, also if all of it came again. */
function arrowsEndInTime(one, scene) {
  const player = new stage.Player(scene, { zoom: 1, at: scene.n - 1 });
  const wrong = wrongOf("4 ladder", one.name, viewOf(player, "wide"));
  for (const f of scene.frames.filter(({ conn, received }) => received !== null && scene.linked.has(conn))) {
    const came = f.carriers.map(([n, first, end]) => ({ s: scene.segmentByNumber.get(n), isWhole: first === 0 && end === f.size }));
    const whole = came.filter(({ s, isWhole }) => isWhole && s?.arrived != null && s.lost_seq === null && !s.discarded);
    const timesOf = (some) => some.map(({ s }) => s?.arrives ?? 0);
    const last = stage.waysOf(scene, f).at(-1);
    if (came.length && scene.timeOf(last.to) > (whole.length ? Math.min(...timesOf(whole)) : Math.max(...timesOf(came)))) wrong(`the arrow of frame ${f.id} ends after the last of it has arrived`);
  }
}

/** The ladder's arrows, all of them, at once. */
function ladder(one, scene) {
  arrowsEndInTime(one, scene);
  for (const zoom of scene.steps.keys()) {
    const player = new stage.Player(scene, { zoom, at: scene.n - 1 });
    const view = viewOf(player, "wide");
    const plan = planOf(view);
    const drawn = stage.drawLadder(view, plan, 500, 0, plan.height);
    if (zoom > 2) answersAreDrawn(one, view, new Set(drawn.map(({ props }) => props["data-sel"])));
    lossesAreDrawn(one, view);
    laws.arrowsArrive(scene, drawn.filter((v) => /\bband\b/.test(v.props.class ?? "") && v.props["data-sel"]), wrongOf("4 ladder", one.name, view));
  }
}

// --- the whole page ---

function modelOf(scene) {
  const values = { scene, start: { zoom: 3, at: -1 }, branch: [], breakable: [], bookmarks: [], arrangement: null };
  return { get: (name) => values[name], set: (name, value) => (values[name] = value), on() {}, off() {}, save_changes() {}, send() {} };
}

/** A drawing refers to things by names that no other stage of the page has, not even one of another script. */
function ownName(one, live) {
  const el = document.createElement("div");
  document.body.append(el);
  const end = secondScript.default.render({ model: modelOf(one.scene), el });
  const other = el.querySelector(".amqplab-stage").stage;
  clearTimeout(other.preparing);
  other.prepare = () => undefined;
  if (other.uid === live.uid) wrongOf(2, one.name)(`two stages of a page are both called ${live.uid}`);
  end();
  el.remove();
}

function wholeStage(one, chance) {
  const el = document.createElement("div");
  document.body.append(el);
  Object.assign(page, { width: 1400, height: 800 });
  const end = stage.default.render({ model: modelOf(one.scene), el });
  const { stage: live } = el.querySelector(".amqplab-stage") ?? {};
  if (!live) return wrongOf(1, one.name)(`the stage does not begin: ${el.textContent}`);
  clearTimeout(live.preparing);
  live.prepare = () => undefined;
  if (!one.prefix) ownName(one, live);
  const { player } = live;
  const shown = () => (report.drawn.pages++, pass(100), written(live.root)); // what scrolls settles in the next frame
  const compare = (was, words) => {
    const is = shown();
    for (const node of strays(live.root)) wrongOf(1, one.name, player)(`<${node.localName}> in a drawing is no part of it`);
    if (is !== was) wrongOf(7, one.name, player)(`${words}: ${differing(was, is)}`);
  };
  for (const zoom of ZOOMS) {
    live.perform(`zoom-${zoom}`);
    const { last } = player;
    const first = Math.max(0, one.prefix ? last - PAGES : chance(Math.max(1, last - PAGES)));
    const go = (k) => (player.go(k), live.draw());
    go(first);
    live.perform(one.prefix ? "panel-state" : ["panel-state", "panel-inspector", "panel-story", "panel-why", "legend"][zoom]);
    const pages = [];
    for (let k = first; k < Math.min(last, first + PAGES); k++) {
      pages.push(shown());
      live.perform("forward");
      pass(1500);
    }
    const count = pages.length;
    for (let i = count; i-- > 0;) {
      live.perform("back");
      pass(1500);
      compare(pages[i], `back at step ${first + i}`);
    }
    for (let i = 0; i < 3 && count; i++) {
      const k = chance(count);
      go(chance(last + 1));
      go(first + k);
      if (has("7 jump")) compare(pages[k], `a jump to step ${first + k}`);
    }
    Object.assign(page, { width: [420, 700, 1000, 1900][chance(4)], height: [500, 1100][chance(2)] });
    live.measure();
    monkey(live, chance);
    live.perform("let-go");
    Object.assign(page, { width: 1400, height: 800 });
    live.measure();
  }
  end();
  el.remove();
}

/** Elements in a drawing that the browser does not draw, because they are not SVG's. */
function strays(node, inside = false) {
  const isDrawing = inside || node.localName === "svg";
  const found = inside && !node.namespaceURI.endsWith("svg") ? [node] : [];
  if (node.localName === "foreignObject") return found;
  return [...found, ...[...node.childNodes].filter(({ localName }) => localName).flatMap((one) => strays(one, isDrawing))];
}

const DEEDS = [
  ...["forward", "back", "toggle", "coarser-forward", "coarser-back", "finer-forward", "finer-back", "start", "end", "faster"],
  ...["let-go", "come-back", "all-bytes", "look-in", "look-out", "look-fit", "legend", "help", "axis", "whole-sentence", "bookmark"],
  ...["bookmark-back", "panel-ladder", "panel-state", "panel-why", "panel-story", "panel-inspector", "dock-state", "dock-inspector"],
];

/** Somebody who plays with everything. */
function monkey(live, chance) {
  for (let i = 0; i < 12; i++) {
    live.perform(DEEDS[chance(DEEDS.length)]);
    const things = live.root.querySelectorAll("[data-sel],[data-jump],[data-kind=row]");
    if (i % 3 === 0 && things.length) live.clicked(things[chance(things.length)]);
    pass(chance(2) * 700);
  }
  live.player.playing = false;
  live.player.pinned = null;
  live.draw();
}

function differing(a, b) {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return `“${a.slice(Math.max(0, i - 70), i + 50)}” and “${b.slice(i, i + 50)}”`;
}

// --- all of it ---

for (const file of readdirSync(process.env.CASES).sort()) {
  const one = JSON.parse(readFileSync(join(process.env.CASES, file), "utf8"));
  report = fresh();
  judge({ marks: {}, counts: {}, ...one });
  writeSync(1, `${JSON.stringify(report)}\n`);
}

function judge(one) {
  report.drawn[one.prefix ? "prefixes" : "cases"]++;
  const scene = safely(one.name, null, () => stage.decode(one.whole ? structuredClone(one.scene) : one.scene));
  if (!scene) return;
  for (const zoom of ZOOMS) safely(one.name, { zoom, seq: -1 }, () => play(one, scene, zoom));
  if (has(5)) safely(one.name, { zoom: 0, seq: -1 }, () => sameChain(one, scene));
  if (has("4 ladder")) safely(one.name, { zoom: -1, seq: scene.n }, () => ladder(one, scene));
  if (one.whole) safely(one.name, { zoom: -1, seq: -1 }, () => wholeStage(one, chanceOf(one.name)));
}

process.exit(0);

// The ladder: one lifeline per host, time runs down, and what crosses between them.
//
// Theory
// ------
// This is the diagram of every protocol book, made from the same records as the picture above it: a row per step
// of the zoom, so that stepping moves exactly one row. Heights follow the steps and, compressed, the virtual time
// between them. Only what is in sight is drawn.

import { cut, round, timeText } from "./text.js";
import { cls, h } from "./elements.js";
import { gapTime, lastAtMost, timeOf } from "./story.js";
import { drawBand, ladderBands } from "./bands.js";

const SOON = 1e-6;
const LETTER = 6.3;
const MARGIN = 400;

/** Rows of the ladder at a zoom: one per step; y rises with the steps and, compressed, with virtual time. */
export function ladderPlan(scene, zoom) {
  const { at } = scene.records;
  const rows = [];
  let y = 14;
  for (const seq of scene.steps[zoom]) {
    if (seq < 0) continue;
    const gap = rows.length ? at[seq] - at[rows.at(-1).seq] : 0;
    const quiet = isArrival(scene, seq, zoom);
    y += (rows.length ? 8 + Math.min(34, gapTime(gap) / 26) : 0) + (quiet ? 4 : 13);
    rows.push({ seq, y, quiet, gap });
  }
  const bands = ladderBands(scene, zoom);
  return {
    rows,
    height: y + 30,
    ys: rows.map((row) => row.y),
    times: rows.map((row) => timeOf(scene, row.seq)),
    bands,
    labels: new Map(bands.map((band) => [band.seq, band])),
    fromRight: new Set(bands.filter((band) => comesFromRight(scene, band)).map((band) => band.to)),
  };
}

const comesFromRight = ({ hosts }, band) => hosts.indexOf(band.a) > hosts.indexOf(band.b);

/** The far end of a band that has its own label at the near end. */
function isArrival(scene, seq, zoom) {
  const s = scene.subjectOf(seq);
  if (s.segment !== undefined) return zoom === 0 && scene.segmentByNumber.get(s.segment).sent !== seq;
  const x = s.frame !== undefined ? scene.frames[s.frame] : scene.commands[s.command];
  if (!x) return false;
  return x.received === seq && x.sent !== null;
}

/** y of a story time: linear between rows. */
export function ladderY(plan, time) {
  if (!plan.ys.length) return 0;
  const k = lastAtMost(plan.times, time);
  if (k < 0) return plan.ys[0] - 10;
  if (k + 1 >= plan.ys.length) return plan.ys[k];
  const t = (time - plan.times[k]) / (plan.times[k + 1] - plan.times[k]);
  return plan.ys[k] + (plan.ys[k + 1] - plan.ys[k]) * t;
}

/** Where the lifelines stand in a ladder of this width. */
export function columnsOf(hosts, width) {
  const left = width < 440 ? 50 : 66;
  const column = (width - left) / hosts.length;
  const x = (host) => left + column * (Math.max(0, hosts.indexOf(host)) + 0.5);
  return { left, column, x, least: left + hosts.length * (width < 440 ? 104 : 150) };
}

/** The host that a record happened at, as a column. */
export function hostOf(scene, seq) {
  const where = scene.names[scene.records.where[seq]];
  return scene.hosts.includes(where) ? where : scene.broker;
}

/** The part of the ladder between two heights, as elements: lifelines, the line of now, bands, rungs. */
export function drawLadder(view, plan, width, top, bottom) {
  const { hosts, broker } = view.scene;
  const columns = columnsOf(hosts, width);
  const now = round(ladderY(plan, timeOf(view.scene, view.seq)));
  const between = !plan.ys.some((y) => Math.abs(y - now) < 1);
  const lifeline = (host) => {
    const x = round(columns.x(host));
    const kind = cls("lifeline", host === broker && "hub");
    return h("line", { key: `h${host}`, class: kind, x1: x, y1: round(top), x2: x, y2: round(bottom) });
  };
  const bands = plan.bands
    .map((band) => ({ band, y0: ladderY(plan, band.from), y1: ladderY(plan, band.to) }))
    .filter(({ y0, y1 }) => y1 >= top && y0 <= bottom);
  const rungs = [];
  for (let k = Math.max(0, lastAtMost(plan.ys, top - MARGIN)); k < plan.rows.length; k++) {
    if (plan.rows[k].y > bottom) break;
    rungs.push(drawRung(view, plan, k, columns, width));
  }
  return [
    between && h("line", { key: "now", class: "nowline", x1: 0, x2: round(width), y1: now, y2: now }),
    ...hosts.map(lifeline),
    ...bands.map(({ band, y0, y1 }) =>
      drawBand(view, band, columns.x(band.a), columns.x(band.b), y0, y1, band.from > timeOf(view.scene, view.seq) + SOON),
    ),
    ...rungs,
  ].filter(Boolean);
}

/** One row: its time, and either the label of the band that begins here or what happened at one host. */
function drawRung(view, plan, k, columns, width) {
  const { scene } = view;
  const row = plan.rows[k];
  const past = (i) => i < plan.rows.length && plan.times[i] <= timeOf(view.scene, view.seq) + SOON;
  const tone = past(k) ? (past(k + 1) ? "" : "here") : k === 0 || past(k - 1) ? "future next" : "future";
  const half = row.quiet ? 5 : 10;
  const clock = (k === 0 || row.gap > 0) && !row.quiet;
  return h(
    "g",
    { key: `r${row.seq}`, class: cls("rung", tone), "data-seq": row.seq },
    h("rect", { class: "reach", x: 0, y: round(row.y - half), width: round(width), height: 2 * half }),
    clock &&
      h(
        "text",
        { class: "clock", x: columns.left - 10, y: round(row.y + 3.5) },
        timeText(scene.records.at[row.seq]),
      ),
    rungMark(scene, plan, k, columns),
  );
}

function rungMark(scene, plan, k, columns) {
  const row = plan.rows[k];
  const at = columns.x(hostOf(scene, row.seq));
  if (row.quiet) return h("circle", { class: "dot", cx: round(at), cy: round(row.y), r: 2.5 });
  const band = plan.labels.get(row.seq);
  if (band) return bandLabel(columns.x(band.a), columns.x(band.b), row.y, band);
  return [
    h("circle", { class: "dot big", cx: round(at), cy: round(row.y), r: 4 }),
    note(scene, at, row, columns, plan.fromRight.has(plan.times[k])),
  ];
}

const fitting = (words, room) => cut(words, Math.max(6, Math.floor(room / LETTER)));

function bandLabel(a, b, y, band) {
  const right = b > a;
  const place = { x: round(a + (right ? 9 : -9)), y: round(y - 3), "text-anchor": right ? "start" : "end" };
  return h("text", { class: "band-label halo", ...place }, fitting(band.label, Math.abs(b - a) * 0.96));
}

/** What happened at one host; at the last one, and where an arrow comes from the right, to its left. */
function note(scene, at, row, { column }, crossed) {
  const { hosts } = scene;
  const i = hosts.indexOf(hostOf(scene, row.seq));
  const last = (crossed && i > 0) || (i === hosts.length - 1 && hosts.length > 1);
  const place = {
    x: round(at + (last ? -9 : 9)),
    y: round(row.y + 4),
    "text-anchor": last ? "end" : "start",
  };
  const room = column * (last ? Math.min(1.5, i + 0.4) : Math.min(1.5, hosts.length - i - 0.55));
  return h("text", { class: "note halo", ...place }, fitting(scene.labels[row.seq], room));
}

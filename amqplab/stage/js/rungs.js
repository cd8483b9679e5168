// Rungs on the page: the ladder's scrolling window, which follows the story unless somebody holds it.
//
// Theory
// ------
// A long run has a ladder of many thousand pixels; only the window and a little around it are drawn. While the
// pointer rests on the ladder it does not run away under it.

import { cut } from "./text.js";
import { timeOf } from "./story.js";
import { h, patch } from "./elements.js";
import { columnsOf, drawLadder, hostOf, ladderPlan, ladderY } from "./ladder.js";

const AROUND = 60;
const LOOK_AHEAD = 0.55;

/** The ladder of one stage; `parts` are the skeleton's. */
export class Rungs {
  constructor({ ladderScroll, ladderHead, ladderSvg }) {
    Object.assign(this, { box: ladderScroll, head: ladderHead, svg: ladderSvg, plans: {}, held: false });
  }

  forget() {
    this.plans = {};
  }

  /** Draw what is in sight; with `follow`, the present comes into sight first. */
  draw(view, follow = true) {
    const { box } = this;
    const { hosts } = view.scene;
    const plan = (this.plans[view.zoom] ??= ladderPlan(view.scene, view.zoom));
    const inner = Math.max(box.clientWidth - 4, columnsOf(hosts, box.clientWidth).least);
    this.svg.setAttribute("width", inner);
    this.svg.setAttribute("height", Math.ceil(plan.height));
    const columns = columnsOf(hosts, inner);
    if (follow && !this.held) this.follow(view, ladderY(plan, timeOf(view.scene, view.seq)), columns);
    const left = (host) => Math.round(columns.x(host) - box.scrollLeft);
    const room = Math.floor(columns.column / 7.5);
    patch(
      this.head,
      hosts.map((host) => h("span", { style: `left:${left(host)}px` }, cut(host, room))),
    );
    const top = Math.max(0, box.scrollTop - AROUND);
    const bottom = Math.min(plan.height, box.scrollTop + box.clientHeight + AROUND);
    patch(this.svg, drawLadder(view, plan, inner, top, bottom));
  }

  follow(view, y, columns) {
    const { box } = this;
    const want = Math.max(0, Math.round(y - box.clientHeight * LOOK_AHEAD));
    if (want !== box.scrollTop) box.scrollTop = want;
    if (view.seq < 0) return;
    const x = columns.x(hostOf(view.scene, view.seq));
    const half = columns.column / 2;
    if (x - half < box.scrollLeft || x + half > box.scrollLeft + box.clientWidth)
      box.scrollLeft = Math.max(0, Math.round(x - box.clientWidth / 2));
  }
}

// How long ladder, inspector and depths take for a step: printed as JSON, as shares of what it takes this machine, just now,
// to parse the recording's sentences from JSON.
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = await stage.decode(readFileSync(process.env.SCENE, "utf8"));
const STEPS = 400;
const ROUNDS = 3; // other programs run here too: the quickest of so many counts
const PEER = JSON.stringify(scene.sentences);

const timed = (work) => {
  const begin = performance.now();
  work();
  return performance.now() - begin;
};
const p95 = (shares) => [...shares].sort((a, b) => a - b)[Math.floor(shares.length * 0.95)];
const quickest = (work, rounds = ROUNDS) => Math.min(...Array.from({ length: rounds }, () => timed(work)));

/** The quickest of some rounds against the quickest of the peer's, side by side. */
const share = (work, rounds) => quickest(work, rounds) / quickest(() => JSON.parse(PEER), rounds);

const report = {};
for (const zoom of scene.steps.keys()) {
  const plan = stage.ladderPlan(scene, zoom);
  const planning = share(() => stage.ladderPlan(scene, zoom), 10); // long enough to be interrupted
  const player = new stage.Player(scene, { zoom });
  const step = Array.from({ length: STEPS }, (_, i) => {
    player.go(1 + Math.round((i * (player.last - 1)) / STEPS));
    const view = player.view();
    const draw = () => {
      const y = plan.yOf(view.seq);
      stage.drawLadder(view, plan, 440, Math.max(0, y - 320), y + 320);
      stage.inspector(view, 440);
    };
    return share(draw);
  });
  const depths = Array.from({ length: 50 }, () => share(() => stage.drawDepths(player.view(), 440)));
  report[stage.ZOOMS[zoom]] = { plan: planning, step: p95(step), depths: p95(depths) };
}
console.log(JSON.stringify(report));

// What bench/stage.py measures in the page: the script time of steps and jumps, and the JSON parse of the same scene.
// Other programs run here too, so each step and jump is made `ROUNDS` times, and the quickest counts.
async ({ steps, rounds }) => {
  const { stage } = document.querySelector(".amqplab-stage");
  const { player } = stage;
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const timed = async (work) => {
    await frame();
    const begin = performance.now();
    work();
    return performance.now() - begin;
  };
  const share = (times, part) => times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * part))];
  const both = (times) => ({ p50: share(times, 0.5), p95: share(times, 0.95) });
  while (player.cursor.scout) await new Promise((done) => setTimeout(done, 50)); // far jumps are being prepared

  let chance = 1;
  const random = () => (chance = (chance * 48271) % 2147483647) / 2147483647;
  const jump = (seq) => timed(() => {
    player.jump(seq, true);
    stage.draw();
    stage.run();
  });

  stage.perform("zoom-3");
  player.go(Math.floor(player.last / 2));
  stage.draw();
  const forward = [];
  const away = [];
  for (let i = 0; i < steps; i++) {
    const found = [];
    for (let round = 0; round < rounds; round++) {
      if (round) await timed(() => stage.perform("back"));
      found.push(await timed(() => stage.perform("forward")));
    }
    forward.push(Math.min(...found));
  }
  for (let i = 0; i < steps; i++) {
    const [there, elsewhere] = [random(), random()].map((part) => Math.floor(part * player.scene.n));
    const found = [];
    for (let round = 0; round < rounds; round++) {
      await jump(elsewhere);
      found.push(await jump(there));
    }
    away.push(Math.min(...found));
  }
  return { step: both(forward), jump: both(away) };
}

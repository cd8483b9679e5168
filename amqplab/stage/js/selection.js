// Selection: what belongs to the thing that was picked, so that one thing lights up everywhere.
//
// Theory
// ------
// A message, its frames and the segments that carry them are one thing seen at three sizes. Whoever picks one of
// them sees the others lit in every panel.

const LIT_KINDS = ["frame", "segment", "message", "command", "entity"];

/** What belongs to the selection: a Set of numbers (or keys) by kind. */
export function related(scene, selection) {
  const found = Object.fromEntries(LIT_KINDS.map((kind) => [kind, new Set()]));
  if (!selection) return found;
  found[selection.kind]?.add(selection.id);
  for (const f of framesOf(scene, selection)) {
    found.frame.add(f.id);
    if (selection.kind !== "message") for (const message of f.messages) found.message.add(message);
    if (selection.kind === "segment") continue;
    for (const [n] of f.carriers) found.segment.add(n);
    if (f.command !== null) found.command.add(f.command);
  }
  return found;
}

/** The frames that a selection is, has, or carries. */
export function framesOf(scene, { kind, id }) {
  if (kind === "message") return scene.framesOfMessage(id);
  const ids = {
    frame: () => [id],
    command: () => scene.commands[id]?.frames ?? [],
    segment: () => (scene.segmentByNumber.get(id)?.frames ?? []).map(([frame]) => frame),
  }[kind];
  return ids ? ids().map((frame) => scene.frames[frame]).filter(Boolean) : [];
}

/** "frame:12" or "entity:queue/%2F/app" as {kind, id}. */
export function parseSelection(text) {
  const at = text.indexOf(":");
  const [kind, id] = [text.slice(0, at), text.slice(at + 1)];
  return { kind, id: kind === "entity" ? id : +id };
}

/** What a record is about, as something to look at: the frame that it speaks of, or else the largest thing. */
export function selectionOf(scene, seq) {
  if (seq < 0) return null;
  const { frame, command, segment, message, keys } = scene.subjectOf(seq);
  if (frame !== undefined) return { kind: "frame", id: frame };
  if (command !== undefined) return { kind: "frame", id: scene.commands[command].frames[0] };
  if (segment !== undefined) return { kind: "segment", id: segment };
  if (message !== undefined) return { kind: "message", id: message };
  return keys.length ? { kind: "entity", id: keys[0] } : null;
}

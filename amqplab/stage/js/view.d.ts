// The words that the scripts' comments use for types. What Python sends is in types.d.ts, under `Sent`; here is what
// the scripts make of it. Each shape is told where it is made, and has here the name by which all others call it.

type Scene = import("./scene.js").Scene;
type World = import("./state.js").World;
type Player = import("./player.js").Player;
type Stage = import("./stage.js").Stage;

type Layout = Sent.Layout;
type Subject = Sent.Subject;
type Geometry = Sent.Geometry;
type Point = Sent.Point;

/** What scene.js adds to what was sent: its number, and what is looked up often. */
interface Segment extends Sent.Segment {
  frames: [id: number, first: number, end: number][];
}
interface Frame extends Sent.Frame {
  id: number;
  size: number;
  last?: Segment[];
}
interface Command extends Sent.Command {
  id: number;
}

/** All that a drawing function needs (Player.view), and what only the page knows (the frame's view). */
type View = ReturnType<Player["view"]>;
type PageView = ReturnType<import("./wiring.js").Frame["view"]>;

type Mark = import("./mark.js").Mark;
type VElement = import("./elements.js").VElement;
type Kept = import("./elements.js").Kept;
type Ride = import("./ride.js").Ride;
type Leg = import("./legs.js").Leg;
type Band = import("./bands.js").Band;
type Selection = import("./selection.js").Selection;
type Arrangement = import("./dock.js").Arrangement;

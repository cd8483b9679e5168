// The words that the scripts' comments use for types. What Python sends is in types.d.ts, under `Sent`; here is what
// the scripts make of it. Each shape is told where it is made, and has here the name by which all others call it.
//
// A class that takes over all the parts of an object at once (`Object.assign(this, parts)`) is told here what it got.

import type { Cursor } from "./state.js";
import type { skeleton } from "./skeleton.js";

declare global {
  /** How many stages the page has had, whichever of its scripts made them. */
  interface Document {
    amqplabStages?: number;
  }

  type Scene = import("./scene.js").Scene;
  type World = import("./state.js").World;
  type Player = import("./player.js").Player;
  type Stage = import("./stage.js").Stage;

  /** A thing of the state; which fields it has, the kind in its key tells. */
  type Entity = Record<string, any>;
  type Keyed = [key: string, entity: Entity];

  type Layout = Sent.Layout;
  /** What a record speaks of: keys of the state, the first the most important, and numbers. */
  interface Subject {
    keys: string[];
    frame?: number;
    command?: number;
    segment?: number;
    message?: number;
  }
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
    gone?: number | null;
  }
  interface Command extends Sent.Command {
    id: number;
    gone?: number | null;
  }

  /** All that a drawing function needs (Player.view), and what only the page knows (the frame's view). */
  type View = ReturnType<Player["view"]>;
  type PageView = ReturnType<import("./wiring.js").Frame["view"]>;

  type Mark = import("./mark.js").Mark;
  /** A mark with the fields that its kind has besides. */
  type DrawnMark = Mark & Record<string, any>;
  type VElement = import("./elements.js").VElement;
  type Drawn = import("./elements.js").Drawn;
  /** What may be handed to `h` as a child: what is nothing is left out, lists are laid flat. */
  type Kid = VElement | string | number | null | undefined | false | readonly Kid[];
  type Ride = import("./ride.js").Ride;
  type Leg = import("./legs.js").Leg;
  type Band = import("./bands.js").Band;
  type Panel = import("./panels.js").Panel;

  /** What exists at one of the records from `low` to `high`. */
  type Alive<T> = (low: number, high?: number) => T[];

  /** What somebody picked: a thing by its key in the state, or by its number. */
  type Picked = { kind: "entity"; id: string } | { kind: "message" | "frame" | "command" | "segment"; id: number };
  type Lit = import("./selection.js").Lit;
  type Arrangement = import("./dock.js").Arrangement;

  /** What anywidget, or the page that stands alone, gives the stage to hear and say things by. */
  interface Model {
    get(name: string): any;
    set(name: string, value: any): void;
    save_changes(): void;
    on(name: string, heard: (...said: any[]) => void): void;
    off(name: string, heard: (...said: any[]) => void): void;
    send?(message: object): void;
    comm_live?: boolean;
  }
}

declare module "./scene.js" {
  interface Scene extends Omit<Sent.Scene, "segments" | "frames" | "commands"> {
    segments: Segment[];
    frames: Frame[];
    commands: Command[];

    /** What is worked out when somebody asks first, and kept. */
    framesByMessage?: Map<number, Frame[]>;
    routesByMessage?: Map<number | undefined, number[]>;
    connectionsWithSegments?: Set<string>;
    segmentLives?: Alive<Segment>;
    frameLives?: Alive<Frame>;
    unfinished?: (at: number) => Frame[];
    commandLives?: Alive<Command>;
    film?: Float64Array;
    legs?: WeakMap<object, Leg[]>;
    goals?: string[];
    framesByConnection?: Map<string, Frame[]>;
    flatSpans?: Map<any, any>;
    depthByQueue?: any;
    depthPlan?: any;
    quickestByLane?: Map<string, number>;
    readingsByLane?: Map<string, number[]>;
    nextLives?: any;
  }
}

declare module "./stage.js" {
  interface Stage extends ReturnType<typeof skeleton> {}
}

// Presenting: full screen, and large type for a room.
//
// Theory
// ------
// From the last row only the picture, the sentence and where one is can be read, so in presenter mode nothing else
// is on the screen. A remote sends PageUp, PageDown and b; b makes the screen blank, as everywhere. Where a
// browser gives no full screen (a sandboxed frame), the stage fills the page instead.

/** Full screen and presenter mode of one stage. `changed` is called when they have changed. */
export class Presenting {
  /** @param {HTMLElement} root @param {HTMLElement} blank @param {() => void} changed */
  constructor(root, blank, changed) {
    this.root = root;
    this.blank = blank;
    this.changed = changed;
    this.on = this.filling = false;
    this.heard = () => this.screenChanged();
    document.addEventListener("fullscreenchange", this.heard);
    blank.addEventListener("click", () => this.toggleBlank());
  }

  close() {
    document.removeEventListener("fullscreenchange", this.heard);
  }

  get full() {
    return document.fullscreenElement === this.root || this.filling;
  }

  get active() {
    return this.on || this.full;
  }

  async toggleFull() {
    if (this.full) return this.leave();
    try {
      await this.root.requestFullscreen();
    } catch {
      this.filling = true; // not allowed here: the page itself is filled
    }
    this.settle();
  }

  async toggle() {
    if (this.on) return this.leave();
    this.on = true;
    this.settle();
    if (!this.full) await this.toggleFull();
  }

  toggleBlank() {
    this.blank.hidden = !this.blank.hidden;
  }

  /** Leave; true if there was something to leave. */
  leave() {
    const left = this.active;
    Object.assign(this, { on: false, filling: false });
    this.blank.hidden = true;
    if (document.fullscreenElement === this.root) document.exitFullscreen().catch(() => undefined);
    this.settle();
    return left;
  }

  /** The browser's own Escape ends full screen, and with it presenting. */
  screenChanged() {
    if (document.fullscreenElement !== this.root && !this.filling) {
      this.on = false;
      this.blank.hidden = true;
    }
    this.settle();
  }

  settle() {
    this.root.classList.toggle("presenting", this.on);
    this.root.classList.toggle("filling", this.filling);
    this.root.classList.toggle("full", this.full);
    this.changed();
  }
}

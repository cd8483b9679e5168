// Pointers: following a pressed pointer until it is let go.
//
// Theory
// ------
// A click on a thing of the picture picks it, a drag on the same thing moves the picture. Which of the two it is
// shows only after a few pixels; and at the end of a drag the browser says "click", which then must not be heard.

const DRAG_BEGINS = 4;

/** @param {Event} event */
const swallow = (event) => event.stopPropagation();

/** Tell `moved` how far the pointer of a pointerdown `event` has come; a promise of its end.
 * @param {HTMLElement} root @param {PointerEvent} event @param {(dx: number, dy: number) => void} moved */
export function drag(root, event, moved) {
  const [x, y] = [event.clientX, event.clientY];
  let dragging = false;
  if (/** @type {HTMLElement} */ (event.target).dataset?.sash) event.preventDefault();
  return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    const to = (/** @type {PointerEvent} */ { clientX, clientY }) => {
      dragging ||= Math.hypot(clientX - x, clientY - y) > DRAG_BEGINS;
      if (dragging) moved(clientX - x, clientY - y);
    };
    const stop = () => {
      window.removeEventListener("pointermove", to);
      if (dragging) root.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => root.removeEventListener("click", swallow, { capture: true }), 0);
      resolve();
    };
    window.addEventListener("pointermove", to);
    window.addEventListener("pointerup", stop, { once: true });
    window.addEventListener("pointercancel", stop, { once: true });
  });
}

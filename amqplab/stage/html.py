"""A page that plays a run by itself: no Jupyter, no kernel, no network.

Theory
------
The widget asks its model for three values and may send it messages. So a page needs only the same module, the
compressed scene, and a model of a few lines that answers from it and has no ``send``: the stage then
knows that nobody is there to break things. The module is inlined as a script of type "module"; a data or
blob URL would be refused by strict sandboxes, an inline module runs even in ``<iframe
sandbox="allow-scripts">``.

Same recording, same page, octet for octet.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from amqplab.stage.esm import script, styles
from amqplab.stage.scene import packed, to_json
from amqplab.trace.recorder import Record

__all__ = ["page", "to_html"]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
html {{ color-scheme: light dark; background: light-dark(#f6f7f9, #0d0f13); }}
body {{ margin: 0; padding: 16px; }}
#stage {{ max-width: 1900px; margin: 0 auto; }}
h1 {{ position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }}
@media (max-width: 620px) {{ body {{ padding: 4px; }} }}
{css}
</style>
</head>
<body>
<main><h1>{title}</h1><div id="stage"></div></main>
<script type="application/octet-stream" id="scene">{data}</script>
<script type="module">
{module}
const values = {{ scene: document.getElementById("scene").textContent, start: {start}, breakable: [] }};
const model = {{ get: (name) => values[name], on() {{}}, off() {{}} }};
render({{ model, el: document.getElementById("stage") }});
</script>
</body>
</html>
"""


def page(recorder: Iterable[Record], *, title: str = "", zoom: int = 4, at: int | None = None) -> str:
    """The whole page as text. `zoom` 0 to 4 as in scene.py; `at` is the seq to begin at, None just before the
    first publish."""
    data = b64encode(packed(recorder, title=title)).decode("ascii")
    start: dict[str, Any] = {"zoom": zoom, "at": at}
    return PAGE.format(
        title=escape(title or "amqplab stage"),
        css=styles(),
        data=data,
        module=script().replace("</script", "<\\/script"),
        start=to_json(start),
    )


def to_html(
    recorder: Iterable[Record], path: str | Path, *, title: str = "", zoom: int = 4, at: int | None = None
) -> Path:
    """Write the page to `path` and return it."""
    target = Path(path)
    target.write_text(page(recorder, title=title, zoom=zoom, at=at), encoding="utf-8")
    return target

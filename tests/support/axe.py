"""What axe-core, the checker that most accessibility audits begin with, finds wrong with a page.

Theory
------
axe reads the page as it is now, so each state that a reader can bring it into has to be asked for by itself.
Everything is asked: what WCAG demands up to 2.2 AA, what is good practice, and the rules that axe itself
calls experimental, among them the one that a button's name must contain what is written on it.

One rule is left out: it wants everything that Tab reaches to be a button or the like. A group whose things are
reached by arrows is such a stop here, so that Tab passes a picture of a hundred things in one step.
"""

from __future__ import annotations

from functools import cache

from npm import package
from playwright.sync_api import Page

__all__ = ["VERSION", "violations"]

VERSION = "4.14.1"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"]
GROUPS_ARE_STOPS = {"focus-order-semantics": {"enabled": False}}
RUN = """async ([where, tags, rules]) => {
    const options = { runOnly: { type: "tag", values: tags }, rules, resultTypes: ["violations"] };
    const { violations } = await window.axe.run(where ? document.querySelector(where) : document, options);
    return violations.flatMap(({ id, impact, help, nodes }) =>
        nodes.map(({ target, html }) => `${id} (${impact}): ${help}: ${target.flat().join(" ")}: ${html}`));
}"""


@cache
def source() -> str:
    """axe as one script."""
    return (package("axe-core", VERSION, "find what bars people from the stage") / "axe.min.js").read_text(
        encoding="utf-8"
    )


def violations(page: Page, where: str = "") -> list[str]:
    """A sentence for each element that breaks a rule, on the whole page or in the first `where`."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(source())  # not as a script element: the page's own policy forbids strangers
    return [sentence[:300] for sentence in page.evaluate(RUN, [where, TAGS, GROUPS_ARE_STOPS])]

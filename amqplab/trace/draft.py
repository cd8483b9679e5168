"""A draft of the next state: entities are replaced, never changed.

Theory
------
One record changes a handful of entities. A draft collects the new ones beside the old state; when the step is
finished it hands out the *patch*, a list of (key, old entity or None, new entity or None), and only then does
the state take the new ones in. Because an entity that was once in a state is never written to again, states,
keyframes and patches can share entities, and a patch can be taken back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Draft", "Entity", "Patch", "State", "undo"]

Entity = Mapping[str, Any]
State = dict[str, Entity]
"""Key of :mod:`amqplab.trace.keys` -> entity. Entities hold only JSON values."""

Patch = list[tuple[str, Entity | None, Entity | None]]
"""What one step changed: (key, entity before, entity after); None where there was or is none."""


class Draft:
    """The changes that one record makes to `state`, while they are being worked out. `where` is the host at
    which it happens.
    """

    def __init__(self, state: State, where: str = "") -> None:
        self.where = where
        self._state = state
        self._changes: dict[str, dict[str, Any] | None] = {}

    def get(self, key: str) -> Entity | None:
        """The entity as it stands now, for reading."""
        if key in self._changes:
            return self._changes[key]
        return self._state.get(key)

    def keys(self, prefix: str) -> list[str]:
        """The keys of the old state that begin so. Every key is looked at: not for what happens often."""
        return [key for key in self._state if key.startswith(prefix)]

    def edit(self, key: str) -> dict[str, Any] | None:
        """The entity for writing, or None if there is none. Its lists are shared: replace them."""
        if key in self._changes:
            return self._changes[key]
        entity = self._state.get(key)
        if entity is None:
            return None
        copy = self._changes[key] = dict(entity)
        return copy

    def put(self, key: str, entity: dict[str, Any]) -> dict[str, Any]:
        """A new entity, in place of any old one."""
        self._changes[key] = entity
        return entity

    def drop(self, key: str) -> None:
        """The entity is gone; nothing happens if there was none."""
        if self.get(key) is not None:
            self._changes[key] = None

    def commit(self) -> Patch:
        """Let the state take the changes in; return what really changed, in the order it was touched."""
        state = self._state
        patch: Patch = []
        for key, new in self._changes.items():
            old = state.get(key)
            if old == new:
                continue
            patch.append((key, old, new))
            if new is None:
                del state[key]
            else:
                state[key] = new
        return patch


def undo(state: State, patch: Patch) -> None:
    """Take a patch back: `state` is again as it was before the step."""
    for key, old, _ in reversed(patch):
        if old is None:
            del state[key]
        else:
            state[key] = old

"""Values with named fields that are tuples underneath.

Theory
------
A method or the properties of a message are made once for every frame, so making one must be cheap. A tuple
is the cheapest thing that Python can build; a frozen dataclass of fourteen fields takes five times as long.
Here a class is written in the notation of dataclasses (``routing_key: ShortStr = ""``) and becomes a tuple
whose items are also reached by name. Being immutable, a decoded value may be shared and remembered.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]
from typing import Any, ClassVar, Self

from amqplab.wire.codegen import fast_new
from amqplab.wire.domains import Domain

__all__ = ["NamedValue", "as_tuple"]


class NamedValue(tuple[Any, ...]):
    """A tuple that equals only values of its own class, and is true also when it has no items."""

    __slots__ = ()

    names: ClassVar[tuple[str, ...]]

    def replace(self, **changes: Any) -> Self:
        """The same value with some fields changed."""
        return type(self)(**{**dict(zip(self.names, self, strict=True)), **changes})

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self).__qualname__, *self))

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self)


def as_tuple(cls: type, base: type, domains: dict[str, Domain]) -> Any:
    """`cls` again as a `base` with these fields."""
    declared = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    body = {name: value for name, value in declared.items() if name not in domains}
    body |= {"__slots__": (), "__qualname__": cls.__qualname__, "names": tuple(domains)}
    body |= {name: _tuplegetter(place, f"Field {name}.") for place, name in enumerate(domains)}
    body["__new__"] = fast_new(list(domains), [declared[name] for name in domains])
    return type(cls.__name__, (base,), body)

"""Make the tests' peer importable, and give every test a fresh world."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from broker_peer import Peer, World


@pytest.fixture
def world() -> World:
    """A broker with default settings and nobody connected."""
    return World()


@pytest.fixture
def peer(world: World) -> Peer:
    """An open connection with channel 1 open."""
    peer = world.connect()
    peer.channel(1)
    return peer

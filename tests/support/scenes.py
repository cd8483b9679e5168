"""Every scene that the stage is tried on, by name.

    from scenes import SCENES, build, names, recording

    @pytest.mark.parametrize("name", names())              all but the big ones and those with real clients
    def test_something(name): recorder = recording(name)   built once for each process

What a scene is stands in `scene_book`; the scenes themselves in the modules imported here.
"""

from __future__ import annotations

import scenes_large
import scenes_network
import scenes_queues
import scenes_tutorials
from scene_book import SCENES, Scene, build, names, recording

__all__ = ["SCENES", "Scene", "build", "names", "recording"]

MODULES = (scenes_tutorials, scenes_queues, scenes_network, scenes_large)

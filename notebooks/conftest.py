"""The lessons as tests: what a cell says must not depend on how busy the machine is."""

import os

os.environ.setdefault("AMQPLAB_PROGRESS", "off")

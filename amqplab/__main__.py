"""`python -m amqplab`: see :mod:`amqplab.cli`."""

from __future__ import annotations

import sys

from amqplab.cli import main

if __name__ == "__main__":
    sys.exit(main())

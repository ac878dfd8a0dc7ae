"""charrnn: character-level recurrent networks, trained on your own text.

Importing the package loads nothing heavy: neither torch nor numpy. Each module says at its top what it
holds and what it knows nothing of; the README has the map.
"""

import time

__version__ = "0.3.0"

STARTED = time.monotonic()
"""Seconds on the monotonic clock when the program began: what `--max-time` counts from."""

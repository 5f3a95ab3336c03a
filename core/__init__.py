"""The guard without a screen: sensors in, cases raised, webhooks out, over a manage API."""

import sys

__version__ = "0.1.0"

# httpx loads its own command line, and with it rich, pygments and click, wherever they are installed: 6 MB and a screen
# library in a process that has no screen. It takes the absence of that one module as "no command line here".
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

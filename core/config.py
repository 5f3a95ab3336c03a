"""TOML file <-> Settings: strict reading with file, line and key in every error; saving that keeps the comments.

What a key means is said in settings.py, how it is checked in config_read.py, what the manage API shows and changes of it
in config_edit.py, where the file is looked for in places.py.
"""

from core.config_edit import Draft, differences, draft, flat, redacted, refusal_of
from core.config_read import load, parse, read_text

__all__ = ["Draft", "differences", "draft", "flat", "load", "parse", "read_text", "redacted", "refusal_of"]

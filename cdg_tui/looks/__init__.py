"""What the keys that only look do: nothing here changes anything in the core."""

from cdg_tui.looks.box import BoxLooks
from cdg_tui.looks.ending import EndingLooks
from cdg_tui.looks.kiosk import KioskLooks
from cdg_tui.looks.listing import ListingLooks
from cdg_tui.looks.reading import ReadingLooks
from cdg_tui.looks.settings import SettingsLooks


class Looks(ReadingLooks, ListingLooks, BoxLooks, SettingsLooks, KioskLooks, EndingLooks):
    """Each method is one action."""

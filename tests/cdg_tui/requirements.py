"""What a technician's console must do, whatever else changes: twenty-five sentences. A test that proves one of them carries its
number, `@pytest.mark.requirement(7)`; test_requirements.py holds that none is without a test.
"""

from typing import Final

REQUIREMENTS: Final = {
    1: "Nothing that comes from outside reaches the terminal as a command or is read as markup.",
    2: "However the console ends, the core goes on with its beat.",
    3: "After a signal or a failure the terminal is as it was before, and the exit code says which it was, within 3 s.",
    4: "A terminal that is gone ends the console within 5 s, also where its hang-up is ignored.",
    5: "A dialog acts on what was under the cursor when it opened.",
    6: "Cursor, marks and scroll stay on the same rows; where one is gone the cursor goes to its neighbour and says so.",
    7: "A core that is down, hangs, refuses or speaks another version is shown with cause, age and tries; keys answer meanwhile.",
    8: "What is older than 5 s is marked in words, and the mark goes with the first fresh answer.",
    9: "A drain shows what it would send, asks, tells item by item what became of it, and sends nothing that came later.",
    10: "Dead letters are seen by reason and endpoint with every attempt; each, the marked, or a group is queued again or discarded.",
    11: "A lower-case key never changes anything; what does always asks first, and Enter means no.",
    12: "Every screen fits 80x24 with alarms, counts, link and keys; a smaller one says the alarms; 200x50 is put to use.",
    13: "Without colour and without anything but ASCII each state can still be told by its text.",
    14: "In ASCII mode no byte above 0x7F is written.",
    15: "A plain console terminal gets English, ASCII and the eight base colours by itself.",
    16: "The terminal is asked at the start how wide it draws; no answer holds nothing up.",
    17: "Every key works with a Chinese input method or has a function key, and nothing needs Chinese to be typed.",
    18: "Chinese and English say the same, nothing of a library's English shows, and they change places while it runs.",
    19: "An idle console costs next to nothing: processor, bytes to the terminal, memory.",
    20: "100,000 retries are as quick as 100.",
    21: "The first frame doesn't wait for the core, and neither loads the other's libraries.",
    22: "At the kiosk only a PIN that the core checks opens it, and it locks itself again; secrets are never shown.",
    23: "Footer, help, palette, function keys, the user's keymap and the manual's table come from one table; a bad keymap is told.",
    24: "`cdg` starts a core or attaches to one; consoles and headquarters see each other's drains and acts within 2 s.",
    25: "A new critical case shows on every screen and rings once.",
}

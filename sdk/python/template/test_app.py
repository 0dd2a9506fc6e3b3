"""The decision, natively: `python3 -m unittest`."""

import unittest

from app import decide
from rustus_hook import testing


class Decision(unittest.TestCase):
    def test_a_program_is_refused(self):
        testing.config({})
        self.assertEqual(decide(testing.event({"filename": "Setup.EXE"})).status, 415)

    def test_what_is_too_large_is_refused(self):
        testing.config({"max-size": 10})
        self.assertEqual(decide(testing.event(length=11)).status, 413)

    def test_anything_else_is_accepted(self):
        testing.config({})
        self.assertIsNone(decide(testing.event({"filename": "a.txt"})))
        self.assertIsNone(decide(testing.event(length=None)))


if __name__ == "__main__":
    unittest.main()

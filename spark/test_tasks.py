"""Tests of what tasks do with files, without Spark."""

import os
import random
import tempfile
import unittest
from unittest import mock

import imstrail_tasks
from imstrail_tasks import Piece, Stop, handed_on, opens, taken


class HandedOn(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.made = 0

    def make(self, path):
        self.made += 1
        with open(path, "wb") as file:
            file.write(bytes(range(256)) * 10)

    def broken(self, path):
        with open(path, "wb") as file:
            file.write(b"half")
        raise Stop("the disk is full")

    def content(self, paths):
        contents = []
        for path in paths:
            with open(path, "rb") as file:
                contents.append(file.read())
        return contents

    def test_files_travel_in_pieces_that_come_in_any_order(self):
        with mock.patch.object(imstrail_tasks, "CHUNK", 100):
            pieces = list(handed_on(None, "0/b.trail", self.make)) + list(handed_on(None, "0/a.trail", self.make))
        self.assertEqual(len(pieces), 52)
        random.Random(1).shuffle(pieces)
        paths = taken(None, pieces, self.folder)
        self.assertEqual(paths, [os.path.join(self.folder, "0", name) for name in ("a.trail", "b.trail")])
        self.assertEqual(self.content(paths), [bytes(range(256)) * 10] * 2)

    def test_a_shared_file_is_made_once_whoever_comes(self):
        for _ in range(2):
            pieces = list(handed_on(self.folder, "0/a.trail", self.make))
            self.assertEqual(pieces, [Piece("0/a.trail", 0, None)])
        self.assertEqual(self.made, 1)
        self.assertEqual(self.content(taken(self.folder, pieces, None)), [bytes(range(256)) * 10])

    def test_half_a_file_has_no_name(self):
        with self.assertRaises(Stop):
            list(handed_on(self.folder, "0/a.trail", self.broken))
        self.assertEqual(os.listdir(self.folder), ["_unfinished"])
        self.assertEqual(os.listdir(os.path.join(self.folder, "_unfinished")), [])
        list(handed_on(self.folder, "0/a.trail", self.make))
        self.assertEqual(self.content([os.path.join(self.folder, "0/a.trail")]), [bytes(range(256)) * 10])

    def test_a_file_that_is_gone_is_no_archive_that_is_gone(self):
        self.make(os.path.join(self.folder, "imap"))
        self.assertTrue(opens(os.path.join(self.folder, "imap").encode()))
        self.assertFalse(opens(os.path.join(self.folder, "pop").encode()))
        with self.assertRaisesRegex(Stop, "there is no .*/store1: all nodes must have the archive"):
            opens(os.path.join(self.folder, "store1", "imap").encode())


if __name__ == "__main__":
    unittest.main()

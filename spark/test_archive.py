"""Tests of what needs no cluster: python3 -m unittest -v test_archive (in this folder)."""

import collections
import doctest
import os
import random
import tempfile
import unittest

import imstrail_archive
import imstrail_spark
import imstrail_tasks
from imstrail_archive import Found, cut, local_files, place, together, weighed


def load_tests(loader, tests, pattern):
    for module in (imstrail_archive, imstrail_tasks, imstrail_spark):
        tests.addTests(doctest.DocTestSuite(module))
    return tests


def some_archive(chance):
    """Files of a few stores, of all sizes, plain and packed, in no order."""
    files = []
    for store in range(chance.randint(1, 9)):
        for service in ("imap", "pop", "http"):
            for number in range(chance.randint(0, 30)):
                end = chance.choice(["", ".gz", ".zst"])
                name = f"logs/store{store}/{service}.{number}.{1559080800 + number}{end}"
                files.append(Found(name.encode(), chance.choice([0, 10, 1000, chance.randint(0, 10**6)])))
    chance.shuffle(files)
    return files


class Cut(unittest.TestCase):
    def test_every_file_is_in_one_part(self):
        for seed in range(100):
            chance = random.Random(seed)
            files = some_archive(chance)
            spread = chance.choice([None, seed])
            parts = cut(files, chance.randint(1, 40), chance.choice([1, 10**5, 10**9]), spread)
            self.assertEqual(sorted(files), sorted(file for part in parts for file in part), seed)
            self.assertNotIn([], parts, seed)

    def test_parts_are_runs_of_a_folder_or_whole_folders(self):
        for seed in range(100):
            files = some_archive(random.Random(seed))
            order = sorted(files, key=lambda file: place(file.path))
            for part in cut(files, 12, 1000):
                folders = {os.path.dirname(file.path) for file in part}
                if len(folders) > 1:
                    self.assertEqual(part, [file for file in order if os.path.dirname(file.path) in folders], seed)
                else:
                    first = order.index(part[0])
                    self.assertEqual(part, order[first : first + len(part)], seed)

    def test_parts_are_about_as_many_as_tasks_and_none_too_small_or_too_large(self):
        for seed in range(100):
            chance = random.Random(seed)
            stores = chance.choice([1, 2, 7, 20, 300])
            files = [Found(b"logs/store%d/imap.%d.1559080800" % (n % stores, n), chance.randint(500, 1500)) for n in range(1000)]
            for spread in (None, seed):
                weights = [weighed(part) for part in cut(files, 12, 1, spread)]
                target = sum(weights) / 12
                self.assertTrue(8 <= len(weights) <= 20, (seed, stores, len(weights)))
                self.assertLessEqual(max(weights), 1.75 * target + 1500)
                self.assertGreater(min(weights[:-1]), target / 2, "all but what is left over")
                self.assertEqual(weights, sorted(weights, reverse=True))

    def test_small_archives_are_one_part(self):
        self.assertEqual(len(cut(some_archive(random.Random(1)), 12, 10**10)), 1)

    def test_a_command_line_holds_its_paths(self):
        files = [Found(b"logs/" + b"%04d" % n * 200, 1) for n in range(3000)]
        parts = cut(files, 1, 1)
        self.assertTrue(all(sum(len(file.path) + 1 for file in part) < imstrail_archive.ARGUMENTS + 1000 for part in parts))
        self.assertGreater(len(parts), 1)

    def test_spread_is_the_seed_s(self):
        files = some_archive(random.Random(1))
        self.assertEqual(cut(files, 12, 1, 5), cut(files[::-1], 12, 1, 5))
        self.assertNotEqual(cut(files, 12, 1, 5), cut(files, 12, 1, 6))


class Together(unittest.TestCase):
    def test_parts_that_share_a_store_and_no_others(self):
        for seed in range(100):
            chance = random.Random(seed)
            stores = [chance.sample("abcdefghijklm", chance.choice([0, 1, 1, 1, 2])) for _ in range(chance.randint(1, 20))]
            numbers = together(stores)
            groups = collections.defaultdict(set)
            for part, number in enumerate(numbers):
                groups[number].update(stores[part] or [None])
            self.assertEqual(sorted(groups), list(range(len(groups))))
            every = [store for group in groups.values() for store in group]
            self.assertEqual(len(every), len(set(every)), "no store is in two groups")
            for number, names in groups.items():
                self.assertTrue(self.hangs_together([set(stores[p] or [None]) for p in range(len(stores)) if numbers[p] == number], names))

    def hangs_together(self, sets, names):
        reached, before = set(sets[0]), None
        while reached != before:
            before = set(reached)
            for one in sets:
                if one & reached:
                    reached |= one
        return reached == names


class LocalFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def put(self, *paths):
        for path in paths:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "wb") as file:
                file.write(b"12345")

    def paths(self, *given):
        return [file.path for file in local_files(given).files]

    def test_folders_are_walked_and_names_stay_as_they_were_given(self):
        self.put("logs/store1/imap", "logs/store2/imap", "logs/.hidden", b"logs/\xff\n", "other/imap")
        self.assertEqual(self.paths("logs"), [b"logs/.hidden", b"logs/store1/imap", b"logs/store2/imap", b"logs/\xff\n"])
        self.assertEqual(self.paths("logs/", "./other/imap"), [b"./other/imap", b"logs/.hidden", b"logs/store1/imap", b"logs/store2/imap", b"logs/\xff\n"])
        self.assertEqual({file.size for file in local_files(["logs"]).files}, {5})

    def test_files_of_several_names_are_taken_once_by_the_first(self):
        self.put("logs/b")
        os.link("logs/b", "logs/a")
        os.symlink("b", "logs/c")
        os.symlink("..", "logs/up")
        os.symlink("logs", "again")
        self.assertEqual(self.paths("logs", "logs/c", "again"), [b"again/a"])

    def test_what_cannot_be_read_is_left_to_imstrail_or_told(self):
        self.put("logs/imap", "logs/.snapshot/imap")
        os.mkdir("empty")
        os.mkfifo("logs/pipe")
        os.mkfifo("given")
        os.symlink("nowhere", "logs/link")
        listing = local_files(["logs", "empty", "given", "missing"])
        self.assertEqual([file.path for file in listing.files], [b"logs/imap"])
        self.assertEqual(sorted(listing.odd), [b"empty", b"given", b"missing"])
        self.assertEqual([path for path, _ in listing.skipped], [b"logs/.snapshot", b"logs/link", b"logs/pipe"])


if __name__ == "__main__":
    unittest.main()

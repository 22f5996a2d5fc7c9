"""The archive of a job: which files there are, and how they are cut into parts. Runs on the driver."""

import heapq
import itertools
import os
import random
import re
import stat
import typing

from imstrail_tasks import Stop, visible

PACKED = 8
"""A packed file costs as much as a plain one of so many times its size: what counts is what comes out of it."""
ARGUMENTS = 512 << 10
"""Bytes of paths on one command line; Linux takes 2 MiB with the environment."""
LEFT_OUT = {b".snapshot", b"@eaDir", b"lost+found"}
"""Folders that imstrail leaves out as well, unless it is given --all."""


class Found(typing.NamedTuple):
    """A file of the archive."""

    path: bytes
    """As imstrail would name it."""
    size: int
    """In bytes, as it lies there."""


class Listing(typing.NamedTuple):
    """What is in the archive."""

    files: list
    odd: list
    """Paths that cannot be listed, or are no files; imstrail is asked about them itself, and says why."""
    skipped: list
    """What else was passed over, and why."""


def place(path):
    """The stream that a file seems to belong to (folder and service), and its place in it. Names decide only who reads what.

    >>> place(b"logs/store1/imap.12.1559080800.gz")
    ((b'logs/store1', b'imap'), (12, 1559080800), b'logs/store1/imap.12.1559080800.gz')
    >>> place(b"logs/store1/imap")[1] > place(b"logs/store1/imap.12.1559080800")[1]
    True
    >>> place(b"store1-2019-05-29.tar")
    ((b'', b'store'), (1, 2019, 5, 29), b'store1-2019-05-29.tar')
    """
    folder, name = os.path.split(path)
    service = re.match(rb"[^\d.]*", name).group()
    numbers = tuple(int(digits) for digits in re.findall(rb"\d+", name))
    # The file that was still being written has no number, and is the last.
    return (folder, service), numbers or (float("inf"),), path


def weight(file):
    """What it costs to read a file, in bytes of plain log.

    >>> weight(Found(b"imap.1.1559080800", 1000)), weight(Found(b"imap.1.1559080800.gz", 1000))
    (1000, 8000)
    """
    packed = re.search(rb"\.(gz|tgz|bz2|tbz2?|xz|txz|zst|zip)$", file.path)
    return file.size * (PACKED if packed else 1)


def cut(files, tasks, least, spread=None):
    """Cuts files into parts, about as many as `tasks`: each is either some whole folders or a run of the files of one, in order of their streams.

    Every file is in one part. Parts are about as large as each other, and not smaller than about `least`, in bytes of plain log; what is left
    over in the end may be. The heaviest come first, so that no core has to wait for one in the end. With `spread`, a seed, files are dealt
    out at random, which must not change any answer.

    >>> logs = [Found(b"a/imap.%d.1559080800" % n, 10) for n in (1, 2, 10, 3)] + [Found(b"b/imap.1.1559080800", 25)]
    >>> [[file.path.split(b".1559")[0].decode() for file in part] for part in cut(logs, 3, 1)]
    [['b/imap.1'], ['a/imap.1', 'a/imap.2'], ['a/imap.3', 'a/imap.10']]
    >>> [len(part) for part in cut(logs, 3, 1000)], cut([], 3, 1)
    ([5], [])
    """
    target = max(weighed(files) / tasks, least)
    order = sorted(files, key=lambda file: place(file.path))
    if spread is not None:
        random.Random(spread).shuffle(order)
        parts = runs(order, -(-weighed(order) // target))
    else:
        # A folder is about what a store is. Stores that share a part must be read together for their sessions, so none is begun in one.
        parts, small = [], []
        for _, folder in itertools.groupby(order, key=lambda file: os.path.dirname(file.path)):
            folder = list(folder)
            if weighed(folder) > 1.5 * target:
                parts += runs(folder, round(weighed(folder) / target))
                continue
            if weighed(small) + weighed(folder) / 2 > target:
                parts, small = [*parts, small], []
            small += folder
        parts.append(small)
    parts = [fitting for part in parts for fitting in shortened(part)]
    return sorted(parts, key=weighed, reverse=True)


def weighed(files):
    return sum(map(weight, files))


def runs(files, count):
    """Files in runs of about the same weight.

    >>> [len(run) for run in runs([Found(b"imap.%d" % n, 10) for n in range(10)], 3)]
    [3, 4, 3]
    """
    each = max(weighed(files) / max(count, 1), 1)
    middles = [before + weight(file) / 2 for file, before in zip(files, itertools.accumulate(map(weight, files), initial=0))]
    return [[file for file, _ in run] for _, run in itertools.groupby(zip(files, middles), key=lambda pair: pair[1] // each)]


def shortened(part):
    """A part in pieces whose paths fit into a command line."""
    ends = itertools.accumulate(len(file.path) + 1 for file in part)
    return [[file for file, _ in piece] for _, piece in itertools.groupby(zip(part, ends), key=lambda pair: pair[1] // ARGUMENTS)]


def together(stores):
    """Numbers for parts, given the stores that each has lines of: equal for those that share a store, also by way of others.

    >>> together([["store1"], ["store2", "store3"], [], ["store1"], ["store3"], []])
    [0, 1, 2, 0, 1, 2]
    """
    parents = list(range(len(stores)))

    def top(part):
        while parents[part] != part:
            parents[part] = part = parents[parents[part]]
        return part

    first = {}
    for part, names in enumerate(stores):
        # Parts without any store have no sessions: they may share one number.
        for name in names or [None]:
            parents[top(part)] = top(first.setdefault(name, part))
    numbers = {}
    return [numbers.setdefault(top(part), len(numbers)) for part in range(len(stores))]


def is_remote(path):
    """Whether Hadoop is to read it.

    >>> is_remote("hdfs://nn/logs"), is_remote("s3a://bucket"), is_remote("logs/hdfs"), is_remote("/a:/b")
    (True, True, False, False)
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", path) is not None


def remote_files(context, uris):
    """The files below what Hadoop reads: hdfs://, s3a://, and whatever else this Spark has a file system for."""
    from pyspark.sql import SparkSession

    reader = SparkSession(context).read.format("binaryFile").option("recursiveFileLookup", "true")
    rows = reader.load([escaped(uri) for uri in uris]).select("path", "length").collect()
    files = sorted({Found(row.path.encode(), row.length) for row in rows})
    for file in files:
        if b".." in file.path.split(b"/"):
            raise Stop(f"{visible(file.path)}: a path with .. in it is not read")
        if file.size >= 2**31 - 1:
            raise Stop(f"{visible(file.path)}: Spark hands no file of 2 GiB or more to a task: mount the archive on all nodes, or cut the file")
    return Listing(files, [], [])


def escaped(uri):
    """A path for Hadoop, which takes a path for a pattern, and a comma for the end of one.

    >>> print(escaped("hdfs://nn/logs/store[1]/imap,old"))
    hdfs://nn/logs/store\\[1\\]/imap{\\,}old
    """
    return re.sub(r"([\\*?\[\]{}^])", r"\\\1", uri).replace(",", r"{\,}")


def local_files(paths):
    """The files below paths, each once, under the name that imstrail gives it: the first by bytes."""
    walk = Walk()
    for path in sorted({os.fsencode(path) for path in paths}):
        walk.given(path)
    while walk.folders:
        walk.list(*heapq.heappop(walk.folders)[1:])
    return Listing(sorted(walk.files.values()), walk.odd, sorted(walk.skipped))


class Walk:
    """Through folders, the smallest path first, so that links that lead back end by themselves."""

    def __init__(self):
        self.files, self.odd, self.skipped, self.folders, self.listed = {}, [], [], [], set()

    def given(self, path):
        try:
            status = os.stat(path)
        except OSError:
            self.odd.append(path)
            return
        if not self.took(path, status, given=True):
            self.odd.append(path)

    def took(self, path, status, given=False):
        identity = (status.st_dev, status.st_ino)
        if stat.S_ISDIR(status.st_mode):
            heapq.heappush(self.folders, (path.rstrip(b"/") + b"/", path, identity, given))
        elif stat.S_ISREG(status.st_mode):
            self.files[identity] = min(Found(path, status.st_size), self.files.get(identity, Found(path, status.st_size)))
        else:
            return False
        return True

    def list(self, folder, identity, given):
        if identity in self.listed:
            return
        try:
            names = os.listdir(folder)
        except OSError:
            self.odd.append(folder)
            return
        self.listed.add(identity)
        if given and not names:
            self.odd.append(folder)
        for name in names:
            self.entry(os.path.join(folder, name), name)

    def entry(self, path, name):
        try:
            status = os.stat(path)
        except OSError as error:
            self.skipped.append((path, error.strerror))
            return
        if name in LEFT_OUT and stat.S_ISDIR(status.st_mode):
            self.skipped.append((path, "snapshots and trash are not read"))
        elif not self.took(path, status):
            self.skipped.append((path, "neither a file nor a folder"))

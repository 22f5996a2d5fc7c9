"""What tasks do: each runs imstrail over a part of the archive, or over trails, and hands on what came of it. Runs on every node.

A task may die at any time, and is then run again by Spark, elsewhere. So what it makes has a name that is a function of the partition, and
not of the attempt; it is made in a folder of the attempt's own; and it counts once it is whole.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import typing
import zipimport

CHUNK = 8 << 20
"""Bytes of a file that travel through Spark as one record."""


class Stop(Exception):
    """Why there is no answer; a text for people."""


class Job(typing.NamedTuple):
    """What tasks must know."""

    binary: typing.Optional[str]
    """Where imstrail is on every node; None: shipped, or in PATH."""
    folder: str
    """Where the driver was started: paths of the archive may be relative to it."""
    work: typing.Optional[str]
    """A folder of this run that all nodes share, for trails. None: they travel through Spark."""
    trail: list
    """Options of `imstrail trail`."""
    threads: int
    """Of one task."""
    stores: bool
    """Whether the driver must know which stores a part has lines of."""


class Said(typing.NamedTuple):
    """What a task tells of its part, beside the trail."""

    part: int
    files: int
    unopened: list
    """All of its paths, if none of them could be opened; it has no trail then."""
    stores: list


class Answered(typing.NamedTuple):
    """How imstrail ended that answered for a group of parts, and its notes."""

    status: int
    notes: bytes


class Piece(typing.NamedTuple):
    """A file that is handed on, or a piece of it."""

    name: str
    at: int
    """How many bytes of the file come before it."""
    data: typing.Optional[bytes]
    """None: the whole file lies in a folder that all nodes share."""


def visible(path):
    """A path fit for a terminal.

    >>> print(visible(b"imap\\x1b[2J\\xff"))
    imap\\x1b[2J\\xff
    """
    text = os.fsdecode(path)
    return "".join(c if c.isprintable() else "".join(f"\\x{byte:02x}" for byte in os.fsencode(c)) for c in text)


def begun(records=()):
    """What every task begins with: makes those that follow on this node quicker by 0.1 s. Gives the records back.

    Before each task Spark has Python forget what it knows of folders with modules, and of zips, such as that of pyspark itself, Python then
    reads the list of contents anew. Nothing more is to be imported from there.
    """
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimport.zipimporter):
            del sys.path_importer_cache[path]
    return records


def program(given):
    """Where imstrail is on this node: as given, or shipped by spark-submit --files, or in PATH."""
    from pyspark import SparkFiles

    shipped = (SparkFiles.get("imstrail"), os.path.abspath("imstrail"))
    return given or next((path for path in shipped if os.path.isfile(path)), None) or shutil.which("imstrail") or "imstrail"


def imstrail(job, *arguments, folder=None):
    """Runs imstrail: what it ended with. Settings of the node do not bear on it.

    Raises `Stop` unless its exit status is 0, or 1: a file that cannot be read to its end is the trail's to tell, and no failure of a task.
    """
    where = f"{os.uname().nodename}: {program(job.binary)}"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("IMSTRAIL_")}
    try:
        ended = subprocess.run(
            [program(job.binary), *arguments], stdin=subprocess.DEVNULL, capture_output=True, cwd=folder, env=plain, check=False
        )
    except OSError as error:
        raise Stop(f"{where} cannot be run ({error.strerror}): name it with --binary, or ship it with --files") from error
    if ended.returncode not in (0, 1):
        told = ended.stderr.decode(errors="replace").splitlines()[-3:]
        raise Stop(" ".join([f"{where} {arguments[0]} ended with {ended.returncode}:", *map(visible, told)]))
    return ended


@contextlib.contextmanager
def scratch(shared=None):
    """A folder of this attempt's own: in a shared folder, so that what is made can be renamed, else on the node's own disk."""
    local = os.environ.get("LOCAL_DIRS") or os.environ.get("SPARK_LOCAL_DIRS") or tempfile.gettempdir()
    where = os.path.join(shared, "_unfinished") if shared else local.split(",")[0]
    os.makedirs(where, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="imstrail-", dir=where) as folder:
        yield folder


def handed_on(shared, name, make):
    """Has a file made, by a function of the path that it is to have, and hands it on under its name.

    In a shared folder it counts as soon as it has that name: whoever comes later, be it another attempt or one for what a lost executor had
    kept, finds it done.
    """
    if shared and os.path.exists(os.path.join(shared, name)):
        yield Piece(name, 0, None)
        return
    with scratch(shared) as folder:
        made = os.path.join(folder, os.path.basename(name))
        make(made)
        if shared:
            os.makedirs(os.path.dirname(os.path.join(shared, name)), exist_ok=True)
            os.replace(made, os.path.join(shared, name))
            yield Piece(name, 0, None)
            return
        with open(made, "rb") as file:
            at = 0
            for data in iter(lambda: file.read(CHUNK), b""):
                yield Piece(name, at, data)
                at += len(data)


def taken(shared, pieces, folder):
    """The paths of files that were handed on, by name. Those that travelled are put into `folder`."""
    names = set()
    for piece in pieces:
        names.add(piece.name)
        if piece.data is not None:
            path = os.path.join(folder, piece.name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "r+b" if os.path.exists(path) else "wb") as file:
                file.seek(piece.at)
                file.write(piece.data)
    return [os.path.join(shared or folder, name) for name in sorted(names)]


def opens(path):
    """Whether a file can be opened. If not, its folder must be there at least: else this node does not have the archive."""
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise Stop(f"{os.uname().nodename}: there is no {visible(folder)}: all nodes must have the archive under one path") from error
        return False
    return True


def read_local(job, part, paths):
    """Reads the part whose paths these are, as all nodes have them."""
    begun()
    folder = os.fsencode(job.folder)
    if not any(opens(os.path.join(folder, path)) for path in paths):
        yield Said(part, len(paths), paths, [])
        return
    relative = not all(map(os.path.isabs, paths))
    yield from read_part(job, part, paths, job.folder if relative else None)


def read_fetched(job, part, files):
    """Reads the part of these files, pairs of path and content that Spark fetched.

    A path as hdfs://nn/logs/imap is a relative one as well, so that imstrail, started where the files were put, names them so.
    """
    begun()
    with scratch() as folder:
        paths = []
        for path, content in files:
            paths.append(os.fsencode(path))
            copy = os.path.join(folder, path)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(copy, "wb") as file:
                file.write(content)
        yield from read_part(job, part, paths, folder)


def read_part(job, part, paths, folder):
    """Has a trail made of files, and says of which stores they are, if that is wanted."""
    options = ["--no-config", "-j", str(job.threads), *job.trail]
    name = f"0/{part:06}.trail"
    with scratch() as own:
        pieces = handed_on(job.work, name, lambda made: imstrail(job, "trail", *options, "-o", made, "--", *paths, folder=folder))
        for piece in pieces:
            yield piece
            if job.stores:
                taken(job.work, [piece], own)
        stores = stores_of(job, os.path.join(job.work or own, name)) if job.stores else []
    yield Said(part, len(paths), [], stores)


def stores_of(job, trail):
    """The stores that a trail has lines of."""
    rows = map(json.loads, imstrail(job, "coverage", "--no-config", "--format", "jsonl", trail).stdout.splitlines())
    return sorted({row["store"] for row in rows if row["record"] == "coverage"})


def merge(job, level, part, pieces):
    """Makes one trail of those that come together in a partition of the tree."""
    begun()
    with scratch() as folder:
        trails = taken(job.work, pieces, folder)
        if trails:
            name = f"{level}/{part:06}.trail"
            yield from handed_on(job.work, name, lambda made: imstrail(job, "merge", "--no-config", "-j", str(job.threads), *job.trail, "-o", made, *trails))


def sessions(job, question, shared, part, pieces):
    """Answers for a group of parts that have whole stores, as one file of Parquet."""
    begun()
    with scratch() as folder:
        trails = taken(job.work, pieces, folder)
        made = os.path.join(folder, "made.parquet")
        ended = imstrail(job, *question, "--no-config", "-j", str(job.threads), "--format", "parquet", "-o", made, *trails)
        yield Answered(ended.returncode, ended.stderr)
        yield from handed_on(shared, f"part-{part:06}.parquet", lambda to: shutil.move(made, to))


def part_of(piece):
    """The part whose trail this is."""
    return int(os.path.basename(piece.name).split(".")[0])


def failure(text):
    """What a task stopped for, of all that Spark tells when it gives up.

    >>> failure("Job aborted ... File imstrail_tasks.py\\nimstrail_tasks.Stop: node1: imstrail cannot be run\\n\\tat org.apache ...")
    'node1: imstrail cannot be run'
    """
    found = re.search(r"imstrail_tasks\.Stop: (.*)", text)
    return found.group(1) if found else None

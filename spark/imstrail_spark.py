#!/usr/bin/env python3
"""Asks imstrail about an archive that many machines read, on Apache Spark.

Each task has `imstrail trail` read a part of the archive; trails are merged by `imstrail merge` in a tree; the question, which is all that
stands behind `--`, is then asked of the trails, on the driver, and its answer, notes and exit status are passed on. All that is known of
logs is known by imstrail; here it is known how files are called. README.md beside this file says how it is started.
"""

import argparse
import contextlib
import functools
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import typing

import imstrail_tasks
from imstrail_archive import cut, escaped, is_remote, local_files, remote_files, together
from imstrail_tasks import Job, Piece, Stop, visible

FAN_IN = 8
"""How many trails are merged into one, and of how many the question may be asked."""
TASKS_A_CORE = 3
"""Enough that one that takes longer does not leave the others idle, and few enough that Spark's own work does not count."""

EXAMPLES = """\
examples:
  spark-submit --master 'local[*]' imstrail_spark.py --archive /logs -- -a
  spark-submit --master spark://host:7077 --files imstrail imstrail_spark.py --archive /nfs/logs --work /nfs/tmp -- coverage
  spark-submit --master yarn --files imstrail imstrail_spark.py --archive hdfs:///logs -- -a -c --format jsonl
  spark-submit --master yarn --files imstrail imstrail_spark.py --archive hdfs:///logs --sessions-parquet hdfs:///sessions -- sessions
"""


def arguments(argv):
    """The job's own options, and the question behind `--`."""
    at = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        prog="imstrail_spark.py",
        usage="spark-submit [SPARK'S OPTIONS] %(prog)s --archive PATH [OPTIONS] -- QUESTION",
        description="Asks imstrail about an archive that many machines read. Behind -- stands what would stand behind imstrail, without paths.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--archive", metavar="PATH", action="append", required=True, help="folder or file, the same on all nodes, or hdfs://, s3a://; may be repeated")
    add("--work", metavar="DIR", help="folder that all nodes share, for trails [default: they travel through Spark]")
    add("--binary", metavar="PATH", help="imstrail on every node [default: what was shipped with --files imstrail, else what PATH has]")
    add("--trail-options", metavar="WORDS", default="", help="options of reading, for `imstrail trail` and the answer, as '--year 2004'")
    add("--sessions-parquet", metavar="DIR", help="answer `-- sessions` side by side, store by store, as Parquet files in this folder, which is new")
    add("--tasks", metavar="N", type=positive, help=f"about how many parts the archive is cut into [default: {TASKS_A_CORE} a core]")
    add("--least", metavar="BYTES", type=positive, default=32 << 20, help="parts are not smaller [default: 32 MiB of plain log]")
    add("--spread", metavar="SEED", type=int, help="for tests: deal files out to parts at random")
    add("--times", action="store_true", help="say in the end how long each step took, executors being the wait for those")
    options, question = parser.parse_args(argv[:at]), argv[at + 1 :]
    if not question:
        parser.error("there is no question: put it behind --, as in -- -a -c --format jsonl")
    if len({is_remote(path) for path in options.archive}) > 1:
        parser.error("an archive is either local or Hadoop's, not both: ask once for each, or mount it")
    if options.sessions_parquet:
        refused = [word for word in question[1:] if word.split("=")[0] in ("-o", "--output", "--format", "--proxy", "--manifest")]
        if question[0] != "sessions" or refused:
            parser.error("--sessions-parquet answers `-- sessions`, without --format, -o, --manifest, and without --proxy, for which stores must be read together")
    return options, question


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a number above 0")
    return number


def is_brief(question):
    """Whether trails without lines will do: only last access is asked for, of all times. In doubt they will not, which costs time.

    >>> is_brief(["-a"]), is_brief(["-a", "-ued", "-s", "imap", "--format=json", "-o", "x"]), is_brief(["trail", "--brief", "-o", "x"])
    (True, True, True)
    >>> is_brief(["-a", "-c"]), is_brief(["-ac"]), is_brief(["-a", "--since", "2019-05-29"]), is_brief(["sessions"]), is_brief(["trail"])
    (False, False, False, False, False)
    """
    valued = ("-u", "-f", "-s", "--format", "-o", "--output", "--tz", "--color", "--progress", "-j", "--threads")
    alone = ("-a", "--brief", "--force")
    asked = question[0] == "-a" or question[:2] == ["trail", "--brief"]
    words = iter(question[1:])
    for word in words:
        if word in valued:
            next(words, None)
        elif word not in alone and not word.startswith(tuple(f"{name}=" for name in valued)) and word[:2] not in ("-u", "-f"):
            return False
    return asked


class Outside:
    """Standard output and standard error, as whoever started the job sees them.

    Under spark-submit they are those of its Java machine. What Python writes goes to standard output there, notes and answer alike, and what
    it writes last may be lost; so Java is told to write.
    """

    def __init__(self, context):
        self.java = context._jvm
        self.submitted = "PYSPARK_GATEWAY_PORT" in os.environ

    def tell(self, notes):
        """Writes bytes to standard error."""
        if self.submitted:
            self.java.System.err.write(notes, 0, len(notes))
        else:
            sys.stderr.buffer.write(notes)
            sys.stderr.flush()

    def copy(self, answer, notes):
        """Copies a file to standard output and one to standard error."""
        from py4j.protocol import Py4JJavaError

        for name, stream in ((answer, self.java.System.out), (notes, self.java.System.err)):
            try:
                self.java.java.nio.file.Files.copy(self.java.java.io.File(name).toPath(), stream)
                stream.flush()
            except Py4JJavaError:
                pass  # Whoever read it went away.


class Files(typing.NamedTuple):
    """Files that tasks made."""

    count: int
    """Of the partitions that they come from; at most one file each."""
    pieces: typing.Optional[list]
    """They are on the driver, or lie in a folder that all nodes share."""
    kept: object
    """Else they are in this RDD."""

    def spread(self, context, count):
        """As an RDD of so many partitions, in each whole files."""
        return context.parallelize(self.pieces, count) if self.kept is None else self.kept.coalesce(count)

    def fetched(self):
        """All pieces, one after the other."""
        return self.pieces if self.kept is None else self.kept.toLocalIterator(prefetchPartitions=True)


class Asking:
    """One run of the job."""

    def __init__(self, context, outside, options, question):
        self.context, self.outside, self.options, self.question = context, outside, options, question
        # A name without a folder is looked for in PATH, on every node.
        given = os.path.abspath(options.binary) if os.sep in (options.binary or "") else options.binary
        self.program = imstrail_tasks.program(given)
        self.reading = shlex.split(options.trail_options)
        self.parquet = options.sessions_parquet
        self.times = [("start", time.monotonic())]
        work = options.work and tempfile.mkdtemp(prefix="imstrail-", dir=existing(options.work))
        self.job = Job(
            binary=given,
            folder=os.getcwd(),
            work=work and os.path.abspath(work),
            trail=[*self.reading, *(["--brief"] if not self.parquet and is_brief(question) else [])],
            threads=int(context.getConf().get("spark.task.cpus", "1")),
            stores=bool(self.parquet),
        )

    def done(self, step):
        self.times.append((step, time.monotonic()))

    def check(self):
        """Has imstrail look at the question before the work is done: with a path that is not there, it says what else is wrong first."""
        nothing = os.path.join(tempfile.gettempdir(), f"imstrail-spark-{os.getpid()}-is-not-there")
        words = [*self.question, *self.reading]
        if self.parquet:
            words += ["--format", "parquet", "-o", f"{nothing}.parquet"]
        if "-" in words:
            return
        ended = self.run(words, [nothing], stdin=subprocess.DEVNULL, capture_output=True)
        if b"none of the paths could be opened" not in ended.stderr:
            self.outside.tell(ended.stderr or ended.stdout)
            raise SystemExit(2)

    def run(self, words, paths, **how):
        try:
            return subprocess.run([self.program, *words, *paths], check=False, **how)
        except OSError as error:
            raise Stop(f"{self.program} cannot be run ({error.strerror}): name it with --binary, or ship it with --files") from error

    def cores(self):
        """How many cores there are. Asked behind a first small job, which waits for executors, and has them start their Python."""
        conf = self.context.getConf()
        promised = int(conf.get("spark.cores.max", "0"))
        promised = promised or int(conf.get("spark.executor.instances", "0")) * int(conf.get("spark.executor.cores", "1"))
        first = max(promised, self.context.defaultParallelism)
        self.context.parallelize(range(first), first).mapPartitions(imstrail_tasks.begun).count()
        self.done("executors")
        return max(promised, self.context.defaultParallelism)

    def listing(self):
        remote = is_remote(self.options.archive[0])
        listing = remote_files(self.context, self.options.archive) if remote else local_files(self.options.archive)
        for path, why in listing.skipped:
            self.outside.tell(f"imstrail-spark: note: {visible(path)}: {why}\n".encode())
        if remote and not listing.files:
            raise Stop("there are no files below --archive, or only such whose names begin with a dot or an underscore, which Hadoop hides")
        return listing, remote

    def computed(self, rdd, shared):
        """Computes an RDD: what its tasks said, and the files that they made.

        Those of a shared folder and small ones come to the driver at once; others stay on the disks of executors, until they are fetched.
        """
        small = "--brief" in self.job.trail and rdd.getNumPartitions() <= FAN_IN
        if shared or small:
            records = rdd.collect()
            return [one for one in records if not is_piece(one)], Files(rdd.getNumPartitions(), list(filter(is_piece, records)), None)
        from pyspark import StorageLevel

        kept = rdd.persist(StorageLevel.DISK_ONLY)
        return kept.filter(lambda record: not is_piece(record)).collect(), Files(rdd.getNumPartitions(), None, kept.filter(is_piece))

    def parts(self, cores):
        """What there is to say of all parts, their trails, and paths that only imstrail can tell of."""
        listing, remote = self.listing()
        tasks = self.options.tasks or TASKS_A_CORE * cores
        parts = [[file.path for file in part] for part in cut(listing.files, tasks, self.options.least, self.options.spread)]
        self.done("list")
        job = self.job
        if not parts:
            return [], None, listing.odd
        if remote:
            names = [",".join(escaped(os.fsdecode(path)) for path in part) for part in parts]
            files = self.context.union([self.context.binaryFiles(part).coalesce(1) for part in names])
            read = files.mapPartitionsWithIndex(lambda part, files: imstrail_tasks.read_fetched(job, part, files))
        else:
            read = self.context.parallelize(parts, len(parts)).mapPartitionsWithIndex(
                lambda part, paths: imstrail_tasks.read_local(job, part, *paths)
            )
        said, trails = self.computed(read, job.work)
        missing = len(listing.files) - sum(one.files for one in said)
        if missing:
            raise Stop(f"{missing} files of the archive were listed, but not handed to any task")
        self.done("trails")
        return sorted(said), trails, listing.odd + [path for one in said for path in one.unopened]

    def merged(self, trails):
        """Merges trails until there are few enough to be asked."""
        job, level = self.job, 0
        while trails.count > FAN_IN:
            level += 1
            eights = trails.spread(self.context, -(-trails.count // FAN_IN))
            _, trails = self.computed(eights.mapPartitionsWithIndex(functools.partial(imstrail_tasks.merge, job, level)), job.work)
        self.done("merge")
        return trails

    def answer(self):
        _, trails, odd = self.parts(self.cores())
        with tempfile.TemporaryDirectory(prefix="imstrail-") as folder:
            paths = odd
            if trails:
                # Trails with lines are not merged: that would copy all of them, and the answer reads them all the same.
                trails = self.merged(trails) if "--brief" in self.job.trail else trails
                files = imstrail_tasks.taken(self.job.work, trails.fetched(), folder)
                self.done("bring")
                # A folder, since there may be more trails than a command line holds.
                paths = sorted({os.path.dirname(file) for file in files}) + odd
            status = self.pass_on([*self.question, *self.reading], paths or self.options.archive, folder)
            self.done("answer")
        return status

    def pass_on(self, words, paths, folder):
        """Runs imstrail, and passes its answer, notes and exit status on."""
        if not self.outside.submitted:
            return self.run(words, paths).returncode
        names = [os.path.join(folder, name) for name in ("stdout", "stderr")]
        with open(names[0], "wb") as answer, open(names[1], "wb") as notes:
            ended = self.run(words, paths, stdin=subprocess.DEVNULL, stdout=answer, stderr=notes)
        self.outside.copy(*names)
        return ended.returncode

    def sessions(self):
        """Sessions as Parquet, group by group of parts that share no store."""
        folder = self.parquet if is_remote(self.parquet) else new(self.parquet)
        shared = folder if self.job.work and not is_remote(folder) else None
        said, trails, odd = self.parts(self.cores())
        if odd or not trails:
            raise Stop("there is nothing to read, or not all: " + ", ".join(map(visible, odd or self.options.archive)))
        group_of = dict(zip((one.part for one in said), together([one.stores for one in said])))
        groups = max(group_of.values()) + 1
        job, question = self.job, [*self.question, *self.reading]
        pieces = trails.spread(self.context, min(trails.count, groups)).map(lambda piece: (group_of[imstrail_tasks.part_of(piece)], piece))
        answers = pieces.partitionBy(groups, int).values()
        answers = answers.mapPartitionsWithIndex(lambda part, pieces: imstrail_tasks.sessions(job, question, shared, part, pieces))
        answered, files = self.computed(answers, shared)
        self.done("sessions")
        if shared:
            shutil.rmtree(os.path.join(folder, "_unfinished"), ignore_errors=True)
        else:
            self.fetch(files.fetched(), folder)
            self.done("bring")
        self.outside.tell(b"".join(sorted({line for one in answered for line in one.notes.splitlines(keepends=True)})))
        return max(one.status for one in answered)

    def fetch(self, pieces, folder):
        """Puts files that travelled through Spark where they belong, be it Hadoop's."""
        if not is_remote(folder):
            imstrail_tasks.taken(None, pieces, folder)
            return
        with tempfile.TemporaryDirectory(prefix="imstrail-") as own:
            path = self.context._jvm.org.apache.hadoop.fs.Path
            system = path(folder).getFileSystem(self.context._jsc.hadoopConfiguration())
            if system.exists(path(folder)):
                raise Stop(f"{folder} is there already: name a new folder")
            system.mkdirs(path(folder))
            for file in imstrail_tasks.taken(None, pieces, own):
                system.copyFromLocalFile(path(f"file://{file}"), path(folder))

    def close(self):
        if self.job.work:
            shutil.rmtree(self.job.work, ignore_errors=True)
        if self.options.times:
            steps = [f"{step} {at - before:.2f}" for (_, before), (step, at) in zip(self.times, self.times[1:])]
            job = self.times[-1][1] - dict(self.times).get("executors", self.times[-1][1])
            self.outside.tell(f"imstrail-spark: seconds: {', '.join(steps)}; without executors {job:.2f}\n".encode())


def is_piece(record):
    return isinstance(record, Piece)


def existing(folder):
    os.makedirs(folder, exist_ok=True)
    return folder


def new(folder):
    if os.path.isdir(folder) and os.listdir(folder):
        raise Stop(f"{folder} is not empty: name a new folder")
    return os.path.abspath(existing(folder))


def main(argv):
    options, question = arguments(argv)
    from py4j.protocol import Py4JJavaError
    from pyspark import SparkContext

    context = SparkContext(appName=f"imstrail {shlex.join(question)}")
    context.setLogLevel("ERROR")
    context.addPyFile(imstrail_tasks.__file__)
    outside = Outside(context)
    try:
        with contextlib.closing(Asking(context, outside, options, question)) as asking:
            asking.check()
            return asking.sessions() if options.sessions_parquet else asking.answer()
    except (Stop, OSError, Py4JJavaError) as error:
        told = imstrail_tasks.failure(str(error)) if isinstance(error, Py4JJavaError) else str(error)
        if told is None:
            raise
        outside.tell(f"imstrail-spark: error: {told}\n".encode())
        return 2
    finally:
        context.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

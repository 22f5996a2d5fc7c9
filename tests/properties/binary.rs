//! Through the binary: an archive split into files gives the same bytes as one file.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use imstrail::model::{Instant, Service};
use proptest::prelude::*;
use tempfile::TempDir;

use super::archive::{Archive, Line, archive, rfc3339};
use super::check;
use super::common::{self, Dice};

/// Files may overlap by so much without being told (R13).
const BUFFERED: Instant = 60;

/// Behind which lines the archive may be cut, so that no two files overlap in a stream.
fn seams(lines: &[Line]) -> Vec<usize> {
    let mut seams: Vec<usize> = (1..lines.len()).collect();
    let mut latest: BTreeMap<(&str, Service), Instant> = BTreeMap::new();
    let mut highest = Vec::new();
    for line in lines {
        if let Some((stream, at)) = line.stream().zip(line.at) {
            let latest = latest.entry(stream).or_insert(at);
            *latest = at.max(*latest);
        }
        highest.push(latest.clone());
    }
    seams.retain(|seam| {
        let before = &highest[seam - 1];
        lines[*seam..].iter().all(|line| {
            let stream = line.stream().zip(line.at);
            stream.is_none_or(|(stream, at)| before.get(&stream).is_none_or(|latest| at + BUFFERED >= *latest))
        })
    });
    seams
}

/// The archive in files that begin where it may be cut.
fn split(archive: &Archive, begins: impl Fn(usize) -> bool) -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = vec![Vec::new()];
    for (n, line) in archive.lines.iter().enumerate() {
        if n > 0 && begins(n) {
            files.push(Vec::new());
        }
        if let Some(file) = files.last_mut() {
            file.extend_from_slice(line.text.as_bytes());
        }
    }
    files
}

/// Joins files to their neighbours until none is the beginning of another, which would be a copy (R13).
fn without_copies(mut files: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let copy = |files: &[Vec<u8>]| {
        let begins = |n: &usize| (0..files.len()).any(|other| other != *n && files[other].starts_with(&files[*n]));
        (0..files.len()).find(begins)
    };
    while let Some(n) = copy(&files).filter(|_| files.len() > 1) {
        let file = files.remove(n.max(1));
        files[n.max(1) - 1].extend(file);
    }
    files
}

/// Cuts only where every file gets a line of every stream: a sequence number belongs to the files of a stream (R9).
fn with_all_streams(archive: &Archive, seams: Vec<usize>) -> Vec<usize> {
    let streams = |lines: &[Line]| lines.iter().filter_map(Line::stream).collect::<BTreeSet<_>>();
    let all = streams(&archive.lines);
    let mut from = 0;
    let mut kept = Vec::new();
    for seam in seams {
        if streams(&archive.lines[from..seam]) == all && streams(&archive.lines[seam..]) == all {
            kept.push(seam);
            from = seam;
        }
    }
    kept
}

/// Files on disk, with the paths that name them.
struct Laid {
    folder: TempDir,
    files: Vec<(String, String)>,
}

impl Laid {
    fn new(files: Vec<Vec<u8>>, name: impl Fn(u64) -> String) -> Laid {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let named = (0..).zip(files).map(|(n, text)| (name(n), String::from_utf8_lossy(&text).into_owned()));
        let files: Vec<(String, String)> = named.collect();
        files.iter().for_each(|(path, text)| common::write(folder.path(), path, text));
        Laid { folder, files }
    }

    /// What is answered with the paths in any order, or the folder named as a whole; how that was asked; what was noted.
    fn answer(&self, query: &[&str], dice: &mut Dice) -> (String, String) {
        let mut paths: Vec<&str> = self.files.iter().map(|(path, _)| path.as_str()).collect();
        match dice.next() % 3 {
            0 => paths = vec!["."],
            _ => dice.shuffle(&mut paths),
        }
        let threads = ["1", "3"][(dice.next() % 2) as usize];
        let args = [query, &["--format", "jsonl", "-j", threads], &paths].concat();
        let got = common::run(self.folder.path(), &args).exit(0);
        (got.out(), format!("{}\n{}", args.join(" "), got.err()))
    }
}

/// The answers of one file, and how many rows they are.
fn expected(archive: &Archive, queries: &[Vec<&str>], dice: &mut Dice) -> Vec<String> {
    let whole = Laid::new(vec![archive.text().into_bytes()], |_| "whole".to_owned());
    queries.iter().map(|query| whole.answer(query, dice).0).collect()
}

fn some_moments(archive: &Archive, dice: &mut Dice) -> [String; 2] {
    let moments = archive.moments();
    [(); 2].map(|()| rfc3339(moments[(dice.next() % moments.len() as u64) as usize]))
}

/// An archive, a bit for each place at which it is cut, and a seed for what else is left to chance.
fn cut_archive() -> impl Strategy<Value = (Archive, u64, u64)> {
    (archive(2..16), prop_oneof![1 => Just(u64::MAX), 3 => any::<u64>()], any::<u64>())
}

fn cut_at(cuts: u64, n: usize) -> bool {
    cuts >> (n % 64) & 1 == 1
}

#[test]
fn any_files_give_the_same_bytes_as_one() {
    let (rows, files) = (Cell::new(0), Cell::new(0));
    check("files", 60, &cut_archive(), |(archive, cuts, seed)| {
        let mut dice = Dice(seed | 1);
        let at = some_moments(&archive, &mut dice);
        let mut queries: Vec<Vec<&str>> = at.iter().map(|at| vec!["-a", "-c", "--at", at]).collect();
        queries.extend([vec!["-c"], vec!["-c", "-s", "pop"]]);
        let expected = expected(&archive, &queries, &mut dice);
        rows.set(rows.get() + expected.iter().map(|rows| rows.lines().count()).sum::<usize>());

        let seams = seams(&archive.lines);
        let pieces = without_copies(split(&archive, |n| seams.contains(&n) && cut_at(cuts, n)));
        files.set(files.get() + pieces.len());
        let salt = dice.next();
        let laid = Laid::new(pieces, |n| format!("{:04x}/{n}", salt.rotate_left(n as u32 * 7) & 0xffff));
        for (query, expected) in queries.iter().zip(&expected) {
            let (got, told) = laid.answer(query, &mut dice);
            prop_assert_eq!(&got, expected, "{}\n{:#?}", told, laid.files);
        }
        Ok(())
    });
    println!("{} rows, {} files", rows.get(), files.get());
    assert!(rows.get() > 200 && files.get() > 200);
}

#[test]
fn names_of_files_mean_nothing() {
    check("names", 60, &cut_archive(), |(archive, cuts, seed)| {
        let mut dice = Dice(seed | 1);
        let [at, _] = some_moments(&archive, &mut dice);
        let pieces = split(&archive, |n| cut_at(cuts, n));
        let count = pieces.len() as u64;
        let [ascending, descending] =
            [Laid::new(pieces.clone(), |n| format!("{n:02}")), Laid::new(pieces, |n| format!("{:02}", count - n))];
        for query in [vec!["-a", "-c", "--at", &at], vec!["-c"]] {
            let (expected, _) = ascending.answer(&query, &mut dice);
            let (got, told) = descending.answer(&query, &mut dice);
            prop_assert_eq!(&got, &expected, "{}\n{:#?}", told, descending.files);
        }
        Ok(())
    });
}

#[test]
fn names_of_files_that_begin_at_one_moment_mean_nothing() {
    let short = common::login("10:00:00", 1, "ed") + &common::login("10:00:01", 2, "ann");
    let long = common::login("10:00:00", 3, "bob") + &common::login("10:01:02", 4, "cy");
    let [short_first, long_first] = [[&short, &long], [&long, &short]].map(|files| {
        let laid = Laid::new(files.map(|text| text.clone().into_bytes()).to_vec(), |n| n.to_string());
        laid.answer(&["-c"], &mut Dice(1)).0
    });
    assert_eq!(short_first, long_first);
}

#[test]
fn last_access_does_not_ask_where_the_files_begin() {
    check("-a", 60, &cut_archive(), |(archive, cuts, seed)| {
        let mut dice = Dice(seed | 1);
        let [since, _] = some_moments(&archive, &mut dice);
        let queries = [vec!["-a"], vec!["-a", "--since", &since]];
        let expected = expected(&archive, &queries, &mut dice);
        // Files may overlap, and be copies.
        let laid = Laid::new(split(&archive, |n| cut_at(cuts, n)), |n| format!("imap.{n}"));
        for (query, expected) in queries.iter().zip(&expected) {
            let (got, told) = laid.answer(query, &mut dice);
            prop_assert_eq!(&got, expected, "{}\n{:#?}", told, laid.files);
        }
        Ok(())
    });
}

#[test]
fn files_with_all_their_numbers_leave_no_gap() {
    let files = Cell::new(0);
    check("numbered files", 120, &cut_archive(), |(archive, cuts, seed)| {
        let mut dice = Dice(seed | 1);
        let [at, _] = some_moments(&archive, &mut dice);
        let queries = [vec!["-c", "--at", &at], vec!["-c"]];
        let expected = expected(&archive, &queries, &mut dice);
        let seams =
            with_all_streams(&archive, seams(&archive.lines).into_iter().filter(|n| cut_at(cuts, *n)).collect());
        let pieces = without_copies(split(&archive, |n| seams.contains(&n)));
        files.set(files.get() + pieces.len());
        let first = dice.next() % 12;
        let laid = Laid::new(pieces, |n| format!("imap.{}.{}", first + n, 1_559_116_200 + n));
        for (query, expected) in queries.iter().zip(&expected) {
            let (got, told) = laid.answer(query, &mut dice);
            prop_assert!(
                !told.contains(" is missing") && !told.contains(" are missing"),
                "{}\n{:#?}",
                told,
                laid.files
            );
            prop_assert_eq!(&got, expected, "{}\n{:#?}", told, laid.files);
        }
        Ok(())
    });
    println!("{} files", files.get());
    assert!(files.get() > 300);
}

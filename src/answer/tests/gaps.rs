//! R9, R12, R13 and R14, as R10 shows them.

use super::*;
use crate::resolve::{GapWhy, Sequence};

fn file(service: &str, number: u64, folder: &str) -> FileFacts {
    let sequence = Some(Sequence { service: service.to_owned(), number, created: 1_559_000_000 + number as i64 });
    FileFacts { sequence, folder: folder.to_owned(), damaged: false, holes: 0 }
}

fn numbered(number: u64) -> FileFacts {
    file("imap", number, "logs")
}

const BEFORE: &[&str] = &["10:00:00 100 login ed", "10:01:00 100 shows"];
const BEHIND: &[&str] = &["12:00:10 100 login bob", "12:30:00 100 shows"];

/// The gaps, as from, to and the numbers that are missing.
fn missing(files: &[Text<'_>]) -> Vec<(i64, i64, u64, u64)> {
    let known = read(files);
    let gap = |gap: &crate::resolve::Gap| match gap.why {
        GapWhy::Missing(first, last) => (gap.from - DAY, gap.to - DAY, first, last),
        _ => panic!("{gap:?}"),
    };
    known.resolved.iter().flat_map(|stream| &stream.gaps).map(gap).collect()
}

fn time(text: &str) -> i64 {
    instant(text) - DAY
}

#[test]
fn r9_missing_numbers() {
    let between = |first, last| (time("10:01:00"), time("12:00:10"), first, last);
    let two = |a, b| missing(&[(a, BEFORE), (b, BEHIND)]);
    assert_eq!(two(numbered(5), numbered(6)), []);
    assert_eq!(two(numbered(5), numbered(7)), [between(6, 6)]);
    assert_eq!(two(numbered(5), numbered(9)), [between(6, 8)]);
    // Numbers that do not go up, or no numbers, or those of two names, prove nothing.
    assert_eq!(two(numbered(7), numbered(5)), []);
    assert_eq!(two(numbered(5), numbered(5)), []);
    assert_eq!(two(numbered(5), FileFacts::default()), []);
    assert_eq!(two(numbered(5), file("pop", 7, "logs")), []);
    // A file without lines of the stream is there if it lies in the folder of either neighbour, by its own name.
    let with = |other: FileFacts, behind: &str| {
        missing(&[(numbered(5), BEFORE), (file("imap", 9, behind), BEHIND), (other, &[])])
    };
    assert_eq!(with(numbered(7), "logs"), [between(6, 6), between(8, 8)]);
    assert_eq!(with(numbered(7), "elsewhere"), [between(6, 6), between(8, 8)]);
    assert_eq!(with(file("imap", 7, "elsewhere"), "elsewhere"), [between(6, 6), between(8, 8)]);
    assert_eq!(with(file("imap", 7, "third"), "elsewhere"), [between(6, 8)]);
    assert_eq!(with(file("pop", 7, "logs"), "logs"), [between(6, 8)]);
    // One that ends behind the beginning of the next leaves a gap of one moment.
    let long: &[&str] = &["10:00:00 100 login ed", "12:20:00 100 shows"];
    assert_eq!(missing(&[(numbered(5), long), (numbered(7), BEHIND)]), [(time("12:20:00"), time("12:20:00"), 6, 6)]);
}

#[test]
fn r10_unclosed_sessions_behind_a_gap_are_possible() {
    let (before, behind) = (numbered(5), numbered(7));
    let edge: &[&str] = &["10:00:00 100 login ed", "10:01:00 100 login cy"];
    check_files(
        &[(before.clone(), edge), (behind.clone(), BEHIND)],
        &[
            ("10:00:59", &["ed"]),
            ("10:01:00", &["cy", "ed"]),
            ("10:01:01", &["cy gap", "ed gap"]),
            ("12:00:10", &["bob", "cy gap", "ed gap"]),
            ("12:30:00", &["bob", "cy gap", "ed gap"]),
        ],
    );
    // A gap of one moment lies between what was before it and a T behind it.
    let at_once: &[&str] = &["10:01:00 100 login bob", "12:30:00 100 shows"];
    check_files(
        &[(before.clone(), BEFORE), (behind.clone(), at_once)],
        &[("10:01:00", &["bob", "ed"]), ("10:01:01", &["bob", "ed gap"])],
    );
    // In the first hour behind it a life without a start mark was there before; then it takes over.
    let taken = |begins: &'static str| -> Known {
        let behind: &[&str] = &["12:00:10 300 shows", begins, "13:30:00 300 shows"];
        read(&[(before.clone(), BEFORE), (numbered(7), behind)])
    };
    assert_eq!(taken("13:00:10 200 login bob").at("13:30:00"), ["bob", "ed gap"]);
    assert_eq!(taken("13:00:11 200 login bob").at("13:30:00"), ["bob", "ed doubtful-life gap"]);
}

#[test]
fn r9_damaged_files() {
    let damaged = |number| FileFacts { damaged: true, ..numbered(number) };
    let spans = |files: &[Text<'_>]| -> Vec<(i64, i64, u32)> {
        let known = read(files);
        let gaps = known.resolved[0].gaps.iter();
        gaps.map(|gap| match gap.why {
            GapWhy::Damaged(file) => (gap.from - DAY, gap.to - DAY, file.0),
            _ => panic!("{gap:?}"),
        })
        .collect()
    };
    let late: &[&str] = &["14:00:00 100 login dee", "14:30:00 100 shows"];
    // From its last stamp to the next file; of the last file to the end of coverage.
    let files = [(damaged(5), BEFORE), (numbered(6), BEHIND), (numbered(7), late)];
    assert_eq!(spans(&files), [(time("10:01:00"), time("12:00:10"), 0)]);
    let files = [(numbered(5), BEFORE), (damaged(6), BEHIND)];
    assert_eq!(spans(&files), [(time("12:30:00"), time("12:30:00"), 1)]);
    // The next begins behind its last stamp: one that begins in that second does not.
    let at_once: &[&str] = &["10:01:00 100 login bob", "12:30:00 100 shows"];
    let files = [(damaged(5), BEFORE), (numbered(6), at_once), (numbered(7), late)];
    assert_eq!(spans(&files), [(time("10:01:00"), time("14:00:00"), 0)]);
    // Not a readable line: behind the file of its folder with the number before.
    let files = [(numbered(4), BEFORE), (numbered(5), BEHIND), (damaged(6), &[]), (numbered(7), late)];
    assert_eq!(spans(&files), [(time("12:30:00"), time("14:00:00"), 2)]);
    let files = [(numbered(5), BEFORE), (numbered(7), BEHIND), (damaged(6), &[]), (numbered(8), late)];
    assert_eq!(spans(&files), [(time("10:01:00"), time("12:00:10"), 2)]);
    // Another with its own number is not the one before.
    let twin = FileFacts { folder: "logs".into(), ..numbered(6) };
    let files = [(numbered(5), BEFORE), (twin, BEHIND), (damaged(6), &[])];
    assert_eq!(spans(&files), [(time("10:01:00"), time("12:00:10"), 2)]);
    // Neither of another folder, nor of another name; nor does a file without a number have a place.
    let elsewhere = FileFacts { folder: "elsewhere".into(), ..damaged(6) };
    assert_eq!(spans(&[(numbered(5), BEFORE), (elsewhere, &[])]), []);
    let pop = FileFacts { damaged: true, ..file("pop", 6, "logs") };
    assert_eq!(spans(&[(numbered(5), BEFORE), (pop, &[])]), []);
    let bare = FileFacts { damaged: true, folder: "logs".into(), ..FileFacts::default() };
    assert_eq!(spans(&[(numbered(5), BEFORE), (bare, &[])]), []);
    assert_eq!(spans(&[(numbered(5), BEFORE), (numbered(6), &[])]), [], "not damaged");
}

/// A hole is a gap from the last stamp before it to the first behind it, a second long at least.
#[test]
fn r9_holes_inside_files() {
    let holed = |holes| FileFacts { holes, ..numbered(5) };
    let spans = |files: &[Text<'_>]| -> Vec<(i64, i64)> {
        let known = read(files);
        known.resolved[0].gaps.iter().map(|gap| (gap.from - DAY, gap.to - DAY)).collect()
    };
    let span = |from, to| (time(from), time(to));
    let one: &[&str] = &["10:00:00 100 login ed", "10:01:00 100 shows", "hole", "11:00:00 100 login bob"];
    assert_eq!(spans(&[(holed(1), one)]), [span("10:01:00", "11:00:00")]);
    let at = |files: &[Text<'_>], clock: &str| read(files).at(clock);
    assert_eq!(at(&[(holed(1), one)], "10:00:30"), ["ed"]);
    assert_eq!(at(&[(holed(1), one)], "11:00:00"), ["bob", "ed gap"]);
    // The sections of one file are no overlap, and none is missing between them.
    let behind = (numbered(6), BEHIND);
    assert_eq!(spans(&[(holed(1), one), behind.clone()]), [span("10:01:00", "11:00:00")]);
    // All in one second, or stamps that go back.
    let second: &[&str] = &["10:00:00 100 login ed", "hole", "10:00:00 100 login bob", "12:00:00 100 shows"];
    assert_eq!(spans(&[(holed(1), second)]), [span("10:00:00", "10:00:01")]);
    assert_eq!(at(&[(holed(1), second)], "12:00:00"), ["bob gap", "ed gap"]);
    let back: &[&str] = &["10:00:20 100 login ed", "hole", "10:00:10 100 login bob", "12:00:00 100 shows"];
    assert_eq!(spans(&[(holed(1), back)]), [span("10:00:20", "10:00:21")]);
    // Two holes; between them, or behind the last, no line of the stream.
    let two: &[&str] = &["10:00:00 100 login ed", "hole", "10:30:00 100 shows", "hole", "11:00:00 100 login bob"];
    assert_eq!(spans(&[(holed(2), two)]), [span("10:00:00", "10:30:00"), span("10:30:00", "11:00:00")]);
    let none_between: &[&str] = &["10:00:00 100 login ed", "hole", "hole", "11:00:00 100 login bob"];
    assert_eq!(spans(&[(holed(2), none_between)]), [span("10:00:00", "11:00:00")]);
    let none_behind: &[&str] = &["10:00:00 100 login ed", "hole"];
    assert_eq!(spans(&[(holed(1), none_behind), behind.clone()]), [span("10:00:00", "12:00:10")]);
    // Before the first line: from the last of the file before, if there is one.
    let first: &[&str] = &["hole", "11:00:00 100 login bob"];
    assert_eq!(spans(&[(holed(1), first)]), []);
    assert_eq!(spans(&[(numbered(4), BEFORE), (holed(1), first)]), [span("10:01:00", "11:00:00")]);
    // A hole and a bad end.
    let both = FileFacts { damaged: true, ..holed(1) };
    assert_eq!(spans(&[(both, one), behind]), [span("10:01:00", "11:00:00"), span("11:00:00", "12:00:10")]);
}

#[test]
fn r9_silence_in_a_busy_stream() {
    let busy = |hour: i64, lines: i64, last: i64| -> Vec<String> {
        let stamp = |second: i64| format!("{hour:02}:{:02}:{:02}", second / 60, second % 60);
        let mut all: Vec<String> = (0..lines - 1).map(|n| format!("{} 100 shows", stamp(n))).collect();
        all.push(format!("{} 100 shows", stamp(last)));
        all
    };
    let gaps = |hours: &[(i64, i64, i64)]| -> Vec<(i64, i64)> {
        let lines: Vec<String> = hours.iter().flat_map(|(hour, lines, last)| busy(*hour, *lines, *last)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let known = read(&[(FileFacts::default(), &lines)]);
        let gaps = known.resolved[0].gaps.iter();
        gaps.map(|gap| {
            assert_eq!(gap.why, GapWhy::Silence);
            (gap.from - DAY, gap.to - DAY)
        })
        .collect()
    };
    // An hour without a line, the next in its first second; a second less is no gap.
    let silent = |last| [(3, 100, 3000), (4, 100, 3000), (5, 100, last), (7, 100, 3000)];
    assert_eq!(gaps(&silent(3599)), [(time("05:59:59"), time("07:00:00"))]);
    assert_eq!(gaps(&[(3, 100, 3000), (4, 100, 3000), (5, 100, 1), (6, 1, 0)]), [], "59 min 59 s");
    assert_eq!(gaps(&[(3, 100, 3000), (4, 100, 3000), (5, 100, 0), (6, 1, 0)]), [], "one of 98 s");
    let exactly = [(3, 100, 3000), (4, 100, 3000), (5, 1, 0), (6, 1, 0), (7, 100, 3000)];
    assert_eq!(gaps(&exactly), [(time("05:00:00"), time("06:00:00")), (time("06:00:00"), time("07:00:00"))]);
    // The median of five hours is the third.
    let five = |third| [(1, 1, 0), (2, 1, 3599), (5, third, 3000), (6, 100, 3000), (7, 120, 3000)];
    assert_eq!(gaps(&five(100)).len(), 2);
    assert_eq!(gaps(&five(99)), []);
    // A lone stamp far ahead is no end of a silence.
    let mut lines: Vec<String> = busy(3, 100, 3000).into_iter().chain(busy(4, 100, 3000)).collect();
    lines.push("31/10:00:00 100 shows".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(read(&[(FileFacts::default(), &lines)]).resolved[0].gaps, []);
}

#[test]
fn r13_files_that_overlap() {
    let plain = FileFacts::default;
    let one: &[&str] = &["10:00:00 100 login ed", "10:05:00 100 shows", "10:40:00 100 shows"];
    let at = |login: &'static str| {
        let two: &[&str] = &["10:10:00 100 shows", login, "11:00:00 100 shows"];
        read(&[(plain(), one), (plain(), two)]).at("11:00:00")
    };
    assert_eq!(at("10:10:00 100 login bob"), ["bob overlap", "ed"]);
    assert_eq!(at("10:20:00 100 login bob"), ["bob overlap", "ed"]);
    assert_eq!(at("10:40:00 100 login bob"), ["bob overlap", "ed"]);
    assert_eq!(at("10:40:01 100 login bob"), ["bob", "ed"]);
    // By a minute at most files overlap since lines are buffered.
    let late = |first: &'static str| {
        let two: &[&str] = &[first, "10:40:00 100 login bob", "11:00:00 100 shows"];
        read(&[(plain(), one), (plain(), two)]).at("11:00:00")
    };
    assert_eq!(late("10:39:00 100 shows"), ["bob", "ed"]);
    assert_eq!(late("10:38:59 100 shows"), ["bob overlap", "ed"]);
    // One that lies inside of another, behind one that does not reach so far.
    let short: &[&str] = &["10:06:00 100 shows", "10:06:30 100 shows"];
    let inside: &[&str] = &["10:20:00 100 login bob", "10:30:00 100 shows"];
    let known = read(&[(plain(), one), (plain(), short), (plain(), inside)]);
    assert_eq!(known.at("10:40:00"), ["bob overlap", "ed"]);
    let spans: Vec<_> =
        known.resolved[0].overlaps.iter().map(|o| (o.from - DAY, o.to - DAY, o.one.0, o.other.0)).collect();
    assert_eq!(spans, [(time("10:20:00"), time("10:30:00"), 0, 2)]);
    // With the one that reaches furthest, not with the first.
    let first: &[&str] = &["10:00:00 100 login ed", "10:10:00 100 shows"];
    let second: &[&str] = &["10:11:00 100 shows", "10:40:00 100 shows"];
    let third: &[&str] = &["10:20:00 100 login bob", "10:50:00 100 shows"];
    let known = read(&[(plain(), first), (plain(), second), (plain(), third)]);
    assert_eq!(known.at("10:50:00"), ["bob overlap", "ed"]);
}

#[test]
fn r14_lone_stamps_far_ahead() {
    let last = |lines: &[&str]| {
        let known = read(&[(FileFacts::default(), lines)]);
        (known.resolved[0].last.at - DAY, known.resolved[0].lone.iter().map(|at| at - DAY).collect::<Vec<_>>())
    };
    let lines = |far| ["10:00:00 100 login ed", "10:05:00 100 shows", far];
    assert_eq!(last(&lines("30/10:05:00 100 login bob")), (time("30/10:05:00"), vec![]));
    assert_eq!(last(&lines("30/10:05:01 100 login bob")), (time("10:05:00"), vec![time("30/10:05:01")]));
    let two = ["10:05:00 100 shows", "31/10:05:01 100 login bob", "31/10:05:01 100 shows"];
    assert_eq!(last(&two), (time("31/10:05:01"), vec![]));
    // The only line of a stream is its coverage.
    assert_eq!(last(&["10:00:00 100 login ed"]), (time("10:00:00"), vec![]));
}

/// The spans in which logins were not logged: from, to, closes.
fn blind(files: &[Text<'_>]) -> Vec<(i64, i64, u64)> {
    let known = read(files);
    known.resolved[0].unlogged.iter().map(|span| (span.from - DAY, span.to - DAY, span.closes)).collect()
}

#[test]
fn r12_closes_whose_login_should_have_been_read() {
    let plain = FileFacts::default;
    let one = |connect: &str| {
        let close = format!("11:00:00 100 close ed {connect}");
        blind(&[(plain(), &["10:00:00 100 shows", &close])])
    };
    // The login is looked for from 60 s before the connect on (R5), so those of the first minute prove nothing.
    assert_eq!(one("09:59:59"), []);
    assert_eq!(one("10:00:59"), []);
    assert_eq!(one("10:01:00"), [(time("10:01:00"), time("10:01:00"), 1)]);
    // Hours of them are one span as long as no login line lies in an hour between.
    let closes =
        ["13:10:00 100 close ed 10:10:00", "13:20:00 100 close ann 11:50:00", "13:30:00 100 close bob 13:05:00"];
    let with = |login: &[&str]| {
        let lines: Vec<&str> = [&["09:00:00 100 shows"][..], login, &closes].concat();
        blind(&[(plain(), &lines)])
    };
    assert_eq!(with(&[]), [(time("10:10:00"), time("13:05:00"), 3)]);
    let parted = [(time("10:10:00"), time("11:50:00"), 2), (time("13:05:00"), time("13:05:00"), 1)];
    assert_eq!(with(&["12:00:00 100 login cy"]), parted);
    assert_eq!(with(&["12:59:59 100 login cy"]), parted);
    assert_eq!(with(&["12:30:00 100 shows"]).len(), 1, "no login");
    assert_eq!(with(&["11:59:59 100 login cy"]).len(), 1);
    assert_eq!(with(&["13:00:00 100 login cy"]).len(), 1);
    // With its login line nothing is blind.
    assert_eq!(
        blind(&[(plain(), &["10:00:00 100 shows", "10:20:00 100 login ed", "11:00:00 100 close ed 10:20:00"])]),
        []
    );
}

#[test]
fn r12_a_gap_hides_logins() {
    let one = |connect: &str| {
        let close = format!("12:30:00 100 close bob {connect}");
        let behind = ["12:00:10 100 shows", &close];
        let before = ["09:00:00 100 shows", "10:01:00 100 shows"];
        blind(&[(numbered(5), &before), (numbered(7), &behind)]).len()
    };
    assert_eq!(one("10:01:00"), 1, "as before the gap");
    assert_eq!(one("10:01:01"), 0);
    assert_eq!(one("12:00:10"), 0);
    assert_eq!(one("12:01:09"), 0, "the login may be looked for within 60 s before the connect");
    assert_eq!(one("12:01:10"), 1);
}

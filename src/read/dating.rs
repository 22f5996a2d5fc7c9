//! Dating: what is kept of a block in a trail file, so that a question about a window need not unpack it.

use std::collections::BTreeSet;

use super::glance::start_in;
use super::sieve::Sieve;
use crate::chunk::Lines;
use crate::grammar::{Day, Grammars};
use crate::kept::{Dates, Shown};
use crate::model::DAY;
use crate::parse::{Names, Reader, Years};
use crate::streams::Streams;

/// A block that tells of more days, or of more clocks, is read: so little has a block of the index.
const MOST: usize = 64;

/// Tells the dates of blocks as the [`Sieve`] does, which passes nothing over where a site has templates of its own.
#[derive(Debug)]
pub struct Dating {
    sieve: Sieve,
    grammars: Grammars,
    names: Names,
    streams: Streams,
}

impl Dating {
    /// With the built-in templates.
    pub fn new(built_in: Grammars) -> Dating {
        Dating { sieve: Sieve::default(), grammars: built_in, names: Names::default(), streams: Streams::default() }
    }

    /// The dates of whole lines, and what their clocks show; nothing if one of them must be read to know what it tells of, or whether
    /// lines beside it may be forged.
    pub fn of(&self, block: &[u8]) -> Option<(Dates, BTreeSet<Shown>)> {
        let mut reader = Reader::new(&self.grammars, &self.names, &self.streams);
        if reader.breaking_off(block, 0, &Years::default()).next().is_some() {
            return None;
        }
        let (mut known, mut day, mut shown) = (None, Day::default(), BTreeSet::new());
        let mut dates = Dates { lines: 0, days: (i64::MAX, i64::MIN), began: Some(BTreeSet::new()) };
        for (_, line, _) in Lines::new(block) {
            let date = self.sieve.date(line, &mut known, &mut shown)?;
            if let Some(start) = start_in(line) {
                let began = date.began(line, start, &mut day);
                dates.began = dates.began.zip(began).map(|(mut days, began)| {
                    days.insert((began.local.div_euclid(DAY), date.offset));
                    days
                });
                dates.began = dates.began.filter(|days| days.len() <= MOST);
            }
            if shown.len() > MOST {
                return None;
            }
            dates.lines += 1;
            dates.days = (dates.days.0.min(date.day), dates.days.1.max(date.day));
        }
        Some((dates, shown))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fold::{Moment, Window};
    use crate::read::sieve::Stand;

    const LINES: &[&str] = &[
        "[20/May/2019:10:00:00 +0200] store1 imapd[1]: Account Information: login [192.0.2.7:1] ed plaintext",
        "[25/May/2019:23:30:00 -0700] store2 imapd[1]: Account Information: login [192.0.2.7:1] ed plaintext",
        "[29/May/2019:00:30:00 +1300] store1 imapd[1]: General Notice: Log created (1559088001)",
        "[31/May/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: close [192.0.2.7:1] ed 2019/5/31 9:00:00 1:00:00 1 2 3",
        "[31/May/2019:00:10:00 +0200] store1 imapd[1]: Account Notice: close [192.0.2.7:1] ed 2019/5/30 1:50:00 22:20:00 1 2 3",
        "[09/Jun/2019:10:00:00 -0930] store1 imapd[1]: Account Notice: close [192.0.2.7] ed 2019/5/24 0:00:00 384:00:00 1 2 3",
        "[09/Jun/2019:10:00:00 +0200] store1 imapd[1]: Protocol Debug: logout [192.0.2.7] ed 2019/6/9 9:59:59 0:00:01 1 2 3",
        "[09/Jun/2019:10:00:01 +0200] store1 imapd[1]: Account Notice: badlogin: [192.0.2.9:5] plaintext eve authentication failure",
        "09/Jun/2019:10:00:01 +0200 store1 imapd[1]: General Notice: something",
    ];
    /// Lines of which only reading them tells when they were written, or what is beside them.
    const UNDATED: &[&str] = &[
        "",
        "no envelope",
        "<38>Oct 23 10:00:00 store1 tag: text",
        "[31/Foo/2019:10:00:00 +0200] store1 imapd[1]: General Notice: x",
        "[20/May/2019:10:60:00 +0200] store1 imapd[1]: General Notice: x",
        "[09/Jun/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: badlogin: [192.0.2.9:5] plaintext eve",
    ];
    /// And of these when what they tell of began.
    const UNCLEAR: &[&str] = &[
        "[09/Jun/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: close [192.0.2.7:1] ed 2019/6/9 10:00:01 480:00:00 1 2 3",
        "[09/Jun/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: close [192.0.2.7:1] ed yesterday",
        "[09/Jun/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: close [",
    ];

    fn dates(lines: &[&str]) -> Option<(Dates, BTreeSet<Shown>)> {
        Dating::new(Grammars::new(&[]).unwrap()).of((lines.join("\n") + "\n").as_bytes())
    }

    #[test]
    fn of_lines_that_tell() {
        let (dates, shown) = dates(LINES).unwrap();
        assert_eq!((dates.lines, dates.days), (9, (18_036, 18_056)));
        let began = [(18_040, -570), (18_046, 120), (18_047, 120), (18_056, 120)];
        assert_eq!(dates.began, Some(BTreeSet::from(began)));
        let shown: Vec<(i64, i16)> = shown.iter().map(|shown| (shown.day, shown.offset)).collect();
        let all = [(18_036, 120), (18_045, 780), (18_047, 120), (18_056, -570), (18_056, 120), (18_041, -420)];
        assert_eq!(shown, all, "store1 before store2");
    }

    #[test]
    fn one_that_does_not_tell_is_enough() {
        for undated in UNDATED {
            assert_eq!(dates(&[LINES[0], undated, LINES[7]]), None, "{undated}");
        }
        // Too many clocks, and too many days.
        let many = |n: usize| (0..n).map(|n| LINES[0].replace("store1", &format!("s{n}"))).collect::<Vec<_>>();
        let texts = |lines: &[String]| dates(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(texts(&many(MOST)).is_some() && texts(&many(MOST + 1)).is_none());
        let many =
            |n: usize| (0..n).map(|n| LINES[3].replace("2019/5/31", &format!("{}/5/31", 1900 + n))).collect::<Vec<_>>();
        let began = |n| texts(&many(n)).and_then(|(dates, _)| dates.began).map(|days| days.len());
        assert_eq!((began(MOST), began(MOST + 1)), (Some(MOST), None));
        for unclear in UNCLEAR {
            let (dates, _) = dates(&[LINES[3], unclear, LINES[4]]).unwrap();
            assert_eq!((dates.lines, dates.days, dates.began), (3, (18_047, 18_056), None), "{unclear}");
        }
    }

    /// Every two of the lines, and every window of whole days beside them: what is passed over as a block is passed over line by line.
    #[test]
    fn a_block_is_passed_over_only_if_each_of_its_lines_is() {
        let stand = Stand { place: 0, begin: 0, end: None };
        let (mut passed, mut read) = (0, 0);
        let lines: Vec<&str> = LINES.iter().chain(UNCLEAR).copied().collect();
        for (one, other) in lines.iter().flat_map(|one| lines.iter().map(move |other| (one, other))) {
            let (dates, shown) = dates(&[one, other]).unwrap();
            let block = format!("{one}\n{other}\n");
            for (since, until) in
                (18_030..18_065).flat_map(|since| (since + 1..18_066).map(move |until| (since, until)))
            {
                let [since, until] = [since, until].map(|day| Some(Moment::Instant(day * DAY)));
                let sieve = Sieve::new(&Window { since, until }, &BTreeSet::new(), &Names::default()).unwrap();
                let (mut seen, mut lines) = (BTreeSet::new(), 0);
                sieve
                    .sift(block.as_bytes(), stand, &mut seen, &mut |part| lines += part.lines * u64::from(part.passed));
                assert_eq!(seen, shown);
                if sieve.bounds().pass_over(&dates) {
                    assert_eq!(lines, 2, "{since:?} {until:?}\n{block}");
                    passed += 1;
                }
                read += usize::from(lines < 2);
            }
        }
        assert!(passed > 10_000 && read > 1000, "{passed} {read}");
    }
}

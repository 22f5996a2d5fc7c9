//! Sieve: lines that cannot bear on the question of `-a`, passed over by their dates and by whom they name.
//!
//! Nothing but a line itself tells when it was written, so every text is read; but of most lines the date is enough. A line from
//! before the window tells only of moments before it. A line from behind it tells of earlier ones if it is a close, by its start.
//! And where users are asked for, a line tells nothing of them that does not name one of them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::asked::Asked;
use super::glance::{Date, HOST, Known, STAMP};
use crate::chunk::Lines;
use crate::fold::Window;
use crate::grammar::{self, Day, eight};
use crate::kept::{Bounds, Shown, When};
use crate::model::DAY;
use crate::parse::{LONGEST_LINE, Names};

/// Where users are asked for, so much of a text is read at its beginning and at its end whomever it names: for what it covers, and
/// whether logins are logged. In bytes.
pub(super) const EDGE: u64 = 16 << 10;

/// Whole lines of a block, all of which are read or passed over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sifted<'a> {
    pub(super) text: &'a [u8],
    /// The offset of the first in the block.
    pub(super) at: u64,
    pub(super) lines: u64,
    pub(super) passed: bool,
}

/// Parts a block into lines that are read and lines that are passed over.
struct Parting<'a, 'o> {
    block: &'a [u8],
    /// The part at hand.
    part: Range<usize>,
    lines: u64,
    passed: bool,
    out: &'o mut dyn FnMut(Sifted<'a>),
}

impl Parting<'_, '_> {
    /// Adds so many lines, up to here.
    #[inline]
    fn add(&mut self, to: usize, lines: u64, passed: bool) {
        if lines == 0 {
            return;
        }
        if passed != self.passed {
            self.end();
            self.passed = passed;
        }
        (self.part.end, self.lines) = (to, self.lines + lines);
    }

    /// Ends the part at hand.
    fn end(&mut self) {
        if let Some(text) = self.block.get(self.part.clone()).filter(|text| !text.is_empty()) {
            (self.out)(Sifted { text, at: self.part.start as u64, lines: self.lines, passed: self.passed });
        }
        (self.part, self.lines) = (self.part.end..self.part.end, 0);
    }
}

/// Where a block stands in its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    /// The offset of its first byte.
    pub(super) place: u64,
    /// Where the section of the text begins in which it stands: 0 if nothing is lost before it.
    pub(super) begin: u64,
    /// Where the section ends, as far as that is known.
    pub(super) end: Option<u64>,
}

/// What bears on the question, as far as lines show it before they are read.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    bounds: Bounds,
    asked: Option<Asked>,
    aliases: bool,
}

impl Sieve {
    /// For a window, and for the users asked for, as R2 has them. None if nothing can be passed over.
    pub fn new(window: &Window, users: &BTreeSet<Vec<u8>>, names: &Names) -> Option<Sieve> {
        let bounds = window.bounds();
        let sieve = Sieve { bounds, asked: Asked::new(users, names), aliases: !names.store_aliases.is_empty() };
        (bounds != Bounds::default() || sieve.asked.is_some()).then_some(sieve)
    }

    /// The window, as far as dates show it.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether lines are passed over that name no user who is asked for.
    pub fn is_by_users(&self) -> bool {
        self.asked.is_some()
    }

    /// The group of [`Shown::host`] that a store's lines are in.
    pub fn host_of(&self, store: &[u8]) -> u64 {
        if self.aliases { 0 } else { eight(store) }
    }

    /// What clocks showed, in the groups of this sieve.
    pub(super) fn grouped<'a>(&self, shown: impl IntoIterator<Item = &'a Shown>) -> impl Iterator<Item = Shown> {
        shown.into_iter().map(|shown| Shown { host: if self.aliases { 0 } else { shown.host }, ..*shown })
    }

    /// Parts the lines of a block. What clocks showed goes to `shown`.
    pub(super) fn sift<'a>(
        &self,
        block: &'a [u8],
        stand: Stand,
        shown: &mut BTreeSet<Shown>,
        out: &mut dyn FnMut(Sifted<'a>),
    ) {
        let (mut known, mut day): (Option<Known>, _) = (None, Day::default());
        let mut parting = Parting { block, part: 0..0, lines: 0, passed: false, out };
        let named = self.asked.as_ref().map(|asked| asked.named_in(block));
        let mut named = named.as_deref();
        let from_start = |place: u64| usize::try_from(place.saturating_sub(stand.place)).unwrap_or(usize::MAX);
        let head = from_start(stand.begin.saturating_add(EDGE));
        let tail = stand.end.map_or(usize::MAX, |end| from_start(end.saturating_sub(EDGE)));
        let mut at = 0;
        loop {
            if let Some(known) = known {
                let quiet = if at < head { at } else { quiet_until(named, at).min(tail) };
                let until = if known.date.when == When::Around { quiet } else { block.len() };
                let text = block.get(at..until.min(block.len())).unwrap_or_default();
                let (bytes, lines) = known.glance(text, &self.bounds, &mut day);
                at += bytes;
                parting.add(at, lines, true);
            }
            let Some((_, line, bytes)) = Lines::new(block.get(at..).unwrap_or_default()).next() else { break };
            let to = at + bytes as usize;
            let is_named = named.as_mut().is_none_or(|named| is_name_in(named, at..to)) || at < head || at >= tail;
            let passes = self.passes_over(line, is_named, &mut known, &mut day, shown);
            parting.add(to, 1, passes);
            at = to;
        }
        parting.end();
    }

    /// Whether a line cannot bear on the question; `named` says whether it may name a user who is asked for. What does not begin with
    /// a native stamp is read.
    #[inline]
    fn passes_over(
        &self,
        line: &[u8],
        named: bool,
        known: &mut Option<Known>,
        day: &mut Day,
        shown: &mut BTreeSet<Shown>,
    ) -> bool {
        let Some(date) = self.date(line, known, shown) else { return false };
        match date.when {
            When::Before => true,
            When::Around => !named && line.len() <= LONGEST_LINE,
            When::Behind => !named || date.tells_of_nothing_inside(line, &self.bounds, day),
        }
    }

    /// The date of a line, if it begins with a native stamp; it is then known for the lines to come.
    #[inline]
    pub(super) fn date(&self, line: &[u8], known: &mut Option<Known>, shown: &mut BTreeSet<Shown>) -> Option<Date> {
        match (&*known, line.first_chunk()) {
            (Some(known), Some(head)) if known.is_of(head) => Some(known.date),
            _ => self.know(line, known, shown),
        }
    }

    #[inline(never)]
    fn know(&self, line: &[u8], known: &mut Option<Known>, shown: &mut BTreeSet<Shown>) -> Option<Date> {
        let bracket = usize::from(line.first() == Some(&b'['));
        let (_, stamp) = grammar::stamp(line.get(bracket..bracket + STAMP)?).ok()?;
        let day = stamp.local().div_euclid(DAY);
        // Behind the stamp `] `; either bracket may be missing.
        let end = bracket + STAMP;
        let host_at = end + usize::from(line.get(end) == Some(&b']')) + 1;
        let host = line.get(host_at..).unwrap_or_default();
        let host = host.get(..8).unwrap_or(host);
        let host = host.split(|byte| *byte == b' ').next().unwrap_or_default();
        shown.insert(Shown { host: self.host_of(host), day, offset: stamp.offset });
        let date = Date { day, offset: stamp.offset, when: self.bounds.when(day) };
        *known = Known::of(line, bracket, host_at..host_at + host.len(), date).or(*known);
        Some(date)
    }
}

/// From here on, the first place where a name may stand, of those that do; here if all users are asked for.
fn quiet_until(named: Option<&[usize]>, at: usize) -> usize {
    named.map_or(at, |named| named.iter().copied().find(|named| *named >= at).unwrap_or(usize::MAX))
}

/// Whether a name stands in this line, behind what may be its host; the names go on behind the line.
#[inline]
fn is_name_in(named: &mut &[usize], line: Range<usize>) -> bool {
    let mut found = false;
    while let [at, rest @ ..] = named
        && *at < line.end
    {
        found |= *at > line.start + HOST;
        *named = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const HEADS: &[&str] = &[
        "[20/May/2019:10:00:00 +0200] store1 imapd[1]: ",
        "[20/May/2019:23:59:59 +0200] store1 imapd[20335]: ",
        "[20/May/2019:24:00:00 +0200] store1 imapd[1]: ",
        "[29/May/2019:10:00:00 +0200] store1 imapd[1]: ",
        "[09/Jun/2019:10:00:00 +0200] store1 imapd[1]: ",
        "[09/Jun/2019:9:00:00 +0200] store1 imapd[1]: ",
        "[09/Jun/2019:10:00:00 +0200] s imapd[1]: ",
        "[09/Jun/2019:10:00:00 +0200] s ",
        "[09/Jun/2019:10:00:00 -0700] a.long.host imapd[1]: ",
        "09/Jun/2019:10:00:00 +0200] store1 imapd[1]: ",
        "[20/May/2019:10:00:00 +0200] store1",
        "[29/May/2019:10:00:00 +0200] ",
        "",
    ];
    const MESSAGES: &[&str] = &[
        "Account Information: login [192.0.2.7:1] ed plaintext",
        "Account Information: login [192.0.2.7:1] ed close [",
        "Account Notice: close [192.0.2.7:1] ed 2019/6/9 9:00:00 1:00:00 1 2 3",
        "Account Notice: close [192.0.2.7:1] ed 2019/6/9 10:00:01 480:00:00 1 2 3",
        "Account Notice: close [192.0.2.7:1] ed 2019/5/29 9:00:00 1:00:00 1 2 3",
        "Account Notice: close [192.0.2.7:1] a.name.that.ends.far.behind.what.is.looked.at.at.once 2019/5/29 9:00:00 1:00:00",
        "Protocol Debug: logout [192.0.2.7:1] ed 2019/5/29 9:00:00 1:00:00 1 2 3",
        "Account Notice: close [192.0.2.7:1]",
        "Account Notice: close [192.0.2.7:1] ed ",
        "Account Notice: badlogin: [192.0.2.9:5] plaintext ed authentication failure",
        "General Notice: [badlogin: [",
        "",
    ];

    #[test]
    fn hosts_behind_stamps_of_any_form() {
        for stamp in [
            "[20/May/2019:10:00:00 +0200]",
            "[20/May/2019:10:00:00 +0200",
            "20/May/2019:10:00:00 +0200]",
            "20/May/2019:10:00:00 +0200",
        ] {
            let line = format!("{stamp} store1 imapd[1]: Account Information: login [192.0.2.7:1] ed plaintext");
            let mut shown = BTreeSet::new();
            assert!(Sieve::default().date(line.as_bytes(), &mut None, &mut shown).is_some(), "{stamp}");
            assert_eq!(shown.into_iter().map(|shown| shown.host).collect::<Vec<_>>(), [eight(b"store1")], "{stamp}");
        }
    }

    #[test]
    fn r11_what_cannot_bear_on_a_window() {
        // 29 May 2019, 00:00 to 24:00 UTC.
        let bounds = Bounds { since: Some(1_559_088_000), until: Some(1_559_174_400) };
        let sieve = Sieve { bounds, asked: None, aliases: false };
        let passes =
            |line: &str| sieve.passes_over(line.as_bytes(), true, &mut None, &mut Day::default(), &mut BTreeSet::new());
        let login =
            |stamp: &str| format!("[{stamp}] store1 imapd[1]: Account Information: login [192.0.2.7:1] ed plaintext");
        let close = |start: &str| {
            format!(
                "[05/Jun/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: close [192.0.2.7:1] ed {start} 1 2 3"
            )
        };
        for stamp in ["27/May/2019:23:59:59 +0200", "26/May/2019:00:00:00 -1500", "31/May/2019:00:00:00 +0000"] {
            assert!(passes(&login(stamp)), "{stamp}");
        }
        for stamp in ["28/May/2019:00:00:00 +0200", "29/May/2019:12:00:00 +0200", "30/May/2019:23:59:59 +1500", "no"] {
            assert!(!passes(&login(stamp)), "{stamp}");
        }
        for start in ["2019/6/5 9:59:00 0:01:00", "2019/5/30 4:00:00 1:00:00", "2019/5/28 21:59:59 9:00:00"] {
            assert!(passes(&close(start)), "{start}");
        }
        // A clock that is none, though its neighbour's is one.
        let mut known = None;
        let mut after = |line: &str| {
            sieve.passes_over(line.as_bytes(), true, &mut known, &mut Day::default(), &mut BTreeSet::new())
        };
        assert!(after(&login("20/May/2019:10:00:00 +0200")) && !after(&login("20/May/2019:24:00:00 +0200")));
        assert!(after(&login("20/May/2019:23:59:59 +0200")));
        // A neighbour's date that differs from its own in two bytes, in one place of two words and by the same bit.
        let mut known = None;
        let mut after = |line: &str| {
            sieve.passes_over(line.as_bytes(), true, &mut known, &mut Day::default(), &mut BTreeSet::new())
        };
        assert!(after(&login("28/May/2009:12:00:00 +0200")) && !after(&login("29/May/2019:12:00:00 +0200")));
        // Inside, near, behind its own end, and none that can be read.
        for start in [
            "2019/5/29 9:00:00 1:00:00",
            "2019/5/30 3:59:59 1:00:00",
            "2019/5/28 22:00:00 9:00:00",
            "2019/6/5 10:00:01 168:00:00",
            "2019/6/5",
        ] {
            assert!(!passes(&close(start)), "{start}");
        }
        assert!(!passes(&format!("<13>May 26 10:00:00 h t: {}", login("26/May/2019:10:00:00 +0200"))));
    }

    /// Blocks of lines of all kinds, by chance: what is gone through at a glance is what would be passed over line by line.
    #[test]
    fn a_glance_passes_over_what_each_line_does() {
        let long = "x [".repeat(60);
        let bounds = Bounds { since: Some(1_559_088_000), until: Some(1_559_174_400) };
        let asked = Asked::new(&BTreeSet::from([b"ed".to_vec()]), &Names::default());
        let (mut random, mut passed, mut read) = (Random(1), 0, 0);
        for round in 0..3000 {
            // Many lines of one kind behind each other, so that they begin alike.
            let mut head = HEADS[0];
            let lines = (0..60).map(|_| {
                if random.below(6) == 0 {
                    head = HEADS[random.place(HEADS.len())];
                }
                // Of any length, and with brackets or without.
                let filler = &(if random.below(2) == 0 { long.clone() } else { "y".repeat(180) })[..random.place(180)];
                let message = match random.below(8) {
                    0..4 => MESSAGES[2],
                    4 => filler,
                    _ => MESSAGES[random.place(MESSAGES.len())],
                };
                format!("{head}{message}")
            });
            let lines: Vec<String> = lines.collect();
            let is_whole = round % 2 == 0 || lines.last().is_some_and(String::is_empty);
            let block = lines.join("\n") + if is_whole { "\n" } else { "" };
            let sieve = Sieve { bounds, asked: asked.clone().filter(|_| round % 3 == 0), aliases: false };
            // Both edges lie in the block, or far from it.
            let place = 1 << 20;
            let begin = if random.below(2) == 0 { 0 } else { place + random.below(4000) - EDGE };
            let end = (random.below(2) == 0).then(|| place + EDGE + random.below(8000));
            let stand = Stand { place, begin, end };
            let (mut shown, mut parts) = (BTreeSet::new(), Vec::new());
            sieve.sift(block.as_bytes(), stand, &mut shown, &mut |part| parts.push(part));

            let (mut each_shown, mut known, mut at) = (BTreeSet::new(), None, 0);
            let named = sieve.asked.as_ref().map(|asked| asked.named_in(block.as_bytes()));
            let mut each = Vec::new();
            for line in &lines {
                let is_named = named.as_ref().is_none_or(|named| {
                    let behind: Vec<usize> = named.iter().copied().filter(|name| *name >= at).collect();
                    is_name_in(&mut &behind[..], at..at + line.len())
                });
                let here = place + at as u64;
                let is_named = is_named || here < begin + EDGE || end.is_some_and(|end| here >= end - EDGE);
                each.push(sieve.passes_over(
                    line.as_bytes(),
                    is_named,
                    &mut known,
                    &mut Day::default(),
                    &mut each_shown,
                ));
                at += line.len() + 1;
            }
            let told = parts.iter().flat_map(|part| vec![part.passed; usize::try_from(part.lines).unwrap()]);
            assert_eq!(told.collect::<Vec<_>>(), each, "{block}");
            assert_eq!(shown, each_shown, "{block}");
            assert!(parts.iter().all(|part| Lines::new(part.text).count() as u64 == part.lines), "{block}");
            let texts = parts.iter().map(|part| (part.at, part.text));
            assert!(texts.clone().map(|(_, text)| text).collect::<Vec<_>>().concat() == block.as_bytes());
            assert!(texts.clone().all(|(at, text)| block.as_bytes()[at as usize..].starts_with(text)));
            passed += each.iter().filter(|passes| **passes).count();
            read += each.iter().filter(|passes| !**passes).count();
        }
        assert!(passed > 50_000 && read > 20_000, "{passed} {read}");
    }
}

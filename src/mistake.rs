//! Mistakes in a file that people write (settings): where they stand, what is wrong, and what to write instead.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use crate::text::visible;

/// One thing that is wrong in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From where to where, in bytes of the text.
    pub at: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do about it; empty where that is plain.
    pub remedy: String,
}

/// So much of a long line is shown, in bytes: before the place, and from its beginning on.
const SHOWN: (usize, usize) = (60, 100);

impl Mistake {
    /// Something wrong between two places.
    pub(crate) fn new(at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) -> Mistake {
        Mistake { at, what: what.into(), remedy: remedy.into() }
    }

    /// The line and the column in it, both from 1; columns are characters.
    pub fn place(&self, text: &str) -> (usize, usize) {
        let (line, before) = self.line(text);
        let number = text.get(..line.start).unwrap_or_default().matches('\n').count() + 1;
        (number, before.chars().count() + 1)
    }

    /// The line in which it begins, and the text before it there.
    fn line<'t>(&self, text: &'t str) -> (Range<usize>, &'t str) {
        let mut at = self.at.start.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let end = text.get(at..).and_then(|behind| behind.find('\n')).map_or(text.len(), |newline| at + newline);
        (start..end, text.get(start..at).unwrap_or_default())
    }

    /// In one line: what is wrong, and the remedy.
    pub fn sentence(&self) -> String {
        if self.remedy.is_empty() { self.what.clone() } else { format!("{}; {}", self.what, self.remedy) }
    }

    /// The line of the text with the place underlined, what is wrong above it, the remedy below. Nothing in it steers a
    /// terminal.
    pub fn picture(&self, path: &str, text: &str) -> String {
        let (number, column) = self.place(text);
        let (line, before) = self.line(text);
        let whole = text.get(line.clone()).unwrap_or_default().trim_end_matches('\r');
        let begin = boundary(whole, before.len().saturating_sub(SHOWN.0));
        let end = boundary(whole, before.len() + SHOWN.1);
        let marked_end = boundary(whole, self.at.end.saturating_sub(line.start).min(end)).max(before.len());
        let shown = |range: Range<usize>| visible(whole.get(range).unwrap_or_default().as_bytes()).into_owned();
        let cut = |is_cut: bool| if is_cut { "..." } else { "" };
        let (lead, tail) = (cut(begin > 0), cut(end < whole.len()));
        let (head, marked) = (shown(begin..before.len().min(whole.len())), shown(before.len()..marked_end));
        let rest = shown(marked_end..end);
        let blanks = " ".repeat(lead.len() + head.width());
        let underline = "^".repeat(marked.width().max(1));
        let gutter = " ".repeat(number.to_string().len());
        let mut picture = format!(
            "{}:{number}:{column}: {}\n{gutter} |\n{number} | {lead}{head}{marked}{rest}{tail}\n{gutter} | {blanks}{underline}\n",
            visible(path.as_bytes()),
            visible(self.what.as_bytes())
        );
        if !self.remedy.is_empty() {
            picture.push_str(&format!("{gutter} = {}\n", visible(self.remedy.as_bytes())));
        }
        picture
    }
}

/// The nearest place at or before `at` that lies between two characters.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Of some names the one that was perhaps meant: it differs by two letters at most, and by fewer than half.
pub(crate) fn meant<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let distances = names.map(|name| (distance(written, name), name));
    let near = distances.filter(|(distance, name)| *distance <= 2 && 2 * distance < name.len());
    near.min().map(|(_, name)| name)
}

/// How many letters must be added, taken away or changed to make one word of another.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures() {
        let text = "a = 1\nb = 'jürgen {usr}'\n";
        let from = text.find("{usr}").unwrap();
        let mistake = Mistake::new(from..from + 5, "no field is called 'usr'", "write {user}");
        assert_eq!(mistake.place(text), (2, 13));
        assert_eq!(
            mistake.picture("x\u{1b}.toml", text),
            "x\\x1b.toml:2:13: no field is called 'usr'\n  |\n2 | b = 'jürgen {usr}'\n  |             ^^^^^\n  = write {user}\n"
        );
    }

    #[test]
    fn places_anywhere_in_any_text() {
        let long = format!("{}ö{}", "x".repeat(300), "y".repeat(300));
        for text in ["", "\n", "ä\r\nö", "a\u{1b}[31m\n\n", &long] {
            for from in 0..text.len() + 2 {
                for to in [from, from + 1, text.len() + 3] {
                    let picture = Mistake::new(from..to, "w", "").picture("p", text);
                    assert!(picture.contains('^') && !picture.contains('\u{1b}'), "{picture}");
                    assert!(picture.lines().all(|line| line.len() < 400), "{picture}");
                }
            }
        }
    }

    #[test]
    fn words_that_were_meant() {
        let names = || ["peer", "user", "in", "duration"].into_iter();
        assert_eq!(meant("usr", names()), Some("user"));
        assert_eq!(meant("duratoin", names()), Some("duration"));
        assert_eq!(meant("host", names()), None);
        assert_eq!(meant("i", names()), None);
        assert_eq!(distance("", "abc"), 3);
    }
}

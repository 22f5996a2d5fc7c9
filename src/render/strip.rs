//! Lines an hour as a strip of bars, for a terminal.

use crate::trail::StreamHours;

/// A strip is at most so many columns wide.
const COLUMNS: i64 = 72;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A column without a line.
const NOTHING: char = '·';

/// A strip, and how many hours each of its columns is.
pub(super) fn strip(hours: &StreamHours, last: i64) -> (String, i64) {
    let Some(first) = hours.cells.keys().next().map(|(hour, _)| *hour) else { return (String::new(), 1) };
    let wide = (last - first).max(0) / COLUMNS + 1;
    let mut columns = vec![0_u64; usize::try_from((last - first).max(0) / wide + 1).unwrap_or(1)];
    for ((hour, _), cell) in hours.cells.range(..=(last, i16::MAX)) {
        if let Some(column) = usize::try_from((hour - first) / wide).ok().and_then(|at| columns.get_mut(at)) {
            *column += cell.lines();
        }
    }
    let most = columns.iter().copied().max().unwrap_or(0).max(1);
    let bar = |lines: u64| match lines {
        0 => NOTHING,
        _ => usize::try_from((lines * 8).div_ceil(most) - 1).ok().and_then(|n| BARS.get(n)).copied().unwrap_or('█'),
    };
    (columns.into_iter().map(bar).collect(), wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Cell;

    fn strip_of(hours: &[(i64, u64)], last: i64) -> (String, i64) {
        let cell = |(hour, closes): &(i64, u64)| {
            let cell = Cell { first: hour * 3600, last: hour * 3600, logins: 0, closes: *closes, marks: 0 };
            ((*hour, 0), cell)
        };
        strip(&StreamHours { cells: hours.iter().map(cell).collect() }, last)
    }

    #[test]
    fn bars_by_lines() {
        assert_eq!(strip_of(&[(10, 1), (11, 8), (13, 4), (14, 5)], 14), ("▁█·▄▅".to_owned(), 1));
        assert_eq!(strip_of(&[(10, 1), (99, 9)], 11), ("█·".to_owned(), 1), "a lone stamp is left out");
        let (text, wide) = strip_of(&[(0, 100), (1, 100), (71, 1), (143, 50)], 143);
        assert_eq!((wide, text.chars().count()), (2, 72));
        assert!(text.starts_with("█·") && text.ends_with("·▂"), "{text}");
        assert_eq!(strip_of(&[], 5), (String::new(), 1));
        let (text, _) = strip_of(&[(-900_000, 1), (900_000, 1)], 900_000);
        assert!(text.chars().count() <= 73);
    }
}

//! What is known to be wrong and is left out until it is mended; each has its input in `fuzz/seeds/*/found-*`. Whoever mends one
//! takes it out here, and the seeds see to it that it stays mended.

/// `found-26-zero-bytes`: a reader that has not seen a stamp takes 26 zero bytes for one of 1970; one that has, does not.
pub fn is_zero_stamp(line: &[u8]) -> bool {
    let skip = usize::from(line.first() == Some(&b'['));
    line.get(skip..skip + 26).is_some_and(|stamp| stamp.iter().all(|b| *b == 0))
}

/// `found-host-of-600-bytes`: an origin of over 512 bytes is none in a native line, and is one behind a syslog prefix.
pub fn is_long_origin(line: &[u8]) -> bool {
    line.iter().skip(28).position(|b| *b == b']').is_some_and(|at| at >= 500)
}

/// `found-day-58`: a date without a year, on a day that the year given does not have, is told to lack a year.
pub fn is_day_of_no_year(line: &[u8]) -> bool {
    let months = ["Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ", "Dec "];
    line.windows(4).take(8).any(|word| months.iter().any(|month| month.as_bytes() == word))
}

/// `found-year-minus-19`: a year of other than four digits is taken where there is no offset (`-019-05-29`), and written in a form
/// that is not. The digits are seconds since 1970.
pub fn is_odd_year(digits: i64) -> bool {
    !(FIRST..LAST).contains(&digits)
}

/// `found-year-10000`: on the first and last day of the calendar another zone has a year that four digits cannot write.
pub fn is_odd_year_elsewhere(at: i64) -> bool {
    !(FIRST + 86_400..LAST - 86_400).contains(&at)
}

/// 0000-01-01 and 10000-01-01, in seconds since 1970.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_800;

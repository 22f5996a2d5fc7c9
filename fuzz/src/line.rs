//! Target `line`: any bytes as lines through the reader.

use super::adapter::{Class, Desk, LONGEST, Templates, Told, is_native, shape, visible};

/// The year of dates that have none: one with a 29 February.
const YEAR: u32 = 2020;

/// Reads the bytes line by line.
pub fn run(data: &[u8]) {
    let desk = Desk::new(Templates::built_in(), Some(YEAR));
    let mut warm = desk.reader();
    for line in data.split(|b| *b == b'\n') {
        let told = warm.read(line);
        fits(line, &told);
        // What neighbouring lines share is remembered, and must not change what a line says.
        let cold = Desk::new(Templates::built_in(), Some(YEAR));
        let mut cold = cold.reader();
        assert_eq!(cold.read(line), told, "a fresh reader says something else");
        assert_eq!(warm.read(line), told, "the second time it says something else");
        let sum = line.iter().fold(line.len(), |sum, b| sum * 31 % 65_521 + usize::from(*b));
        for place in [sum % 80, sum / 80 % 80, 26, 27] {
            let Some(other) = neighbour(line, place) else { continue };
            let cold = Desk::new(Templates::built_in(), Some(YEAR));
            assert_eq!(warm.read(&other), cold.reader().read(&other), "behind a line that differs at byte {place}");
            assert_eq!(warm.read(line), told, "behind a line that differed at byte {place}");
        }
        around(line, &told);
    }
}

/// The same line but for one byte, as the lines beside each other in a log differ.
fn neighbour(line: &[u8], place: usize) -> Option<Vec<u8>> {
    let mut other = line.to_vec();
    let byte = other.get_mut(place)?;
    *byte = match *byte {
        digit @ b'0'..=b'8' => digit + 1,
        b'9' => b'0',
        byte => byte ^ 1,
    };
    (*byte != b'\n').then_some(other)
}

/// Whether what a line says is to be had from the line.
fn fits(line: &[u8], told: &Told<'_>) {
    assert!(is_within(told.message, line), "the message is no part of its line");
    for (name, text) in told.fields.texts() {
        assert!(is_within(text, told.message), "{name} is no part of the message");
    }
    let has = |fields: &[&[u8]]| assert!(fields.iter().all(|f| !f.is_empty()), "{told:?} lacks a field");
    let fields = &told.fields;
    let one_word = |text: &[u8]| !text.is_empty() && !text.contains(&b' ');
    match &told.class {
        Class::Event(kind) => {
            assert!(told.stamp.is_some() && line.len() <= LONGEST);
            match kind.as_str() {
                "login" => assert!(one_word(fields.user) && one_word(fields.mechanism), "{told:?}"),
                "close" => assert!(one_word(fields.user), "{told:?}"),
                "refused" => has(&[fields.mechanism, fields.reason]),
                "append" | "fetch" | "expunge" => has(&[fields.user]),
                "denied" | "start" | "stop" | "created" | "known" => {}
                other => panic!("no template is of the kind {other}"),
            }
        }
        Class::Unknown => {
            assert!(told.stamp.is_some() && line.len() <= LONGEST);
            let begins = [&b"login "[..], b"close ", b"badlogin: "].iter().any(|b| told.message.starts_with(b));
            assert!(!begins, "a login, close or badlogin that does not fit is a reject");
            let masked = shape(told.message);
            assert_eq!(shape(masked.as_bytes()), masked, "a shape is its own shape");
        }
        Class::Reject(why) => {
            assert!(told.stamp.is_none() && told.message.is_empty());
            assert_eq!(line.len() > LONGEST, *why == "longer than 64 KiB", "{why}");
            assert!(!why.contains("without a year"), "a year was given");
        }
    }
    let seen = visible(line);
    assert!(!seen.chars().any(char::is_control), "it would steer a terminal: {seen:?}");
}

/// Whether one text lies inside of another, in the same memory; an empty one lies anywhere.
fn is_within(part: &[u8], whole: &[u8]) -> bool {
    let (part_at, whole_at) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (whole_at.start <= part_at.start && part_at.end <= whole_at.end)
}

/// What may stand around a line without changing it: one carriage return behind it, a syslog prefix before a native one.
fn around(line: &[u8], told: &Told<'_>) {
    let desk = Desk::new(Templates::built_in(), Some(YEAR));
    let mut reader = desk.reader();
    if line.len() < LONGEST && line.last() != Some(&b'\r') {
        let returned = [line, b"\r"].concat();
        assert_eq!(reader.read(&returned), *told, "a carriage return behind it");
    }
    for prefix in ["May 29 10:44:56 loghost imta: ", "<134>1 2019-05-29T10:44:56+02:00 store1 imapd 7 - - \u{feff}"] {
        if is_native(line) && line.len() + prefix.len() <= LONGEST {
            let prefixed = [prefix.as_bytes(), line].concat();
            assert_eq!(reader.read(&prefixed), *told, "behind {prefix:?}");
        }
    }
}

//! Target `time`: any text as a time of the command line, and behind a newline as a zone.

use super::adapter::{Moment, ShownIn, command_line, time, zone};

/// Reads a time and a zone; both are refused with a sentence, or printed and read again.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (time_text, zone_text) = text.split_once('\n').unwrap_or((text, "log"));
    let shown_in = match zone(zone_text) {
        Ok(shown_in) => {
            assert_eq!(zone(&shown_in.name()), Ok(shown_in), "the zone's own name");
            Some(shown_in)
        }
        Err(said) => {
            assert!(said.starts_with("expected "), "{said}");
            None
        }
    };
    match time(time_text) {
        Ok(moment) => {
            again(moment);
            if let Some(other) = other_form(time_text) {
                assert_eq!(time(&other), Ok(moment), "the other form, {other}");
            }
            for shown_in in shown_in.into_iter().chain([ShownIn::LOG]) {
                displayed(moment, shown_in);
            }
        }
        Err(said) => assert!(said.starts_with("expected "), "{said}"),
    }
    let (Ok(moment), Some(shown_in)) = (time(time_text), shown_in) else { return };
    // clap takes what begins with a dash for a flag.
    if !time_text.starts_with('-') && !zone_text.starts_with('-') {
        assert_eq!(command_line(time_text, zone_text), Some(([Some(moment); 3], shown_in)));
    }
}

/// A moment printed in its own form is that moment.
fn again(moment: Moment) {
    match moment {
        Moment::Instant(at, offset) => {
            assert_eq!(time(&ShownIn::LOG.rfc3339((at, offset))), Ok(moment));
        }
        Moment::Digits(digits, bare) => {
            let printed = ShownIn::LOG.rfc3339((digits, 0));
            let length = if bare { 10 } else { 19 };
            let printed = printed.get(..length).unwrap_or(&printed);
            assert_eq!(time(printed), Ok(moment), "{printed}");
        }
    }
}

/// The log's own form as RFC 3339, which another reader reads.
fn other_form(text: &str) -> Option<String> {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    let (date, clock) = bare.split_once(':')?;
    let [day, name, year] = date.split('/').collect::<Vec<_>>()[..] else { return None };
    let month = months.iter().position(|m| *m == name)? + 1;
    let (clock, offset) = clock.split_once(' ').unwrap_or((clock, ""));
    let offset = if offset.is_empty() { String::new() } else { format!("{}:{}", offset.get(..3)?, offset.get(3..)?) };
    Some(format!("{year}-{month:02}-{day}T{clock}{offset}"))
}

/// An instant shown in a zone is that instant, in both forms that answers have.
fn displayed(moment: Moment, shown_in: ShownIn) {
    let (at, offset) = match moment {
        Moment::Instant(at, offset) => (at, offset),
        Moment::Digits(digits, _) => (digits, 0),
    };
    let _ = shown_in.repeats((at, offset));
    let log_form = shown_in.log_form((at, offset));
    // RFC 3339 has offsets up to 23:59, the log's own form up to 15:59.
    let has_log_form = log_form.get(22..24).is_some_and(|hours| hours <= "15");
    for printed in [shown_in.rfc3339((at, offset))].into_iter().chain(has_log_form.then_some(log_form)) {
        match time(&printed) {
            Ok(Moment::Instant(again, _)) => assert_eq!(again, at, "{printed}"),
            other => panic!("{printed} is read as {other:?}"),
        }
    }
}

//! Lines and the sessions that they fit, against a comparison of each with each.

use std::borrow::Cow;

use super::*;
use crate::fold::Action;
use crate::model::Stamp;
use crate::pair::Session;
use crate::random::Random;
use crate::streams::StreamId;

fn text(text: &str) -> Cow<'_, [u8]> {
    Cow::Borrowed(text.as_bytes())
}

fn line(user: &str, pid: u32, at: Instant, service: Option<Service>) -> TraceRow<'_> {
    let time = Stamp { at, offset: 120 };
    TraceRow {
        store: text("store1"),
        service,
        pid,
        user: text(user),
        time,
        action: Action::Fetch,
        folder: text("user/\0"),
        size: Some(7),
        message_id: text("a\0b@x"),
        process: text("imapd"),
        inferred: false,
        evidence: None,
    }
}

#[test]
fn records_hold_all_of_a_line() {
    let session = FittingSessionOf { end: Some(9) }.row();
    for line in [line("ed", 7, -5, Some(Service::Pop)), line("", u32::MAX, i64::MAX, None)] {
        let mut record = Vec::new();
        line.write(&mut record);
        assert_eq!(TraceRow::read(&record), Some(line.clone()));
        (0..record.len()).for_each(|cut| assert_eq!(TraceRow::read(&record[..cut]), None, "cut at {cut}"));
        for (fits, session) in [(0, None), (1, Some(&session)), (2, None)] {
            let row = MessageRow::of(&line, fits, session);
            let mut record = Vec::new();
            row.write(&mut record);
            assert_eq!(MessageRow::read(&record), Some(row));
            (0..record.len()).for_each(|cut| assert_eq!(MessageRow::read(&record[..cut]), None, "cut at {cut}"));
        }
    }
}

#[test]
fn an_id_is_shown_as_mail_has_it() {
    let shown = |id: &'static str| {
        let line = TraceRow { message_id: text(id), ..line("ed", 1, 0, None) };
        String::from_utf8(MessageRow::of(&line, 0, None).message_id().into_owned()).unwrap()
    };
    assert_eq!((shown("a@x"), shown("<a@x"), shown("")), ("<a@x>".into(), "<a@x".into(), "<>".into()));
}

/// A session by its end.
struct FittingSessionOf {
    end: Option<Instant>,
}

impl FittingSessionOf {
    fn row(&self) -> SessionRow<'static> {
        let record = record("ed", 1, 0, self.end);
        SessionRow::read(Box::leak(record.into_boxed_slice())).unwrap()
    }
}

fn record(user: &str, pid: u32, login: Instant, end: Option<Instant>) -> Vec<u8> {
    let stamp = |at| Stamp { at, offset: 0 };
    let session = Session {
        stream: StreamId(0),
        login: stamp(login),
        user: user.as_bytes().to_vec(),
        peer: crate::model::Peer::v4(7, Some(1)),
        pid,
        mechanism: None,
        connect: Some(stamp(login)),
        end: end.map(stamp),
        duration: None,
        carried: None,
        reused: None,
        flags: Default::default(),
    };
    let mut record = Vec::new();
    let status = if end.is_some() { super::super::Status::Closed } else { super::super::Status::Open };
    SessionRow::of(&session, (status, 0), b"store1", &Default::default()).write(&mut record);
    record
}

#[test]
fn each_line_meets_the_sessions_that_it_lies_in() {
    let mut random = Random(3);
    let folder = std::env::temp_dir();
    for limit in [0, 2000, usize::MAX] {
        let mut traces = Runs::new(&folder, limit);
        let mut sessions = Runs::new(&folder, limit);
        let mut all_lines = Vec::new();
        let mut all_sessions = Vec::new();
        for _ in 0..300 {
            let (user, pid) = (["a", "a\0", "b"][random.below(3) as usize], random.below(2) as u32);
            let at = random.below(60) as Instant;
            let service = (random.below(4) > 0).then_some(Service::Imap);
            all_lines.push((user, pid, at, service));
            traces.push(|record| line(user, pid, at, service).write(record));
            if random.below(6) == 0 {
                let end = (random.below(3) > 0).then_some(at + random.below(9) as Instant);
                all_sessions.push((user, pid, at, end));
                let own = record(user, pid, at, end);
                sessions.push(|record| put_session(record, &own, true).unwrap());
            }
        }
        traces.finish().unwrap();
        sessions.finish().unwrap();
        let fits = |line: &(&str, u32, Instant, Option<Service>)| {
            let (user, pid, at, service) = *line;
            let fits = |s: &&(&str, u32, Instant, Option<Instant>)| {
                service.is_some() && (s.0, s.1) == (user, pid) && s.2 <= at && s.3.is_none_or(|end| at <= end)
            };
            all_sessions.iter().filter(fits).count()
        };
        let mut expected: Vec<_> = all_lines.iter().map(|l| (l.0.as_bytes().to_vec(), l.1, l.2, fits(l))).collect();
        let ones = expected.iter().filter(|(.., fits)| *fits == 1).count() as u64;
        let mut got = Vec::new();
        let mut counted = 0;
        let mut take = |row: &TraceRow<'_>, fits: usize, session: Option<&[u8]>| {
            assert_eq!(session.is_some(), fits == 1);
            got.push((row.user.to_vec(), row.pid, row.time.at, fits));
        };
        join(&[traces], &[sessions], &[], &mut take, &mut |session| {
            counted += session.messages.counts.iter().sum::<u64>();
        })
        .unwrap();
        expected.sort();
        got.sort();
        assert_eq!(got, expected);
        assert_eq!((counted, ones > 20), (ones, true));
    }
}

//! The numbers of a report, counted once more from the rows of the other answers, as slowly and plainly as can be.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use imstrail::answer::report::{Cut, Refused, Report, SessionLine, Slot};
use imstrail::model::Stamp;
use imstrail::text::visible;
use imstrail::times::{Zone, rfc3339_of};
use serde_json::Value;

/// The answers of the program to the other questions.
pub(crate) struct Others {
    pub(crate) sessions: Vec<Value>,
    pub(crate) failures: Vec<Value>,
    pub(crate) access: Vec<Value>,
    pub(crate) coverage: Vec<Value>,
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

fn time(row: &Value, name: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text(row, name)).expect("a time")
}

fn opt_time(row: &Value, name: &str) -> Option<i64> {
    row[name].as_str().map(|text| DateTime::parse_from_rfc3339(text).expect("a time").timestamp())
}

/// An address without its port.
fn address(from: &str) -> &str {
    match from.strip_prefix('[') {
        Some(v6) => v6.split(']').next().expect("an address"),
        None if from.matches(':').count() == 1 => from.split(':').next().expect("an address"),
        None => from,
    }
}

fn service(row: &Value) -> usize {
    ["imap", "http", "pop"].iter().position(|name| *name == text(row, "service")).expect("a service")
}

/// Distinct texts.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    texts.collect::<BTreeSet<&str>>().len() as u64
}

/// Rows with their times.
type Timed<'a> = Vec<(DateTime<FixedOffset>, &'a Value)>;

fn timed<'a>(rows: &'a [Value], name: &str) -> Timed<'a> {
    rows.iter().map(|row| (time(row, name), row)).collect()
}

/// What a slot should hold, of the sessions and refusals that fall in it.
fn slot((sessions, failures): (&Timed<'_>, &Timed<'_>), falls: impl Fn(DateTime<FixedOffset>) -> bool) -> Slot {
    let sessions: Vec<&Value> = sessions.iter().filter(|(time, _)| falls(*time)).map(|(_, row)| *row).collect();
    let mut by_service = [0; 3];
    sessions.iter().for_each(|row| by_service[service(row)] += 1);
    Slot {
        sessions: by_service,
        users: distinct(sessions.iter().map(|row| text(row, "user"))),
        failures: failures.iter().filter(|(time, _)| falls(*time)).count() as u64,
    }
}

/// Compares everything.
pub(crate) fn check(report: &Report, others: &Others) {
    totals(report, others);
    times(report, others);
    connected(report, others);
    tops(report, others);
    sections(report, others);
    failures(report, others);
    last_access(report, others);
    coverage(report, others);
}

fn totals(report: &Report, others: &Others) {
    let (totals, rows) = (&report.totals, &others.sessions);
    let count = |is: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| is(row)).count() as u64;
    assert_eq!(totals.sessions, rows.len() as u64);
    assert_eq!(totals.by_status, ["closed", "open", "lost"].map(|status| count(&|row| text(row, "status") == status)));
    assert_eq!(totals.by_service, ["imap", "http", "pop"].map(|name| count(&|row| text(row, "service") == name)));
    let doubtful = |row: &Value| text(row, "status") != "closed" || !flags(row).is_empty();
    assert_eq!(totals.doubtful, count(&doubtful));
    assert_eq!(totals.users, distinct(rows.iter().map(|row| text(row, "user"))));
    assert_eq!(totals.addresses, distinct(rows.iter().map(|row| address(text(row, "from")))));
    assert_eq!(totals.failures, others.failures.len() as u64);
    assert!(totals.sessions > 0, "nothing was compared");
}

fn times(report: &Report, others: &Others) {
    let rows = (&timed(&others.sessions, "login"), &timed(&others.failures, "time"));
    assert_eq!((report.hours_of_week.len(), report.hours_of_day.len(), report.days.width), (168, 24, 1));
    for (number, got) in (0..).zip(&report.hours_of_day) {
        assert_eq!(*got, slot(rows, |time| time.hour() == number), "hour {number}");
    }
    for (number, got) in (0..).zip(&report.hours_of_week) {
        let falls = |time: DateTime<FixedOffset>| time.weekday().num_days_from_monday() * 24 + time.hour() == number;
        assert_eq!(*got, slot(rows, falls), "hour {number} of the week");
    }
    for day in &report.days.shown {
        let date = |time: DateTime<FixedOffset>| time.date_naive().to_string() == day.date;
        assert_eq!(day.slot, slot(rows, date), "{}", day.date);
        let weekday = day.date.parse::<chrono::NaiveDate>().expect("a date").weekday().num_days_from_monday();
        assert_eq!(u32::from(day.weekday), weekday, "{}", day.date);
        let of_day: Vec<&Value> = rows.1.iter().filter(|(time, _)| date(*time)).map(|(_, row)| *row).collect();
        let named: Vec<&str> = report.failures.reasons.shown.iter().map(|reason| &*reason.name).collect();
        let mut expected: Vec<u64> =
            named.iter().map(|name| of_day.iter().filter(|row| text(row, "reason") == *name).count() as u64).collect();
        expected.push(of_day.len() as u64 - expected.iter().sum::<u64>());
        assert_eq!(day.failures, expected, "{}", day.date);
    }
    let on_days: u64 = report.days.shown.iter().flat_map(|day| day.slot.sessions).sum();
    assert_eq!(on_days + report.days.outside, report.totals.sessions);
}

fn connected(report: &Report, others: &Others) {
    let connected = &report.connected;
    assert!(!connected.buckets.is_empty());
    let spans: Vec<(&str, i64, Option<i64>)> = others
        .sessions
        .iter()
        .map(|row| (text(row, "user"), time(row, "login").timestamp(), opt_time(row, "logout")))
        .collect();
    for (number, bucket) in connected.buckets.iter().enumerate() {
        let from = connected.begin(number).at;
        let begun = || spans.iter().filter(|(_, login, _)| *login < from + connected.width);
        let closed = begun().filter(|(.., end)| end.is_some_and(|end| end >= from));
        let certain: BTreeSet<&str> = closed.map(|(user, ..)| *user).collect();
        assert_eq!(bucket.certain, certain.len() as u64, "bucket {number} from {from}");
        // How long one was there that has no close, rows do not say: at most to the end.
        let unclosed = begun().filter(|(user, _, end)| end.is_none() && !certain.contains(user));
        let more: BTreeSet<&str> = unclosed.map(|(user, ..)| *user).collect();
        assert!(bucket.possible <= more.len() as u64, "bucket {number}: {bucket:?}, {more:?}");
    }
    let possible: u64 = connected.buckets.iter().map(|bucket| bucket.possible).sum();
    assert!(possible == 0 || spans.iter().any(|(.., end)| end.is_none()));
}

/// Sessions by something: how many, of how many others, and the last login or logout.
type Counted<'a> = BTreeMap<&'a str, (u64, BTreeSet<&'a str>, i64)>;

fn counted<'a>(rows: &'a [Value], name: impl Fn(&'a Value) -> (&'a str, &'a str)) -> Counted<'a> {
    let mut all = Counted::new();
    for row in rows {
        let (name, other) = name(row);
        let (count, others, last) = all.entry(name).or_insert((0, BTreeSet::new(), i64::MIN));
        *count += 1;
        others.insert(other);
        *last = [opt_time(row, "login"), opt_time(row, "logout")].into_iter().flatten().fold(*last, i64::max);
    }
    all
}

fn tops(report: &Report, others: &Others) {
    let domain = |row| text(row, "user").split_once('@').map_or("", |(_, domain)| domain);
    let lists = [
        (&report.users, counted(&others.sessions, |row| (text(row, "user"), address(text(row, "from"))))),
        (&report.addresses, counted(&others.sessions, |row| (address(text(row, "from")), text(row, "user")))),
        (&report.domains, counted(&others.sessions, |row| (domain(row), text(row, "user")))),
    ];
    for (got, expected) in lists {
        assert_eq!(got.total(), expected.len() as u64);
        let mut expected: Vec<_> = expected.into_iter().collect();
        expected.sort_by_key(|(name, (count, ..))| (std::cmp::Reverse(*count), *name));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, (count, others, last))| (name, count, others.len() as u64, last))
            .collect();
        let got: Vec<_> = got.shown.iter().map(|top| (&*top.name, top.sessions, top.others, top.last.at)).collect();
        assert_eq!(got, expected[..got.len()]);
    }
}

fn sections(report: &Report, others: &Others) {
    let names = |list: &mut dyn Iterator<Item = &String>| list.cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&mut report.sections.iter().map(|section| &section.user)),
        names(&mut report.users.shown.iter().map(|top| &top.name))
    );
    let shown = |stamp: Option<Stamp>| stamp.map(|stamp| rfc3339_of(stamp, report.zone));
    let line = |line: &SessionLine| {
        let flags = line.flags.join(" ");
        let times = [shown(line.connect), shown(Some(line.login)), shown(line.logout)];
        let texts = [&*line.store, line.service.as_str(), &*line.from, line.status.as_str(), &*flags];
        (times, line.auth.clone(), texts.map(str::to_owned))
    };
    let row = |row: &Value| {
        let string = |name: &str| row[name].as_str().map(str::to_owned);
        let texts = ["store", "service", "from", "status"].map(|name| text(row, name).to_owned());
        let [store, service, from, status] = texts;
        let times = [string("connect"), string("login"), string("logout")];
        (times, string("auth"), [store, service, from, status, flags(row)])
    };
    for section in &report.sections {
        let mut rows: Vec<&Value> = others.sessions.iter().filter(|row| text(row, "user") == section.user).collect();
        assert_eq!(section.sessions, rows.len() as u64);
        rows.sort_by_key(|row| opt_time(row, "login"));
        assert_eq!(Some(section.first.at), opt_time(rows[0], "login"));
        let left_out = usize::try_from(section.timeline.left_out).expect("few");
        assert_eq!(left_out + section.timeline.shown.len(), rows.len());
        let logins = |from: usize| rows[from..].iter().map(|row| opt_time(row, "login")).collect::<Vec<_>>();
        let got: Vec<Option<i64>> = section.timeline.shown.iter().map(|line| Some(line.login.at)).collect();
        assert_eq!(got, logins(left_out), "{}", section.user);
        // Of one moment there may be several, in an order of their own.
        let all: Vec<_> = rows.iter().map(|value| row(value)).collect();
        for session in &section.timeline.shown {
            assert!(all.contains(&line(session)), "{session:?}");
            assert!(session.until.at >= session.login.at && session.logout.is_none_or(|end| end == session.until));
        }
    }
}

fn failures(report: &Report, others: &Others) {
    let shown = |list: &Cut<Refused>| list.shown.len();
    assert!(shown(&report.failures.users) >= 5 && shown(&report.failures.addresses) >= 5);
    let lists = [
        (&report.failures.reasons, counted_refusals(others, |row| text(row, "reason"))),
        (&report.failures.users, counted_refusals(others, |row| text(row, "user"))),
        (&report.failures.addresses, counted_refusals(others, |row| address(text(row, "from")))),
    ];
    for (got, expected) in lists {
        assert_eq!(got.total(), expected.len() as u64);
        let mut counts: Vec<u64> = expected.values().copied().collect();
        counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
        for (refused, count) in got.shown.iter().zip(counts) {
            assert_eq!((refused.failures, expected[&*refused.name]), (count, count), "{refused:?}");
        }
    }
}

/// Refusals by something, as it is shown: clients may send any text as a user.
fn counted_refusals<'a>(others: &'a Others, name: impl Fn(&'a Value) -> &'a str) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for row in &others.failures {
        *all.entry(visible(name(row).as_bytes()).into_owned()).or_default() += 1;
    }
    all
}

fn last_access(report: &Report, others: &Others) {
    let users = &report.last_access.users;
    assert_eq!(users.total(), others.access.len() as u64);
    assert_eq!(report.last_access.file.is_some(), users.left_out > 0);
    let shown = |stamp: Option<Stamp>| stamp.map(|stamp| rfc3339_of(stamp, report.zone));
    let latest =
        |row: &Value| ["imap", "http", "pop"].iter().filter_map(|name| opt_time(&row[*name], "last_access")).max();
    let mut rows: Vec<&Value> = others.access.iter().collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(latest(row)), text(row, "user")));
    rows.truncate(users.shown.len());
    rows.sort_by_key(|row| text(row, "user"));
    for (got, row) in users.shown.iter().zip(&rows) {
        assert_eq!(got.user, text(row, "user"));
        assert_eq!(got.latest().map(|stamp| stamp.at), latest(row));
        for (got, name) in got.services.iter().zip(["imap", "http", "pop"]) {
            let row = &row[name];
            assert_eq!(got.is_some(), !row.is_null());
            let Some(got) = got else { continue };
            assert_eq!(shown(got.login).as_deref(), row["last_login"].as_str());
            assert_eq!(shown(got.logout).as_deref(), row["last_logout"].as_str());
            assert_eq!((&*got.store, got.flags.join(" ")), (text(row, "store"), flags(row)));
            assert_eq!(shown(Some(got.last_access())).as_deref(), row["last_access"].as_str());
        }
    }
}

/// The flags of a row, but for that of lines of the message trace, of which a report does not tell.
fn flags(row: &Value) -> String {
    let flags = row["flags"].as_array().expect("flags").iter().filter_map(Value::as_str);
    flags.filter(|flag| *flag != "messages-ambiguous").collect::<Vec<_>>().join(" ")
}

fn coverage(report: &Report, others: &Others) {
    let rows: Vec<&Value> = others.coverage.iter().filter(|row| row["record"] == "coverage").collect();
    assert_eq!(report.streams.shown.len(), rows.len());
    for (stream, row) in report.streams.shown.iter().zip(rows) {
        assert_eq!((&*stream.store, stream.service.as_str()), (text(row, "store"), text(row, "service")));
        let time = |stamp| rfc3339_of(stamp, Zone::Log);
        let shown = |stamp| rfc3339_of(stamp, report.zone);
        assert_eq!(
            (&*shown(stream.first), &*shown(stream.last)),
            (text(row, "first"), text(row, "last")),
            "{}",
            time(stream.first)
        );
        let numbers = [("lines", stream.lines), ("logins", stream.logins), ("closes", stream.closes)];
        numbers.iter().for_each(|(name, number)| assert_eq!(row[*name].as_u64(), Some(*number), "{name}"));
        let length = |name: &str| row[name].as_array().map_or(0, Vec::len);
        let spans = ["gaps", "silences", "logins_not_logged", "overlaps"].map(length).iter().sum::<usize>();
        assert_eq!(stream.spans.shown.len(), spans, "{row}");
        assert_eq!(stream.clock_jumps as usize, length("clock_jumps"));
        assert_eq!(stream.strip.lines.iter().sum::<u64>(), stream.lines, "all lines lie in a column");
    }
}

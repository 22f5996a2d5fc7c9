//! A small report for tests of whatever renders one: a bit of everything, with names that must not be taken at their word.

use super::*;

/// 2019-05-29T00:00:00+02:00, a Wednesday.
const BEGIN: i64 = 1_559_080_800;

/// So many seconds after the beginning.
fn at(seconds: i64) -> Stamp {
    Stamp { at: BEGIN + seconds, offset: 120 }
}

fn stream(store: &str, service: Service) -> Stream {
    let span = |kind, from, to, text: &str| Span { kind, from: at(from), to: at(to), text: text.to_owned() };
    Stream {
        store: store.to_owned(),
        service,
        first: at(600),
        last: at(200_000),
        lines: 1234,
        logins: 600,
        closes: 620,
        level: "logins are logged (level Information)",
        strip: Strip { from: at(0), width: 3600, lines: (0..56).map(|hour| hour * 7 % 50).collect() },
        spans: Cut {
            shown: vec![
                span(SpanKind::Missing, 30_000, 37_000, "files 17 to 19 are missing"),
                span(SpanKind::Silent, 90_000, 120_000, "no line, where 88 were to be expected"),
            ],
            left_out: 0,
        },
        restarts: (2, 1),
        clock_jumps: 1,
    }
}

fn day(date: &str, weekday: u8, sessions: u64) -> Day {
    let slot = Slot { sessions: [sessions, sessions / 2, 0], users: sessions / 3, failures: 3 };
    Day { date: date.to_owned(), weekday, slot, failures: vec![2, 1], covered: true, has_gap: sessions < 20 }
}

fn refused(name: &str, failures: u64) -> Refused {
    Refused { name: name.to_owned(), failures, users: 2, addresses: 1, first: at(700), last: at(100_000) }
}

fn top(name: &str, sessions: u64) -> Top {
    Top { name: name.to_owned(), sessions, others: 2, last: at(150_000) }
}

fn session(service: Service, login: i64, length: Option<i64>, flags: &[&'static str]) -> SessionLine {
    SessionLine {
        store: "store1".to_owned(),
        service,
        from: "192.0.2.7:40718".to_owned(),
        auth: Some("plaintext".to_owned()),
        connect: length.map(|_| at(login - 1)),
        login: at(login),
        logout: length.map(|length| at(login + length)),
        until: at(length.map_or(200_000, |length| login + length)),
        status: if length.is_some() { Status::Closed } else { Status::Open },
        flags: flags.to_vec(),
    }
}

fn section(user: &str) -> UserSection {
    UserSection {
        user: user.to_owned(),
        sessions: 40,
        addresses: 2,
        first: at(600),
        last: at(150_000),
        timeline: Cut {
            shown: vec![
                session(Service::Imap, 1000, Some(3000), &[]),
                session(Service::Http, 2000, Some(9000), &["ambiguous-pairing"]),
                session(Service::Pop, 140_000, None, &[]),
            ],
            left_out: 37,
        },
    }
}

/// Names of users that must not be taken at their word.
pub(crate) const NASTY: [&str; 3] =
    ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\"><img src=x onerror=alert(1)>&amp;"];

fn last_access(user: &str, login: i64) -> LastAccess {
    let access = ServiceAccess {
        login: Some(at(login)),
        logout: Some(at(login + 60)),
        store: "store1".to_owned(),
        flags: &["inferred-format"],
    };
    LastAccess { user: user.to_owned(), services: [Some(access), None, None] }
}

/// A report with a bit of everything.
pub(crate) fn report() -> Report {
    let users: Vec<&str> = ["ed", "ani@example.com"].into_iter().chain(NASTY).collect();
    let tops = || users.iter().zip(0..).map(|(user, n)| top(user, 40 - n)).collect();
    let slot = |n: u64| Slot { sessions: [n, n / 2, 1], users: n / 3, failures: n % 5 };
    let rules = [Rule::ManyUsers, Rule::ManyAddresses, Rule::SuccessAfterFailures, Rule::FirstSuccess];
    Report {
        about: About {
            version: "0.1.0".to_owned(),
            commit: "0123456789abcdef".to_owned(),
            command: ["imstrail", "report", "-s", "imap", "logs/store1"].map(str::to_owned).to_vec(),
            limits: vec!["Only imap.".to_owned()],
            pseudonymized: false,
        },
        zone: Zone::Log,
        times: "as the logs write them: +02:00".to_owned(),
        period: Some((at(600), at(200_000))),
        totals: Totals {
            sessions: 200,
            by_status: [190, 7, 3],
            by_service: [150, 45, 5],
            doubtful: 12,
            users: 5,
            addresses: 9,
            failures: 9,
            lines: 5000,
            bytes: 600_000,
            files: 3,
            not_understood: 4,
        },
        streams: Cut {
            shown: vec![stream("store1", Service::Imap), stream("<b>store2</b>", Service::Http)],
            left_out: 0,
        },
        idle: Cut { shown: vec![IdleFile { name: "logs/empty".to_owned(), why: "empty".to_owned() }], left_out: 0 },
        hours_of_week: (0..168).map(|hour| slot(hour % 24)).collect(),
        hours_of_day: (0..24).map(slot).collect(),
        days: Days {
            width: 1,
            shown: vec![day("2019-05-29", 2, 100), day("2019-05-30", 3, 10), day("2019-05-31", 4, 90)],
            outside: 2,
        },
        connected: Connected {
            from: at(0),
            width: 600,
            buckets: (0..334).map(|n| Bucket { certain: n % 70, possible: n / 100 }).collect(),
        },
        users: Cut { shown: tops(), left_out: 3 },
        addresses: Cut { shown: vec![top("192.0.2.7", 70), top("2001:db8::7", 3)], left_out: 7 },
        domains: Cut { shown: vec![top("", 150), top("example.com", 50)], left_out: 0 },
        failures: Failures {
            total: 9,
            reasons: Cut { shown: vec![refused("authentication failure", 6)], left_out: 1 },
            users: Cut { shown: vec![refused(NASTY[0], 6), refused("", 3)], left_out: 0 },
            addresses: Cut { shown: vec![refused("203.0.113.9", 9)], left_out: 0 },
        },
        findings: FindingsPart {
            rules: rules
                .map(|rule| RuleLine {
                    rule,
                    text: crate::answer::Thresholds::default().text(rule),
                    findings: u64::from(rule == Rule::SuccessAfterFailures),
                })
                .to_vec(),
            findings: Cut {
                shown: vec![FindingLine {
                    rule: Rule::SuccessAfterFailures,
                    user: Some(NASTY[2].to_owned()),
                    address: Some("203.0.113.9".to_owned()),
                    users: 1,
                    addresses: 1,
                    failures: 6,
                    from: at(700),
                    to: at(900),
                }],
                left_out: 0,
            },
        },
        last_access: LastAccessPart {
            users: Cut {
                shown: users.iter().zip(1..).map(|(user, n)| last_access(user, n * 5000)).collect(),
                left_out: 20,
            },
            file: Some("report-last-access.csv".to_owned()),
            limits: [None, Some("No http log was read.".to_owned()), None],
        },
        sections: users.iter().map(|user| section(user)).collect(),
        notes: Cut {
            shown: vec![NoteLine {
                kind: "gap",
                path: "logs/store1/imap.19".to_owned(),
                text: "files 17 to 19 are missing".to_owned(),
                fails: false,
            }],
            left_out: 2,
        },
        files: Cut {
            shown: vec![FileLine {
                name: "logs/store1/imap.1".to_owned(),
                lines: 5000,
                bytes: 600_000,
                events: 4000,
                rejects: 1,
                damaged: true,
            }],
            left_out: 0,
        },
    }
}

/// The same of an archive without an event.
pub(crate) fn nothing() -> Report {
    Report {
        period: None,
        totals: Totals { lines: 3, bytes: 99, files: 1, ..Totals::default() },
        streams: Cut::default(),
        hours_of_week: Vec::new(),
        hours_of_day: Vec::new(),
        days: Days::default(),
        connected: Connected::default(),
        users: Cut::default(),
        addresses: Cut::default(),
        domains: Cut::default(),
        failures: Failures::default(),
        findings: FindingsPart { findings: Cut::default(), ..report().findings },
        last_access: LastAccessPart::default(),
        sections: Vec::new(),
        ..report()
    }
}

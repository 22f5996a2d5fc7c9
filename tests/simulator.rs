//! The simulator, checked by hand-written means that share nothing with it or with a parser.

#[path = "../examples/simulate/sim.rs"]
mod sim;

use sim::{Archive, Config, Damage, Level, Origin, Service, State, Wreck, Zone, parse_utc, simulate};
use std::collections::BTreeSet;

fn busy() -> Config {
    let mut config = Config { seed: 7, ..Config::default() };
    config.span.seconds = Some(2 * 86_400);
    config.site.stores = 2;
    config.traffic.users = 300;
    config.traffic.refused = 0.2;
    config.traffic.ipv6 = 0.2;
    config.traffic.mixed_case = 0.1;
    config.trouble.restarts = 3;
    config.trouble.crashes = 3;
    config.trouble.marks = true;
    config.files.rotate_bytes = 100_000;
    config
}

fn lines(archive: &Archive) -> impl Iterator<Item = &[u8]> {
    archive.files.iter().flat_map(|(_, bytes)| bytes.split_inclusive(|b| *b == b'\n'))
}

fn count(archive: &Archive, part: &str) -> usize {
    lines(archive).filter(|line| message(line).starts_with(part.as_bytes())).count()
}

/// What follows the pid.
fn message(line: &[u8]) -> &[u8] {
    let at = line.windows(3).position(|w| w == b"]: ").expect("an envelope");
    &line[at + 3..]
}

#[test]
fn same_configuration_same_bytes() {
    let (a, b) = (simulate(&busy()), simulate(&busy()));
    assert_eq!(a.files, b.files);
    assert_eq!(a.truth.sessions, b.truth.sessions);
    let other = simulate(&Config { seed: 8, ..busy() });
    assert_ne!(a.files, other.files);
}

#[test]
fn truth_agrees_with_the_lines() {
    let archive = simulate(&busy());
    let truth = &archive.truth;
    let logged = truth.sessions.iter().filter(|s| s.close_logged).count();
    let closes = count(&archive, "Account Notice: close [");
    assert!(logged > 5000, "{:?}", truth.summary);
    assert_eq!(logged as u64, truth.summary.closes);
    assert_eq!(closes as u64, truth.summary.closes + truth.summary.unauthenticated);
    assert_eq!(count(&archive, "Account Information: login ["), truth.sessions.len());
    assert_eq!(count(&archive, "Account Notice: badlogin: ["), truth.failures.len());
    assert!(truth.summary.lost > 20 && truth.summary.open > 20, "{:?}", truth.summary);
    for s in &truth.sessions {
        assert!(s.connect <= s.login && s.login - s.connect <= 60);
        assert_eq!(s.end.is_some(), s.close_logged);
        assert!(s.end.or(s.lost_at).is_none_or(|end| end >= s.login));
        assert!(s.end.is_none() || s.lost_at.is_none());
    }
    for at in truth.sessions.iter().filter_map(|s| s.lost_at.map(|at| (at, s.pid))) {
        assert!(truth.lives.iter().any(|l| (l.end, l.pid) == (Some(at.0), at.1)));
    }
}

#[test]
fn lines_have_their_envelope_and_their_order() {
    let archive = simulate(&busy());
    assert!(archive.files.len() > 20);
    for (path, bytes) in &archive.files {
        let mut before = 0;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            assert_eq!((line[0], line[27], line[28]), (b'[', b']', b' '), "{path}");
            assert!(line.ends_with(b"\n"));
            let stamp = std::str::from_utf8(&line[1..27]).expect("ASCII");
            let number = |from: usize, to: usize| stamp[from..to].parse::<i64>().expect("digits");
            assert_eq!((&stamp[2..6], &stamp[11..12]), ("/May", ":"));
            assert_eq!(&stamp[20..], " +0200");
            let at = ((number(0, 2) * 24 + number(12, 14)) * 60 + number(15, 17)) * 60 + number(18, 20);
            assert!(at >= before, "{path}: {stamp}");
            before = at;
        }
        let first = bytes.split(|b| *b == b'\n').next().expect("a line");
        assert!(message(first).starts_with(b"General Information: Log created ("));
        assert!(bytes.len() <= 100_000);
    }
}

#[test]
fn notice_logs_fewer_lines_of_the_same_sessions() {
    let mut config = busy();
    let full = simulate(&config);
    config.site.levels.push(("store1".into(), Level::Notice));
    let less = simulate(&config);
    assert_eq!(full.truth.sessions.len(), less.truth.sessions.len());
    let silent = less.truth.sessions.iter().filter(|s| !s.login_logged);
    assert!(silent.clone().count() > 1000 && silent.clone().all(|s| s.store == "store1"));
    let mine = less.files.iter().filter(|(path, _)| path.starts_with("store1/"));
    for line in mine.flat_map(|(_, bytes)| bytes.split_inclusive(|b| *b == b'\n')) {
        assert!(!message(line).split(|b| *b == b':').next().expect("a head").ends_with(b"Information"));
    }
}

#[test]
fn rotation_changes_no_line() {
    let mut config = busy();
    config.span.bytes = Some(800_000);
    config.site.stores = 1;
    config.site.services = vec![Service::Imap];
    let rotated = simulate(&config);
    config.files.rotate_bytes = 0;
    let whole = simulate(&config);
    assert_eq!(whole.files.len(), 1);
    let own = |archive: &Archive| -> Vec<Vec<u8>> {
        let own = |line: &&[u8]| !message(line).starts_with(b"General Information: Log created");
        lines(archive).filter(own).map(<[u8]>::to_vec).collect()
    };
    assert_eq!(own(&rotated), own(&whole));
}

#[test]
fn sessions_from_before_the_archive_are_closed_in_it() {
    let mut config = busy();
    config.span.warm = 6 * 3600;
    let archive = simulate(&config);
    let early = |s: &&sim::Session| s.login < config.span.start;
    assert!(archive.truth.sessions.iter().filter(early).count() > 10);
    assert!(archive.truth.sessions.iter().all(|s| s.login_logged == (s.login >= config.span.start)));
    assert!(
        lines(&archive)
            .all(|line| line.starts_with(b"[29/May") || line.starts_with(b"[30/May") || line.starts_with(b"[31/May"))
    );
}

#[test]
fn about_as_many_are_open_as_was_asked_for() {
    let mut config = Config::default();
    config.span.seconds = Some(4 * 86_400);
    config.traffic.users = 5000;
    config.traffic.rate = 2000.0;
    config.traffic.open = 1000.0;
    let open = simulate(&config).truth.summary.open;
    assert!((800..1200).contains(&open), "{open}");
}

#[test]
fn damage_accounts_for_every_line() {
    let mut config = busy();
    config.span.seconds = Some(6 * 3600);
    config.files.rotate_bytes = 20_000;
    let archive = simulate(&config);
    let old: Vec<Vec<&[u8]>> =
        archive.files.iter().map(|(_, bytes)| bytes.split_inclusive(|b| *b == b'\n').collect()).collect();
    let count: usize = old.iter().map(Vec::len).sum();
    let untouched = Wreck::new(&archive.files);
    assert_eq!(untouched.files(), archive.files);
    for damage in Damage::ALL {
        let [mut one, mut two] = [untouched.clone(), untouched.clone()];
        one.suffer(damage, 3);
        two.suffer(damage, 3);
        assert_eq!((one.files(), &one.gone), (two.files(), &two.gone), "{damage:?}");
        assert_ne!(one.files(), archive.files, "{damage:?}");
        let mut left: BTreeSet<Origin> = one.gone.iter().copied().collect();
        assert_eq!(left.len(), one.gone.len(), "{damage:?}");
        for line in one.logs.iter().flat_map(|log| &log.lines) {
            assert!(!one.gone.contains(&line.origin), "{damage:?}: {:?} is gone and there", line.origin);
            let before = old[line.origin.file][line.origin.line];
            let text = |line: &[u8]| line.trim_ascii_end().to_vec();
            match line.state {
                State::Whole => assert_eq!(text(&line.bytes), text(before), "{damage:?}"),
                State::Altered => {}
                State::Shifted(_) => assert!(line.bytes[..28] != before[..28] && line.bytes[28..] == before[28..]),
            }
            left.insert(line.origin);
        }
        assert_eq!(left.len(), count, "{damage:?}");
    }
}

#[test]
fn berlin_changes_on_the_last_sundays() {
    let offset = |text: &str| Zone::Berlin.offset(parse_utc(text).expect("a time"));
    assert_eq!(offset("2019-03-31T00:59:59Z"), 3600);
    assert_eq!(offset("2019-03-31T01:00:00Z"), 7200);
    assert_eq!(offset("2019-10-27T00:59:59Z"), 7200);
    assert_eq!(offset("2019-10-27T01:00:00Z"), 3600);
    assert_eq!(offset("2024-03-31T01:00:00Z"), 7200);
    assert_eq!(offset("2020-10-25T01:00:00Z"), 3600);
    assert_eq!(parse_utc("2019-10-27T01:00:00Z"), Some(1_572_138_000));
}

/// `[27/Oct/2019:02:…` is read by hand: (offset, seconds of the day's local clock).
fn local_clock(text: &str) -> i64 {
    let mut parts = text.split(':').map(|p| p.parse::<i64>().expect("digits"));
    let mut next = || parts.next().expect("three parts");
    (next() * 60 + next()) * 60 + next()
}

#[test]
fn close_lines_of_the_repeated_hour() {
    let mut config = Config::default();
    config.span.start = parse_utc("2019-10-26T23:00:00Z").expect("a time");
    config.span.seconds = Some(4 * 3600);
    config.site.services = vec![Service::Imap];
    config.traffic.rate = 3000.0;
    config.traffic.open = 1500.0;
    config.traffic.noise = 0.0;
    let archive = simulate(&config);
    let text = String::from_utf8_lossy(&archive.files[0].1).into_owned();
    let (mut crossing, mut same) = (0, 0);
    for line in text.lines().filter(|l| message(l.as_bytes()).starts_with(b"Account Notice: close [")) {
        let words: Vec<&str> = line.split(' ').collect();
        // [stamp +0200] store1 imapd[1]: Account Notice: close [peer] user date clock duration in out n
        assert_eq!(words.len(), 15, "{line}");
        let offset = if words[1] == "+0200]" { 2 } else { 1 };
        let end = local_clock(&words[0][13..]) - offset * 3600;
        let connect_utc = end - local_clock(words[11]);
        // The change is at 01:00 UTC: 3600 seconds into the day.
        let connect_offset = if connect_utc < 3600 { 2 } else { 1 };
        assert_eq!(local_clock(words[10]), (connect_utc + connect_offset * 3600).rem_euclid(86_400), "{line}");
        let day = if connect_utc + connect_offset * 3600 < 0 { "2019/10/26" } else { "2019/10/27" };
        assert_eq!(words[9], day);
        if connect_offset == offset { same += 1 } else { crossing += 1 }
    }
    assert!(crossing > 100 && same > 100, "{crossing} {same}");
}

#[test]
fn the_same_digits_stand_for_two_instants() {
    // 02:30 in summer time and an hour later 02:30 in winter time.
    let at = |text: &str| parse_utc(text).expect("a time");
    let (first, second) = (at("2019-10-27T00:30:00Z"), at("2019-10-27T01:30:00Z"));
    assert_eq!((first, second), (1_572_136_200, 1_572_139_800));
    for (instant, stamp) in [(first, "27/Oct/2019:02:30:00 +0200"), (second, "27/Oct/2019:02:30:00 +0100")] {
        let (start, written) = sim::written(instant, Zone::Berlin);
        assert_eq!((start.as_str(), written.as_str()), ("2019/10/27 2:30:00", stamp));
    }
}

#[test]
fn truth_is_written_as_json() {
    let failure = sim::Failure {
        store: "store1".into(),
        service: Service::Pop,
        user: b"a\"\\\x1b\xff".to_vec(),
        from: "192.0.2.7:1".into(),
        auth: "plaintext",
        reason: "authentication failure",
        time: 5,
        pid: 6,
    };
    let mut out = Vec::new();
    failure.push_json(&mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        concat!(
            r#"{"store":"store1","service":"pop","user":"a\"\\\u001b"#,
            "\u{fffd}",
            r#"","from":"192.0.2.7:1","auth":"plaintext","reason":"authentication failure","time":5,"pid":6}"#,
            "\n"
        )
    );
}

//! R8, as R10 shows it; R7 where a peer came back.

use super::*;

#[test]
fn r10_from_the_second_of_the_login_to_the_second_before_the_end() {
    let lines = ["10:00:03 100 login ed", "10:30:00 100 close ed 10:00:00", "11:00:00 100 shows"];
    check(&lines, &[("10:00:02", &[]), ("10:00:03", &["ed"]), ("10:29:59", &["ed"]), ("10:30:00", &[])]);
    // Before coverage closes prove.
    let lines = ["10:00:00 100 close ed 09:00:00"];
    check(&lines, &[("08:59:59", &[]), ("09:00:00", &["ed"]), ("09:59:59", &["ed"]), ("10:00:00", &[])]);
}

#[test]
fn r8_its_own_stop_mark() {
    let lines = ["10:00:00 100 login ed", "10:30:00 100 stop", "11:00:00 200 shows"];
    check(&lines, &[("10:29:59", &["ed"]), ("10:30:00", &[]), ("11:00:00", &[])]);
    // What the pid writes behind it, with a start mark or without, is another life.
    for start in ["10:40:00 100 start", "10:40:00 100 shows"] {
        let lines = ["10:00:00 100 login ed", "10:30:00 100 stop", start, "10:50:00 100 login bob"];
        check(&lines, &[("10:29:59", &["ed"]), ("10:30:00", &[]), ("10:45:00", &[]), ("10:50:00", &["bob"])]);
    }
    // In one second with its last line.
    let lines = ["10:00:00 100 login ed", "10:30:00 100 shows", "10:30:00 100 stop", "11:00:00 200 shows"];
    check(&lines, &[("10:29:59", &["ed"]), ("10:30:00", &[])]);
    // Said twice, by two messages: one life.
    let lines = ["10:00:00 100 login ed", "10:30:00 100 stop", "10:30:10 100 stop", "11:00:00 200 shows"];
    check(&lines, &[("10:30:09", &["ed"]), ("10:30:10", &[])]);
}

#[test]
fn r8_a_start_mark_begins_another_life() {
    let lines = ["10:00:00 100 login ed", "10:20:00 100 shows", "10:40:00 100 start", "10:50:00 100 login bob"];
    check(
        &lines,
        &[
            ("10:20:00", &["ed"]),
            ("10:20:01", &["ed lost"]),
            ("10:39:59", &["ed lost"]),
            ("10:40:00", &[]),
            ("10:50:00", &["bob"]),
        ],
    );
    // At once, in the hour of the first, or in the one after.
    let lines = ["10:00:00 100 login ed", "11:10:00 100 start", "11:20:00 100 login bob"];
    check(&lines, &[("10:00:00", &["ed"]), ("11:09:59", &["ed lost"]), ("11:10:00", &[]), ("11:20:00", &["bob"])]);
}

#[test]
fn r8_start_marks_in_two_hours() {
    // Lines of an hour with a mark are told one by one, and count in that hour only: 300 spans every start.
    let lines = [
        "10:00:00 400 login ed",
        "10:00:00 300 shows",
        "10:00:05 100 shows",
        "10:20:00 200 start",
        "10:40:00 100 start",
        "10:50:00 100 login bob",
        "11:05:00 100 shows",
        "11:10:00 100 start",
        "11:20:00 100 shows",
        "11:20:00 300 shows",
    ];
    let doubt = "ed doubtful-life";
    let moments: &[(&str, &[&str])] = &[
        ("11:05:00", &["bob", doubt]),
        ("11:09:59", &["bob lost", doubt]),
        ("11:10:00", &[doubt]),
        ("11:20:00", &[doubt]),
    ];
    check(&lines, moments);
}

#[test]
fn r8_over_6_h_of_silence_in_which_others_wrote() {
    let lines = |other, back| ["00:30:00 100 login ed", other, back, "08:00:00 200 shows"];
    check(
        &lines("00:30:01 200 shows", "06:30:01 100 login bob"),
        &[("00:30:00", &["ed"]), ("06:30:00", &["ed lost"]), ("06:30:01", &["bob"])],
    );
    check(&lines("06:30:00 200 shows", "06:30:01 100 login bob"), &[("06:29:59", &["ed lost"]), ("06:30:00", &[])]);
    // Exactly 6 h; others in the seconds of its own lines only.
    check(
        &lines("00:30:01 200 shows", "06:30:00 100 login bob"),
        &[("06:29:00", &["ed"]), ("06:30:00", &["bob", "ed"])],
    );
    check(
        &lines("00:30:00 200 shows", "06:30:01 100 login bob"),
        &[("06:29:00", &["ed"]), ("06:30:01", &["bob", "ed"])],
    );
    check(
        &lines("06:30:01 200 shows", "06:30:01 100 login bob"),
        &[("06:29:00", &["ed"]), ("06:30:01", &["bob", "ed"])],
    );
    // Its own refused logins are no others', and break the silence.
    check(&lines("03:00:00 100 refused", "06:30:01 100 login bob"), &[("06:29:00", &["ed"])]);
    let lines = ["00:30:00 100 login ed", "00:40:00 200 refused", "06:30:01 100 login bob", "08:00:00 200 shows"];
    check(&lines, &[("06:29:00", &["ed lost"])]);
    // In an hour in which they also wrote before the silence, or behind it.
    let lines = ["00:20:00 200 shows", "00:30:00 100 login ed", "00:40:00 200 shows", "06:30:01 100 login bob"];
    check(&lines, &[("06:29:00", &["ed lost"])]);
    let lines = ["00:30:00 100 login ed", "06:10:00 200 shows", "06:30:01 100 login bob", "06:40:00 200 shows"];
    check(&lines, &[("06:09:00", &["ed lost"])]);
}

#[test]
fn r8_a_takeover_after_a_restart() {
    let lines = |bob| ["10:00:00 100 login ed", "10:05:00 100 close ann 10:04:00", bob, "12:30:00 200 shows"];
    check(
        &lines("11:30:00 200 login bob"),
        &[
            ("10:05:00", &["ed"]),
            ("10:05:01", &["ed lost"]),
            ("11:29:59", &["ed lost"]),
            ("11:30:00", &["bob"]),
            ("12:30:00", &["bob"]),
        ],
    );
    // A life without a start mark in the first hour of coverage was there before; a second later it was not.
    check(&lines("11:00:00 200 login bob"), &[("12:30:00", &["bob", "ed"])]);
    check(&lines("11:00:01 200 login bob"), &[("11:00:00", &["ed lost"]), ("11:00:01", &["bob"])]);
    let marked = ["10:00:00 100 login ed", "10:05:00 100 shows", "10:30:00 200 start", "10:31:00 200 login bob"];
    check(&marked, &[("10:05:00", &["ed"]), ("10:29:59", &["ed lost"]), ("10:30:00", &[]), ("10:31:00", &["bob"])]);
    // In the second of its last line a life has not been taken over.
    let same = ["10:00:00 100 login ed", "11:30:00 200 login bob", "11:30:00 100 shows", "12:30:00 200 shows"];
    check(&same, &[("12:30:00", &["bob", "ed"])]);
    // The first of two takeovers; a later life of the same pid if that came first.
    let lines = ["10:00:00 100 login ed", "11:30:00 200 start", "11:40:00 300 start", "11:50:00 300 shows"];
    check(&lines, &[("11:29:59", &["ed lost"]), ("11:30:00", &[])]);
    let lines = ["10:00:00 100 login ed", "11:30:00 100 start", "11:40:00 200 start", "11:50:00 200 shows"];
    check(&lines, &[("11:29:59", &["ed lost"]), ("11:30:00", &[])]);
    let lines = ["10:00:00 100 login ed", "11:30:00 200 start", "11:40:00 100 start", "11:50:00 200 shows"];
    check(&lines, &[("11:29:59", &["ed lost"]), ("11:30:00", &[])]);
}

#[test]
fn r8_a_takeover_that_a_third_life_spans() {
    let lines =
        |end| ["10:00:00 100 login ed", "10:01:00 300 login cy", "11:30:00 200 login bob", "12:30:00 300 shows", end];
    let doubtful: &[(&str, &[&str])] = &[
        ("10:00:00", &["ed"]),
        ("10:00:01", &["ed doubtful-life"]),
        ("10:30:00", &["cy", "ed doubtful-life"]),
        ("11:29:59", &["cy", "ed doubtful-life"]),
        ("11:30:00", &["bob", "cy", "ed doubtful-life"]),
        ("12:30:00", &["bob", "cy", "ed doubtful-life"]),
    ];
    check(&lines("12:30:00 300 shows"), &[doubtful, &[]].concat()[2..]);
    check(&lines("17:29:59 300 shows"), &doubtful[2..]);
    let ended: &[(&str, &[&str])] = &[("11:29:59", &["cy", "ed lost"]), ("11:30:00", &["bob", "cy"])];
    check(&lines("17:30:00 300 shows"), ended);
    // It wrote before and after the moment, not in that very second.
    let lines = |third| {
        ["10:00:00 100 login ed", "10:01:00 300 login cy", third, "11:30:00 200 login bob", "12:30:00 200 shows"]
    };
    check(&lines("11:30:00 300 shows"), &[("12:30:00", &["bob", "cy"])]);
    check(&lines("11:30:01 300 shows"), &[("12:30:00", &["bob", "cy", "ed doubtful-life"])]);
    let third_begins = ["10:00:00 100 login ed", "11:30:00 200 start", "11:30:00 300 start", "12:30:00 300 shows"];
    check(&third_begins, &[("11:29:59", &["ed lost"]), ("11:30:00", &[])]);
}

#[test]
fn r8_a_takeover_in_the_second_in_which_coverage_ends() {
    let lines = |third: &'static str| ["10:00:00 100 login ed", "10:01:00 300 login cy", third, "11:30:00 200 start"];
    let last = "11:30:00";
    // 300 is not known to have ended: nobody can have written after the moment.
    check(&lines("10:02:00 300 shows"), &[(last, &["cy doubtful-life", "ed doubtful-life"])]);
    // It has, by its own mark.
    check(&lines("11:20:00 300 stop"), &[("11:29:59", &["ed lost"]), (last, &[])]);
    // Nobody else was there.
    check(&["10:00:00 100 login ed", "11:30:00 200 start"], &[("11:29:59", &["ed lost"]), (last, &[])]);
    // The third had been taken over before, and so had ed.
    let lines = ["10:00:00 100 login ed", "10:01:00 300 login cy", "11:10:00 400 start", "11:30:00 200 start"];
    check(&lines, &[("11:09:59", &["cy lost", "ed lost"]), ("11:10:00", &[])]);
    let lines = [
        "10:00:00 100 login ed",
        "10:01:00 300 login cy",
        "11:10:00 400 start",
        "11:15:00 400 login dee",
        "11:30:00 200 start",
    ];
    check(&lines, &[("11:29:59", &["dee lost"]), ("11:30:00", &[])]);
    // A third whose last line is in the second of the takeover before it is still there.
    let lines = [
        "10:00:00 100 login ed",
        "11:10:00 400 start",
        "11:10:00 300 login cy",
        "11:30:00 200 start",
        "11:30:00 400 shows",
    ];
    check(&lines, &[(last, &["cy doubtful-life"])]);
}

#[test]
fn r8_what_is_no_access_line_shows_life_behind_the_end_of_coverage() {
    let lines = |refused| ["10:00:00 100 login ed", "10:10:00 300 shows", "11:30:00 200 login bob", refused];
    check(&lines("11:30:00 200 refused"), &[("11:30:00", &["bob", "ed doubtful-life"])]);
    check(&lines("11:40:00 100 refused"), &[("11:30:00", &["bob", "ed"])]);
    // 24 h behind the end it begins a second life, since 200 wrote in between; a second later that is a wrong clock (R14).
    let lines = |refused| ["10:00:00 200 shows", "10:00:00 100 login ed", "11:30:00 200 login bob", refused];
    check(&lines("30/11:30:00 100 refused"), &[("10:00:00", &["ed"]), ("11:30:00", &["bob", "ed lost"])]);
    check(&lines("30/11:30:01 100 refused"), &[("11:30:00", &["bob", "ed"])]);
}

#[test]
fn r7_a_peer_that_came_back() {
    let lines = |again| ["10:00:00 100 login ed 5", again, "12:00:00 100 shows"];
    check(
        &lines("10:30:00 100 login bob 5"),
        &[("10:00:00", &["ed peer-reused"]), ("10:29:59", &["ed peer-reused"]), ("10:30:00", &["bob"])],
    );
    // By a close alone: at its connect.
    check(
        &lines("10:30:00 100 close bob 10:20:00 5"),
        &[("10:19:59", &["ed peer-reused"]), ("10:20:00", &["bob"]), ("10:30:00", &[])],
    );
    // After its process ended that says nothing of when the session did.
    let ended = ["10:00:00 100 login ed 5", "10:30:00 100 stop", "10:40:00 200 login bob 5"];
    check(&ended, &[("10:29:59", &["ed"]), ("10:30:00", &[]), ("10:40:00", &["bob"])]);
    // Nor does what a lone clock far ahead claims (R14).
    let far = ["10:00:00 100 login ed 5", "10:30:00 100 shows", "31/10:30:00 200 login bob 5"];
    check(&far, &[("10:00:00", &["ed"]), ("10:30:00", &["ed"])]);
}

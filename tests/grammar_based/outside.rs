//! Just outside: lines of the ABNF in which one production holds what its limit forbids.

use super::abnf::{Abnf, Node};

/// A production, the message that it stands in, the whole line's production, and texts outside of its limit.
pub(crate) type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// Each of these makes the line a reject.
pub(crate) const OUTSIDE: [Row; 18] = [
    ("digits", "login", "line", &["30/Feb/2019:08:39:42", "29/Feb/1900:08:39:42", "00/May/2019:08:39:42"]),
    ("digits", "close", "line", &["9/May/2019:08:39:42", "29/may/2019:08:39:42", "29/05/2019:08:39:42"]),
    ("time", "login", "line", &["24:00:00", "23:60:00", "23:59:60", "8:39:42"]),
    ("offset", "login", "line", &["+1600", "-0060", "0200", "+02:00", "Z"]),
    ("pid", "login", "line", &["4294967296", "", "-1", "7 "]),
    ("host", "login", "line", &["", "a[b", "a]b", "a\u{1b}b", "a\u{7f}b"]),
    ("category", "login", "line", &["", "Acc0unt", "Account Account"]),
    ("number", "close", "line", &["18446744073709551616", "99999999999999999999", "-1", "", "0x1"]),
    ("duration", "close", "line", &["0:60:00", "0:00:60", "1000000:00:00", "0:0:00", "0:00", ":00:00"]),
    ("start", "close", "line", &["2019/2/29 8:39:42", "1900/2/29 8:39:42", "0999/5/29 8:39:42", "2019/13/1 8:39:42"]),
    ("start", "close", "line", &["2019/5/29 24:00:00", "2019/5/29 8:60:00", "2019/5/29 8:39:60", "2019/5/29  8:39:42"]),
    ("peer", "login", "line", &["256.0.0.1", "192.0.2.7:65536", "192.0.2.07", "1.2.3", "", "192.0.2.7:", "ed"]),
    ("peer", "refused", "line", &["fe80::1%", "[::1", "::1::", "1:2:3:4:5:6:7:8:9:10", "12345::", "::192.0.2"]),
    ("reason", "refused", "line", &["authentication failur", "gone", "", "authentication failures"]),
    ("pri", "login", "with-pri", &["<192>", "<1000>", "<>", "<7", "7>"]),
    ("day", "login", "dated-by-syslog", &["0", "00", "32", "029", ""]),
    ("timestamp", "login", "rsyslog", &["2019-02-29T10:00:00Z", "2019-05-29T24:00:00Z", "2019-05-29T10:00:00"]),
    ("zone-offset", "login", "rsyslog", &["+16:00", "-00:60", "+0200", "z", ""]),
];

/// The whole line's production, as the table names it.
pub(crate) fn whole(abnf: &Abnf, name: &str) -> Node {
    let rule = |name: &str| Node::Rule(name.to_owned());
    match name {
        // A priority may be missing: here it is not.
        "with-pri" => Node::Each(vec![rule("pri"), Node::Either(vec![rule("rfc3164"), rule("rsyslog")])]),
        // Without a native line, whose own date counts and not syslog's.
        "dated-by-syslog" => {
            let Some(Node::Either(tagged)) = abnf.rules.get("tagged") else { panic!("tagged has no two forms") };
            let Some(Node::Each(rfc3164)) = abnf.rules.get("rfc3164") else { panic!("rfc3164 has no parts") };
            let mut parts = rfc3164.clone();
            *parts.last_mut().expect("tagged is the last") =
                tagged.last().expect("the form without a native line").clone();
            Node::Each(parts)
        }
        name => rule(name),
    }
}

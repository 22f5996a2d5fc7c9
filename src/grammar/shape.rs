//! The shape of a message that no template names: its words, with everything that varies masked.

use super::peer::peer;

/// How many words of a message make its shape.
const WORDS: usize = 10;

/// `Unable to open mailbox user/ed: 5` becomes `Unable to open mailbox #`: of the first words of a message those stay
/// that servers say and this project knows, each with at most one bracket before and one after it and one mark of
/// punctuation; every other word is masked, and masked words beside each other are one.
///
/// The words come from a fixed list (`WORDS_OF_SERVERS`, small or with a capital, and `ACRONYMS`), whatever a
/// message says. So no name is in a shape, unless it is one of these words, and what clients send makes few shapes.
pub fn shape(message: &[u8]) -> String {
    let mut words: Vec<&str> = message
        .split(|&b| b == b' ')
        .filter(|w| !w.is_empty())
        .take(WORDS)
        .map(|word| std::str::from_utf8(word).ok().filter(|text| is_language(text)).unwrap_or("#"))
        .collect();
    words.dedup_by(|a, b| *a == "#" && *b == "#");
    words.join(" ")
}

/// Words with which a message of a login or close may begin.
#[rustfmt::skip]
const ACCOUNT_WORDS: &[&str] = &[
    "auth", "authenticate", "authenticated", "authentication", "badlogin", "close", "closed", "connect", "connected",
    "connection", "disconnect", "disconnected", "login", "logged", "logoff", "logon", "logout", "session", "signin",
    "signout",
];

/// Whether a message looks like a login or close: its first word speaks of one, or an address stands in brackets in it.
pub fn is_like_account(message: &[u8]) -> bool {
    let first = message.split(|b| !b.is_ascii_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    let speaks = ACCOUNT_WORDS.iter().any(|word| first.eq_ignore_ascii_case(word.as_bytes()));
    let is_peer = |at: usize| {
        let behind = message.get(at + 1..).unwrap_or_default();
        peer(behind).is_ok_and(|(rest, _)| rest.first() == Some(&b']'))
    };
    speaks || memchr::memchr_iter(b'[', message).take(WORDS).any(is_peer)
}

/// Whether servers are known to say this word.
pub(super) fn is_language(word: &str) -> bool {
    let word = word.strip_suffix([',', ':', ';', '.', '!', '?']).unwrap_or(word);
    let word = word.strip_prefix('(').unwrap_or(word);
    let word = word.strip_suffix(')').unwrap_or(word);
    let small = || word.bytes().take(1).map(|b| b.to_ascii_lowercase()).chain(word.bytes().skip(1));
    ACRONYMS.contains(&word) || WORDS_OF_SERVERS.binary_search_by(|known| known.bytes().cmp(small())).is_ok()
}

/// Words that servers write in capitals.
#[rustfmt::skip]
const ACRONYMS: &[&str] = &[
    "ACL", "CPU", "DB", "DNS", "HTTP", "ID", "IMAP", "IO", "IP", "LDAP", "LMTP", "MMP", "MTA", "OK", "POP", "POP3",
    "SASL", "SMTP", "SSL", "TCP", "TLS", "UID", "URL",
];

/// Words that servers write small, or with a capital at the beginning of a sentence; sorted.
#[rustfmt::skip]
const WORDS_OF_SERVERS: &[&str] = &[
    "a", "abort", "aborted", "aborting", "accept", "accepted", "access", "account", "action", "active", "add",
    "added", "address", "after", "again", "alarm", "all", "allocate", "allowed", "already", "an", "and", "another",
    "append", "archive", "argument", "as", "at", "attempt", "attempts", "auth", "authenticate", "authenticated",
    "authentication", "available", "backend", "backup", "bad", "badguy", "badness", "be", "because", "been", "before",
    "begin", "bind", "blocked", "body", "buffer", "busy", "by", "bytes", "cache", "call", "called", "can",
    "cancelled", "cannot", "cert", "certificate", "change", "changed", "check", "checking", "checkpoint", "child",
    "clean", "cleanup", "client", "clients", "close", "closed", "closing", "code", "command", "commit", "complete",
    "completed", "config", "configuration", "connect", "connected", "connecting", "connection", "connections",
    "consistency", "copy", "corrupt", "corrupted", "could", "count", "create", "created", "creating", "critical",
    "daemon", "damaged", "data", "database", "date", "deadlock", "default", "delete", "deleted", "deleting",
    "delivered", "delivery", "denied", "detected", "did", "directory", "disabled", "disconnect", "disconnected",
    "disk", "does", "domain", "done", "down", "due", "during", "empty", "enabled", "end", "environment", "error",
    "errors", "exceeded", "exceeds", "exist", "existing", "exists", "exit", "exited", "exiting", "expired", "expunge",
    "expunged", "fail", "failed", "failing", "failure", "fatal", "fetch", "field", "file", "files", "finished",
    "flag", "flags", "folder", "folders", "for", "format", "found", "free", "from", "full", "function", "get",
    "group", "had", "handshake", "has", "have", "header", "hold", "host", "hostname", "idle", "ignored", "ignoring",
    "in", "inactive", "incoming", "index", "info", "information", "init", "initialize", "initialized", "instance",
    "internal", "into", "invalid", "is", "it", "job", "key", "killed", "large", "last", "length", "level", "limit",
    "line", "link", "list", "listen", "listening", "load", "loaded", "local", "lock", "locked", "log", "logged",
    "login", "logout", "long", "lookup", "lost", "mail", "mailbox", "mailboxes", "max", "maximum", "mechanism",
    "memory", "message", "messages", "method", "missing", "mode", "move", "moved", "name", "network", "new", "no",
    "not", "notice", "now", "number", "object", "of", "off", "ok", "old", "on", "open", "opened", "opening",
    "operation", "option", "or", "out", "over", "own", "parameter", "parse", "partition", "password", "path", "peer",
    "permission", "pipe", "plaintext", "policy", "poll", "port", "possibly", "problem", "process", "processes",
    "protocol", "proxy", "purge", "queue", "quota", "read", "reading", "ready", "reason", "rebuild", "receive",
    "received", "reconnect", "reconstruct", "recover", "recovered", "recovery", "refused", "reject", "rejected",
    "release", "released", "reload", "removed", "rename", "renamed", "repair", "repaired", "reply", "request",
    "requested", "reset", "response", "restart", "restarted", "restarting", "restore", "retry", "return", "returned",
    "running", "select", "selected", "send", "sending", "sent", "sequence", "server", "service", "session",
    "sessions", "set", "setting", "shutdown", "shutting", "signal", "size", "snapshot", "socket", "space", "start",
    "started", "starting", "state", "status", "stop", "stopped", "stopping", "store", "stored", "subscription",
    "success", "successful", "successfully", "system", "table", "temporary", "terminated", "terminating", "than",
    "that", "the", "this", "thread", "threads", "threshold", "time", "timed", "timeout", "to", "too", "transaction",
    "truncated", "try", "trying", "type", "unable", "unauthenticated", "unavailable", "unexpected", "unknown",
    "unlock", "unsupported", "until", "up", "update", "updated", "use", "used", "user", "users", "using", "valid",
    "value", "verify", "version", "wait", "waiting", "warning", "was", "when", "while", "will", "with", "without",
    "worker", "write", "writing", "written", "wrong", "yet",
];

#[cfg(test)]
mod tests {
    use super::{WORDS_OF_SERVERS, is_like_account, shape};

    #[test]
    fn words_are_sorted() {
        assert!(WORDS_OF_SERVERS.is_sorted());
    }

    #[test]
    fn what_is_like_a_login_or_close() {
        for message in [
            "login ed",
            "-- Authenticated: ed",
            "LOGOUT",
            "ed came from [192.0.2.7:40718] by IMAP",
            "[2001:db8::7] ed",
            "one [of them] ed [192.0.2.7]",
        ] {
            assert!(is_like_account(message.as_bytes()), "{message:?}");
        }
        for message in [
            "",
            "7",
            "loginx ed",
            "a login",
            "ed came from 192.0.2.7:40718",
            "ed came from (192.0.2.7]",
            "ed came from [192.0.2.7",
            "[unauthenticated] ed",
            // Only the first ten brackets count.
            "[a][a][a][a][a][a][a][a][a][a][192.0.2.7]",
        ] {
            assert!(!is_like_account(message.as_bytes()), "{message:?}");
        }
    }

    #[test]
    fn shapes() {
        for (message, masked) in [
            (
                "Unable to open mailbox user/ed: Mailbox does not exist",
                "Unable to open mailbox # Mailbox does not exist",
            ),
            ("Unable to open mailbox user/ed: 5", "Unable to open mailbox #"),
            ("(id 1019831) badguy 192.12.87.25 now", "# badguy # now"),
            ("Quota exceeded for ann (over limit).", "Quota exceeded for # (over limit)."),
            ("ed logged in from Paris by IMAP", "# logged in from # by IMAP"),
            ("oPEN OPEN Open open!! open!", "# Open # open!"),
            ("auth ok [192.0.2.77:40718] uid=bo mech=CRAM-MD5 tls=1.2", "auth ok #"),
            ("frobnicated", "#"),
            ("Ööpen é \u{e9}rror Éerror", "#"),
            ("\x1b[31m ed@example.com 7", "#"),
            ("a a a a a a a a a a a a", "a a a a a a a a a a"),
            ("( ) (: :", "#"),
            ("", ""),
        ] {
            assert_eq!(shape(message.as_bytes()), masked, "{message:?}");
        }
    }
}

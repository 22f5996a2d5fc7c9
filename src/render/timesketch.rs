//! Events as Timesketch imports them: JSON Lines with `message`, `datetime` and `timestamp_desc`.

use serde_json::{Value, json};

use super::events::{Event, What, utc};

/// An event in Timesketch's words. All keys but the first four are free; those are taken that its own parsers use.
pub(super) fn map(event: &Event<'_>) -> Value {
    let (data_type, desc) = match event.what {
        What::Login if event.is_from_close() => ("imstrail:login", "Connected"),
        What::Login => ("imstrail:login", "Logged in"),
        What::Logout => ("imstrail:logout", "Logged out"),
        What::Refused => ("imstrail:refused", "Login refused"),
    };
    let amounts = event.amounts();
    let line = event.line.as_ref();
    let (via, via_port) = event.via_ends;
    json!({
        "message": event.message(),
        "datetime": utc(event.at.at).replace('Z', "+00:00"),
        "timestamp": event.at.at.saturating_mul(1_000_000),
        "timestamp_desc": desc,
        "data_type": data_type,
        "hostname": event.store,
        "service": event.service.as_str(),
        "username": event.user,
        "source_ip": event.address,
        "source_port": event.port,
        "via_ip": via,
        "via_port": via_port,
        "from_source": event.from_source,
        "auth": event.auth,
        "reason": event.reason,
        "status": event.session.map(|session| session.status),
        "login_source": event.session.map(|session| session.login_source),
        "duration_s": event.duration(),
        "bytes_in": amounts.bytes_in,
        "bytes_out": amounts.bytes_out,
        "mailboxes": amounts.mailboxes,
        "pid": event.pid,
        "flags": event.flags,
        "file": line.map(|line| &line.file),
        "member": line.and_then(|line| line.member.as_deref()),
        "line": line.and_then(|line| line.line),
        "offset": line.map(|line| line.offset),
        "original": event.original(),
    })
}

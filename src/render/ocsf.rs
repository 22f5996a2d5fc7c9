//! Events in the words of the Open Cybersecurity Schema Framework: class 3002, Authentication.

use serde_json::{Value, json};

use super::events::{Event, What};
use crate::times::written;

/// The version of the schema.
const VERSION: &str = "1.8.0";

/// The class, as the schema numbers it.
const AUTHENTICATION: u32 = 3002;

/// An event of class 3002.
pub(super) fn map(event: &Event<'_>) -> Value {
    let (activity, activity_name) = match event.what {
        What::Login | What::Refused => (1, "Logon"),
        What::Logout => (2, "Logoff"),
    };
    let (status, status_name) = if event.what == What::Refused { (2, "Failure") } else { (1, "Success") };
    let (name, domain) = event.name_and_domain();
    let (via, via_port) = event.via_ends;
    let (protocol, protocol_name) = protocol(event.auth.as_deref());
    let ended = event.session.filter(|_| event.what == What::Logout);
    json!({
        "time": millis(event.at.at),
        "message": event.message(),
        "class_uid": AUTHENTICATION,
        "class_name": "Authentication",
        "category_uid": AUTHENTICATION / 1000,
        "category_name": "Identity & Access Management",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": AUTHENTICATION * 100 + activity,
        "type_name": format!("Authentication: {activity_name}"),
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status,
        "status": status_name,
        "status_detail": event.reason,
        "raw_data": event.original(),
        "timezone_offset": event.at.offset,
        "start_time": ended.map(|session| millis(session.login)),
        "end_time": ended.and_then(|session| session.logout).map(millis),
        "duration": event.duration().map(millis),
        "user": {
            // The class has a user, and a user a name: where nobody is told, it is a dash of unknown type.
            "name": name.unwrap_or("-"),
            "domain": domain,
            "uid": event.user,
            "type_id": if event.user.is_none() { Some(0) } else { None },
        },
        "src_endpoint": {
            "ip": event.address,
            // An endpoint has an address or a name: a client of whom only the proxy is known has a dash.
            "name": event.from.as_deref().or(via.map(|_| "-")).filter(|_| event.address.is_none()),
            "port": event.port,
            "proxy_endpoint": {"ip": via, "port": via_port},
        },
        "dst_endpoint": {"hostname": event.store, "svc_name": event.service.as_str()},
        "service": {"name": event.service.as_str()},
        "auth_protocol_id": protocol,
        "auth_protocol": protocol_name,
        "logon_type_id": 3,
        "logon_type": "Network",
        "logon_process": {"pid": event.pid},
        "session": {"created_time": event.session.map(|session| millis(session.login))},
        "metadata": {
            "version": VERSION,
            "product": {"name": "imstrail", "vendor_name": "imstrail", "version": env!("CARGO_PKG_VERSION")},
            "original_time": written(event.at),
        },
        "unmapped": unmapped(event),
    })
}

/// What the class has no place for.
fn unmapped(event: &Event<'_>) -> Value {
    let amounts = event.amounts();
    let line = event.line.as_ref();
    json!({
        "auth": event.auth,
        "login_status": event.session.map(|session| session.status),
        "login_source": event.session.map(|session| session.login_source),
        "bytes_in": amounts.bytes_in,
        "bytes_out": amounts.bytes_out,
        "mailboxes": amounts.mailboxes,
        "from_source": event.from_source,
        "flags": event.flags,
        "file": line.map(|line| &line.file),
        "member": line.and_then(|line| line.member.as_deref()),
        "line": line.and_then(|line| line.line),
        "offset": line.map(|line| line.offset),
    })
}

fn millis(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}

/// What a mechanism is among the schema's protocols. Where it is none of them, its own name stands (99, Other).
fn protocol(auth: Option<&str>) -> (u32, Option<&str>) {
    let Some(auth) = auth else { return (0, None) };
    let is = |names: &[&str]| names.iter().any(|name| auth.eq_ignore_ascii_case(name));
    match () {
        () if is(&["NTLM"]) => (1, Some("NTLM")),
        () if is(&["GSSAPI", "KERBEROS_V4", "KERBEROS_V5"]) => (2, Some("Kerberos")),
        () if is(&["DIGEST-MD5"]) => (3, Some("Digest")),
        () if is(&["OAUTHBEARER", "XOAUTH2"]) => (6, Some("OAUTH 2.0")),
        () => (99, Some(auth)),
    }
}

//! Events in the words of the Elastic Common Schema: category authentication.

use serde_json::{Value, json};

use super::events::{Event, What, utc};
use crate::model::Service;

/// The version of the schema whose fields these are.
const VERSION: &str = "8.12.0-dev";

/// An event as a document of ECS.
pub(super) fn map(event: &Event<'_>) -> Value {
    let (action, dataset, kind, outcome) = match event.what {
        What::Login => ("login", "imstrail.session", "start", "success"),
        What::Logout => ("logout", "imstrail.session", "end", "success"),
        What::Refused => ("login", "imstrail.failure", "start", "failure"),
    };
    let (name, domain) = event.name_and_domain();
    let amounts = event.amounts();
    let line = event.line.as_ref();
    let ended = event.session.filter(|_| event.what == What::Logout);
    json!({
        "@timestamp": utc(event.at.at),
        "message": event.message(),
        "tags": event.flags,
        "labels": {
            "auth": event.auth,
            "via": event.via,
            "from_source": event.from_source,
            "status": event.session.map(|session| session.status),
            "login_source": event.session.map(|session| session.login_source),
            "mailboxes": amounts.mailboxes.map(|n| n.to_string()),
            "member": line.and_then(|line| line.member.as_deref()),
            "line": line.and_then(|line| line.line).map(|n| n.to_string()),
            "offset": line.map(|line| line.offset.to_string()),
        },
        "ecs": {"version": VERSION},
        "event": {
            "kind": "event",
            "category": ["authentication"],
            "type": [kind],
            "action": action,
            "outcome": outcome,
            "reason": event.reason,
            "module": "imstrail",
            "dataset": dataset,
            "start": ended.map(|session| utc(session.login)),
            "end": ended.and_then(|session| session.logout).map(utc),
            // In nanoseconds; a close line may claim any number of seconds.
            "original": event.original(),
            "duration": event.duration().and_then(|seconds| seconds.checked_mul(1_000_000_000)),
        },
        "log": {"file": {"path": line.map(|line| &line.file)}},
        "user": {"name": name, "domain": domain, "id": event.user},
        "source": {
            "address": event.address.map(|ip| ip.to_string()).or_else(|| event.from.as_deref().map(str::to_owned)),
            "ip": event.address,
            "port": event.port,
            "bytes": amounts.bytes_in,
        },
        "destination": {"address": event.store, "bytes": amounts.bytes_out},
        "network": {"protocol": protocol(event.service), "transport": "tcp"},
        "service": {"type": event.service.as_str()},
        "host": {"name": event.store},
        "process": {"pid": event.pid},
        "related": {
            "ip": event.address.into_iter().collect::<Vec<_>>(),
            "user": event.user.iter().collect::<Vec<_>>(),
            "hosts": [event.store],
        },
    })
}

fn protocol(service: Service) -> &'static str {
    match service {
        Service::Imap => "imap",
        Service::Http => "http",
        Service::Pop => "pop3",
    }
}

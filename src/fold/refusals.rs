//! Refused logins, lines of the message trace, and clients of multiplexors, on their way out of a folder.

use super::{Action, ClientLine, Folder, Refusal, Refusals, Refused, Server, Traced};
use crate::grammar::{Kind, shape};
use crate::model::{Doubt, Peer, Service};
use crate::parse::{Event, Source, Written, written};
use crate::pseudonym::Masks;

impl Folder<'_> {
    /// Hands on a refused login, or a line of a multiplexor, if that is what it is.
    #[inline(never)]
    pub(super) fn other(&mut self, event: &Event<'_>, place: u64) {
        let ends = event.kind != Kind::Refused && self.ends(event.message, place);
        if let (Some(_), Kind::Login | Kind::Refused, None) = (self.clients, event.kind, event.source) {
            self.client(event, ends, place);
        }
        if let (true, Kind::Refused, Some(source)) = (self.refusals.is_some(), event.kind, event.source) {
            let (fields, evidence) = (&event.fields, self.evidence(place));
            let refused = Refused {
                refusal: Refusal::Login,
                server: Server::Stream(source.stream),
                pid: source.pid,
                peer: Some(fields.peer),
                user: self.names.user(fields.user, &mut self.scratch),
                mechanism: fields.mechanism,
                reason: fields.reason,
                stamp: event.stamp,
                doubt: Doubt { inferred: event.inferred, forged: self.is_forged },
                evidence,
            };
            refuse(self.refusals, self.masks.as_mut(), &refused);
        }
    }

    /// Hands on what a multiplexor tells of a user and a client; `ends` is whether its line ends in the reason of a refusal.
    fn client(&mut self, event: &Event<'_>, ends: bool, place: u64) {
        let (Some(clients), Some(service)) = (self.clients, self.reader.multiplexed()) else { return };
        let (fields, evidence) = (&event.fields, self.evidence(place));
        let line = ClientLine {
            service,
            refused: event.kind == Kind::Refused,
            user: self.names.user(fields.user, &mut self.scratch),
            peer: fields.peer,
            stamp: event.stamp,
            doubt: Doubt { inferred: event.inferred, forged: self.is_forged || ends },
            evidence,
        };
        match &mut self.masks {
            None => clients.take(&line),
            Some(masks) => {
                let masked = masks.of(line.user, line.peer, b"");
                let user = if line.user.is_empty() { &[] } else { &masked.user[..] };
                clients.take(&ClientLine { user, peer: masked.peer, ..line });
            }
        }
    }

    /// Hands on that a connection ended without a login.
    #[inline(never)]
    pub(super) fn never_logged_in(&mut self, event: &Event<'_>, source: Source, place: u64) {
        let refused = Refused {
            refusal: Refusal::NeverLoggedIn,
            server: Server::Stream(source.stream),
            pid: source.pid,
            peer: Some(event.fields.peer),
            user: b"",
            mechanism: b"",
            reason: b"never logged in",
            stamp: event.stamp,
            doubt: Doubt { inferred: event.inferred, forged: self.is_forged },
            evidence: self.evidence(place),
        };
        refuse(self.refusals, self.masks.as_mut(), &refused);
    }

    /// Hands on what a multiplexor refused.
    #[inline(never)]
    pub(super) fn denied(&mut self, line: &[u8], event: &Event<'_>, place: u64) {
        let Some(Written { origin, .. }) = written(line).filter(|_| self.refusals.is_some()) else { return };
        let Some(service) = Service::of_multiplexor(origin.process) else { return };
        let message = event.message;
        let reason = memchr::memmem::find(message, b") ").and_then(|at| message.get(at + 2..)).unwrap_or(message);
        let user = event.fields.user;
        let user = user.strip_prefix(b"'").and_then(|user| user.strip_suffix(b"'")).unwrap_or(user);
        // Where there is a user, words may be the client's.
        let address = |word: &[u8]| std::str::from_utf8(word).ok()?.trim_end_matches(':').parse().ok();
        let evidence = self.evidence(place);
        let ip = reason.split(|byte| *byte == b' ').filter(|_| user.is_empty()).find_map(address);
        let refused = Refused {
            refusal: Refusal::Proxy,
            server: Server::Proxy(self.names.store(origin.host), service),
            pid: origin.pid,
            peer: ip.map(|ip| Peer::new(ip, None)),
            user: self.names.user(user, &mut self.scratch),
            mechanism: b"",
            reason,
            stamp: event.stamp,
            doubt: Doubt { inferred: event.inferred, forged: self.is_forged },
            evidence,
        };
        refuse(self.refusals, self.masks.as_mut(), &refused);
    }

    /// Hands on a line of the message trace, and keeps its user for `-a`.
    pub(super) fn traced(&mut self, line: &[u8], event: &Event<'_>, action: Action, place: u64) {
        let fields = &event.fields;
        let evidence = self.evidence(place);
        let Folder { needs, names, trail, access, traces, scratch, masks, .. } = self;
        let (mut user, mut folder, mut message_id) =
            (names.user(fields.user, scratch), fields.folder, fields.message_id);
        let masked;
        if let Some(masks) = masks {
            masked = masks.of_trace(user, folder, message_id);
            (user, folder, message_id) = (&masked.0, masked.1.as_bytes(), masked.2.as_bytes());
        }
        if let (true, Some(_)) = (needs.access && needs.window.holds(event.stamp), event.source) {
            trail.traced.add(user, needs.asks_for(user) && !access.knows(user));
        }
        let Some(traces) = traces else { return };
        let Some(Written { origin, .. }) = written(line) else { return };
        traces.take(&Traced {
            stream: event.source.map(|source| source.stream),
            store: names.store(origin.host),
            process: origin.process,
            pid: origin.pid,
            user,
            action,
            folder,
            size: fields.size,
            message_id,
            stamp: event.stamp,
            inferred: event.inferred,
            evidence,
        });
    }
}

/// Hands on a refusal.
fn refuse(refusals: Option<&dyn Refusals>, masks: Option<&mut Masks<'_>>, refused: &Refused<'_>) {
    let Some(refusals) = refusals else { return };
    let Some(masks) = masks else { return refusals.take(refused) };
    let masked = masks.of(refused.user, refused.peer.unwrap_or_default(), refused.mechanism);
    // Of a multiplexor it is a whole message, which may name whoever was refused.
    let reason = (refused.refusal == Refusal::Proxy).then(|| shape(refused.reason));
    refusals.take(&Refused {
        user: if refused.user.is_empty() { &[] } else { &masked.user },
        peer: refused.peer.map(|_| masked.peer),
        mechanism: masked.mechanism.as_deref().unwrap_or(refused.mechanism),
        reason: reason.as_deref().map_or(refused.reason, str::as_bytes),
        ..*refused
    });
}

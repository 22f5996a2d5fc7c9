//! What messages mean, and how sure that is.

use serde::{Deserialize, Serialize};

use super::hole::Hole;

/// What a message that fits a template means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A user authenticated.
    Login,
    /// A connection ended (R3).
    Close,
    /// A login was refused.
    Refused,
    /// A multiplexor refused a user or an address.
    Denied,
    /// A process began (R8).
    Start,
    /// A process ended (R8).
    Stop,
    /// A new log file began.
    Created,
    /// A message was stored (message trace).
    Append,
    /// A message was read (message trace).
    Fetch,
    /// A message was removed (message trace).
    Expunge,
    /// The message is understood and means nothing here.
    Known,
}

impl Kind {
    /// The kind's name, as grammar files write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Login => "login",
            Kind::Close => "close",
            Kind::Refused => "refused",
            Kind::Denied => "denied",
            Kind::Start => "start",
            Kind::Stop => "stop",
            Kind::Created => "created",
            Kind::Append => "append",
            Kind::Fetch => "fetch",
            Kind::Expunge => "expunge",
            Kind::Known => "known",
        }
    }

    /// The fields without which a message of this kind says nothing.
    pub(super) fn needs(self) -> &'static [Hole] {
        match self {
            Kind::Login => &[Hole::Peer, Hole::User],
            Kind::Close => &[Hole::Peer, Hole::User, Hole::Start, Hole::Duration],
            Kind::Refused => &[Hole::Peer, Hole::User, Hole::Reason],
            Kind::Append | Kind::Fetch | Kind::Expunge => &[Hole::User, Hole::MessageId],
            _ => &[],
        }
    }
}

/// How sure a template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Seen in a real line.
    Observed,
    /// The vendor documents it.
    Documented,
    /// A guess: rows that rest on it carry the flag `inferred-format`.
    Inferred,
}

impl Basis {
    /// The word, as grammar files write it.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Observed => "observed",
            Basis::Documented => "documented",
            Basis::Inferred => "inferred",
        }
    }
}

/// What a message that fits a template tells, beside its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What the message means.
    pub kind: Kind,
    /// How sure that is.
    pub basis: Basis,
}

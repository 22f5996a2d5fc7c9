//! What leaves a folder beside its trail: refused logins, logins that succeeded, lines of the message trace, clients of multiplexors.

use crate::grammar::Kind;
use crate::model::{Doubt, Evidence, Peer, Service, Stamp};
use crate::streams::StreamId;

/// Who did not get in, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// A login was refused.
    Login,
    /// A multiplexor refused a user or an address.
    Proxy,
    /// A connection ended without a login.
    NeverLoggedIn,
}

/// Who wrote of a refusal.
#[derive(Clone, Copy, Debug)]
pub enum Server<'a> {
    /// An access service.
    Stream(StreamId),
    /// A multiplexor: its host, and the service that it stands before. It has no stream.
    Proxy(&'a [u8], Service),
}

/// A login that was refused, or what comes near to it.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// What it is.
    pub refusal: Refusal,
    /// Whose line it is.
    pub server: Server<'a>,
    /// The process.
    pub pid: u32,
    /// The far end, where it is told.
    pub peer: Option<Peer>,
    /// The user as given (R1), as names are compared (R2); empty where none is told.
    pub user: &'a [u8],
    /// The mechanism; empty where none is told.
    pub mechanism: &'a [u8],
    /// The reason.
    pub reason: &'a [u8],
    /// When.
    pub stamp: Stamp,
    /// What its line is doubted for.
    pub doubt: Doubt,
    /// Where the line is.
    pub evidence: Evidence,
}

/// Where a folder's refused logins go.
pub trait Refusals: std::fmt::Debug + Sync {
    /// Takes one.
    fn take(&self, refused: &Refused<'_>);
}

/// What a line of the message trace says was done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It was stored.
    Append,
    /// It was read.
    Fetch,
    /// It was removed.
    Expunge,
}

impl Action {
    /// Every action, in the order of the answers.
    pub const ALL: [Action; 3] = [Action::Append, Action::Fetch, Action::Expunge];

    /// What a line of this kind says was done, if it is of the message trace.
    pub fn of(kind: Kind) -> Option<Action> {
        match kind {
            Kind::Append => Some(Action::Append),
            Kind::Fetch => Some(Action::Fetch),
            Kind::Expunge => Some(Action::Expunge),
            _ => None,
        }
    }

    /// The name in answers and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Append => "append",
            Action::Fetch => "fetch",
            Action::Expunge => "expunge",
        }
    }
}

/// A line of the message trace.
#[derive(Clone, Copy, Debug)]
pub struct Traced<'a> {
    /// The stream, where an access service wrote it.
    pub stream: Option<StreamId>,
    /// The store.
    pub store: &'a [u8],
    /// The program.
    pub process: &'a [u8],
    /// Its process.
    pub pid: u32,
    /// The user (R2).
    pub user: &'a [u8],
    /// What was done.
    pub action: Action,
    /// The mailbox, as written.
    pub folder: &'a [u8],
    /// Bytes of the message, where the line has them.
    pub size: Option<u64>,
    /// The message's id, without its angle brackets.
    pub message_id: &'a [u8],
    /// When.
    pub stamp: Stamp,
    /// Read by an inferred template.
    pub inferred: bool,
    /// Where it is.
    pub evidence: Evidence,
}

/// Where a folder's lines of the message trace go.
pub trait Traces: std::fmt::Debug + Sync {
    /// Takes one.
    fn take(&self, traced: &Traced<'_>);
}

/// A login that succeeded, as a login or a close line tells it.
#[derive(Clone, Copy, Debug)]
pub struct LoggedIn<'a> {
    /// The stream.
    pub stream: StreamId,
    /// The far end.
    pub peer: Peer,
    /// The user (R2).
    pub user: &'a [u8],
    /// The mechanism, where a login line tells it.
    pub mechanism: &'a [u8],
    /// When: the connect of a close (R6).
    pub stamp: Stamp,
    /// Whether a close tells it.
    pub by_close: bool,
    /// What its line is doubted for.
    pub doubt: Doubt,
    /// Where the line is.
    pub evidence: Evidence,
}

/// Where a folder's logins go that succeeded.
pub trait Logins: std::fmt::Debug + Sync {
    /// Takes one.
    fn take(&self, login: &LoggedIn<'_>);
}

/// A line of a multiplexor that tells a user and the client: of a login, or of one that was refused.
#[derive(Clone, Copy, Debug)]
pub struct ClientLine<'a> {
    /// The service that the multiplexor stands before.
    pub service: Service,
    /// Whether the login was refused.
    pub refused: bool,
    /// The user (R2), of a refusal as given (R1).
    pub user: &'a [u8],
    /// The client.
    pub peer: Peer,
    /// When.
    pub stamp: Stamp,
    /// What the line is doubted for.
    pub doubt: Doubt,
    /// Where it is.
    pub evidence: Evidence,
}

/// Where a folder's lines of multiplexors go that tell a user and the client.
pub trait Clients: std::fmt::Debug + Sync {
    /// Takes one.
    fn take(&self, line: &ClientLine<'_>);
}

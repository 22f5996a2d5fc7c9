//! The fields that holes fill.

use super::fields::Start;
use crate::model::Peer;

/// The fields that a template can fill. The same names stand in templates, in the ABNF and in the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// `peer`: the far end of the connection.
    Peer,
    /// `user`: the uid, as the line has it.
    User,
    /// `mechanism`: how the user authenticated.
    Mechanism,
    /// `reason`: why a login was refused.
    Reason,
    /// `start`: the digits of the clock at connect.
    Start,
    /// `duration`: how long the connection lasted.
    Duration,
    /// `in`: bytes from the client.
    In,
    /// `out`: bytes to the client.
    Out,
    /// `mailboxes`: how many mailboxes were selected.
    Mailboxes,
    /// `folder`: the mailbox that a trace line names.
    Folder,
    /// `size`: bytes of a message.
    Size,
    /// `message_id`: the message's own id.
    MessageId,
    /// `created`: unix seconds in a `Log created` line.
    Created,
    /// `more`: further fields behind the known ones.
    More,
    /// `_`: read and not used.
    Other,
}

impl Hole {
    const NAMED: [(&'static str, Hole); 15] = [
        ("peer", Hole::Peer),
        ("user", Hole::User),
        ("mechanism", Hole::Mechanism),
        ("reason", Hole::Reason),
        ("start", Hole::Start),
        ("duration", Hole::Duration),
        ("in", Hole::In),
        ("out", Hole::Out),
        ("mailboxes", Hole::Mailboxes),
        ("folder", Hole::Folder),
        ("size", Hole::Size),
        ("message_id", Hole::MessageId),
        ("created", Hole::Created),
        ("more", Hole::More),
        ("_", Hole::Other),
    ];

    pub(super) fn named(name: &str) -> Option<Hole> {
        Self::NAMED.iter().find(|(n, _)| *n == name).map(|(_, hole)| *hole)
    }

    /// The field's name, as templates write it.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, hole)| *hole == self).map_or("_", |(name, _)| name)
    }

    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Hole> {
        Self::NAMED.into_iter().map(|(_, hole)| hole)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMED.into_iter().map(|(name, _)| name)
    }
}

/// What a message's holes held. Fields that its template does not have are at their default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The far end.
    pub peer: Peer,
    /// The uid as written; for a refused login whatever the client sent.
    pub user: &'a [u8],
    /// The mechanism's word.
    pub mechanism: &'a [u8],
    /// The reason of a refusal.
    pub reason: &'a [u8],
    /// The start field of a close.
    pub start: Start,
    /// The duration of a close, in seconds.
    pub duration: u32,
    /// Bytes from the client, where its template has them.
    pub bytes_in: Option<u64>,
    /// Bytes to the client, as those.
    pub bytes_out: Option<u64>,
    /// Mailboxes selected, as those.
    pub mailboxes: Option<u64>,
    /// The mailbox of a trace line.
    pub folder: &'a [u8],
    /// The message size of a trace line, in bytes, where its template has it.
    pub size: Option<u64>,
    /// The message id of a trace line, without its angle brackets.
    pub message_id: &'a [u8],
    /// Unix seconds of a `Log created` line.
    pub created: u64,
    /// Further fields, with their leading blank.
    pub more: &'a [u8],
}

impl Fields<'_> {
    /// A field as the samples of templates write it; empty for `_`.
    pub(super) fn text(&self, hole: Hole) -> String {
        let bytes = |held: &[u8]| String::from_utf8_lossy(held).into_owned();
        match hole {
            Hole::Peer => self.peer.to_string(),
            Hole::User => bytes(self.user),
            Hole::Mechanism => bytes(self.mechanism),
            Hole::Reason => bytes(self.reason),
            Hole::Start => self.start.local.to_string(),
            Hole::Duration => self.duration.to_string(),
            Hole::In => self.bytes_in.unwrap_or_default().to_string(),
            Hole::Out => self.bytes_out.unwrap_or_default().to_string(),
            Hole::Mailboxes => self.mailboxes.unwrap_or_default().to_string(),
            Hole::Folder => bytes(self.folder),
            Hole::Size => self.size.unwrap_or_default().to_string(),
            Hole::MessageId => bytes(self.message_id),
            Hole::Created => self.created.to_string(),
            Hole::More => bytes(self.more),
            Hole::Other => String::new(),
        }
    }
}

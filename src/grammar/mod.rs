//! What carries meaning in a line: the envelope and the terminals as nom productions, and the matcher that
//! reads messages by templates.
//!
//! One function a production, named after the ABNF of `grammars/envelope.abnf` that it quotes. Lines are cut
//! before, so that the parsers are complete ones over `&[u8]`; nothing here allocates for a line.

mod dialect;
mod draft;
mod eight;
mod envelope;
mod fields;
mod file;
mod hole;
mod kind;
mod marks;
mod matcher;
mod peer;
mod sample;
mod shape;
mod stamp;
mod syslog;
mod template;
mod trace;
mod usual;
mod warn;
mod xml;

pub use dialect::{Dialect, GrammarError, Grammars, Process, Template, built_in};
pub use draft::{Pattern, draft};
pub(crate) use eight::{Digits, ONES, eight, masks_by_length};
pub use envelope::{Envelope, Origin, envelope, message, native_head, origin};
pub use fields::{Day, Start, duration, number, start, word};
pub use hole::{Fields, Hole};
pub use kind::{Basis, Kind, Meaning};
pub(crate) use marks::has_capitals;
pub use peer::peer;
pub use sample::{Sample, message_of};
pub use shape::{is_like_account, shape};
pub use stamp::{date, days, is_clock, stamp, stamp_digits, time};
pub use syslog::{Prefix, SyslogDate, syslog};
pub use trace::{Near, Part, Stuck, Traced};
pub use usual::{Closing, Ordinary, Usual};
pub use xml::{Element, Head, Markup, Tags, Xml, is_markup, markup};

/// Why a production did not match: its name. Small, so that failing is cheap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub &'static str);

impl<'a> nom::error::ParseError<&'a [u8]> for Fault {
    fn from_error_kind(_: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Fault("line")
    }
    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// What every production returns: the rest of the line and what it read.
pub type Parsed<'a, T> = nom::IResult<&'a [u8], T, Fault>;

/// The error of a production that names itself.
fn fault<'a, T>(production: &'static str) -> Parsed<'a, T> {
    Err(nom::Err::Error(Fault(production)))
}

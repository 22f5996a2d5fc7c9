//! Where a row comes from: the client, the proxy that it came through, and how the client is known.

use std::borrow::Cow;

use crate::answer::{Client, Ends};
use crate::text::{exact, visible};

/// For people: `192.0.2.7:40718`, `192.0.2.7 (inferred) via 10.0.0.5:143`, `via 10.0.0.5:143`, or that with `(ambiguous)` behind it;
/// `far_end` is the address of the line.
pub(super) fn shown(far_end: &[u8], client: &Client) -> String {
    let Ends { from, via, .. } = client.ends(far_end);
    match (from, via) {
        (Some(from), Some(via)) => format!("{} (inferred) via {}", visible(&from), visible(via)),
        (None, Some(via)) if *client == Client::Several => format!("via {} (ambiguous)", visible(via)),
        (None, Some(via)) => format!("via {}", visible(via)),
        (from, None) => from.map_or_else(String::new, |from| visible(&from).into_owned()),
    }
}

/// In JSON: `from`, and where proxies are known `via` and `from_source`.
pub(super) struct JsonEnds<'a> {
    pub(super) from: Option<Cow<'a, str>>,
    pub(super) via: Option<Option<Cow<'a, str>>>,
    pub(super) source: Option<Option<&'static str>>,
}

/// The ends of a row in JSON.
pub(super) fn json<'a>(far_end: &'a [u8], client: &Client, with_proxies: bool) -> JsonEnds<'a> {
    let Ends { from, via, source } = client.ends(far_end);
    let from = from.map(|from| match from {
        Cow::Borrowed(from) => exact(from),
        Cow::Owned(from) => exact(&from).into_owned().into(),
    });
    JsonEnds { from, via: with_proxies.then(|| via.map(exact)), source: with_proxies.then_some(source) }
}

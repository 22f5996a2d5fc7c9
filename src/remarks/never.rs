//! Why somebody who was not seen may have been there all the same: what limits the answer of `-a` over a service.

use super::{Remarks, in_stream, within};
use crate::fold::Window;
use crate::model::Service;
use crate::resolve::{Gap, GapWhy, Resolved};
use crate::text::visible;

/// So many spans are named.
const NAMED: usize = 3;

impl Remarks<'_> {
    /// For each service, in the order of [`Service::ALL`], what its logs lack; `None` where they have no hole.
    ///
    /// A question of some users or of a window (`narrow`) passes over lines, of which nobody knows more than where their files begin and
    /// end: then only files that are missing or damaged are told of, whether lines were passed over or not.
    pub fn limits(&self, narrow: Option<Window>) -> [Option<String>; 3] {
        Service::ALL.map(|service| self.limit(service, narrow))
    }

    fn limit(&self, service: Service, narrow: Option<Window>) -> Option<String> {
        let name = service.as_str();
        let mut streams: Vec<&Resolved> = self.streams.iter().filter(|stream| stream.service == service).collect();
        if streams.is_empty() && narrow.is_none() {
            return Some(format!("no {name} log was read"));
        }
        streams.sort_by(|a, b| a.store.cmp(&b.store));
        let mut limits = Vec::new();
        for stream in streams {
            let store = visible(&stream.store);
            let silence = |gap: &Gap| matches!(gap.why, GapWhy::Silence);
            let is_known = |gap: &&Gap| narrow.is_none_or(|window| !silence(gap) && within(window, stream, gap));
            for gap in stream.gaps.iter().filter(is_known) {
                let (from, to) = (in_stream(stream, gap.from), in_stream(stream, gap.to));
                limits.push(if gap.from == gap.to {
                    format!("no {name} log of {store} from {from} on")
                } else {
                    format!("no {name} log of {store} from {from} to {to}")
                });
            }
            if narrow.is_none() && stream.logins == 0 && stream.closes > 0 {
                limits.push(format!("{store} did not log logins over {name}, only sessions that were closed are seen"));
            }
        }
        let rest = limits.len().saturating_sub(NAMED);
        limits.truncate(NAMED);
        if rest > 0 {
            limits.push(format!("and {rest} more, which imstrail coverage lists"));
        }
        (!limits.is_empty()).then(|| limits.join("; "))
    }
}

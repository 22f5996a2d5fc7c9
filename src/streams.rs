//! The streams that were met, numbered: a stream is the lines of one store and service.

use std::sync::{PoisonError, RwLock};

use crate::model::Service;

/// A stream's number in its [`Streams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// Numbers streams, for all workers of a run. The numbers depend on who came first and never reach an answer.
#[derive(Debug, Default)]
pub struct Streams {
    known: RwLock<Vec<(Vec<u8>, Service)>>,
}

impl Streams {
    /// The number of a store's service; a new one if it was not met before.
    pub fn id(&self, store: &[u8], service: Service) -> StreamId {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().position(|(s, v)| s == store && *v == service);
        let index = found.unwrap_or_else(|| {
            known.push((store.to_vec(), service));
            known.len() - 1
        });
        StreamId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The store and the service of a stream.
    pub fn get(&self, id: StreamId) -> (Vec<u8>, Service) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(id.0).unwrap_or(usize::MAX);
        known.get(index).cloned().unwrap_or_else(|| (Vec::new(), Service::Imap))
    }

    /// Store and service of every stream that was met, by its number.
    pub fn names(&self) -> Vec<(Vec<u8>, Service)> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every stream that was met, in the order of store and service.
    pub fn all(&self) -> Vec<(Vec<u8>, Service, StreamId)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> =
            (0..).zip(known.iter()).map(|(i, (store, service))| (store.clone(), *service, StreamId(i))).collect();
        all.sort();
        all
    }
}

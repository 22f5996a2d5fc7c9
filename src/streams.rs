//! The streams that were met, numbered: a stream is the lines of one store and service.

use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::model::Service;

/// A stream's number in its [`Streams`]. Its two lowest bits say the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId(pub u32);

impl StreamId {
    fn new(index: usize, service: Service) -> StreamId {
        StreamId(u32::try_from(index).unwrap_or(u32::MAX) << 2 | service as u32)
    }

    /// Its place in [`Streams::stores`].
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize >> 2
    }

    /// The service of the stream.
    #[inline]
    pub fn service(self) -> Service {
        match self.0 & 3 {
            0 => Service::Imap,
            1 => Service::Http,
            _ => Service::Pop,
        }
    }
}

/// The stores of streams, as one worker keeps them: to ask [`Streams`] for each record would make all workers wait for each other.
#[derive(Debug, Default)]
pub struct Stores(Vec<Vec<u8>>);

impl Stores {
    /// The store of a stream.
    pub fn of(&mut self, stream: StreamId, streams: &Streams) -> &[u8] {
        if stream.index() >= self.0.len() {
            self.0 = streams.stores();
        }
        self.0.get(stream.index()).map_or(&[], Vec::as_slice)
    }
}

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
        StreamId::new(index, service)
    }

    /// The store and the service of a stream.
    pub fn get(&self, id: StreamId) -> (Vec<u8>, Service) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(id.index()).cloned().unwrap_or_else(|| (Vec::new(), id.service()))
    }

    /// The store of every stream, by [`StreamId::index`].
    pub fn stores(&self) -> Vec<Vec<u8>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(store, _)| store.clone()).collect()
    }

    /// Store and number of every stream that was met, in the order of store and service.
    pub fn all(&self) -> Vec<(Vec<u8>, Service, StreamId)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let number =
            |(i, (store, service)): (usize, &(Vec<u8>, Service))| (store.clone(), *service, StreamId::new(i, *service));
        let mut all: Vec<_> = known.iter().enumerate().map(number).collect();
        all.sort();
        all
    }
}

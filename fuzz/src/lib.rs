//! What the fuzz targets check, one module a target: `run` takes any bytes and panics where a promise is broken.
//!
//! `fuzz_targets/` hands them bytes of libFuzzer's making; `tests/fuzz_corpus.rs` of the main crate includes this very
//! file, and hands them the seeds and mutations of them. Only `adapter` knows the library.

pub mod adapter;
pub mod archive;
pub mod columns;
pub mod container;
pub mod line;
pub mod summary;
pub mod template;
pub mod time;
pub mod whole;

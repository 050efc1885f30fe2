//! Runs of the engine on a clock that the tests hold, against the rehearsal relay over real sockets.
//!
//! The relay writes down when it was asked for what, by the same clock; the stories are judged by that.
#![expect(clippy::unwrap_used, reason = "a story that cannot be told has failed")]

mod again;
mod limits;
mod stage;
mod summary;
mod trouble;

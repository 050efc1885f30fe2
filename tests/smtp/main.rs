//! The way out, against the rehearsal relay over real sockets.

mod faults;
mod login;
#[path = "../support/relay.rs"]
mod relay;
mod stores;

//! The way out, against the rehearsal relay over real sockets.

mod faults;
mod login;
mod out_of_step;
#[path = "../support/relay.rs"]
mod relay;
mod reports;
mod several;
mod stores;
#[path = "../support/stub.rs"]
mod stub;

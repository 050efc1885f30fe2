//! The stories: every command as a person types it, over the real program, with a rehearsal relay or a scripted one.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story whose stage cannot be set has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod came_back;
mod desk;
mod enclosed;
mod field;
mod further;
mod hostile;
mod inbox;
mod lists;
mod people;
mod preflight;
mod preview;
mod rehearse;
mod relays;
mod returns;
mod send;
mod sent;
mod shell;
mod status;
mod stop;
mod tasks;

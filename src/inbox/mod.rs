//! The way back: what came into the mailbox.

pub mod mailbox;

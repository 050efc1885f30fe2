//! # Postduif
//!
//! Write to each person once, at a decent pace, know what became of it, and stop when they answer.
//!
//! Letters go one way: roster + letter -> [`campaign`] (merge, plan) -> [`ledger`] -> [`engine`] -> [`transport`].
//! What comes back: mailbox -> [`inbox`] (what it is, whose it is) -> [`engine`] -> [`ledger`].
//! The ledger is the only thing two parts share, so each part can be stopped, killed or read alone.
//!
//! | module | what it is | may use |
//! |---|---|---|
//! | [`mail`] | the RFCs' words: address, envelope, Message-ID, MIME, SMTP reply | nobody |
//! | [`clock`] | the time, system or manual | nobody |
//! | [`campaign`] | what we intend: roster, letter, merge, plan | `mail` |
//! | [`delivery`] | the life of one letter: state, attempt, judgement, retry, pace, breaker | `mail`, `campaign` |
//! | [`ledger`] | what happened, durably | `mail`, `campaign`, `delivery` |
//! | [`account`] | how to get into a mail account: the line and its protection, secrets, SASL | nobody |
//! | [`transport`] | the way out: SMTP, folder, the rehearsal relay | `mail`, `delivery`, `clock`, `account` |
//! | [`typesetting`] | PDF letters, made by the second program `letter-pdf` | `mail`, `campaign` |
//! | [`inbox`] | the way back: what a message is and to which letter it belongs; a mailbox over IMAP or in a Maildir | `mail`, `campaign`, `delivery`, `clock`, `account` |
//! | [`town`] | where a rehearsal's letters go, and where its answers come from | `mail`, `clock`, `campaign`, `delivery`, `transport` |
//! | [`engine`] | the loops; async; decide nothing | everything above |
//! | [`dashboard`] | a window on the ledger, on loopback unless told otherwise; it cannot send | `mail`, `campaign`, `delivery`, `ledger`, `clock` |
//! | [`config`] | `config.toml`, exactly once | everything above |
//! | [`command`] | one verb, one file | everything above, `report` |
//! | [`run`] | composition root | everything |
//!
//! **Invariant.** `mail`, `campaign`, `delivery` and what decides in `inbox` never open a file, a socket or a clock.
//! **Invariant.** `transport` and `ledger` do not know each other; only `engine` holds both, so that
//! "write down, then act" can be read in one function.
//! **Invariant.** `dashboard` cannot send: it knows neither `transport` nor `inbox` nor `engine`; it writes wishes into the ledger.
//! **Invariant.** Nobody but `command` and `run` reads `config`.
//!
//! `tests/architecture.rs` holds these walls.
#![forbid(unsafe_code)]

pub mod account;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod dashboard;
pub mod delivery;
pub mod engine;
pub mod exit;
pub mod inbox;
pub mod ledger;
pub mod mail;
pub mod report;
pub mod run;
pub mod town;
pub mod transport;
pub mod typesetting;

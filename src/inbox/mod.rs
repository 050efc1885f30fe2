//! The way back: what came into the mailbox, and to which letter it belongs. The part that decides is pure, given bytes;
//! [`mailbox`] fetches them.
//!
//! ```text
//! bytes ─► mail::parsed ─► classify (complaint, receipt, bounce, unsubscribe, auto-reply, reply) ─► correlate ─► Reading
//! ```
//!
//! **The seam.** Whoever reads a mailbox (IMAP, Maildir, files) calls [`read`] with a message's bytes, the day, and a [`Sent`] filled
//! from the ledger, and gets a [`Reading`]: kind, facts, the letter it belongs to, and why. Nothing here opens, keeps or changes
//! anything; what follows from a reading is `delivery`'s and the ledger's business.

mod absence;
mod classify;
mod correlate;
mod excerpt;
mod incoming;
pub mod mailbox;
mod new_text;
mod returned;
mod rules;
mod sent;
mod status;
mod words;

pub use correlate::{WINDOW_DAYS, is_freemail};
pub use excerpt::Excerpt;
pub use new_text::{NewText, new_text, own_lines};
pub use sent::{Sent, SentLetter, visible_reference};

use jiff::civil::Date;

use crate::delivery::inbound::Reading;
use crate::mail::parsed::ParsedMail;

/// What a reader is told besides the message.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// What was sent; `None` where there is no campaign, and then nothing is matched.
    pub sent: Option<&'a Sent>,
    /// The day, for messages that do not say when they were written.
    pub today: Date,
    /// The lines of our own footer, made by [`own_lines`], so that they are not taken for somebody's words.
    pub own_lines: &'a [String],
}

/// Reads one message: what it is, what it says, and to which letter it belongs. Never panics, whatever the bytes.
pub fn read(bytes: &[u8], settings: Settings<'_>) -> Reading {
    read_mail(&ParsedMail::read(bytes), settings)
}

/// Reads a message that was parsed already.
pub fn read_mail(mail: &ParsedMail, settings: Settings<'_>) -> Reading {
    classify::read(mail, settings)
}

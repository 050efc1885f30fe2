//! The conversation about one letter, stage by stage (RFC 5321 §3.3), pipelined where the relay allows it
//! (RFC 2920).
//!
//! What it must know above all is where the line broke: up to the moment the last byte of the final dot is
//! handed to the socket nothing was sent, from the first byte of the reply on it is known what became of it,
//! and in between nobody knows. (A break while the kernel still holds the whole letter counts as the latter.)

use std::fmt::Write as _;
use std::ops::Range;
use std::pin::Pin;
use std::time::Duration;

use super::Timeouts;
use super::line::Cut;
use super::session::Session;
use crate::delivery::attempt::{Ending, Stage};
use crate::mail::envelope::Envelope;
use crate::mail::xtext::{original_recipient, xtext};

/// A letter as it goes over the line.
pub(super) struct Letter<'a> {
    /// Stuffed, with its final dot.
    pub(super) wire: &'a [u8],
    /// Its octets without the stuffing.
    pub(super) size: usize,
    /// It is not ASCII.
    pub(super) is_eight_bit: bool,
    /// What reports about it are to give back, where they are asked for.
    pub(super) envelope_id: Option<&'a str>,
}

/// What came of a transaction.
pub(super) enum Outcome {
    /// It ended so.
    Ended(Ending),
    /// The kept session turned out to be dead before the relay took anything in: again on a new one.
    Stale,
}

/// How long we look for a last word of a relay that stopped reading.
const LAST_WORD: Duration = Duration::from_secs(2);

/// The commands of a transaction, written out, and where each stands.
#[derive(Default)]
struct Commands {
    text: String,
    reset: Range<usize>,
    mail: Range<usize>,
    /// One for each forward path, in the envelope's order.
    rcpt: Vec<Range<usize>>,
    data: Range<usize>,
}

impl Commands {
    /// How many replies are still to come to what was `said` in one go, after those to `answered` RCPT commands.
    fn still_to_come(&self, said: &Range<usize>, answered: usize) -> usize {
        let asked = self.rcpt.iter().skip(answered).chain([&self.data]);
        asked.filter(|command| command.start < said.end).count()
    }
}

impl Session {
    /// Runs one transaction. Afterwards [`Session::is_alive`] says whether the session can be used again.
    pub(super) async fn transact<F>(
        &mut self,
        envelope: &Envelope,
        letter: &Letter<'_>,
        before_dot: Pin<&mut F>,
        timeouts: &Timeouts,
    ) -> Outcome
    where
        F: Future<Output = Result<(), String>>,
    {
        if let Some(why) = self.unfit(envelope, letter) {
            return Outcome::Ended(Ending::Unfit { why });
        }
        let is_kept = self.letters > 0;
        self.letters = self.letters.saturating_add(1);
        self.is_alive = false;
        if self.line.has_unread() {
            // It said goodbye while idle, or we are out of step: whose reply would the next one be?
            return match is_kept {
                true => Outcome::Stale,
                false => broken(Stage::MailFrom, "the relay spoke out of turn"),
            };
        }
        let commands = self.write_out(envelope, letter);
        let pipelined = self.offers.pipelining;

        // The session around the letter: RSET where something was refused before. With several forward paths DATA waits
        // for the replies to all of them: the relay would want a message as soon as it has taken any.
        let all = match (pipelined, envelope.also.is_empty()) {
            (true, true) => 0..commands.text.len(),
            (true, false) => 0..commands.data.start,
            (false, _) => commands.reset.clone(),
        };
        if let Err(cut) = self.line.send(&commands.text.as_bytes()[all.clone()], timeouts.command).await {
            return if is_kept { Outcome::Stale } else { broken(Stage::MailFrom, cut) };
        }
        if !commands.reset.is_empty() {
            match self.line.reply(timeouts.command).await {
                Ok(code) if code / 100 == 2 => self.reset_first = false,
                // Only kept sessions have something to forget.
                _ => return Outcome::Stale,
            }
        }

        let ask = |range: &Range<usize>| if pipelined { 0..0 } else { range.clone() };
        match self.ask(&commands.text[ask(&commands.mail)], timeouts.command).await {
            Ok(code) if code / 100 == 2 => {}
            Ok(421) | Err(_) if is_kept => return Outcome::Stale,
            Ok(_) => return self.refused(Stage::MailFrom, commands.still_to_come(&all, 0), timeouts).await,
            Err(cut) => return broken(Stage::MailFrom, cut),
        }
        let mut without = Vec::new();
        for (nth, (range, path)) in commands.rcpt.iter().zip(envelope.forward_paths()).enumerate() {
            match self.ask(&commands.text[ask(range)], timeouts.command).await {
                Ok(code) if code / 100 == 2 => {}
                Ok(code) if nth > 0 && code != 421 && !(code / 100 == 4 && envelope.waits_for_others) => {
                    without.push((path.clone(), self.line.said()));
                }
                Ok(_) => {
                    let more = commands.still_to_come(&all, nth + 1);
                    return self.refused(Stage::RcptTo, more, timeouts).await;
                }
                Err(cut) => return broken(Stage::RcptTo, cut),
            }
        }
        let data = if all.end == commands.text.len() { 0..0 } else { commands.data.clone() };
        match self.ask(&commands.text[data], timeouts.data).await {
            Ok(code) if code / 100 == 3 => {}
            Ok(code) if code / 100 == 2 => {
                return broken(Stage::Data, format!("the relay answered `{}` to DATA", self.line.said()));
            }
            Ok(_) => return self.refused(Stage::Data, 0, timeouts).await,
            Err(cut) => return broken(Stage::Data, cut),
        }
        if self.line.has_unread() {
            return broken(Stage::Data, "the relay spoke out of turn");
        }

        if let Err(why) = before_dot.await {
            return broken(Stage::Body, why);
        }
        if let Err(cut) = self.line.send(letter.wire, timeouts.block).await {
            return self.stopped_reading(cut).await;
        }
        match self.line.reply(timeouts.end_of_data).await {
            Ok(code) if code / 100 == 2 => {
                self.proven_alive();
                Outcome::Ended(Ending::Accepted { reply: self.line.said(), without })
            }
            Ok(code) if code / 100 == 3 => {
                let why = format!("the relay answered `{}`, which is neither yes nor no,", self.line.said());
                Outcome::Ended(Ending::Silence { why })
            }
            Ok(_) => self.refused(Stage::EndOfData, 0, timeouts).await,
            Err(cut) => Outcome::Ended(Ending::Silence { why: cut.to_string() }),
        }
    }

    /// Returns what the relay lacks for this letter.
    fn unfit(&self, envelope: &Envelope, letter: &Letter<'_>) -> Option<String> {
        let recipients = envelope.forward_paths().map(|path| ("recipient's", path));
        let sender = envelope.reverse_path.iter().map(|path| ("sender's", path));
        for (whose, path) in recipients.chain(sender) {
            if path.local().chars().chain(path.domain().chars()).any(char::is_control) {
                return Some(format!("the {whose} address has characters that no relay takes"));
            }
            if path.needs_smtputf8() && !self.offers.smtputf8 {
                return Some(format!("the {whose} address needs SMTPUTF8, which the relay does not offer"));
            }
        }
        if let Some(Some(limit)) = self.offers.size
            && u64::try_from(letter.size).is_ok_and(|size| size > limit)
        {
            return Some(format!("the letter has {} bytes and the relay takes at most {limit}", letter.size));
        }
        if letter.is_eight_bit && !self.offers.eight_bit_mime {
            return Some("the letter has bytes beyond ASCII, and the relay does not offer 8BITMIME".into());
        }
        None
    }

    fn write_out(&self, envelope: &Envelope, letter: &Letter<'_>) -> Commands {
        let mut commands = Commands { text: String::with_capacity(256), ..Commands::default() };
        let text = &mut commands.text;
        if self.reset_first {
            text.push_str("RSET\r\n");
        }
        commands.reset = 0..text.len();
        // Writing into a string cannot fail.
        let _ = match &envelope.reverse_path {
            Some(path) => write!(text, "MAIL FROM:<{path}>"),
            None => write!(text, "MAIL FROM:<>"),
        };
        if self.offers.size.is_some() {
            let _ = write!(text, " SIZE={}", letter.size);
        }
        if letter.is_eight_bit {
            text.push_str(" BODY=8BITMIME");
        }
        if envelope.needs_smtputf8() {
            text.push_str(" SMTPUTF8");
        }
        // Asked for by RFC 3461: reports with our mark and the letter's header, about failures and delays only.
        let envelope_id = letter.envelope_id.filter(|_| self.offers.dsn);
        if let Some(id) = envelope_id {
            let _ = write!(text, " RET=HDRS ENVID={}", xtext(id));
        }
        text.push_str("\r\n");
        commands.mail = commands.reset.end..text.len();
        for path in envelope.forward_paths() {
            let start = text.len();
            let _ = write!(text, "RCPT TO:<{path}>");
            if envelope_id.is_some() {
                let _ = write!(text, " NOTIFY=FAILURE,DELAY ORCPT={}", original_recipient(path));
            }
            text.push_str("\r\n");
            commands.rcpt.push(start..text.len());
        }
        let start = text.len();
        text.push_str("DATA\r\n");
        commands.data = start..text.len();
        commands
    }

    /// Says `command`, where it was not said with the group before, and reads the next reply.
    async fn ask(&mut self, command: &str, limit: Duration) -> Result<u16, Cut> {
        if !command.is_empty() {
            self.line.send(command.as_bytes(), limit).await?;
        }
        self.line.reply(limit).await
    }

    /// Ends a transaction that the relay refused; `more` replies of its group are still to come.
    async fn refused(&mut self, stage: Stage, more: usize, timeouts: &Timeouts) -> Outcome {
        let reply = self.line.said();
        let ending = Outcome::Ended(Ending::Rejected { stage, reply });
        let said = self.line.said().code;
        let mut code = said;
        for _ in 0..more {
            if code == 421 {
                return ending;
            }
            match self.line.reply(timeouts.data).await {
                Ok(next) => code = next,
                Err(_) => return ending,
            }
        }
        // Against all reason the relay may now wait for a message: better no line than an empty letter.
        if said >= 400 && code != 421 && code / 100 != 3 {
            self.reset_first = true;
            self.proven_alive();
        }
        ending
    }

    /// The letter could not be handed over whole; perhaps the relay says why.
    async fn stopped_reading(&mut self, cut: Cut) -> Outcome {
        if matches!(cut, Cut::TimedOut(_)) {
            return broken(Stage::Body, cut);
        }
        match self.line.last_word(LAST_WORD).await {
            Some(reply) if reply.code >= 400 => {
                Outcome::Ended(Ending::Rejected { stage: Stage::Body, reply })
            }
            _ => broken(Stage::Body, cut),
        }
    }

    fn proven_alive(&mut self) {
        self.is_alive = !self.line.is_cut() && !self.line.has_unread();
    }
}

fn broken(stage: Stage, why: impl ToString) -> Outcome {
    Outcome::Ended(Ending::Broken { stage, why: why.to_string() })
}

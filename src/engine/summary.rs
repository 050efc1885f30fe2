//! The daily summary: what came back since the last one and what waits for a person, by mail, to the sender's own address only.

use std::fmt::Write as _;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::shutdown::{Haste, Shutdown};
use crate::campaign::definition::Sender;
use crate::clock::Clock;
use crate::delivery::attempt::Ending;
use crate::ledger::record::{Campaign, Event};
use crate::ledger::{Ledger, LedgerError};
use crate::mail::envelope::Envelope;
use crate::mail::message_id::{MessageId, Ordinal, Token};
use crate::mail::mime::{self, Parts};
use crate::transport::Transport;

/// What a summary is called in the history.
pub const EVENT: &str = "summary";
/// By this field our own mailbox knows a summary, and leaves it alone.
pub const FIELD: &str = "X-Postduif-Summary";

/// What happened since the last summary, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Who answered, by key.
    pub answered: Vec<String>,
    /// Who cannot be reached.
    pub bounced: Vec<String>,
    /// Who wants no more letters, or called one spam.
    pub opted_out: Vec<String>,
    /// Whose machine answered.
    pub away: Vec<String>,
    /// How many letters the relay took.
    pub accepted: u64,
    /// How many it refused, or put off until no attempts were left.
    pub refused: u64,
    /// What waits for a judgement at this moment.
    pub reviews: u64,
    /// Letters in doubt at this moment.
    pub in_doubt: u64,
    /// Tasks that are open at this moment.
    pub tasks: u64,
    /// Why the campaign is paused, if it is.
    pub paused: Option<String>,
}

impl Summary {
    /// Takes in what happened.
    pub fn note(&mut self, event: &Event) {
        let add = |to: &mut Vec<String>| {
            if let Some(key) = event.key.as_ref().filter(|key| !to.contains(key)) {
                to.push(key.clone());
            }
        };
        match event.event.as_str() {
            "replied" => add(&mut self.answered),
            "bounced" => add(&mut self.bounced),
            "opted-out" | "complained" => add(&mut self.opted_out),
            "auto-replied" => add(&mut self.away),
            "accepted" => self.accepted += 1,
            "refused" | "expired" => self.refused += 1,
            _ => {}
        }
    }

    /// How many things a person must do before the campaign can end.
    fn needs_you(&self) -> u64 {
        self.reviews + self.in_doubt + u64::from(self.paused.is_some())
    }

    /// Returns whether there is nothing to tell: then no mail goes.
    pub fn is_empty(&self) -> bool {
        let tasks = self.tasks;
        Self { tasks, ..Self::default() } == *self
    }

    /// Returns the subject: `Appeal: 3 answered, 1 bounced, 2 need you`.
    pub fn subject(&self, campaign: &str) -> String {
        let parts = [
            (self.answered.len() as u64, "answered"),
            (self.bounced.len() as u64, "bounced"),
            (self.accepted, "sent"),
            (self.needs_you(), "need you"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        if parts.is_empty() {
            format!("{campaign}: something happened")
        } else {
            format!("{campaign}: {}", parts.join(", "))
        }
    }

    /// Returns the text, lines parted by LF.
    pub fn text(&self, campaign: &str) -> String {
        let mut text = format!("What happened in \"{campaign}\" since the last summary.\n\n");
        let mut keys = |word: &str, keys: &[String]| {
            if !keys.is_empty() {
                let _ = writeln!(text, "{word} ({}): {}", keys.len(), keys.join(", "));
            }
        };
        keys("Answered", &self.answered);
        keys("Came back", &self.bounced);
        keys("Want no more letters", &self.opted_out);
        keys("Answered by a machine", &self.away);
        for (number, words) in [
            (self.accepted, "letters accepted by the relay"),
            (self.refused, "letters refused or given up"),
            (self.tasks, "tasks for a person, open"),
        ] {
            if number > 0 {
                let _ = writeln!(text, "{number} {words}");
            }
        }
        if self.needs_you() > 0 {
            text.push_str("\nThis waits for you:\n");
        }
        if self.reviews > 0 {
            let _ = writeln!(text, "- {} for your judgement: postduif review", self.reviews);
        }
        if self.in_doubt > 0 {
            let _ = writeln!(text, "- {} in doubt: postduif settle", self.in_doubt);
        }
        if let Some(why) = &self.paused {
            let _ = writeln!(text, "- the campaign is paused: {why}: postduif resume");
        }
        text
    }
}

/// Sends the summaries, one a day at most.
pub struct Summaries {
    /// Where it is written down that one went, so that a restart sends none twice.
    pub ledger: Ledger,
    /// The way out.
    pub transport: Transport,
    /// The time.
    pub clock: Clock,
    /// Of which campaign.
    pub campaign: Campaign,
    /// Who writes, to itself.
    pub sender: Sender,
    /// At which time of the day.
    pub at: Time,
    /// In which zone.
    pub zone: TimeZone,
    /// How to end it.
    pub shutdown: Shutdown,
}

impl Summaries {
    /// Sends one each day until the end is asked for. A relay that does not take it gets the next one.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger cannot be used.
    pub async fn keep(self) -> Result<(), LedgerError> {
        let mut after = self.last()?;
        loop {
            let Some(next) = next(self.clock.now().max(after.1), self.at, &self.zone) else { return Ok(()) };
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = self.shutdown.asked(Haste::Soon) => return Ok(()),
            }
            let (summary, newest) = self.gather(after.0)?;
            let now = self.clock.now();
            after.1 = now;
            if summary.is_empty() || !self.send(&summary, now).await {
                continue;
            }
            let mut event = Event::of_campaign(now, &self.campaign.name, EVENT);
            event.note = Some(summary.subject(&self.campaign.name));
            self.ledger.note_event(event).await?;
            after.0 = newest;
        }
    }

    /// Returns the number of the event that the last summary reached to, and when that went.
    fn last(&self) -> Result<(i64, Timestamp), LedgerError> {
        let mut last = (0, Timestamp::MIN);
        self.each_event(0, |event| {
            if event.event == EVENT {
                last = (event.seq, event.at);
            }
        })?;
        Ok(last)
    }

    fn each_event(&self, after: i64, mut show: impl FnMut(&Event)) -> Result<i64, LedgerError> {
        let mut newest = after;
        let Some(reader) = Ledger::read(self.ledger.path())? else { return Ok(newest) };
        loop {
            let page = reader.events_after(newest, 1000)?;
            let Some(end) = page.last() else { return Ok(newest) };
            newest = end.seq;
            page.iter().filter(|event| event.campaign == self.campaign.name).for_each(&mut show);
        }
    }

    fn gather(&self, after: i64) -> Result<(Summary, i64), LedgerError> {
        let mut summary = Summary::default();
        let newest = self.each_event(after, |event| summary.note(event))?;
        if let Some(reader) = Ledger::read(self.ledger.path())? {
            let counts = reader.counts(self.campaign.id)?;
            summary.reviews = reader.open_reviews(self.campaign.id)?.len() as u64;
            summary.in_doubt = counts.in_doubt;
            summary.tasks = counts.tasks.saturating_sub(counts.tasks_off_roster);
            let campaign = reader.campaign(&self.campaign.name)?;
            if let Some(crate::ledger::record::CampaignState::Paused { why, .. }) =
                campaign.map(|campaign| campaign.state)
            {
                summary.paused = Some(why);
            }
        }
        Ok((summary, newest))
    }

    /// Hands it to the relay; returns whether it was taken.
    async fn send(&self, summary: &Summary, now: Timestamp) -> bool {
        let mut seed = [0; 32];
        if SystemRandom::new().fill(&mut seed).is_err() {
            return false;
        }
        let from = &self.sender.from;
        let token = Token::derive(&seed, EVENT, 1, 0);
        let message_id = MessageId::of(&Ordinal::derive(&seed, 0), &token, 1, from.address.domain());
        let text = summary.text(&self.campaign.name);
        let bytes = mime::compose(&Parts {
            from,
            to: std::slice::from_ref(from),
            cc: &[],
            reply_to: None,
            subject: &summary.subject(&self.campaign.name),
            dated: &now.to_zoned_datetime(self.zone.clone()),
            message_id: &message_id,
            language: "en",
            text: &text,
            html: &page(&text),
            attachments: &[],
            // Machines leave it alone (RFC 3834 §5), and so does our own reading of the mailbox.
            extra: &[
                ("Auto-Submitted".to_owned(), "auto-generated".to_owned()),
                (FIELD.to_owned(), "1".to_owned()),
            ],
        });
        let envelope = Envelope {
            reverse_path: Some(from.address.clone()),
            forward_path: from.address.clone(),
            also: Vec::new(),
            waits_for_others: false,
            envelope_id: None,
        };
        let mut lane = self.transport.lane();
        let ending = lane.attempt(&envelope, &bytes, async { Ok(()) }).await;
        lane.close().await;
        // One that may have gone is not sent again.
        matches!(ending, Ending::Accepted { .. } | Ending::Silence { .. })
    }
}

/// The text as a page of HTML, nothing in it but paragraphs.
fn page(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 100);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            c => safe.push(c),
        }
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><body><pre style=\"white-space:pre-wrap;font:16px/1.5 sans-serif\">{safe}</pre></body></html>\n"
    )
}

/// Returns when it is that time of the day next, after an instant.
fn next(after: Timestamp, at: Time, zone: &TimeZone) -> Option<Timestamp> {
    let day = after.to_zoned_datetime(zone.clone()).date();
    (0..3).find_map(|ahead: i64| {
        let day = day.checked_add(ahead.days()).ok()?;
        let then = day.to_datetime(at).to_zoned_datetime(zone.clone()).ok()?.timestamp();
        (then > after).then_some(then)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: &str, key: &str) -> Event {
        let mut event = Event::of_campaign(Timestamp::UNIX_EPOCH, "Appeal", what);
        event.key = Some(key.to_owned());
        event
    }

    #[test]
    fn it_tells_what_came_back_and_what_waits_and_nothing_when_there_is_nothing() {
        let mut summary = Summary { tasks: 3, ..Summary::default() };
        assert!(summary.is_empty(), "open tasks alone are no news");
        for (what, key) in [
            ("accepted", "D66"),
            ("accepted", "VVD"),
            ("replied", "D66"),
            ("replied", "D66"),
            ("bounced", "SP"),
            ("auto-replied", "CDA"),
            ("opted-out", "BBB"),
            ("refused", "PVV"),
            ("resumed", "x"),
        ] {
            summary.note(&event(what, key));
        }
        summary.reviews = 2;
        summary.in_doubt = 1;
        summary.paused = Some("the relay refused our login".to_owned());
        insta::assert_snapshot!(format!("{}\n\n{}", summary.subject("Appeal"), summary.text("Appeal")));
        assert!(page("<b>&").contains("&lt;b&gt;&amp;"));
    }

    #[test]
    fn one_goes_at_its_time_of_the_day_also_when_the_clocks_change() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let next =
            |text: &str| next(text.parse().unwrap(), Time::constant(8, 30, 0, 0), &zone).unwrap().to_string();
        assert_eq!(next("2025-09-05T06:29:00Z"), "2025-09-05T06:30:00Z");
        assert_eq!(next("2025-09-05T06:30:00Z"), "2025-09-06T06:30:00Z");
        assert_eq!(next("2025-10-25T12:00:00Z"), "2025-10-26T07:30:00Z");
    }
}

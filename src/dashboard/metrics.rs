//! A campaign's numbers in the text format of Prometheus, version 0.0.4. Pure: numbers in, text out.
//!
//! Every metric stands in [`METRICS`]; `docs/reference/metrics.md` is compared with it by a test.

use jiff::Timestamp;
use prometheus::core::{AtomicI64, AtomicU64, GenericCounterVec, GenericGaugeVec};
use prometheus::{Encoder as _, Opts, Registry, TextEncoder};

use crate::delivery::inbound::Kind;
use crate::delivery::state::State;
use crate::ledger::Tally;
use crate::ledger::record::{Campaign, CampaignState};

/// What `/metrics` answers with.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a number can fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rises {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Whether it can fall.
    pub rises: Rises,
    /// Its labels beside `campaign`, which all of them have.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, rises: Rises::Gauge, labels, help }
}

const STATE: Metric =
    gauge("postduif_campaign_state", &["state"], "1 for the state that the campaign is in, 0 for the others");
const RECIPIENTS: Metric =
    gauge("postduif_recipients", &[], "recipients, those that are off the roster included");
const DELIVERIES: Metric =
    gauge("postduif_deliveries", &["step", "state"], "letters of each step by their state");
const ATTEMPTS: Metric = Metric {
    name: "postduif_attempts_total",
    rises: Rises::Counter,
    labels: &["step"],
    help: "conversations with the relay about letters of each step",
};
const INBOUND: Metric = gauge(
    "postduif_inbound_messages",
    &["kind"],
    "what came back, by what it counts as after a person's judgement",
);
const REVIEWS: Metric =
    gauge("postduif_open_reviews", &[], "what came back and waits for a person's judgement");
const SUPPRESSED: Metric =
    gauge("postduif_suppressed", &[], "addresses and domains on the suppression list of the ledger");
const UNREAD: Metric = gauge(
    "postduif_mailbox_unread_seconds",
    &["mailbox", "folder"],
    "seconds since the folder was last read to its end without an error",
);
const HEARTBEAT: Metric =
    gauge("postduif_heartbeat_age_seconds", &[], "seconds since the service last showed that it is alive");

/// Every metric, in the order of the document.
pub const METRICS: [Metric; 9] =
    [STATE, RECIPIENTS, DELIVERIES, ATTEMPTS, INBOUND, REVIEWS, SUPPRESSED, UNREAD, HEARTBEAT];

/// The states of a campaign, as their label says them.
const STATES: [&str; 4] = ["running", "paused", "finished", "cancelled"];

/// Returns a state's word.
pub fn state_name(state: &CampaignState) -> &'static str {
    match state {
        CampaignState::Running => "running",
        CampaignState::Paused { .. } => "paused",
        CampaignState::Finished => "finished",
        CampaignState::Cancelled => "cancelled",
    }
}

/// Gathers the metrics of one moment.
struct Sheet {
    registry: Registry,
    campaign: String,
}

impl Sheet {
    /// Writes one metric down: for each of its values, what its labels say.
    fn put(&self, metric: Metric, values: &[(Vec<&str>, u64)]) -> prometheus::Result<()> {
        let labels: Vec<&str> = ["campaign"].into_iter().chain(metric.labels.iter().copied()).collect();
        let options = Opts::new(metric.name, metric.help);
        let said = |of: &[&str]| -> Vec<String> {
            [self.campaign.as_str()].into_iter().chain(of.iter().copied()).map(str::to_owned).collect()
        };
        match metric.rises {
            Rises::Counter => {
                let family = GenericCounterVec::<AtomicU64>::new(options, &labels)?;
                self.registry.register(Box::new(family.clone()))?;
                for (of, value) in values {
                    family.get_metric_with_label_values(&said(of))?.inc_by(*value);
                }
            }
            Rises::Gauge => {
                let family = GenericGaugeVec::<AtomicI64>::new(options, &labels)?;
                self.registry.register(Box::new(family.clone()))?;
                for (of, value) in values {
                    let value = i64::try_from(*value).unwrap_or(i64::MAX);
                    family.get_metric_with_label_values(&said(of))?.set(value);
                }
            }
        }
        Ok(())
    }
}

/// Writes a campaign's numbers down. `heartbeat` is when the service last showed that it is alive.
///
/// # Errors
/// Never for the names that stand in this file; the library checks them.
pub fn text(
    campaign: &Campaign,
    tally: &Tally,
    heartbeat: Timestamp,
    now: Timestamp,
) -> prometheus::Result<String> {
    let sheet = Sheet { registry: Registry::new(), campaign: campaign.name.clone() };
    let state = state_name(&campaign.state);
    let states = STATES.map(|word| (vec![word], u64::from(word == state)));
    sheet.put(STATE, &states)?;
    sheet.put(RECIPIENTS, &[(vec![], tally.recipients)])?;
    let steps: Vec<(u32, String)> = tally.attempts.keys().map(|step| (*step, step.to_string())).collect();
    let deliveries: Vec<(Vec<&str>, u64)> = steps
        .iter()
        .flat_map(|(step, word)| State::ALL.map(|state| (*step, word, state)))
        .map(|(step, word, state)| {
            (vec![word.as_str(), state.name()], tally.deliveries.get(&(step, state)).copied().unwrap_or(0))
        })
        .collect();
    sheet.put(DELIVERIES, &deliveries)?;
    let attempts: Vec<(Vec<&str>, u64)> = steps
        .iter()
        .map(|(step, word)| (vec![word.as_str()], tally.attempts.get(step).copied().unwrap_or(0)))
        .collect();
    sheet.put(ATTEMPTS, &attempts)?;
    let inbound = Kind::ALL.map(|kind| (vec![kind.name()], tally.inbound.get(&kind).copied().unwrap_or(0)));
    sheet.put(INBOUND, &inbound)?;
    sheet.put(REVIEWS, &[(vec![], tally.open_reviews)])?;
    sheet.put(SUPPRESSED, &[(vec![], tally.suppressed)])?;
    let unread: Vec<(Vec<&str>, u64)> = tally
        .folders
        .iter()
        .filter_map(|(mailbox, folder, at)| {
            at.map(|at| (vec![mailbox.as_str(), folder.as_str()], seconds(at, now)))
        })
        .collect();
    sheet.put(UNREAD, &unread)?;
    sheet.put(HEARTBEAT, &[(vec![], seconds(heartbeat, now))])?;
    let mut text = Vec::new();
    TextEncoder::new().encode(&sheet.registry.gather(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Whole seconds from one instant to a later one; 0 where a clock was set back.
fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

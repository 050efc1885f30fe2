//! The plan, who approves it, and the wish that it begins. The page sends nothing: whoever sends takes the wish up.

use askama::Template;
use axum::response::Response;

use super::desk::{Desk, Look, Page, Room, Trouble, Visit, html};
use super::guard::Sent;
use super::proofs::Proof;
use super::texts::Lang;
use crate::ledger::record::{CampaignState, Wish};
use crate::ledger::{Approval, Ledger, Start};

/// Somebody's approval.
struct Word {
    id: i64,
    person: String,
    at: String,
}

#[derive(Template)]
#[template(path = "approve.html")]
struct Plan {
    p: Page,
    proof: std::sync::Arc<Proof>,
    digest: String,
    left_out: Vec<(&'static str, String, String)>,
    first: String,
    last: String,
    deadline: Option<String>,
    letters: String,
    recipients: String,
    tasks: String,
    /// Of this very plan.
    approvals: Vec<Word>,
    /// How many are of other plans, so that they are void.
    void: usize,
    needed: usize,
    start: Option<Start>,
    /// Whether whoever sends is in this process.
    sends: bool,
    over: bool,
    /// Whether the service of this process is at work.
    at_work: bool,
    /// Whether the campaign goes on, and it is not.
    stands_still: bool,
    reads_mail: bool,
}

impl Plan {
    fn is_approved(&self) -> bool {
        self.approvals.len() >= self.needed
    }

    /// Whether the newest wish to start waits to be taken up, or failed.
    fn start_waits(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.taken_at.is_none())
    }

    /// Whether it is at work on this very plan.
    fn is_at_work(&self) -> bool {
        self.at_work && self.start.as_ref().is_some_and(|start| start.plan == self.proof.digest)
    }

    fn start_failed(&self) -> Option<&str> {
        self.start.as_ref().filter(|_| !self.at_work)?.failed.as_deref()
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    visit.read(|look| Ok(html(&plan(look)?))).await
}

fn plan(look: &Look) -> Result<Plan, Trouble> {
    let p = look.page(Room::Approve);
    let proof = look.proof()?;
    let settings = &look.desk.settings;
    let (mut approvals, mut start) = (Vec::new(), None);
    if let Some(reader) = Ledger::read(&settings.ledger)? {
        approvals = reader.approvals(&settings.campaign)?;
        start = reader.newest_start(&settings.campaign)?;
    }
    approvals.retain(|approval| approval.withdrawn_at.is_none());
    let (these, others): (Vec<Approval>, Vec<Approval>) =
        approvals.into_iter().partition(|approval| approval.plan == proof.digest);
    let left_out = proof
        .left_out
        .iter()
        .map(|(why, count, some)| (p.lang.left_out(why), p.lang.number(*count), some.join(", ")));
    let moment = |at: Option<jiff::Timestamp>| at.map(|at| p.moment(&at)).unwrap_or_default();
    Ok(Plan {
        digest: proof.digest.chars().take(12).collect(),
        left_out: left_out.collect(),
        first: moment(proof.first),
        last: moment(proof.last),
        deadline: proof.deadline.map(|day| p.lang.day(day)),
        letters: p.lang.count(proof.letters, p.t.letter_one, p.t.letter_many),
        recipients: p.lang.count(proof.recipients, p.t.recipient_one, p.t.recipient_many),
        tasks: p.lang.number(proof.tasks),
        approvals: these
            .into_iter()
            .map(|approval| Word { id: approval.id, at: p.moment(&approval.at), person: approval.person })
            .collect(),
        void: others.len(),
        needed: settings.approvals,
        start,
        sends: settings.sends,
        over: matches!(p.state, Some(CampaignState::Cancelled)),
        at_work: (settings.sources.at_work)(),
        reads_mail: settings.reads_mail,
        stands_still: look.stands_still()?,
        proof,
        p,
    })
}

/// Whether a form is about the plan that the files make at this moment; that may take a while.
fn same_plan(desk: &Desk, lang: Lang, read: &str) -> Result<String, Trouble> {
    let proof = (desk.settings.proofs.all)().map_err(Trouble::Refused)?;
    if proof.digest != read {
        return Err(Trouble::Refused(lang.texts().plan_changed.to_owned()));
    }
    if proof.errors > 0 {
        return Err(Trouble::Refused(lang.texts().plan_blocked.to_owned()));
    }
    Ok(proof.digest.clone())
}

pub(super) async fn approve(visit: Visit, sent: Sent) -> Response {
    let Some(person) = sent.get("person").map(str::to_owned) else {
        return visit.trouble(Trouble::Refused(visit.lang.texts().approve_name.to_owned()));
    };
    let lang = visit.lang;
    let Some(read) = sent.get("plan").map(str::to_owned) else { return visit.trouble(Trouble::NotFound) };
    visit
        .change("/approve".to_owned(), "approved", move |desk| {
            let (settings, plan) = (&desk.settings, same_plan(desk, lang, &read)?);
            let now = settings.clock.now();
            Ok(Ledger::approve(&settings.ledger, &settings.campaign, &plan, &person, now)?)
        })
        .await
}

pub(super) async fn withdraw(visit: Visit, sent: Sent) -> Response {
    let Some(id) = sent.get("approval").and_then(|id| id.parse().ok()) else {
        return visit.trouble(Trouble::NotFound);
    };
    visit
        .change("/approve".to_owned(), "withdrawn", move |desk| {
            let settings = &desk.settings;
            Ok(Ledger::withdraw_approval(&settings.ledger, &settings.campaign, id, settings.clock.now())?)
        })
        .await
}

pub(super) async fn start(visit: Visit, sent: Sent) -> Response {
    let lang = visit.lang;
    let Some(read) = sent.get("plan").map(str::to_owned) else { return visit.trouble(Trouble::NotFound) };
    visit
        .change("/progress".to_owned(), "started", move |desk| {
            let (settings, plan) = (&desk.settings, same_plan(desk, lang, &read)?);
            let now = settings.clock.now();
            Ok(Ledger::wish_start(&settings.ledger, &settings.campaign, &plan, settings.approvals, now)?)
        })
        .await
}

pub(super) async fn pause(visit: Visit, sent: Sent) -> Response {
    let campaign = visit.desk.settings.campaign.clone();
    let why = sent.get("reason").unwrap_or("paused on the page").to_owned();
    visit.wish(Wish::Pause { campaign, why, until: None }, "/progress".to_owned(), "paused").await
}

pub(super) async fn resume(visit: Visit, _sent: Sent) -> Response {
    let campaign = visit.desk.settings.campaign.clone();
    visit.wish(Wish::Resume { campaign }, "/progress".to_owned(), "resumed").await
}

pub(super) async fn cancel(visit: Visit, sent: Sent) -> Response {
    let campaign = visit.desk.settings.campaign.clone();
    if sent.get("sure") != Some(campaign.as_str()) {
        return visit.trouble(Trouble::Refused(visit.lang.texts().cancel_type_name.to_owned()));
    }
    let why = sent.get("reason").unwrap_or("stopped on the page").to_owned();
    visit.wish(Wish::Cancel { campaign, why }, "/progress".to_owned(), "cancelled").await
}

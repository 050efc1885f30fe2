//! What the page works on, and how a request gets at it: the ledger, the register, the texts of the visitor's language.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::board::Point;
use super::door;
use super::follow_ups::Reckoned;
use super::guard::{Guard, Visitor};
use super::meant::Meant;
use super::paper::Printing;
use super::proofs::{Proof, Proofs};
use super::register::Register;
use super::texts::{Lang, Texts};
use crate::campaign::task::TaskColumns;
use crate::clock::Clock;
use crate::delivery::enrollment::Sequence;
use crate::ledger::record::{Campaign, CampaignState, Wish};
use crate::ledger::{Ledger, LedgerError, Reader};

/// Returns what was kept of a message under a name: its text, or its attachments.
pub type Kept<T> = Box<dyn Fn(&str) -> T + Send + Sync>;

/// Changes something of a recipient, by its key; returns what was there before.
pub type Correct = Box<dyn Fn(&str, &str) -> Result<String, String> + Send + Sync>;

/// What the page is given by who may know more than it does. It is functions, so that the page knows neither the inbox nor the
/// press nor the settings.
pub struct Sources {
    /// The text of something that came back.
    pub kept_text: Kept<Option<String>>,
    /// The attachments of something that came back.
    pub kept_files: Kept<Vec<PathBuf>>,
    /// Changes the address of a recipient, by its key, in the roster's file; returns what stood there.
    pub correct: Correct,
    /// Whether the service of this process is at work.
    pub at_work: Box<dyn Fn() -> bool + Send + Sync>,
    /// Is called after every wish that was granted: the logs are brought in step.
    pub changed: Box<dyn Fn() + Send + Sync>,
}

/// What the page shows.
pub struct Settings {
    /// The ledger's file.
    pub ledger: PathBuf,
    /// The campaign's name.
    pub campaign: String,
    /// In which times are told.
    pub zone: TimeZone,
    /// The time.
    pub clock: Clock,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// How many people must approve a plan before it may begin.
    pub approvals: usize,
    /// Whether this process sends what was approved.
    pub sends: bool,
    /// Whether it reads a mailbox then.
    pub reads_mail: bool,
    /// What comes after the first letter, and the days that it is reckoned with.
    pub sequence: Sequence,
    /// The columns that tell what a person has to know of a task.
    pub tasks: TaskColumns,
    /// The points of the letter that parties answer to.
    pub points: Vec<Point>,
    /// What others know.
    pub sources: Sources,
    /// What there is to read before anything goes.
    pub proofs: Proofs,
    /// Who makes a PDF and a picture.
    pub printing: Printing,
}

/// Everything that lives as long as the page.
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) guard: Guard,
    /// The requests that are meant for the page.
    pub(super) meant: Meant,
    /// Says true when the page ends: whoever waits for something new then waits no longer.
    pub(super) ending: watch::Receiver<bool>,
    register: Mutex<Register>,
    pub(super) reckoned: Mutex<Reckoned>,
}

/// The rooms, in the order of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Overview,
    Preview,
    Approve,
    Progress,
    Recipients,
    Review,
    FollowUps,
    Tasks,
    Answers,
    Report,
}

impl Room {
    pub(super) const ALL: [Room; 10] = [
        Room::Overview,
        Room::Preview,
        Room::Approve,
        Room::Progress,
        Room::Recipients,
        Room::Review,
        Room::FollowUps,
        Room::Tasks,
        Room::Answers,
        Room::Report,
    ];

    pub(super) fn path(self) -> &'static str {
        match self {
            Room::Overview => "/",
            Room::Preview => "/preview",
            Room::Approve => "/approve",
            Room::Progress => "/progress",
            Room::Recipients => "/recipients",
            Room::Review => "/review",
            Room::FollowUps => "/follow-ups",
            Room::Tasks => "/tasks",
            Room::Answers => "/answers",
            Room::Report => "/report",
        }
    }

    pub(super) fn name(self, texts: &Texts) -> &'static str {
        match self {
            Room::Overview => texts.overview,
            Room::Preview => texts.preview,
            Room::Approve => texts.approve,
            Room::Progress => texts.progress,
            Room::Recipients => texts.recipients,
            Room::Review => texts.review,
            Room::FollowUps => texts.follow_ups,
            Room::Tasks => texts.tasks,
            Room::Answers => texts.answers,
            Room::Report => texts.report,
        }
    }
}

/// What every page shows around its room.
pub(super) struct Page {
    pub(super) t: &'static Texts,
    pub(super) lang: Lang,
    pub(super) zone: TimeZone,
    pub(super) room: Option<Room>,
    pub(super) campaign: String,
    pub(super) state: Option<CampaignState>,
    /// Whether the ledger was asked for the state.
    pub(super) asked: bool,
    pub(super) reviews: u64,
    pub(super) read_only: bool,
    pub(super) csrf: String,
    /// Whether one can log out: whoever came with a password can come again.
    pub(super) leaves: bool,
    pub(super) notice: Option<&'static str>,
}

impl Page {
    /// The same once more, for a part of the page.
    pub(super) fn again(&self) -> Self {
        Self {
            campaign: self.campaign.clone(),
            state: self.state.clone(),
            csrf: self.csrf.clone(),
            zone: self.zone.clone(),
            ..*self
        }
    }

    /// The rooms of the menu: path, name, whether we are in it, and how much waits there.
    pub(super) fn menu(&self) -> Vec<(&'static str, &'static str, bool, u64)> {
        let waits = |room| if room == Room::Review { self.reviews } else { 0 };
        let entry = |room: Room| (room.path(), room.name(self.t), self.room == Some(room), waits(room));
        Room::ALL.map(entry).to_vec()
    }

    pub(super) fn moment(&self, at: &jiff::Timestamp) -> String {
        self.lang.moment(*at, &self.zone)
    }

    pub(super) fn state_word(&self) -> &'static str {
        self.state.as_ref().map_or(self.t.not_launched, |state| self.lang.campaign(state))
    }

    /// Why it is paused, if it is.
    pub(super) fn paused(&self) -> Option<&str> {
        match &self.state {
            Some(CampaignState::Paused { why, .. }) => Some(why),
            _ => None,
        }
    }
}

/// Why there is no page.
pub(super) enum Trouble {
    /// There is no such thing.
    NotFound,
    /// Nobody has this name.
    Nobody,
    /// What was asked makes no sense, and nothing was changed; why.
    Refused(String),
    /// The ledger cannot be used; why.
    Ledger(String),
    /// A part of it was done; which, and why not the rest.
    Half(String),
    /// What was asked for cannot be made here; why.
    NotMade(String),
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused { .. } => Trouble::Refused(error.to_string()),
            other => Trouble::Ledger(other.to_string()),
        }
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    p: Page,
    said: String,
    unchanged: bool,
}

/// Renders a page.
pub(super) fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Desk {
    /// Sets one up for those who can come, and those whom the guard lets in.
    pub(super) fn new(settings: Settings, guard: Guard, meant: Meant, ending: watch::Receiver<bool>) -> Self {
        Self { settings, guard, meant, ending, register: Mutex::default(), reckoned: Mutex::default() }
    }

    /// Lets one look into the register, up to date.
    pub(super) fn register<T>(
        &self,
        reader: &Reader,
        campaign: &Campaign,
        look: impl FnOnce(&Register) -> T,
    ) -> Result<T, LedgerError> {
        let mut register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        register.refresh(reader, campaign)?;
        Ok(look(&register))
    }

    /// Fills the register, so that the first who looks does not wait for it.
    pub(super) fn warm_up(&self) {
        let settings = &self.settings;
        if let Ok(Some(reader)) = Ledger::read(&settings.ledger)
            && let Ok(Some(campaign)) = reader.campaign(&settings.campaign)
        {
            // Who looks is told what is wrong with the ledger.
            let _ = self.register(&reader, &campaign, |_| ());
        }
    }
}

/// One request: whose it is, in which language, and the desk.
pub(super) struct Visit {
    pub(super) desk: Arc<Desk>,
    pub(super) lang: Lang,
    visitor: Visitor,
    notice: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit
where
    Arc<Desk>: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let lang = Lang::of(&parts.headers);
        let desk = Arc::from_ref(state);
        let Some(visitor) = parts.extensions.get::<Visitor>().cloned() else {
            return Err(door::before(&desk, lang, &parts.method, &parts.uri));
        };
        let query = parts.uri.query().unwrap_or_default();
        let notice = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done");
        let notice = notice.map(|(_, word)| word.into_owned());
        Ok(Self { desk, lang, visitor, notice })
    }
}

/// What a room looks at: the ledger of this moment.
pub(super) struct Look {
    pub(super) desk: Arc<Desk>,
    /// The ledger with the campaign, once it was launched.
    pub(super) ledger: Option<(Reader, Campaign)>,
    page: Page,
}

impl Look {
    /// Whether the campaign goes on, this process, which would send, does nothing for it, and there is something to do: letters in
    /// the queue, or a mailbox to read.
    pub(super) fn stands_still(&self) -> Result<bool, Trouble> {
        let settings = &self.desk.settings;
        let goes_on = matches!(self.page.state, Some(CampaignState::Running));
        if !goes_on || !settings.sends || (settings.sources.at_work)() {
            return Ok(false);
        }
        let queued = self.register(|register| {
            let counts = register.sums().counts;
            counts.queued.saturating_sub(counts.off_roster) + counts.in_flight
        })?;
        Ok(settings.reads_mail || queued.is_some_and(|queued| queued > 0))
    }

    /// Says in which room we are, and gives what every page shows.
    pub(super) fn page(&self, room: Room) -> Page {
        Page { room: Some(room), ..self.page.again() }
    }

    /// How the typesetter is installed, where there is none.
    pub(super) fn install(&self) -> Option<&'static str> {
        let printing = &self.desk.settings.printing;
        (!(printing.there)()).then_some(printing.install)
    }

    /// What there is to read before anything goes, as the files have it now.
    pub(super) fn proof(&self) -> Result<Arc<Proof>, Trouble> {
        (self.desk.settings.proofs.all)().map_err(Trouble::Refused)
    }

    /// Lets one look into the register, up to date; nothing before the launch.
    pub(super) fn register<T>(&self, look: impl FnOnce(&Register) -> T) -> Result<Option<T>, Trouble> {
        let Some((reader, campaign)) = &self.ledger else { return Ok(None) };
        Ok(Some(self.desk.register(reader, campaign, look)?))
    }
}

impl Visit {
    fn texts(&self) -> &'static Texts {
        self.lang.texts()
    }

    fn empty_page(&self) -> Page {
        let settings = &self.desk.settings;
        Page {
            t: self.texts(),
            lang: self.lang,
            zone: settings.zone.clone(),
            room: None,
            campaign: settings.campaign.clone(),
            state: None,
            asked: false,
            reviews: 0,
            read_only: settings.read_only,
            csrf: self.visitor.csrf.clone(),
            leaves: self.desk.guard.asks(),
            notice: self.notice.as_deref().and_then(|word| notice(self.texts(), word)),
        }
    }

    /// Answers with what `read` makes of the ledger; it runs where it may wait for the disk.
    pub(super) async fn read(
        self,
        read: impl FnOnce(&Look) -> Result<Response, Trouble> + Send + 'static,
    ) -> Response {
        let (page, failed) = (self.empty_page(), self.empty_page());
        let reading = tokio::task::spawn_blocking(move || {
            let settings = &self.desk.settings;
            let mut page = Page { asked: true, ..page };
            let mut ledger = None;
            if let Some(reader) = Ledger::read(&settings.ledger)?
                && let Some(campaign) = reader.campaign(&settings.campaign)?
            {
                page.state = Some(campaign.state.clone());
                page.reviews = reader.open_reviews_count(campaign.id)?;
                ledger = Some((reader, campaign));
            }
            read(&Look { desk: Arc::clone(&self.desk), ledger, page })
        });
        match reading.await {
            Ok(Ok(response)) => response,
            Ok(Err(trouble)) => trouble_page(failed, trouble),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Asks the ledger for something, then leads to `place` with the word for what was done.
    pub(super) async fn wish(self, wish: Wish, place: String, done: &'static str) -> Response {
        self.change(place, done, move |desk| {
            Ledger::wish(&desk.settings.ledger, &wish, desk.settings.clock.now())?;
            Ok(())
        })
        .await
    }

    /// Changes something, unless nothing may be changed, then leads to `place` with the word for what was done.
    pub(super) async fn change(
        self,
        place: String,
        done: &'static str,
        change: impl FnOnce(&Desk) -> Result<(), Trouble> + Send + 'static,
    ) -> Response {
        let page = self.empty_page();
        if self.desk.settings.read_only {
            return trouble_page(page, Trouble::Refused(self.texts().read_only.to_owned()));
        }
        let desk = Arc::clone(&self.desk);
        let writing = tokio::task::spawn_blocking(move || {
            change(&desk)?;
            (desk.settings.sources.changed)();
            Ok(())
        });
        match writing.await {
            Ok(Ok(())) => {
                let mark = if place.contains('?') { '&' } else { '?' };
                Redirect::to(&format!("{place}{mark}done={done}")).into_response()
            }
            Ok(Err(trouble)) => trouble_page(page, trouble),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// The page for what was asked in a way that makes no sense.
    pub(super) fn trouble(&self, trouble: Trouble) -> Response {
        trouble_page(self.empty_page(), trouble)
    }
}

fn trouble_page(page: Page, trouble: Trouble) -> Response {
    let (code, said, unchanged) = match trouble {
        Trouble::NotFound => (StatusCode::NOT_FOUND, page.t.not_found.to_owned(), false),
        Trouble::Nobody => (StatusCode::NOT_FOUND, page.t.nobody.to_owned(), false),
        Trouble::Refused(why) => (StatusCode::UNPROCESSABLE_ENTITY, why, true),
        Trouble::Ledger(why) => (StatusCode::SERVICE_UNAVAILABLE, why, true),
        Trouble::Half(why) => (StatusCode::SERVICE_UNAVAILABLE, why, false),
        Trouble::NotMade(why) => (StatusCode::SERVICE_UNAVAILABLE, why, false),
    };
    (code, html(&TroublePage { p: page, said, unchanged })).into_response()
}

/// What is told after something was done; an address can name only these.
fn notice(t: &'static Texts, word: &str) -> Option<&'static str> {
    Some(match word {
        "judged" => t.done_judged,
        "marked" => t.done_marked,
        "suppressed" => t.done_suppressed,
        "paused" => t.done_paused,
        "resumed" => t.done_resumed,
        "cancelled" => t.done_cancelled,
        "approved" => t.done_approved,
        "withdrawn" => t.done_withdrawn,
        "started" => t.done_started,
        "filed" => t.done_filed,
        "held" => t.done_held,
        "released" => t.done_released,
        "tried" => t.done_tried,
        "corrected" => t.done_corrected,
        _ => return None,
    })
}

//! `--status-listen`: how the service is, for who watches it from outside. Reads the ledger and nothing else.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use jiff::Timestamp;
use serde::Serialize;
use tokio::net::TcpListener;

use super::{loopback, metrics};
use crate::clock::Clock;
use crate::ledger::record::{Campaign, CampaignState};
use crate::ledger::{Ledger, Reader};

/// What is watched.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ledger's file.
    pub ledger: PathBuf,
    /// The campaign's name.
    pub campaign: String,
    /// The folders that the service reads: mailbox and folder, as the ledger's cursors name them. None where none is read, or
    /// while they are not known yet; the service sets them.
    pub folders: Arc<Mutex<Vec<(String, String)>>>,
    /// Milliseconds since 1970 at which the service last showed that it is alive; the service sets it.
    pub heartbeat: Arc<AtomicI64>,
    /// After how long without a heartbeat the service counts as stuck.
    pub patience: Duration,
    /// The time.
    pub clock: Clock,
}

/// How long a service may be silent, where nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What `/health` answers.
#[derive(Debug, Serialize)]
struct Health {
    ok: bool,
    campaign: String,
    #[serde(flatten)]
    state: Option<CampaignState>,
    mailbox_read_at: Option<Timestamp>,
    heartbeat_at: Timestamp,
    trouble: Option<String>,
}

/// Answers on `listener` until `shutdown` comes about.
///
/// `GET /health`: 200 while the ledger can be read and the heartbeat is recent, else 503, with a small JSON. `GET /metrics`: the
/// text format of Prometheus; 503 where the ledger cannot be read.
///
/// # Errors
/// When the system takes the listener away.
pub async fn serve(
    settings: Settings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, routes(settings)).with_graceful_shutdown(shutdown).await
}

fn routes(settings: Settings) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(text))
        .layer(middleware::from_fn(loopback::only_meant))
        .with_state(Arc::new(settings))
}

impl Settings {
    fn heartbeat(&self) -> Timestamp {
        Timestamp::from_millisecond(self.heartbeat.load(Ordering::Relaxed)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn open(&self) -> Result<(Reader, Campaign), String> {
        let reader = Ledger::read(&self.ledger).map_err(|error| error.to_string())?;
        let reader = reader.ok_or_else(|| format!("there is no ledger at {}", self.ledger.display()))?;
        let campaign = reader.campaign(&self.campaign).map_err(|error| error.to_string())?;
        let campaign = campaign.ok_or_else(|| format!("the ledger has no campaign `{}`", self.campaign))?;
        Ok((reader, campaign))
    }

    /// When all that is read was read to its end: the folder that is longest ago decides, and one that never was.
    fn mailbox_read_at(&self, reader: &Reader) -> Result<Option<Timestamp>, String> {
        let mut oldest = None;
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (mailbox, folder) in &folders {
            let cursor = reader.cursor(mailbox, folder).map_err(|error| error.to_string())?;
            let Some(at) = cursor.and_then(|cursor| cursor.read_to_end_at) else { return Ok(None) };
            oldest = Some(oldest.map_or(at, |oldest: Timestamp| oldest.min(at)));
        }
        Ok(oldest)
    }

    fn health(&self) -> Health {
        let heartbeat_at = self.heartbeat();
        let found = self.open().and_then(|(reader, campaign)| {
            let read_at = self.mailbox_read_at(&reader)?;
            Ok((campaign.state, read_at))
        });
        let silent = self.clock.now().duration_since(heartbeat_at);
        let stuck = Duration::try_from(silent).is_ok_and(|silent| silent > self.patience);
        let (state, mailbox_read_at, trouble) = match found {
            Ok((state, at)) => {
                let trouble = stuck.then(|| {
                    format!("the service has shown no sign of life for {} seconds", silent.as_secs())
                });
                (Some(state), at, trouble)
            }
            Err(why) => (None, None, Some(why)),
        };
        Health {
            ok: trouble.is_none(),
            campaign: self.campaign.clone(),
            state,
            mailbox_read_at,
            heartbeat_at,
            trouble,
        }
    }

    fn metrics(&self) -> Result<String, String> {
        let (reader, campaign) = self.open()?;
        let tally = reader.tally(campaign.id).map_err(|error| error.to_string())?;
        let told = metrics::text(&campaign, &tally, self.heartbeat(), self.clock.now());
        told.map_err(|error| error.to_string())
    }
}

/// Reads the ledger on a thread of its own: the reading waits for the disk.
async fn ask<T: Send + 'static>(
    settings: Arc<Settings>,
    read: impl FnOnce(&Settings) -> T + Send + 'static,
) -> Result<T, StatusCode> {
    let reading = tokio::task::spawn_blocking(move || read(&settings)).await;
    reading.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn health(State(settings): State<Arc<Settings>>) -> Result<Response, StatusCode> {
    let health = ask(settings, Settings::health).await?;
    let code = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((code, [(CACHE_CONTROL, "no-store")], Json(health)).into_response())
}

async fn text(State(settings): State<Arc<Settings>>) -> Result<Response, StatusCode> {
    let told = ask(settings, Settings::metrics).await?;
    Ok(match told {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    })
}

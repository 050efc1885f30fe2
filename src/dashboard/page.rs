//! `postduif serve`: the page, its routes, and the files that it is made of.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::desk::{Desk, Settings, Trouble, Visit, door};
use super::guard::{NoRandom, harden};
use super::texts::Lang;
use super::{
    answers, approve, follow_ups, loopback, overview, preview, progress, recipients, report, review, tasks,
};

/// The files beside the pages: address, media type, content.
const FILES: [(&str, &str, &str); 5] = [
    ("/assets/icon.svg", "image/svg+xml", include_str!("../../assets/dashboard/icon.svg")),
    ("/assets/page.css", "text/css; charset=utf-8", include_str!("../../assets/dashboard/page.css")),
    ("/assets/page.js", "text/javascript; charset=utf-8", include_str!("../../assets/dashboard/page.js")),
    ("/assets/htmx.js", "text/javascript; charset=utf-8", include_str!("../../assets/dashboard/htmx.min.js")),
    (
        "/assets/htmx-sse.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/dashboard/htmx-sse.min.js"),
    ),
];

/// The page, ready to be served.
pub struct Window {
    desk: Arc<Desk>,
    listener: TcpListener,
    end: watch::Sender<bool>,
    /// The first link, with its token: whoever has it is let in.
    pub link: String,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// Nobody could be told from anybody else.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// The system gives no address.
    #[error("nobody can listen: {0}")]
    Listener(#[from] std::io::Error),
}

impl Window {
    /// Sets the page up on a listener.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn on(listener: TcpListener, settings: Settings) -> Result<Self, WindowError> {
        let address = listener.local_addr()?;
        let (end, ending) = watch::channel(false);
        let (desk, token) = Desk::new(settings, address.port(), ending)?;
        let link = format!("http://{address}/?token={token}");
        Ok(Self { desk: Arc::new(desk), listener, end, link })
    }

    /// Answers until `shutdown` comes about.
    ///
    /// # Errors
    /// When the system takes the listener away.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let end = self.end;
        let ended = async move {
            shutdown.await;
            let _ = end.send(true);
        };
        let desk = Arc::clone(&self.desk);
        tokio::task::spawn_blocking(move || desk.warm_up());
        axum::serve(self.listener, routes(self.desk)).with_graceful_shutdown(ended).await
    }
}

fn routes(desk: Arc<Desk>) -> Router {
    let rooms = Router::new()
        .route("/", get(overview::show))
        .route("/recipients", get(recipients::table))
        .route("/recipients/{key}", get(recipients::story))
        .route("/recipients/{key}/mark", post(recipients::mark))
        .route("/recipients/{key}/settle", post(recipients::settle))
        .route("/recipients/{key}/suppress", post(recipients::suppress))
        .route("/recipients/{key}/address", post(recipients::correct))
        .route("/recipients/{key}/came/{number}/{nth}", get(recipients::attachment))
        .route("/preview", get(preview::list))
        .route("/preview/{key}", get(preview::sheet))
        .route("/preview/{key}/letter", get(preview::framed))
        .route("/preview/{key}/file/{nth}", get(preview::file))
        .route("/preview/{key}/test", get(preview::tried).post(preview::try_out))
        .route("/approve", get(approve::show).post(approve::approve))
        .route("/approve/withdraw", post(approve::withdraw))
        .route("/start", post(approve::start))
        .route("/pause", post(approve::pause))
        .route("/resume", post(approve::resume))
        .route("/cancel", post(approve::cancel))
        .route("/progress", get(progress::show))
        .route("/live", get(progress::live))
        .route("/follow-ups", get(follow_ups::show))
        .route("/follow-ups/{key}", post(follow_ups::hold))
        .route("/tasks", get(tasks::show))
        .route("/answers", get(answers::show))
        .route("/answers/one", get(answers::one).post(answers::file))
        .route("/answers/{form}", get(answers::download))
        .route("/report", get(report::show))
        .route("/report/report.html", get(report::download))
        .route("/review", get(review::show))
        .route("/review/{number}", post(review::judge))
        .fallback(nowhere)
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), admit));
    let files = FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        router.route(
            path,
            get(move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], content) }),
        )
    });
    rooms
        .merge(files)
        .layer(middleware::from_fn(harden))
        .layer(middleware::from_fn(loopback::only_meant))
        .with_state(desk)
}

async fn nowhere(visit: Visit) -> Response {
    visit.trouble(Trouble::NotFound)
}

#[derive(serde::Deserialize)]
struct Key {
    token: Option<String>,
}

/// Lets in who has the cookie, or the token, which becomes a cookie; everybody else stands before the door.
async fn admit(
    State(desk): State<Arc<Desk>>,
    Query(key): Query<Key>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(token) = key.token
        && let Some(cookie) = desk.guard.admit(&token)
        && let Ok(cookie) = HeaderValue::from_str(&cookie)
    {
        return (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie)], Redirect::to(request.uri().path()))
            .into_response();
    }
    let lang = Lang::of(request.headers());
    let Some(visitor) = desk.guard.visitor(request.headers()) else { return door(lang) };
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

//! `postduif serve`: the page, its routes, and the files that it is made of.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::certificate::Certificate;
use super::connections::{Connections, Peer};
use super::desk::{Desk, Settings, Trouble, Visit};
use super::guard::{Guard, NoRandom, harden};
use super::password::Password;
use super::reach::Reach;
use super::texts::Lang;
use super::{
    answers, approve, door, follow_ups, overview, preview, progress, recipients, report, review, tasks,
};

/// How long the end waits for answers that are on their way: a stranger who sends half a form must not hold it up.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

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

/// Who can come to the page, and what lets them in.
pub struct Entrance {
    /// Where it listens, and for whom.
    pub reach: Reach,
    /// What TLS shows to browsers, where the page does TLS itself.
    pub certificate: Option<Certificate>,
    /// The password, where there is one.
    pub password: Option<Password>,
}

/// The page, ready to be served.
pub struct Window {
    desk: Arc<Desk>,
    connections: Connections,
    end: watch::Sender<bool>,
    /// Where to open it: with the token of this process, where that lets in.
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
    pub fn on(listener: TcpListener, entrance: Entrance, settings: Settings) -> Result<Self, WindowError> {
        let address = listener.local_addr()?;
        let (end, ending) = watch::channel(false);
        let Entrance { reach, certificate, password } = entrance;
        let mut guard = Guard::new(address.port(), reach.meant.is_https(), password);
        let mut link = reach.meant.to_open(address);
        if reach.own_machine {
            let (with_token, token) = guard.with_token()?;
            guard = with_token;
            link.push_str(&format!("?token={token}"));
        }
        let connections = Connections::on(listener, certificate, settings.clock.clone());
        let desk = Arc::new(Desk::new(settings, guard, reach.meant, ending));
        Ok(Self { desk, connections, end, link })
    }

    /// Answers until `shutdown` comes about, and a little longer to whoever is being answered.
    ///
    /// # Errors
    /// When the system takes the listener away.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let Self { desk, connections, end, .. } = self;
        let (mut ending, clock) = (desk.ending.clone(), desk.settings.clock.clone());
        let ended = async move {
            shutdown.await;
            let _ = end.send(true);
        };
        let warm = Arc::clone(&desk);
        tokio::task::spawn_blocking(move || warm.warm_up());
        let service = routes(desk).into_make_service_with_connect_info::<Peer>();
        let serving = axum::serve(connections, service).with_graceful_shutdown(ended);
        let too_long = async move {
            // The sender goes only after it has spoken.
            let _ = ending.wait_for(|over| *over).await;
            clock.sleep(LONGEST_FAREWELL).await;
        };
        tokio::select! {
            ended = serving.into_future() => ended,
            () = too_long => Ok(()),
        }
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
        .route("/report/report.pdf", get(report::pdf))
        .route("/review", get(review::show))
        .route("/review/{number}", post(review::judge))
        .route("/logout", post(door::logout))
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
        .route("/login", get(|| async { Redirect::to("/") }).post(door::login))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), harden))
        .with_state(desk)
}

async fn nowhere(visit: Visit) -> Response {
    visit.trouble(Trouble::NotFound)
}

#[derive(serde::Deserialize)]
struct Key {
    token: Option<String>,
}

/// Lets in who has the cookie, or the token, which becomes a cookie; everybody else stands before the door, where a password may be asked.
async fn admit(
    State(desk): State<Arc<Desk>>,
    Query(key): Query<Key>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = desk.settings.clock.now();
    if let Some(token) = key.token
        && let Some(cookie) = desk.guard.admit(&token, now)
        && let Ok(cookie) = HeaderValue::from_str(&cookie)
    {
        return (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie)], Redirect::to(request.uri().path()))
            .into_response();
    }
    let lang = Lang::of(request.headers());
    let Some(visitor) = desk.guard.visitor(request.headers(), now) else {
        return door::before(&desk, lang, request.method(), request.uri());
    };
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

//! `postduif serve`: the page for people who do not type commands, and beside it the service that obeys what they decide there.
//! The page is given what it may know as functions: it knows neither the inbox nor the press, and cannot send.

use std::io::ErrorKind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{
    Context, interrupt, ledger_failed, log_file, outcome_file, proof_sheets, run as service, runtime,
};
use crate::account::{Secret, read_secret};
use crate::campaign::problem::{Place, Problem, Problems};
use crate::cli::{Run, Serve};
use crate::config::Config;
use crate::dashboard::certificate::Certificate;
use crate::dashboard::desk::{Settings, Sources};
use crate::dashboard::loopback::ListenError;
use crate::dashboard::page::{Entrance, Window};
use crate::dashboard::password::{NoPassword, Password};
use crate::dashboard::reach::{Asked, Reach};
use crate::engine::replies;
use crate::engine::shutdown::{Haste, Shutdown};
use crate::exit::Exit;
use crate::ledger::{Ledger, Start};
use crate::report::{Failure, count};

/// How often the ledger is looked at for the wish to begin.
const LOOK: Duration = Duration::from_secs(1);
/// How long it may take to read the password.
const LONGEST_READING: Duration = Duration::from_secs(10);

/// Shows the page until Ctrl-C, and sends what was approved and started on it.
///
/// # Errors
/// When the settings cannot be used, or nobody can listen there.
pub fn run(context: &Context, what: &Serve) -> Result<Exit, Failure> {
    let config = Arc::new(context.config()?);
    let runtime = runtime()?;
    let entrance = runtime.block_on(entrance(context, what))?;
    let listen = entrance.reach.clone();
    if !what.read_only && config.ledger.exists() {
        // A wish that an earlier process left behind surprises nobody now; and an old ledger is brought up to date.
        Ledger::take_start(&config.ledger, &config.name, context.clock.now()).map_err(ledger_failed)?;
    }
    let settings = Settings {
        ledger: config.ledger.clone(),
        campaign: config.name.clone(),
        zone: config.zone.clone(),
        clock: context.clock.clone(),
        read_only: what.read_only,
        approvals: config.approvals,
        sends: !what.read_only,
        sequence: config.sequence(),
        tasks: config.tasks.clone(),
        points: config.points.clone(),
        sources: sources(context, &config),
        proofs: proof_sheets::proofs(context),
    };
    runtime.block_on(async {
        let refused = |error| ListenError::Refused { address: listen.address, error };
        let listener = TcpListener::bind(listen.address).await.map_err(refused).map_err(listen_failed)?;
        let window = Window::on(listener, entrance, settings)
            .map_err(|error| Failure::new(Exit::Bug, error.to_string()).safe("nothing was sent"))?;
        if listen.readable {
            context.report.warn(&format!(
                "{} listens without TLS, as `--behind-proxy` says: let nobody but the proxy reach it",
                listen.address
            ));
        }
        context.report.say(if listen.own_machine {
            "Open this link in your browser; whoever has it can work on the campaign. Ctrl-C ends."
        } else {
            "Open this address in your browser; whoever has the password can work on the campaign. Ctrl-C ends."
        });
        context.report.result(&window.link);
        let shutdown = Shutdown::default();
        tokio::spawn(interrupt::heed(shutdown.clone()));
        let obeying = (!what.read_only)
            .then(|| tokio::spawn(obey(context.clone(), Arc::clone(&config), shutdown.clone())));
        let asked = shutdown.clone();
        let ended = window.serve(async move { asked.asked(Haste::Soon).await }).await;
        shutdown.ask(Haste::Soon);
        if let Some(obeying) = obeying {
            // Letters in flight are waited for.
            let _ = obeying.await;
        }
        ended.map_err(|error| Failure::new(Exit::Bug, format!("the page ended: {error}")))
    })?;
    Ok(Exit::Done)
}

/// Decides who can come to the page, and gets ready what it takes; tells every problem at once.
async fn entrance(context: &Context, what: &Serve) -> Result<Entrance, Failure> {
    let mut problems = Problems::default();
    let (certificate, key) = (what.tls_certificate.as_deref(), what.tls_key.as_deref());
    let reach = Reach::of(&Asked {
        listen: &what.listen,
        certificate,
        key,
        behind_proxy: what.behind_proxy.as_deref(),
        names: &what.name,
        password: what.password_env.is_some() || what.password_file.is_some(),
    });
    let reach = reach.map_err(|objections| {
        for it in objections {
            let problem = Problem::error("serve", Place::file(it.option()), it.to_string());
            problems.push(problem.hint(it.hint()));
        }
    });
    let certified = certificate.zip(key).map(|(certificate, key)| {
        let names = reach.iter().flat_map(|reach| reach.meant.to_certify());
        Certificate::read(certificate, key, names).map_err(|errors| {
            for error in errors {
                let problem = Problem::error("serve", Place::file("--tls-certificate"), error.to_string());
                problems.push(problem.hint(error.hint()));
            }
        })
    });
    let password = password(context, what).await.map_err(|problem| problems.push(problem));
    match (reach, certified.transpose(), password) {
        (Ok(reach), Ok(certificate), Ok(password)) => Ok(Entrance { reach, certificate, password }),
        _ => {
            context.report.problems(&problems);
            Err(Failure::input(count(problems.errors(), "problem")).safe("nothing was opened"))
        }
    }
}

/// Fetches the password from where it is kept.
async fn password(context: &Context, what: &Serve) -> Result<Option<Password>, Problem> {
    let (option, secret) = match (&what.password_env, &what.password_file) {
        (Some(name), _) => {
            let value = context.environment.get(name).filter(|value| !value.is_empty());
            let unset = || {
                let said = format!("the environment variable `{name}` is not set");
                Problem::error("serve", Place::file("--password-env"), said)
            };
            ("--password-env", Secret::Password(value.ok_or_else(unset)?))
        }
        (None, Some(path)) => ("--password-file", Secret::PasswordFile(path.clone())),
        (None, None) => return Ok(None),
    };
    let problem = |said: String| Problem::error("serve", Place::file(option), said);
    let secret = read_secret(&secret, LONGEST_READING).await.map_err(problem)?;
    let password = Password::new(secret.reveal()).map_err(|error| {
        let hint = match error {
            NoPassword::Short(_) => {
                "four or five words that have nothing to do with each other are a good one"
            }
            NoPassword::NoRandom(_) => "",
        };
        problem(error.to_string()).hint(hint)
    })?;
    Ok(Some(password))
}

fn listen_failed(error: ListenError) -> Failure {
    let hint = match &error {
        ListenError::Refused { error, .. } if error.kind() == ErrorKind::PermissionDenied => {
            "ports below 1024 belong to the system: take another one, such as 8420"
        }
        ListenError::Refused { error, .. } if error.kind() == ErrorKind::AddrNotAvailable => {
            "this machine has no such address; `--listen 0.0.0.0:8420` takes all that it has"
        }
        _ => "`postduif serve --listen 127.0.0.1:0` takes any port that is free",
    };
    Failure::input(error.to_string()).hint(hint).safe("nothing was changed")
}

fn sources(context: &Context, config: &Arc<Config>) -> Sources {
    let (of_text, of_files, of_logs) = (Arc::clone(config), Arc::clone(config), Arc::clone(config));
    let context = context.clone();
    Sources {
        kept_text: Box::new(move |kept| replies::text(&of_text.ledger, kept)),
        kept_files: Box::new(move |kept| replies::attachments(&of_files.ledger, kept)),
        changed: Box::new(move || {
            log_file::mend(&context, &of_logs);
            outcome_file::rewrite(&context, &of_logs);
        }),
    }
}

/// Waits for the wish to begin, and runs the service for the plan that it names: any other plan is refused there. Ends when that is
/// asked for, and a service that runs has ended.
async fn obey(context: Context, config: Arc<Config>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = context.clock.sleep(LOOK) => {}
            () = shutdown.asked(Haste::Soon) => return,
        }
        let (of, at) = (Arc::clone(&config), context.clock.now());
        let asked = tokio::task::spawn_blocking(move || wished(&of, at)).await;
        let Ok(Some(start)) = asked else { continue };
        // Its own, because it ends itself too, and the page goes on then.
        let of_service = Shutdown::default();
        let passing = interrupt::pass_on(shutdown.clone(), of_service.clone(), context.report.clone());
        let (of, context) = (Arc::clone(&config), context.clone());
        // The service makes a runtime of its own, so it needs a thread of its own.
        let (done, ended) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            let what = Run { yes: true, plan: Some(start.plan.clone()), status_listen: None };
            if let Err(failure) = service::run_until(&context, &what, Some(of_service)) {
                let told = failure.hints.first().map(|hint| format!("; {hint}")).unwrap_or_default();
                let _ = Ledger::start_failed(&of.ledger, start.id, &format!("{}{told}", failure.said));
                context.report.fail(&failure);
            }
            let _ = done.send(());
        });
        tokio::select! {
            _ = ended => {}
            () = passing => {}
        }
    }
}

/// The wish to begin that nobody took up yet. A ledger that is not there, or cannot be read now, has none.
fn wished(config: &Config, at: jiff::Timestamp) -> Option<Start> {
    let reader = Ledger::read(&config.ledger).ok()??;
    reader.newest_start(&config.name).ok()?.filter(|start| start.taken_at.is_none())?;
    drop(reader);
    Ledger::take_start(&config.ledger, &config.name, at).ok()?
}

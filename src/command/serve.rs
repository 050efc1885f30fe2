//! `postduif serve`: the page for people who do not type commands, and beside it the service that obeys what they decide there.
//! The page is given what it may know as functions: it knows neither the inbox nor the press, and cannot send.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;

use super::reading::Reading;
use super::survey::survey;
use super::{
    Context, correct_address, entrance, interrupt, ledger_failed, log_file, outcome_file, paper,
    proof_sheets, run as service, runtime, test_letter,
};
use crate::cli::{Run, Serve};
use crate::config::Config;
use crate::dashboard::desk::{Settings, Sources};
use crate::dashboard::loopback::ListenError;
use crate::dashboard::page::Window;
use crate::engine::replies;
use crate::engine::shutdown::{Haste, Shutdown};
use crate::exit::Exit;
use crate::ledger::{Ledger, Start, Trial};
use crate::report::Failure;

/// How often the ledger is looked at for the wish to begin.
const LOOK: Duration = Duration::from_secs(1);

/// Shows the page until Ctrl-C, and sends what was approved and started on it.
///
/// # Errors
/// When the settings cannot be used, or nobody can listen there.
pub fn run(context: &Context, what: &Serve) -> Result<Exit, Failure> {
    let config = Arc::new(context.config()?);
    let runtime = runtime()?;
    let entrance = runtime.block_on(entrance::ready(context, what))?;
    let listen = entrance.reach.clone();
    if !what.read_only && config.ledger.exists() {
        // A wish that an earlier process left behind surprises nobody now; and an old ledger is brought up to date.
        let now = context.clock.now();
        Ledger::take_start(&config.ledger, &config.name, now).map_err(ledger_failed)?;
        Ledger::abandon_trials(&config.ledger, &config.name, now).map_err(ledger_failed)?;
    }
    let at_work = Arc::new(AtomicBool::new(false));
    let settings = Settings {
        ledger: config.ledger.clone(),
        campaign: config.name.clone(),
        zone: config.zone.clone(),
        clock: context.clock.clone(),
        read_only: what.read_only,
        approvals: config.approvals,
        sends: !what.read_only,
        reads_mail: config.inbox.is_some(),
        sequence: config.sequence(),
        tasks: config.tasks.clone(),
        points: config.points.clone(),
        sources: sources(context, &config, Arc::clone(&at_work)),
        proofs: proof_sheets::proofs(context),
        printing: paper::printing(&config),
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
        let obeying = (!what.read_only).then(|| {
            let (context, config) = (context.clone(), Arc::clone(&config));
            let trying = try_out(context.clone(), Arc::clone(&config), shutdown.clone());
            let obeying = obey(context, config, shutdown.clone(), at_work);
            tokio::spawn(async { tokio::join!(obeying, trying) })
        });
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

fn sources(context: &Context, config: &Arc<Config>, at_work: Arc<AtomicBool>) -> Sources {
    let (of_text, of_files, of_logs) = (Arc::clone(config), Arc::clone(config), Arc::clone(config));
    let of_roster = Arc::clone(config);
    let context = context.clone();
    Sources {
        kept_text: Box::new(move |kept| replies::text(&of_text.ledger, kept)),
        kept_files: Box::new(move |kept| replies::attachments(&of_files.ledger, kept)),
        correct: Box::new(move |key, address| correct_address::correct(&of_roster, key, address)),
        at_work: Box::new(move || at_work.load(Ordering::Relaxed)),
        changed: Box::new(move || {
            log_file::mend(&context, &of_logs);
            outcome_file::rewrite(&context, &of_logs);
        }),
    }
}

/// Waits for the wish to begin, and runs the service for the plan that it names: any other plan is refused there. Ends when that is
/// asked for, and a service that runs has ended.
async fn obey(context: Context, config: Arc<Config>, shutdown: Shutdown, at_work: Arc<AtomicBool>) {
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
        let (of, of_thread) = (Arc::clone(&config), context.clone());
        // The service makes a runtime of its own, so it needs a thread of its own.
        let (done, ended) = tokio::sync::oneshot::channel();
        let running = of_service.clone();
        at_work.store(true, Ordering::Relaxed);
        thread::spawn(move || {
            let what = Run { yes: true, plan: Some(start.plan.clone()), status_listen: None };
            if let Err(failure) = service::run_until(&of_thread, &what, Some(of_service)) {
                let _ = Ledger::start_failed(&of.ledger, start.id, &failure.in_one_sentence());
                of_thread.report.fail(&failure);
            }
            let _ = done.send(());
        });
        // Another plan was approved and started meanwhile: this one ends after the letters in flight, and makes room.
        let making_room = async {
            while !wished_anew(&context, &config).await {}
            running.ask(Haste::Soon);
            std::future::pending().await
        };
        tokio::select! {
            _ = ended => {}
            () = passing => {}
            () = making_room => {}
        }
        at_work.store(false, Ordering::Relaxed);
    }
}

/// Sends the test letters that are asked for on the page, one after the other, also while the service is at work. One on its way is
/// waited for, unless everything is to end at once; what became of it is in doubt then.
async fn try_out(context: Context, config: Arc<Config>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = context.clock.sleep(LOOK) => {}
            () = shutdown.asked(Haste::Soon) => return,
        }
        let (of, at) = (Arc::clone(&config), context.clock.now());
        let Ok(Some(trial)) = tokio::task::spawn_blocking(move || wanted(&of, at)).await else { continue };
        let (done, ended) = tokio::sync::oneshot::channel();
        let (context, config) = (context.clone(), Arc::clone(&config));
        // It makes a runtime of its own, and the end of the program need not wait for a thread.
        thread::spawn(move || {
            let ended = test_letter::send(&context.quiet(), &trial);
            let ended = ended.map_err(|failure| failure.in_one_sentence());
            let _ = Ledger::trial_ended(&config.ledger, trial.id, &ended, context.clock.now());
            let _ = done.send(());
        });
        tokio::select! {
            _ = ended => {}
            () = shutdown.asked(Haste::Now) => return,
        }
    }
}

/// The test letter that waits longest.
fn wanted(config: &Config, at: jiff::Timestamp) -> Option<Trial> {
    let reader = Ledger::read(&config.ledger).ok()??;
    reader.trial_waits(&config.name).ok()?.then_some(())?;
    drop(reader);
    Ledger::take_trial(&config.ledger, &config.name, at).ok()?
}

/// Waits until there is another wish to begin; returns whether it is for the plan that the files make now. One that is for another is
/// refused, and what runs goes on.
async fn wished_anew(context: &Context, config: &Arc<Config>) -> bool {
    loop {
        context.clock.sleep(LOOK).await;
        let (of, context) = (Arc::clone(config), context.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let start = waits(&of)?;
            let quiet = context.quiet();
            let surveyed = Reading::of(&quiet).and_then(|mut reading| survey(&quiet, &mut reading, &[]));
            let refused = match surveyed {
                Ok(surveyed) if surveyed.plan.digest == start.plan => return Some(true),
                Ok(_) => "the plan has changed since it was approved".to_owned(),
                Err(failure) => failure.in_one_sentence(),
            };
            let taken = Ledger::take_start(&of.ledger, &of.name, context.clock.now()).ok()??;
            let _ = Ledger::start_failed(&of.ledger, taken.id, &refused);
            Some(false)
        });
        if let Ok(Some(is_same)) = looked.await {
            return is_same;
        }
    }
}

/// The wish to begin that nobody took up yet, left where it is.
fn waits(config: &Config) -> Option<Start> {
    let reader = Ledger::read(&config.ledger).ok()??;
    reader.newest_start(&config.name).ok()?.filter(|start| start.taken_at.is_none())
}

/// Takes that wish up. A ledger that is not there, or cannot be read now, has none.
fn wished(config: &Config, at: jiff::Timestamp) -> Option<Start> {
    waits(config)?;
    Ledger::take_start(&config.ledger, &config.name, at).ok()?
}

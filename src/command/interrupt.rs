//! Ctrl-C and SIGTERM: how a person, or the system, asks a command to end.

use crate::engine::shutdown::{Haste, Shutdown};
use crate::report::Report;

/// Waits for Ctrl-C or, where there is one, SIGTERM.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Presses at each, and says nothing.
pub(super) async fn heed(shutdown: Shutdown) {
    loop {
        interrupted().await;
        shutdown.press();
    }
}

/// The first ends after the letters in flight, the second at once.
pub(super) async fn listen(shutdown: Shutdown, report: Report) {
    loop {
        interrupted().await;
        say(shutdown.press(), &report);
    }
}

/// Passes on to one service what its page was asked; to be dropped when that has ended.
pub(super) async fn pass_on(asked: Shutdown, service: Shutdown, report: Report) {
    for haste in [Haste::Soon, Haste::Now] {
        asked.asked(haste).await;
        service.ask(haste);
        say(haste, &report);
    }
    std::future::pending().await
}

fn say(haste: Haste, report: &Report) {
    report.say(match haste {
        Haste::Soon => "\nending after the letters in flight; once more ends at once",
        Haste::Now | Haste::None => "\nending at once; what was in flight may be in doubt",
    });
}

//! Ctrl-C and SIGTERM: how a person, or the system, asks a command to end.

use crate::engine::shutdown::{Haste, Shutdown};
use crate::report::Report;

/// Waits for Ctrl-C or, where there is one, SIGTERM.
pub(super) async fn interrupted() {
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

/// The first ends after the letters in flight, the second at once.
pub(super) async fn listen(shutdown: Shutdown, report: Report) {
    loop {
        interrupted().await;
        match shutdown.press() {
            Haste::Soon => report.say("\nending after the letters in flight; once more ends at once"),
            Haste::Now | Haste::None => report.say("\nending at once; what was in flight may be in doubt"),
        }
    }
}

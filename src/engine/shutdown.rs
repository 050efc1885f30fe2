//! How a run is told to end: first after the letters in flight, then at once.

use tokio::sync::watch;

/// How soon to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// Go on.
    None,
    /// After the letters in flight.
    Soon,
    /// At once; what is in flight may be in doubt.
    Now,
}

/// One end tells, clones of the other listen.
#[derive(Clone, Debug)]
pub struct Shutdown {
    tell: watch::Sender<Haste>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { tell: watch::channel(Haste::None).0 }
    }
}

impl Shutdown {
    /// Asks to end, one degree more urgently than before.
    pub fn press(&self) -> Haste {
        self.tell.send_modify(|haste| {
            *haste = if *haste == Haste::None { Haste::Soon } else { Haste::Now };
        });
        self.haste()
    }

    /// Asks to end with at least that haste.
    pub fn ask(&self, at_least: Haste) {
        self.tell.send_modify(|haste| *haste = (*haste).max(at_least));
    }

    /// Returns what was asked so far.
    pub fn haste(&self) -> Haste {
        *self.tell.borrow()
    }

    /// Waits until at least `haste` is asked.
    pub async fn asked(&self, haste: Haste) {
        let mut listen = self.tell.subscribe();
        // `self` holds the sender, so waiting cannot fail.
        let _ = listen.wait_for(|now| *now >= haste).await;
    }
}

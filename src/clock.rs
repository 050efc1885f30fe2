//! The time, as an argument. Everything that waits or looks at the time is handed a [`Clock`].

mod running_ahead;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

pub use running_ahead::{Resting, Working};

use running_ahead::{Ahead, Sleeper};

/// Where the time comes from.
///
/// Three kinds: the machine's own ([`Clock::system`]), one that only moves when told ([`Clock::manual`]), for tests, and one that
/// moves by itself to the next instant for which somebody waits ([`Clock::running_ahead`]), for rehearsals.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Manual(Arc<Hands>),
    Ahead(Arc<Ahead>),
}

#[derive(Debug)]
struct Hands {
    now: Mutex<Timestamp>,
    moved: watch::Sender<Timestamp>,
}

impl Clock {
    /// Returns the clock of the machine.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// Returns a clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        let (moved, _) = watch::channel(start);
        Self(Kind::Manual(Arc::new(Hands { now: Mutex::new(start), moved })))
    }

    /// Returns a clock that begins at `start` and moves within [`Clock::lead`]: as soon as nobody works, to the instant for
    /// which somebody waits next. Weeks of waiting take no time then, and what is done takes none of the clock's.
    pub fn running_ahead(start: Timestamp) -> Self {
        Self(Kind::Ahead(Arc::new(Ahead::new(start))))
    }

    /// Runs a story to its end, and moves a clock that runs ahead meanwhile; with any other clock the story just runs.
    ///
    /// A clock that runs ahead needs a runtime of one thread, and of all that the story sets going, whoever waits for anything else
    /// than this clock or another task (a socket, a file, a thread) must hold [`Clock::working`].
    pub async fn lead<S: Future>(&self, story: S) -> S::Output {
        let Kind::Ahead(ahead) = &self.0 else { return story.await };
        let mut leader = tokio::task::JoinSet::new();
        leader.spawn(Arc::clone(ahead).drive());
        story.await
    }

    /// Says that somebody works until the guard is dropped: a clock that runs ahead stands still so long. Whoever holds it must not
    /// wait for the clock, unless [`Clock::resting`].
    pub fn working(&self) -> Working {
        Working::begin(self.ahead())
    }

    /// Says that whoever holds one [`Clock::working`] rests from it, until this guard is dropped.
    pub fn resting(&self) -> Resting {
        Resting::begin(self.ahead())
    }

    fn ahead(&self) -> Option<&Arc<Ahead>> {
        match &self.0 {
            Kind::Ahead(ahead) => Some(ahead),
            Kind::System | Kind::Manual(_) => None,
        }
    }

    /// Returns the present instant, in whole milliseconds (the ledger keeps no finer time).
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Manual(hands) => *hands.now.lock().unwrap_or_else(PoisonError::into_inner),
            Kind::Ahead(ahead) => ahead.now(),
        };
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Moves a manual clock forward by `by`; the others take no orders.
    pub fn advance(&self, by: Duration) {
        if let Kind::Manual(hands) = &self.0 {
            let mut now = hands.now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.saturating_add(by).unwrap_or(*now);
            let _ = hands.moved.send_replace(*now);
        }
    }

    /// Waits until the clock shows `at` or later.
    ///
    /// Looks again at least every half minute, so that a laptop's sleep or a corrected clock is noticed.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn sleep_until(&self, at: Timestamp) {
        match &self.0 {
            Kind::System => loop {
                let left = at.duration_since(self.now());
                let Ok(left) = Duration::try_from(left) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(30))).await;
            },
            Kind::Manual(hands) => {
                let mut moved = hands.moved.subscribe();
                // The clock itself lives in `self`, so the sender cannot be gone.
                let _ = moved.wait_for(|now| *now >= at).await;
            }
            Kind::Ahead(ahead) => Sleeper::new(ahead, at).await,
        }
    }

    /// Waits for `span` from now.
    pub async fn sleep(&self, span: Duration) {
        let now = self.now();
        self.sleep_until(now.saturating_add(span).unwrap_or(now)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_when_moved() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_secs(60)).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        assert_eq!(sleeper.await.unwrap().as_second(), 60);
    }

    /// Runs a story on a clock that runs ahead from the epoch on.
    fn ahead<S: Future>(story: impl FnOnce(Clock) -> S) -> S::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::running_ahead(Timestamp::UNIX_EPOCH);
        runtime.block_on(clock.lead(story(clock.clone())))
    }

    /// What happened, and at which second.
    type Told = Arc<Mutex<Vec<(i64, usize)>>>;

    fn tell(told: &Told, clock: &Clock, who: usize) {
        told.lock().unwrap().push((clock.now().as_second(), who));
    }

    #[test]
    fn weeks_pass_while_everybody_sleeps() {
        let now = ahead(|clock| async move {
            for _ in 0..28 * 24 {
                clock.sleep(Duration::from_secs(3600)).await;
            }
            clock.now()
        });
        assert_eq!(now.as_second(), 28 * 24 * 3600);
    }

    #[test]
    fn no_time_passes_while_somebody_waits_for_a_thread() {
        let told = Told::default();
        ahead(|clock| {
            let told = Arc::clone(&told);
            async move {
                let works = tokio::spawn({
                    let (clock, told, working) = (clock.clone(), Arc::clone(&told), clock.working());
                    async move {
                        // The sleeper below is asleep by the time this thread is done.
                        let (done, wait) = std::sync::mpsc::channel();
                        let thread = tokio::task::spawn_blocking(move || wait.recv());
                        for _ in 0..100 {
                            tokio::task::yield_now().await;
                        }
                        done.send(()).unwrap();
                        thread.await.unwrap().unwrap();
                        tell(&told, &clock, 1);
                        drop(working);
                        clock.sleep(Duration::from_secs(5)).await;
                        tell(&told, &clock, 1);
                    }
                });
                clock.sleep(Duration::from_secs(60)).await;
                tell(&told, &clock, 2);
                works.await.unwrap();
            }
        });
        assert_eq!(*told.lock().unwrap(), [(0, 1), (5, 1), (60, 2)]);
    }

    #[test]
    fn whoever_rests_from_work_lets_the_time_pass_and_works_again_at_once() {
        let told = Told::default();
        ahead(|clock| {
            let told = Arc::clone(&told);
            async move {
                let other = tokio::spawn({
                    let (clock, told) = (clock.clone(), Arc::clone(&told));
                    async move {
                        clock.sleep(Duration::from_secs(11)).await;
                        tell(&told, &clock, 2);
                    }
                });
                let working = clock.working();
                let resting = clock.resting();
                clock.sleep(Duration::from_secs(10)).await;
                drop(resting);
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                tell(&told, &clock, 1);
                drop(working);
                other.await.unwrap();
            }
        });
        assert_eq!(*told.lock().unwrap(), [(10, 1), (11, 2)]);
    }

    #[test]
    fn a_sleeper_that_was_given_up_moves_no_clock_and_nor_does_the_end_of_time() {
        let now = ahead(|clock| async move {
            let (short, long) = (Duration::from_secs(1), Duration::from_secs(1000));
            for _ in 0..3 {
                tokio::select! {
                    () = clock.sleep(long) => unreachable!(),
                    () = clock.sleep_until(Timestamp::MAX) => unreachable!(),
                    () = clock.sleep(short) => {}
                }
            }
            clock.sleep(short).await;
            clock.now()
        });
        assert_eq!(now.as_second(), 4);
    }

    #[test]
    fn what_is_said_over_a_channel_is_heard_at_the_instant_it_was_said() {
        let heard = ahead(|clock| async move {
            // A chain of tasks, each of which passes on what it hears; another sleeps through it second by second.
            let (first, mut hears) = tokio::sync::mpsc::channel::<i64>(1);
            for _ in 0..50 {
                let (passes, next) = tokio::sync::mpsc::channel(1);
                let mut hears = std::mem::replace(&mut hears, next);
                tokio::spawn(async move {
                    while let Some(said) = hears.recv().await {
                        passes.send(said).await.unwrap();
                    }
                });
            }
            let ticking = tokio::spawn({
                let clock = clock.clone();
                async move {
                    for _ in 0..100 {
                        clock.sleep(Duration::from_secs(1)).await;
                    }
                }
            });
            let speaking = tokio::spawn({
                let clock = clock.clone();
                async move {
                    for _ in 0..9 {
                        clock.sleep(Duration::from_secs(10)).await;
                        first.send(clock.now().as_second()).await.unwrap();
                    }
                }
            });
            let mut heard = Vec::new();
            while let Some(said) = hears.recv().await {
                heard.push((said, clock.now().as_second()));
            }
            speaking.await.unwrap();
            ticking.await.unwrap();
            heard
        });
        assert_eq!(heard.len(), 9);
        assert!(heard.iter().all(|(said, heard)| said == heard), "{heard:?}");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// Whatever tasks sleep and work, they wake in the order of their instants and exactly at them.
        #[test]
        fn sleepers_wake_in_order_and_exactly_at_their_instants(
            tasks in proptest::collection::vec(proptest::collection::vec((0_u64..5000, proptest::bool::ANY), 1..8), 1..20)
        ) {
            let told = Told::default();
            let mut wanted: Vec<(i64, usize)> = Vec::new();
            for (who, naps) in tasks.iter().enumerate() {
                let mut at = 0;
                for (nap, _) in naps {
                    at += i64::try_from(*nap).unwrap();
                    wanted.push((at, who));
                }
            }
            ahead(|clock| {
                let told = Arc::clone(&told);
                async move {
                    let mut all = tokio::task::JoinSet::new();
                    for (who, naps) in tasks.into_iter().enumerate() {
                        let (clock, told) = (clock.clone(), Arc::clone(&told));
                        all.spawn(async move {
                            for (nap, works) in naps {
                                clock.sleep(Duration::from_secs(nap)).await;
                                let _working = works.then(|| clock.working());
                                if works {
                                    tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
                                }
                                tell(&told, &clock, who);
                            }
                        });
                    }
                    all.join_all().await;
                }
            });
            let told = told.lock().unwrap().clone();
            proptest::prop_assert!(told.is_sorted_by_key(|(at, _)| *at), "{:?}", told);
            let mut sorted = told;
            sorted.sort_unstable();
            wanted.sort_unstable();
            proptest::prop_assert_eq!(sorted, wanted);
        }
    }
}

//! Reads the mailbox that a campaign's `config.toml` names, and says what is new in it. For benchmarks, and to try out
//! settings by hand; it changes nothing in the mailbox and knows no ledger.
//!
//! ```text
//! cargo run --example read_mailbox -- CAMPAIGN CURSORS.json      what came since the cursors in that file were written
//! … CAMPAIGN CURSORS.json --bodies                               the messages themselves, too
//! … CAMPAIGN CURSORS.json --watch                                and again whenever something comes, until Ctrl-C
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows something")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use postduif::campaign::problem::Problems;
use postduif::clock::Clock;
use postduif::config::{Environment, load};
use postduif::inbox::mailbox::{Cursor, Folder, Inbox, Woken, pause};

#[tokio::main]
async fn main() -> ExitCode {
    let (options, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let [campaign, cursors] = &names[..] else {
        eprintln!("usage: read_mailbox CAMPAIGN CURSORS.json [--bodies] [--watch]");
        return ExitCode::from(2);
    };
    let has = |option: &str| options.iter().any(|given| given == option);
    let reader = Reader { campaign: campaign.into(), cursors: cursors.into(), bodies: has("--bodies") };
    match reader.run(has("--watch")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(3)
        }
    }
}

struct Reader {
    campaign: PathBuf,
    cursors: PathBuf,
    bodies: bool,
}

impl Reader {
    async fn run(&self, watch: bool) -> Result<(), String> {
        let environment = Environment::of_this_process();
        let mut problems = Problems::default();
        let config = load(&self.campaign, &|name| environment.get(name), &mut problems);
        let told: String = problems.sorted().iter().map(|problem| format!("\n{problem}")).collect();
        let none = || format!("no `[inbox]` to read{told}");
        let config = config.ok_or_else(none)?;
        let settings = config.inbox.ok_or_else(none)?;
        // Without a ledger nobody knows of a launch: everything is read.
        let since = settings
            .since
            .map_or(Timestamp::UNIX_EPOCH, |_| settings.begins(&config.zone, Timestamp::UNIX_EPOCH));
        let clock = Clock::system();
        let mut inbox = Inbox::open(settings, clock.clone()).map_err(|error| error.to_string())?;
        println!("{}", inbox.describe());
        let mut failures = 0;
        loop {
            match self.read_and_wait(&mut inbox, since, watch).await {
                Ok(()) if !watch => break,
                Ok(()) => failures = 0,
                Err(error) if !watch || !error.may_pass() => return Err(error.to_string()),
                Err(error) => {
                    failures += 1;
                    println!("{error}; again in {:?}", pause(failures));
                    clock.sleep(pause(failures)).await;
                }
            }
        }
        inbox.close().await;
        Ok(())
    }

    async fn read_and_wait(
        &self,
        inbox: &mut Inbox,
        since: Timestamp,
        watch: bool,
    ) -> Result<(), postduif::inbox::mailbox::InboxError> {
        let folders = inbox.folders().await?;
        let mut kept = kept(&self.cursors);
        for folder in &folders.read {
            self.read(inbox, folder, &mut kept, since).await?;
        }
        if watch && inbox.watch(&folders.read[0], Duration::from_secs(300)).await? == Woken::Something {
            println!("something came");
        }
        Ok(())
    }

    async fn read(
        &self,
        inbox: &mut Inbox,
        folder: &Folder,
        kept: &mut BTreeMap<String, String>,
        since: Timestamp,
    ) -> Result<(), postduif::inbox::mailbox::InboxError> {
        let (mut messages, mut headers, mut bodies, mut unreadable) = (0, 0, 0, 0);
        loop {
            let cursor = kept.get(&folder.name).and_then(|text| Cursor::from_text(text));
            let page = inbox.page(folder, cursor.as_ref(), since).await?;
            for arrival in &page.arrivals {
                messages += 1;
                headers += arrival.header.len();
                if self.bodies
                    && let Some(body) = inbox.body(&arrival.location).await?
                {
                    bodies += body.bytes.len();
                }
            }
            unreadable += page.unreadable.len();
            kept.insert(folder.name.clone(), page.cursor.to_text());
            if std::fs::write(&self.cursors, serde_json::to_string_pretty(kept).unwrap_or_default()).is_err()
            {
                eprintln!("{} cannot be written", self.cursors.display());
            }
            if let Some(at) = page.read_to_end {
                println!(
                    "{}: {messages} new, {unreadable} unreadable, {headers} bytes of headers, {bodies} of messages; read to its end as of {at}",
                    folder.name
                );
                return Ok(());
            }
        }
    }
}

fn kept(file: &Path) -> BTreeMap<String, String> {
    std::fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

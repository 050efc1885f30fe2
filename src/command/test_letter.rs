//! `postduif send --test ADDRESS`, and "send me a test" on the page: one letter to another address, marked as a test, outside the
//! campaign's deliveries.

use ring::rand::{SecureRandom as _, SystemRandom};

use super::reading::Reading;
use super::refusals::{no_such_letter, refuse_if_unready, unreachable};
use super::survey::meant;
use super::{Context, ask, runtime, wrong_input};
use crate::campaign::roster::Row;
use crate::cli::Send;
use crate::delivery::attempt::Ending;
use crate::engine::press::{Order, Printed};
use crate::exit::Exit;
use crate::ledger::Trial;
use crate::mail::address::Address;
use crate::mail::message_id::{MessageId, Ordinal, Token};
use crate::report::Failure;
use crate::transport::Transport;

/// Sends it, when somebody at the terminal says so.
///
/// # Errors
/// When the letter cannot be merged, or the relay does not take it.
pub fn run(context: &Context, reading: &mut Reading, what: &Send, address: &str) -> Result<Exit, Failure> {
    let address = Address::parse(address).map_err(|error| Failure::input(error.to_string()))?;
    // A test goes to the tester, so what would embarrass before others is told and does not stop it.
    context.report.problems(&reading.problems);
    let (key, printed) = print(context, reading, (&what.only, what.step), &address)?;
    if !what.yes {
        let question =
            format!("The letter of {key} would go to {address} as a test. Type `test` to send it:");
        if !ask::type_exactly(&context.report, &question, "test", "--yes")? {
            return Ok(Exit::Done);
        }
    }
    let ending = hand_over(reading, &printed)?;
    context.report.say(&format!("the letter of {key} went to {address} as a test: {ending}"));
    Ok(Exit::Done)
}

/// Sends what somebody asked for on the page; returns what the relay said.
///
/// # Errors
/// As [`run`].
pub(super) fn send(context: &Context, trial: &Trial) -> Result<String, Failure> {
    let address = Address::parse(&trial.address).map_err(|error| Failure::input(error.to_string()))?;
    let mut reading = Reading::of(context)?;
    let (_, printed) =
        print(context, &mut reading, (std::slice::from_ref(&trial.key), trial.step), &address)?;
    Ok(hand_over(&reading, &printed)?.to_string())
}

/// Prints a recipient's letter, marked as a test; the first recipient's, where none is named.
fn print(
    context: &Context,
    reading: &mut Reading,
    (only, step): (&[String], u32),
    address: &Address,
) -> Result<(String, Printed), Failure> {
    if reading.settings_wrong {
        return Err(wrong_input(&reading.problems));
    }
    refuse_if_unready(reading)?;
    if only.len() > 1 {
        return Err(
            Failure::input("a test is one letter; name one recipient with --only").safe("nothing was sent")
        );
    }
    if reading.press.is_none() {
        return Err(wrong_input(&reading.problems));
    }
    let told = reading.problems.errors();
    let wanted = meant(reading, only)?;
    if reading.problems.errors() > told {
        let unknown = reading.problems.sorted().into_iter().find(|problem| problem.name == "no-such-key");
        let failure = Failure::input(unknown.map(|problem| problem.said.clone()).unwrap_or_default());
        let hint = unknown.and_then(|problem| problem.hint.clone());
        return Err(hint.into_iter().fold(failure, Failure::hint).safe("nothing was sent"));
    }
    let Some(press) = &reading.press else { return Err(wrong_input(&reading.problems)) };
    if press.letter(step).is_none() {
        return Err(no_such_letter(press, step));
    }
    if reading.is_real() && crate::mail::address::reserved_domain(address) {
        return Err(Failure::input(format!(
            "{address} is only an example; give an address that you can read"
        )));
    }
    let wanted = wanted.first();
    let recipient = reading.rows()?.find_map(|row| match row {
        Row::Recipient { recipient, .. } if wanted.is_none_or(|key| *key == recipient.key) => Some(recipient),
        _ => None,
    });
    let Some(recipient) = recipient else {
        return Err(Failure::input("the roster has no recipient whose letter could be tried")
            .safe("nothing was sent"));
    };
    let now = context.clock.now();
    let mut seed = [0; 32];
    let _ = SystemRandom::new().fill(&mut seed);
    let token = Token::derive(&seed, &recipient.key, step, 0);
    let domain = press.definition().sender.from.address.domain();
    let message_id = MessageId::of(&Ordinal::derive(&seed, 0), &token, step, domain);
    let attachments = reading.attachments(&recipient, step, now)?;
    let order = Order {
        recipient: &recipient,
        step,
        // The tester has no letter that it would stand below.
        continues: None,
        message_id: &message_id,
        dated: now,
        attachments: &attachments,
        waits_for_others: true,
        test_to: Some(address),
        makes_pdf: true,
    };
    let printed = press.print(&order).map_err(|error| Failure::input(error.to_string()))?;
    Ok((recipient.key, printed))
}

/// Hands it to the relay.
fn hand_over(reading: &Reading, printed: &Printed) -> Result<Ending, Failure> {
    let settings = reading.config.transport.clone();
    runtime()?.block_on(async {
        let transport = Transport::open(settings)
            .await
            .map_err(|error| Failure::input(error.to_string()).safe("nothing was sent"))?;
        let mut lane = transport.lane();
        let ending = lane.attempt(&printed.envelope, &printed.bytes, async { Ok(()) }).await;
        lane.close().await;
        match ending {
            Ending::Accepted { .. } => Ok(ending),
            other => Err(unreachable(&transport, &other).safe("the campaign's ledger was not touched")),
        }
    })
}

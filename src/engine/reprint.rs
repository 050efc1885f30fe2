//! Prints again what was handed over: from the ledger alone, byte for byte. Letters, roster and attachments may be gone.

use jiff::Timestamp;

use super::press::{Order, Press, Printed};
use crate::campaign::enclosure::Enclosure;
use crate::campaign::problem::{Problem, Problems};
use crate::campaign::recipient::{Channel, Recipient};
use crate::ledger::record::{DeliveryRecord, MessageMark, Story};
use crate::ledger::{LedgerError, Reader};
use crate::mail::message_id::MessageId;
use crate::mail::mime::Attachment;

/// A message, printed again.
#[derive(Clone, Debug)]
pub struct Reprint {
    /// The message.
    pub printed: Printed,
    /// For whom, without the addressees that were left out.
    pub recipient: Recipient,
    /// What the ledger kept of the one that was handed over.
    pub mark: MessageMark,
    /// What went along.
    pub enclosures: Vec<Enclosure>,
}

impl Reprint {
    /// Returns whether it is the one that was handed over, to the last octet.
    pub fn is_the_same(&self) -> bool {
        self.printed.mark(self.mark.dated) == self.mark
    }

    /// Returns when it was printed: its `Date`.
    pub fn dated(&self) -> Timestamp {
        self.mark.dated
    }
}

/// Why a message cannot be printed again.
#[derive(Debug, thiserror::Error)]
pub enum ReprintError {
    /// No attempt got as far as the final dot.
    #[error("nothing was ever handed over")]
    NeverHandedOver,
    /// The frozen campaign is damaged.
    #[error("the frozen campaign cannot be read: {0}")]
    Definition(#[from] serde_json::Error),
    /// The frozen letter is not one that this program takes.
    #[error("the frozen letter cannot be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Letter(Vec<Problem>),
    /// The frozen letter cannot be merged with the frozen row.
    #[error("{0}")]
    Merge(String),
    /// A file that went along is not in the ledger.
    #[error("the file `{0}` that went along is not in the ledger")]
    FileLost(String),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Prints the message of the last attempt of a delivery that got as far as the final dot.
///
/// # Errors
/// [`ReprintError`]; whether it is the same message is for [`Reprint::is_the_same`] to say.
pub fn reprint(story: &Story, delivery: &DeliveryRecord, reader: &Reader) -> Result<Reprint, ReprintError> {
    let mark = delivery.mark.clone().ok_or(ReprintError::NeverHandedOver)?;
    // The row as it was then, where an address was corrected since.
    let mut recipient = delivery.frozen.clone().unwrap_or_else(|| story.recipient.recipient.clone());
    if let Channel::Mail(addressees) = &mut recipient.channel {
        addressees.leave_out(|address| delivery.noted.without.contains(address));
    }
    let mut problems = Problems::default();
    let press = Press::for_row(serde_json::from_str(&story.definition)?, &recipient, &mut problems);
    let press =
        press.ok_or_else(|| ReprintError::Letter(problems.sorted().into_iter().cloned().collect()))?;
    let enclosures: Vec<Enclosure> =
        delivery.noted.made.iter().chain(&delivery.enclosures).cloned().collect();
    let attachments: Vec<Attachment> = enclosures
        .iter()
        .map(|Enclosure { name, file: mark }| {
            let bytes = reader.file(&mark.digest)?.ok_or_else(|| ReprintError::FileLost(name.clone()))?;
            Ok(Attachment { name: name.clone(), media_type: mark.media_type.clone(), bytes: bytes.into() })
        })
        .collect::<Result<_, ReprintError>>()?;
    let order = Order {
        recipient: &recipient,
        step: delivery.step,
        continues: delivery.continues.as_ref(),
        message_id: &MessageId::stored(delivery.message_id.clone()),
        dated: mark.dated,
        attachments: &attachments,
        waits_for_others: false,
        test_to: None,
        makes_pdf: false,
    };
    let printed = press.print(&order).map_err(|error| ReprintError::Merge(error.to_string()))?;
    Ok(Reprint { printed, recipient, mark, enclosures })
}

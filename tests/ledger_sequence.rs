//! The ledger and the letters that follow the first: released when due, decided on again at every door, never twice.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[path = "ledger_support/follower.rs"]
mod follower;
#[expect(dead_code, reason = "this file uses a part of it")]
mod ledger_support;

use std::sync::Arc;
use std::time::Duration;

use follower::Follower;
use jiff::Timestamp;
use jiff::civil::date;
use ledger_support::*;
use postduif::campaign::recipient::Recipient;
use postduif::campaign::sequence::StepRule;
use postduif::delivery::enrollment::{Next, Reason, Sequence};
use postduif::delivery::inbound::{Evidence, Kind, Matched, Reading};
use postduif::delivery::state::State;
use postduif::ledger::record::*;
use postduif::ledger::{Ledger, LedgerError};

/// A day of the test's own time: the letters go on Friday 15 January 2027.
const DAY: i64 = 86_400;
const MAILBOX: &str = "imap://desk@mail.example";

/// Three letters, two days after each other.
fn sequence() -> Arc<Sequence> {
    let follows = StepRule { after: Some("2 days".parse().unwrap()), ..StepRule::default() };
    Arc::new(Sequence {
        rules: vec![StepRule::default(), follows.clone(), follows],
        working: Default::default(),
        window: None,
        deadlines: no_deadlines(),
    })
}

/// When the second letter is due: the 17th is a Sunday.
fn due() -> i64 {
    3 * DAY + 1
}

/// A campaign of three letters, the first of which was accepted by all of `people`.
fn sent(home: &Home, people: &[Recipient]) -> (Ledger, Campaign) {
    let ledger = home.open();
    let definition = definition("Dear reader").replace("\"text\"", "\"steps\":[{},{},{}],\"text\"");
    let campaign = ledger.launch(NewCampaign { definition, ..new_campaign("appeal") }, at(0)).wait().unwrap();
    assert_eq!(campaign.steps, 3);
    roster(&ledger, &campaign, people);
    claim(&ledger, &campaign, "w", 99).claims.iter().for_each(|held| send(&ledger, held, at(1)));
    (ledger, campaign)
}

fn wanted(keys: &[&str]) -> Vec<Wanted> {
    let wanted = |key: &&str| Wanted { key: (*key).to_owned(), despite_reply: false, enclosures: Vec::new() };
    keys.iter().map(wanted).collect()
}

fn release(ledger: &Ledger, campaign: &Campaign, keys: &[&str], now: i64) -> Vec<Released> {
    ledger.release(campaign.id, sequence(), wanted(keys), at(now)).wait().unwrap()
}

fn queued(key: &str, step: u32) -> Released {
    Released::Queued { key: key.to_owned(), step }
}

fn not(key: &str, reason: Reason) -> Released {
    Released::Not { key: key.to_owned(), next: Next::Nothing(reason) }
}

/// Notes that a folder was read to its end.
fn read(ledger: &Ledger, folder: &str, when: i64) {
    let cursor = CursorRecord {
        mailbox: MAILBOX.to_owned(),
        folder: folder.to_owned(),
        cursor: "{}".to_owned(),
        read_to_end_at: Some(at(when)),
    };
    ledger.record(Vec::new(), Some(cursor), at(when)).wait().unwrap();
}

/// Claims as the sender of follow-ups does.
fn claim_further(ledger: &Ledger, campaign: &Campaign, folders: &[&str], now: i64) -> Claims {
    let mailbox = MailboxRead {
        mailbox: MAILBOX.to_owned(),
        folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
        within: Duration::from_secs(60),
    };
    let request = ClaimRequest { mailbox: Some(mailbox), now: at(now), ..request(campaign, "w", 99) };
    ledger.claim(request).wait().unwrap()
}

/// The same with the mailbox read at that very moment.
fn claim_now(ledger: &Ledger, campaign: &Campaign, now: i64) -> Claims {
    read(ledger, "INBOX", now);
    claim_further(ledger, campaign, &["INBOX"], now)
}

fn came(campaign: &Campaign, key: &str, number: u8, kind: Kind, by: Evidence) -> Arrival {
    let matched = Matched {
        key: String::new(),
        step: Some(1),
        by,
        evidence: "<a.b.1@ngo.example>".to_owned(),
        letter: None,
    };
    Arrival {
        source: format!("{MAILBOX}/INBOX"),
        fingerprint: Some([number; 32]),
        message_id: None,
        sender: Some("someone@party.example".to_owned()),
        subject: None,
        at: at(DAY),
        campaign: campaign.id,
        key: key.to_owned(),
        delivery: None,
        reading: Reading { matched: Some(matched), ..Reading::new(kind).because("as told") },
        kept: None,
    }
}

fn record(ledger: &Ledger, arrival: Arrival) -> Recorded {
    ledger.record(vec![arrival], None, at(DAY)).wait().unwrap().remove(0)
}

fn mark_as(ledger: &Ledger, key: &str, mark: Mark) {
    let wish =
        Wish::Mark { campaign: "appeal".to_owned(), key: key.to_owned(), step: None, mark, note: None };
    Ledger::wish(ledger.path(), &wish, at(DAY)).unwrap();
}

fn delivery(ledger: &Ledger, campaign: &Campaign, key: &str) -> DeliveryRecord {
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    reader.story(campaign.id, key).unwrap().unwrap().recipient.deliveries.pop().unwrap()
}

fn next(ledger: &Ledger, campaign: &Campaign, key: &str) -> Next {
    next_at(ledger, campaign, key, at(DAY))
}

fn next_at(ledger: &Ledger, campaign: &Campaign, key: &str, now: Timestamp) -> Next {
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let alone = reader.onward(campaign.id, key, (&sequence(), now), false).unwrap().unwrap().next;
    let mut among_all = None;
    let of_all = reader.each_onward(campaign.id, &sequence(), now, |onward| {
        if onward.key == key {
            among_all = Some(onward.next);
        }
        true
    });
    of_all.unwrap();
    assert_eq!(among_all.as_ref(), Some(&alone), "one alone is told what all are told");
    alone
}

#[test]
fn a_letter_that_is_due_is_queued_once_and_knows_the_one_before_it() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(2));
    assert_eq!(next(&ledger, &campaign, "p1"), Next::Letter { step: 2, due: at(due()), put_off_by: None });
    let mut follower = Follower::default();
    follower.follow(&ledger, "appeal");
    let early = release(&ledger, &campaign, &["p1"], due() - 1);
    assert!(matches!(early[0], Released::Not { next: Next::Letter { .. }, .. }), "{early:?}");
    assert_eq!(
        release(&ledger, &campaign, &["p1", "p1"], due()),
        [queued("p1", 2), not("p1", Reason::Queued(2))]
    );
    follower.follow(&ledger, "appeal");
    assert_eq!(release(&ledger, &campaign, &["p1"], due() + DAY), [not("p1", Reason::Queued(2))]);
    let claims = claim_now(&ledger, &campaign, due());
    assert_eq!(keys(&claims), ["p1"]);
    let held = &claims.claims[0];
    let first = state_of(&ledger, &campaign, "p1");
    let earlier = &held.continues.as_ref().unwrap().earlier;
    assert_eq!(
        (held.step, earlier.len(), &earlier[0].message_id, earlier[0].dated),
        (2, 1, &first.message_id, at(1))
    );
    assert_ne!(held.message_id, first.message_id);
    send(&ledger, held, at(due() + 5));
    // The next is counted from this one, and knows both.
    assert_eq!(release(&ledger, &campaign, &["p1"], due() + 5 + 2 * DAY), [queued("p1", 3)]);
    let third = claim_now(&ledger, &campaign, due() + 5 + 2 * DAY).claims.remove(0);
    let ids: Vec<String> =
        third.continues.as_ref().unwrap().earlier.iter().map(|one| one.message_id.clone()).collect();
    assert_eq!(ids, [first.message_id, held.message_id.clone()]);
    send(&ledger, &third, at(due() + 9 + 2 * DAY));
    assert_eq!(next(&ledger, &campaign, "p1"), Next::Nothing(Reason::Completed));
    follower.follow(&ledger, "appeal");
}

#[test]
fn what_came_back_is_frozen_with_the_letter_that_answers_it() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    let mut away = came(&campaign, "p1", 1, Kind::AutoReply, Evidence::MessageId);
    away.reading.until = Some(date(2027, 1, 20));
    record(&ledger, away);
    let day_after = Next::Letter { step: 2, due: at(6 * DAY + 1), put_off_by: Some(date(2027, 1, 20)) };
    assert_eq!(next(&ledger, &campaign, "p1"), day_after);
    release(&ledger, &campaign, &["p1"], 6 * DAY + 1);
    let held = claim_now(&ledger, &campaign, 6 * DAY + 1).claims.remove(0);
    let continues = held.continues.clone().unwrap();
    assert_eq!((continues.away_until, continues.auto_replied), (Some(date(2027, 1, 20)), true));
    send(&ledger, &held, at(6 * DAY + 2));
    let mut longer = came(&campaign, "p1", 2, Kind::AutoReply, Evidence::MessageId);
    longer.reading.until = Some(date(2027, 2, 20));
    record(&ledger, longer);
    assert_eq!(delivery(&ledger, &campaign, "p1").continues, Some(continues));
}

#[test]
fn nobody_is_released_who_answered_was_lost_or_waits_for_a_person() {
    let home = Home::new();
    let mut people = people(12);
    people[1].organisation = people[0].organisation.clone();
    people[7].organisation = people[6].organisation.clone();
    let (ledger, campaign) = sent(&home, &people);
    let arrive = |key, number, kind, by| record(&ledger, came(&campaign, key, number, kind, by));
    arrive("p1", 1, Kind::Reply, Evidence::MessageId);
    let mut hard = came(&campaign, "p3", 3, Kind::Bounce, Evidence::MessageId);
    hard.reading.permanent = true;
    record(&ledger, hard);
    arrive("p4", 4, Kind::Unsubscribe, Evidence::MessageId);
    arrive("p5", 5, Kind::Complaint, Evidence::MessageId);
    arrive("p7", 7, Kind::Reply, Evidence::Organisation);
    ledger.suppress("party6.example", "asked us not to", at(DAY)).wait().unwrap();
    mark_as(&ledger, "p9", Mark::Hold);
    let names = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10"];
    let released = release(&ledger, &campaign, &names, due());
    assert_eq!(
        released,
        [
            not("p1", Reason::Replied),
            not("p2", Reason::ColleagueReplied("p1".to_owned())),
            not("p3", Reason::Bounced),
            not("p4", Reason::OptedOut),
            not("p5", Reason::Complained),
            not("p6", Reason::Suppressed),
            not("p7", Reason::Review),
            not("p8", Reason::ColleagueUnderReview),
            not("p9", Reason::OnHold),
            queued("p10", 2),
        ]
    );
    // Those who are no longer in the roster are not written to either.
    let left: Vec<Recipient> = people.iter().filter(|one| one.key != "p11").cloned().collect();
    roster(&ledger, &campaign, &left);
    assert_eq!(release(&ledger, &campaign, &["p11"], due()), [not("p11", Reason::OffRoster)]);
    assert_eq!(keys(&claim_now(&ledger, &campaign, due())), ["p10"]);
    mark_as(&ledger, "p9", Mark::Release);
    assert_eq!(release(&ledger, &campaign, &["p9"], due()), [queued("p9", 2)]);
}

#[test]
fn a_letter_in_doubt_holds_the_next_until_it_is_settled() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &[]);
    roster(&ledger, &campaign, &people(1));
    let held = claim(&ledger, &campaign, "w", 9).claims.remove(0);
    ledger.note_end_of_data(&held.ticket, mark(), at(1)).wait().unwrap();
    end(&ledger, &held.ticket, silence(), State::InDoubt, at(1)).unwrap();
    assert_eq!(release(&ledger, &campaign, &["p1"], due()), [not("p1", Reason::InDoubt)]);
    ledger.settle(campaign.id, "p1", 1, Settlement::Accepted, "seen", at(2)).wait().unwrap();
    assert_eq!(release(&ledger, &campaign, &["p1"], due()), [queued("p1", 2)]);
}

#[test]
fn mailbox_down_and_follow_ups_wait_unread() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    // Whoever cannot read the mailbox takes none of them, and is not told to wait for one either.
    let without = ledger.claim(ClaimRequest { now: at(due()), ..request(&campaign, "w", 9) }).wait().unwrap();
    assert!(without.claims.is_empty() && without.again_at.is_none() && !without.unread);
    let unread = |folders: &[&str], now| {
        let claims = claim_further(&ledger, &campaign, folders, now);
        assert!(claims.claims.is_empty() && claims.unread, "{claims:?}");
    };
    unread(&["INBOX"], due());
    unread(&[], due());
    read(&ledger, "INBOX", due());
    unread(&["INBOX", "Junk"], due());
    unread(&["INBOX"], due() + 61);
    // The clock was put back: that reading lies ahead, and proves nothing.
    read(&ledger, "INBOX", due() + 500);
    unread(&["INBOX"], due() + 499);
    read(&ledger, "Junk", due() + 530);
    let claims = claim_further(&ledger, &campaign, &["INBOX", "Junk"], due() + 560);
    assert_eq!((keys(&claims), claims.unread), (vec!["p1"], false));
}

#[test]
fn a_reply_arrives_while_the_follow_up_is_queued() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(2));
    release(&ledger, &campaign, &["p1", "p2"], due());
    record(&ledger, came(&campaign, "p1", 1, Kind::Reply, Evidence::MessageId));
    assert_eq!(keys(&claim_now(&ledger, &campaign, due())), ["p2"]);
    let withdrawn = delivery(&ledger, &campaign, "p1");
    assert_eq!((withdrawn.step, withdrawn.state), (2, State::Cancelled));
    assert!(withdrawn.last.unwrap().note.unwrap().contains("p1 answered"));
}

#[test]
fn a_reply_arrives_while_the_follow_up_is_on_its_way() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    let held = claim_now(&ledger, &campaign, due()).claims.remove(0);
    record(&ledger, came(&campaign, "p1", 1, Kind::Reply, Evidence::MessageId));
    let told = ledger.note_end_of_data(&held.ticket, mark(), at(due())).wait().unwrap_err();
    assert!(matches!(&told, LedgerError::Stopped { why } if why == "p1 answered"), "{told}");
    ledger.give_back(vec![held.ticket], at(due())).wait().unwrap();
    assert!(claim_now(&ledger, &campaign, due() + 1).claims.is_empty());
    assert_eq!(delivery(&ledger, &campaign, "p1").state, State::Cancelled);
}

#[test]
fn what_waits_for_a_person_holds_a_queued_letter_until_it_is_judged() {
    let home = Home::new();
    let mut people = people(2);
    people[1].organisation = people[0].organisation.clone();
    let (ledger, campaign) = sent(&home, &people);
    release(&ledger, &campaign, &["p1", "p2"], due());
    let Recorded::New { id, review: true } =
        record(&ledger, came(&campaign, "p1", 1, Kind::Reply, Evidence::Organisation))
    else {
        panic!("an answer known by the organisation alone waits for a person")
    };
    let claims = claim_now(&ledger, &campaign, due());
    assert!(claims.claims.is_empty() && claims.again_at.is_none(), "{claims:?}");
    let nothing = Judgement { verdict: Verdict::Nothing, key: None, note: None };
    ledger.judge(id, nothing, at(due())).wait().unwrap();
    assert_eq!(keys(&claim_now(&ledger, &campaign, due() + 1)), ["p1", "p2"]);
}

#[test]
fn one_exception_can_be_made_and_a_new_answer_ends_it() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    record(&ledger, came(&campaign, "p1", 1, Kind::Reply, Evidence::MessageId));
    let despite = vec![Wanted { key: "p1".to_owned(), despite_reply: true, enclosures: Vec::new() }];
    let released = ledger.release(campaign.id, sequence(), despite.clone(), at(due())).wait().unwrap();
    assert_eq!(released, [queued("p1", 2)]);
    let held = claim_now(&ledger, &campaign, due()).claims.remove(0);
    ledger.give_back(vec![held.ticket], at(due())).wait().unwrap();
    record(&ledger, came(&campaign, "p1", 2, Kind::Reply, Evidence::MessageId));
    assert!(claim_now(&ledger, &campaign, due() + 1).claims.is_empty());
    // A wish for no more letters has no exception.
    record(&ledger, came(&campaign, "p1", 3, Kind::Unsubscribe, Evidence::MessageId));
    let released = ledger.release(campaign.id, sequence(), despite, at(due() + 2)).wait().unwrap();
    assert!(matches!(released[0], Released::Not { .. }), "{released:?}");
}

#[test]
fn a_letter_that_was_withdrawn_for_an_answer_is_due_again_when_that_is_taken_back() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    mark_as(&ledger, "p1", Mark::Came(Verdict::Reply));
    assert_eq!(next(&ledger, &campaign, "p1"), Next::Nothing(Reason::Replied));
    mark_as(&ledger, "p1", Mark::Open);
    assert_eq!(release(&ledger, &campaign, &["p1"], due() + 1), [queued("p1", 2)]);
    let held = claim_now(&ledger, &campaign, due() + 1).claims.remove(0);
    assert_eq!(held.generation, 1);
    send(&ledger, &held, at(due() + 1));
    assert!(matches!(next(&ledger, &campaign, "p1"), Next::Letter { step: 3, .. }));
}

#[test]
fn cancelled_during_a_follow_up_wave_and_none_goes_on() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(3));
    release(&ledger, &campaign, &["p1", "p2"], due());
    let held = claim_now(&ledger, &campaign, due()).claims;
    ledger.cancel(campaign.id, "called off", at(due())).wait().unwrap();
    assert!(ledger.note_end_of_data(&held[0].ticket, mark(), at(due())).wait().is_err());
    let tickets = held.into_iter().map(|held| held.ticket).collect();
    ledger.give_back(tickets, at(due())).wait().unwrap();
    let no = ledger.release(campaign.id, sequence(), wanted(&["p3"]), at(due())).wait().unwrap_err();
    assert!(no.to_string().contains("is cancelled"), "{no}");
    assert!(claim_now(&ledger, &campaign, due() + 1).claims.is_empty());
    for key in ["p1", "p2"] {
        assert_eq!(delivery(&ledger, &campaign, key).state, State::Cancelled, "{key}");
    }
}

#[test]
fn paused_means_that_nothing_is_released_either() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    ledger.pause(campaign.id, "lunch", None, at(DAY)).wait().unwrap();
    let no = ledger.release(campaign.id, sequence(), wanted(&["p1"]), at(due())).wait().unwrap_err();
    assert!(no.to_string().contains("is paused: lunch"), "{no}");
}

#[test]
fn a_campaign_finishes_when_nobody_can_get_a_further_letter() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(2));
    let finish = |now: i64| ledger.finish_if_done(campaign.id, Some(sequence()), at(now)).wait().unwrap();
    assert_eq!(finish(2), CampaignState::Running);
    // Without the sequence nobody knows, and nothing is said to be over.
    assert_eq!(ledger.finish_if_done(campaign.id, None, at(2)).wait().unwrap(), CampaignState::Running);
    record(&ledger, came(&campaign, "p1", 1, Kind::Reply, Evidence::MessageId));
    assert_eq!(finish(3), CampaignState::Running);
    for (step, now) in [(2, due()), (3, due() + 3 * DAY)] {
        assert_eq!(release(&ledger, &campaign, &["p2"], now), [queued("p2", step)]);
        let held = claim_now(&ledger, &campaign, now).claims.remove(0);
        send(&ledger, &held, at(now));
    }
    assert_eq!(finish(due() + 4 * DAY), CampaignState::Finished);
}

#[test]
fn an_overdue_letter_in_the_queue_waits_for_a_person() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    let week = due() + 7 * DAY;
    read(&ledger, "INBOX", week);
    let mailbox = MailboxRead {
        mailbox: MAILBOX.to_owned(),
        folders: vec!["INBOX".to_owned()],
        within: Duration::from_secs(60),
    };
    let late = ClaimRequest {
        mailbox: Some(mailbox),
        not_overdue_since: Some(at(week - 2 * DAY)),
        now: at(week),
        ..request(&campaign, "w", 9)
    };
    let claims = ledger.claim(late.clone()).wait().unwrap();
    assert!(claims.claims.is_empty() && !claims.unread, "{claims:?}");
    let approved = ledger.claim(ClaimRequest { not_overdue_since: None, ..late }).wait().unwrap();
    assert_eq!(keys(&approved), ["p1"]);
}

#[test]
fn a_last_day_lets_no_letter_go_after_it() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    let mut rules = sequence().rules.clone();
    rules[1].not_after = Some(date(2027, 1, 18));
    let until_monday = Arc::new(Sequence { rules, ..(*sequence()).clone() });
    let released = ledger.release(campaign.id, until_monday, wanted(&["p1"]), at(due())).wait().unwrap();
    assert_eq!(released, [queued("p1", 2)]);
    // Queued on its last day and not gone before it was over: it lapses.
    let tuesday = 4 * DAY;
    assert!(claim_now(&ledger, &campaign, tuesday).claims.is_empty());
    assert_eq!(delivery(&ledger, &campaign, "p1").state, State::Lapsed);
    let reader = Ledger::read(ledger.path()).unwrap().unwrap();
    let until_monday = Sequence {
        rules: {
            let mut rules = sequence().rules.clone();
            rules[1].not_after = Some(date(2027, 1, 18));
            rules
        },
        ..(*sequence()).clone()
    };
    let onward = reader.onward(campaign.id, "p1", (&until_monday, at(tuesday)), false).unwrap().unwrap();
    assert_eq!(onward.next, Next::Nothing(Reason::TooLate(date(2027, 1, 18))));
    // Where the last day is moved, it is due again.
    assert!(matches!(next_at(&ledger, &campaign, "p1", at(tuesday)), Next::Letter { step: 2, .. }));
}

#[test]
fn a_reminder_that_came_back_for_now_goes_again_as_it_was() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    let held = claim_now(&ledger, &campaign, due()).claims.remove(0);
    send(&ledger, &held, at(due()));
    let mut soft = came(&campaign, "p1", 1, Kind::Bounce, Evidence::MessageId);
    soft.delivery = Some(held.ticket.delivery);
    soft.reading.class = Some(postduif::delivery::inbound::Class::Soft);
    record(&ledger, soft);
    let again = claim_now(&ledger, &campaign, due() + 3 * DAY).claims.remove(0);
    assert_eq!((again.step, again.generation), (2, 1));
    assert_eq!(again.continues, held.continues);
}

#[test]
fn what_a_person_holds_is_not_sent_however_late_they_say_so() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    let held = claim_now(&ledger, &campaign, due()).claims.remove(0);
    mark_as(&ledger, "p1", Mark::Hold);
    let told = ledger.note_end_of_data(&held.ticket, mark(), at(due())).wait().unwrap_err();
    assert!(matches!(&told, LedgerError::Stopped { why } if why == "it waits for a person"), "{told}");
    ledger.give_back(vec![held.ticket], at(due())).wait().unwrap();
    assert_eq!(next(&ledger, &campaign, "p1"), Next::Nothing(Reason::OnHold));
}

#[test]
fn a_deadline_that_is_moved_holds_what_is_queued_already() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    let mut rules = sequence().rules.clone();
    rules[1].not_after = Some(date(2027, 1, 17));
    let earlier = Arc::new(Sequence { rules, ..(*sequence()).clone() });
    ledger.hold_to_last_days(campaign.id, earlier).wait().unwrap();
    assert!(claim_now(&ledger, &campaign, due()).claims.is_empty());
    assert_eq!(delivery(&ledger, &campaign, "p1").state, State::Lapsed);
}

#[test]
fn a_queued_reminder_whose_row_is_gone_keeps_no_campaign_open() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    release(&ledger, &campaign, &["p1"], due());
    roster(&ledger, &campaign, &[]);
    assert_eq!(next(&ledger, &campaign, "p1"), Next::Nothing(Reason::OffRoster));
    let stands = ledger.finish_if_done(campaign.id, Some(sequence()), at(due())).wait().unwrap();
    assert_eq!(stands, CampaignState::Finished);
}

#[test]
fn an_exception_from_an_answer_is_none_from_a_bounce() {
    let home = Home::new();
    let (ledger, campaign) = sent(&home, &people(1));
    record(&ledger, came(&campaign, "p1", 1, Kind::Reply, Evidence::MessageId));
    let mut hard = came(&campaign, "p1", 2, Kind::Bounce, Evidence::MessageId);
    hard.reading.permanent = true;
    record(&ledger, hard);
    let despite = vec![Wanted { key: "p1".to_owned(), despite_reply: true, enclosures: Vec::new() }];
    let released = ledger.release(campaign.id, sequence(), despite, at(due())).wait().unwrap();
    assert_eq!(released, [not("p1", Reason::Bounced)]);
}

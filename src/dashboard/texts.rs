//! Every text of the page, in both languages, one beside the other: none can be missing in one of them.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::campaign::plan::LeftOut;
use crate::campaign::recipient::Errand;
use crate::campaign::words::grouped;
use crate::delivery::enrollment::Reason;
use crate::delivery::inbound::{AutoReply, Evidence, Kind};
use crate::delivery::pace::Pace;
use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::ledger::AnswerWord;
use crate::ledger::record::{CampaignState, Verdict};

macro_rules! texts {
    ($($name:ident: $english:literal, $dutch:literal;)*) => {
        /// The texts in one language.
        #[derive(Debug)]
        pub(super) struct Texts {
            $(pub(super) $name: &'static str,)*
        }
        static ENGLISH: Texts = Texts { $($name: $english,)* };
        static DUTCH: Texts = Texts { $($name: $dutch,)* };
        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $dutch),)*];
    };
}

texts! {
    // The frame around every room.
    skip: "Skip to the content", "Naar de inhoud";
    rooms: "Rooms", "Kamers";
    overview: "Overview", "Overzicht";
    recipients: "Recipients", "Ontvangers";
    review: "Review", "Beoordelen";
    preview: "Preview", "Proeflezen";
    approve: "Approve", "Goedkeuren";
    progress: "Progress", "Voortgang";
    follow_ups: "Follow-ups", "Vervolgbrieven";
    tasks: "Tasks", "Taken";
    answers: "Answers", "Antwoorden";
    report: "Report", "Verslag";
    read_only: "You are only looking: nothing can be changed here.", "Je kijkt alleen mee: hier kan niets veranderd worden.";
    not_launched: "nothing sent yet", "nog niets verstuurd";
    paused_because: "Paused:", "Gepauzeerd:";
    save: "Save", "Opslaan";
    note: "Note", "Aantekening";
    note_hint: "for the history; may stay empty", "voor de geschiedenis; mag leeg blijven";
    day: "Day", "Dag";
    number: "Number", "Aantal";
    share: "Share", "Aandeel";
    // What went wrong, and what went well.
    sorry: "That did not work", "Dat is niet gelukt";
    not_found: "There is no such page.", "Zo'n pagina is er niet.";
    nobody: "Nobody has this name in the campaign.", "Niemand heet zo in deze campagne.";
    door_title: "Open the link of this session", "Open de link van deze sessie";
    door: "This page opens only with the link that `postduif serve` printed when it started. Open that link in this browser.",
        "Deze pagina opent alleen met de link die `postduif serve` bij het starten heeft getoond. Open die link in deze browser.";
    login_title: "Log in", "Aanmelden";
    login_password: "Password", "Wachtwoord";
    login: "Open the page", "De pagina openen";
    login_whose: "Whoever set up this page has given you the password.", "Wie deze pagina heeft ingericht, heeft u het wachtwoord gegeven.";
    login_wrong: "That is not the password. Look at capitals and blanks, and try again.",
        "Dat is niet het wachtwoord. Let op hoofdletters en spaties, en probeer het nog eens.";
    login_wait: "There were too many wrong passwords. Wait a minute, then try again.",
        "Er zijn te veel verkeerde wachtwoorden gegeven. Wacht een minuut en probeer het dan opnieuw.";
    logout: "Log out", "Afmelden";
    nothing_changed: "Nothing was changed.", "Er is niets veranderd.";
    done_judged: "Your judgement was written down.", "Je oordeel is opgeschreven.";
    done_marked: "It was written down.", "Het is opgeschreven.";
    done_suppressed: "The address is on the suppression list.", "Het adres staat op de lijst van wie geen post krijgt.";
    done_paused: "The campaign is paused.", "De campagne is gepauzeerd.";
    done_resumed: "The campaign goes on.", "De campagne gaat verder.";
    done_cancelled: "The campaign was stopped for good.", "De campagne is voorgoed gestopt.";
    done_approved: "Your approval was written down.", "Je goedkeuring is opgeschreven.";
    done_withdrawn: "The approval was withdrawn.", "De goedkeuring is ingetrokken.";
    done_started: "Sending was asked for; it begins within seconds.", "Het versturen is gevraagd; het begint binnen enkele seconden.";
    done_filed: "The answer was filed.", "Het antwoord is vastgelegd.";
    done_held: "The next letter is held.", "De volgende brief wordt vastgehouden.";
    done_released: "The next letter may go.", "De volgende brief mag gaan.";
    // Overview.
    needs_you: "What needs you now", "Wat nu op je wacht";
    needs_nothing: "Nothing waits for you.", "Er wacht niets op je.";
    need_review_one: "message waits for your judgement", "bericht wacht op je oordeel";
    need_review_many: "messages wait for your judgement", "berichten wachten op je oordeel";
    need_doubt_one: "letter may or may not have gone out", "brief is misschien wel, misschien niet verstuurd";
    need_doubt_many: "letters may or may not have gone out", "brieven zijn misschien wel, misschien niet verstuurd";
    need_task_one: "task for a person", "taak voor een mens";
    need_task_many: "tasks for a person", "taken voor een mens";
    need_address_one: "letter did not arrive: the address wants correcting", "brief kwam niet aan: het adres moet verbeterd worden";
    need_address_many: "letters did not arrive: the addresses want correcting", "brieven kwamen niet aan: de adressen moeten verbeterd worden";
    need_paused: "The campaign is paused; nothing goes out.", "De campagne is gepauzeerd; er gaat niets uit.";
    need_approval: "Nothing was sent yet: read the letters and approve the plan.", "Er is nog niets verstuurd: lees de brieven en keur het plan goed.";
    how_far: "How far it is", "Hoe ver het staat";
    funnel_all: "Recipients", "Ontvangers";
    funnel_accepted: "Letter accepted", "Brief aangenomen";
    funnel_answered: "Answered", "Geantwoord";
    accepted_means: "Accepted means that the mail server of the recipient, or the relay before it, took responsibility. Whether anybody read the letter, nobody can know.",
        "Aangenomen betekent dat de mailserver van de ontvanger, of de server ervoor, de verantwoordelijkheid heeft overgenomen. Of iemand de brief gelezen heeft, kan niemand weten.";
    by_standing: "By standing", "Naar stand";
    time_line: "Day by day", "Dag voor dag";
    line_accepted: "Letters accepted", "Brieven aangenomen";
    line_replies: "Answers", "Antwoorden";
    line_bounces: "Came back undelivered", "Onbestelbaar terug";
    nothing_yet: "Nothing has happened yet.", "Er is nog niets gebeurd.";
    as_table: "The same as a table", "Hetzelfde als tabel";
    // Recipients.
    search: "Search", "Zoeken";
    search_hint: "name, address, organisation", "naam, adres, organisatie";
    standing: "Standing", "Stand";
    any_standing: "Any", "Alle";
    sort_by: "Sort by", "Sorteren op";
    order_roster: "the list", "de lijst";
    order_key: "short name", "korte naam";
    order_organisation: "organisation", "organisatie";
    order_standing: "standing", "stand";
    order_latest: "what happened last", "wat het laatst gebeurde";
    show: "Show", "Tonen";
    recipient: "Recipient", "Ontvanger";
    organisation: "Organisation", "Organisatie";
    letter: "Letter", "Brief";
    last_event: "Last event", "Laatste gebeurtenis";
    recipient_one: "recipient", "ontvanger";
    recipient_many: "recipients", "ontvangers";
    none_found: "Nobody matches. Look for less, or for any standing.", "Niemand voldoet. Zoek ruimer, of kies elke stand.";
    no_recipients: "The list is read into the record when the first letters go. Until then you find the letters under Preview.",
        "De lijst komt in het register zodra de eerste brieven gaan. Tot die tijd vind je de brieven onder Proeflezen.";
    page_of: "Page", "Bladzijde";
    of: "of", "van";
    previous: "Previous", "Vorige";
    next: "Next", "Volgende";
    // One recipient's story.
    address: "Address", "Adres";
    by_hand: "By hand", "Met de hand";
    deadline: "Deadline", "Uiterste dag";
    off_roster: "no longer on the list", "niet meer op de lijst";
    suppressed_because: "On the suppression list:", "Op de lijst van wie geen post krijgt:";
    what_was_sent: "What was sent", "Wat verstuurd is";
    what_came_back: "What came back", "Wat terugkwam";
    nothing_sent: "No letter yet.", "Nog geen brief.";
    nothing_came: "Nothing yet.", "Nog niets.";
    attempts: "Attempts", "Pogingen";
    relay_said: "The relay said", "De mailserver zei";
    message_id: "Message-ID", "Message-ID";
    history: "The whole history", "De hele geschiedenis";
    when: "When", "Wanneer";
    what: "What", "Wat";
    in_words: "In words", "In woorden";
    attachments: "Attachments", "Bijlagen";
    attachment_warning: "From a stranger: open it only if you expect it.", "Van een onbekende: alleen openen als je het verwacht.";
    no_text: "No text was kept.", "Er is geen tekst bewaard.";
    known_by: "Known by", "Herkend aan";
    because: "Because", "Omdat";
    waits: "waits for judgement", "wacht op oordeel";
    judged_as: "Judged by a person", "Door een mens beoordeeld";
    say_something: "Say what you know", "Zeg wat je weet";
    mark_as: "What you know", "Wat je weet";
    mark_reply: "They answered: nobody of the organisation is written to any more", "Zij antwoordden: niemand van de organisatie krijgt nog een brief";
    mark_opted_out: "They want no more letters", "Zij willen geen brieven meer";
    mark_bounced: "The letter did not arrive", "De brief is niet aangekomen";
    mark_wrong_address: "The address is wrong", "Het adres klopt niet";
    mark_open: "What stopped the next letters does not count after all", "Wat de volgende brieven tegenhield, telt toch niet";
    mark_note: "Only a remark", "Alleen een opmerking";
    mark_done: "The task is done", "De taak is gedaan";
    suppress_title: "Never write to this address", "Nooit naar dit adres schrijven";
    suppress_explained: "Holds for every campaign of this record.", "Geldt voor elke campagne in dit register.";
    reason: "Reason", "Reden";
    suppress: "Suppress", "Nooit meer schrijven";
    settle_title: "This letter is in doubt", "Deze brief is in twijfel";
    settle_explained: "The line broke at the last moment. Look into the Sent folder of the mailbox, then say what you found.",
        "De verbinding brak op het laatste moment. Kijk in de map met verzonden post en zeg wat je vond.";
    settle_accepted: "It went out", "Hij is verstuurd";
    settle_again: "It did not go out: send it", "Hij is niet verstuurd: nog eens sturen";
    // Review.
    review_empty: "Nothing waits for your judgement.", "Er wacht niets op je oordeel.";
    perhaps: "Perhaps", "Misschien";
    from: "From", "Van";
    subject: "Subject", "Onderwerp";
    no_subject: "(no subject)", "(geen onderwerp)";
    belongs_to_other: "Of another recipient", "Van een andere ontvanger";
    belongs_hint: "its short name, if this guess is wrong", "de korte naam, als dit niet klopt";
    your_verdict: "What is it?", "Wat is het?";
    one_key: "One key is enough: the letter before each choice.", "Eén toets is genoeg: de letter voor elke keuze.";
    verdict_reply: "An answer", "Een antwoord";
    verdict_auto_reply: "A machine", "Een automaat";
    verdict_away: "Away until", "Afwezig tot";
    verdict_bounced: "Did not arrive", "Niet aangekomen";
    verdict_wrong_address: "Wrong address", "Verkeerd adres";
    verdict_send_again: "Send it again", "Nog eens sturen";
    verdict_opted_out: "No more letters", "Geen brieven meer";
    verdict_complaint: "Calls it spam", "Noemt het spam";
    verdict_nothing: "Nothing of ours", "Niets van ons";
    away_day: "Day of return", "Dag van terugkomst";
    later: "Later", "Later";
    also_waiting: "Also waiting", "Wacht ook";
    // Preview.
    letter_one: "letter", "brief";
    letter_many: "letters", "brieven";
    shape: "Kind", "Soort";
    shapes_explained: "Letters of one kind differ only in names and words filled in. The rarest kind stands first: read one of each.",
        "Brieven van één soort verschillen alleen in ingevulde namen en woorden. De zeldzaamste soort staat vooraan: lees er van elke soort één.";
    findings: "Findings", "Bevindingen";
    no_findings: "Nothing was found.", "Er is niets gevonden.";
    more_findings: "more", "meer";
    stops: "stops the plan", "houdt het plan tegen";
    may_stay: "may stay:", "mag blijven:";
    worth_a_look: "worth a look", "het bekijken waard";
    on_a_desk: "On a desk", "Op een bureau";
    at_work: "It is at work: letters go when they are due, and the mailbox is read.", "Het is aan het werk: brieven gaan als ze aan de beurt zijn, en de mailbox wordt gelezen.";
    at_work_alone: "It is at work: letters go when they are due. No mailbox is set up, so that nobody knows who answers, and only the first letter goes.", "Het is aan het werk: brieven gaan als ze aan de beurt zijn. Er is geen mailbox ingesteld, dus niemand weet wie antwoordt, en alleen de eerste brief gaat.";
    no_mailbox: "No mailbox is set up in config.toml ([inbox]), so that nobody knows who answered: these letters wait.", "Er is geen mailbox ingesteld in config.toml ([inbox]), dus niemand weet wie antwoordde: deze brieven wachten.";
    old_plan_goes: "An earlier plan is still being sent, until this one is started or the sending is paused.", "Een eerder plan wordt nog verstuurd, tot dit begint of het versturen wordt gepauzeerd.";
    trial_doubt: "in doubt", "onzeker";
    stands_still: "This campaign is not over, and from this page nobody is at work on it. Start, and the mailbox is read and what is due goes.", "Deze campagne is niet afgelopen, en vanaf deze pagina is er niemand mee aan het werk. Begin, dan wordt de mailbox gelezen en gaat wat aan de beurt is.";
    need_start: "The campaign stands still until you start it again", "De campagne staat stil tot je opnieuw begint";
    marks_on: "With merged values marked", "Met ingevulde waarden gemarkeerd";
    marks_off: "As it arrives", "Zoals de brief aankomt";
    trial_title: "Send me a test", "Stuur mij een proef";
    trial_explained: "This letter, marked as a test, goes to one address of your own, by the way that the real ones go. Nobody else gets it, and it does not count.", "Deze brief gaat, herkenbaar als proef, naar één adres van jezelf, langs dezelfde weg als de echte. Niemand anders krijgt hem, en hij telt niet mee.";
    trial_address: "Your own address", "Je eigen adres";
    trial_send: "Send the test", "Proef versturen";
    trial_waits: "on its way", "onderweg";
    trial_sent: "sent", "verstuurd";
    trial_failed: "not sent", "niet verstuurd";
    done_tried: "The test letter goes within a few seconds.", "De proefbrief gaat binnen enkele seconden weg.";
    correct_title: "Correct the address", "Adres verbeteren";
    correct_explained: "The address is changed in the list of recipients, and in nothing else. A letter that did not arrive there goes to the new address once the plan is approved and started again; a letter that did arrive is not sent twice.", "Het adres wordt veranderd in de lijst van ontvangers, en verder niets. Een brief die niet aankwam, gaat naar het nieuwe adres zodra het plan opnieuw is goedgekeurd en gestart; een brief die wel aankwam, gaat niet nog eens.";
    correct_pause_first: "Their letter is still in the queue: pause first, under Progress, so that it does not go to the old address meanwhile.", "De brief staat nog in de wachtrij: pauzeer eerst, bij Voortgang, zodat hij intussen niet naar het oude adres gaat.";
    correct_without_note: "The address was changed in the list of recipients, but that could not be noted in the history.", "Het adres is veranderd in de lijst van ontvangers, maar dat kon niet in de geschiedenis worden gezet.";
    correct_new: "New address", "Nieuw adres";
    correct_save: "Change it", "Veranderen";
    done_corrected: "The address was changed in the list of recipients. The plan is another now, and wants approving again.", "Het adres is veranderd in de lijst van ontvangers. Het plan is nu anders, en moet opnieuw goedgekeurd worden.";
    on_a_phone: "On a telephone", "Op een telefoon";
    as_text: "As text", "Als tekst";
    headers: "Header fields", "Kopregels";
    letter_frame: "The letter", "De brief";
    characters: "characters", "tekens";
    at_most: "at most", "hooguit";
    too_long: "The text is longer than the form takes.", "De tekst is langer dan het formulier aanneemt.";
    goes_along: "Goes along", "Gaat mee";
    to_the_form: "To the form", "Naar het formulier";
    keys_browse: "The arrow keys lead to the letters before and after.", "De pijltjestoetsen leiden naar de vorige en de volgende brief.";
    // Approve.
    the_plan: "The plan", "Het plan";
    plan_letters: "Would go out", "Zou uitgaan";
    plan_to: "to", "aan";
    plan_from: "From", "Van";
    plan_way: "Through", "Via";
    plan_pace: "Pace", "Tempo";
    plan_first: "First letter", "Eerste brief";
    plan_last: "Last letter, about", "Laatste brief, ongeveer";
    plan_size: "Size, about", "Omvang, ongeveer";
    plan_tasks: "For a person to do", "Voor een mens te doen";
    plan_left_out: "Left out", "Overgeslagen";
    plan_digest: "Digest of the plan", "Kenmerk van het plan";
    plan_digest_means: "It stands for every word, every address and every setting: whatever changes, it changes, and the approval is void.",
        "Het staat voor elk woord, elk adres en elke instelling: wat er ook verandert, het kenmerk verandert mee en de goedkeuring vervalt.";
    rehearsal: "A rehearsal: nothing leaves this machine.", "Een generale repetitie: er verlaat niets deze computer.";
    for_real: "For real: letters go to the recipients.", "In het echt: brieven gaan naar de ontvangers.";
    plan_blocked: "Something that was found stops the plan; see the findings under Preview.", "Iets wat gevonden is houdt het plan tegen; zie de bevindingen onder Proeflezen.";
    plan_changed: "The plan has changed since you read it: read it again.", "Het plan is veranderd sinds je het las: lees het opnieuw.";
    approvals: "Approvals", "Goedkeuringen";
    approvals_none: "Nobody has approved this plan yet.", "Nog niemand heeft dit plan goedgekeurd.";
    approvals_void: "Earlier approvals are void, because the plan has changed.", "Eerdere goedkeuringen zijn vervallen, omdat het plan veranderd is.";
    approve_name: "Your name", "Je naam";
    approve_sentence: "I have read the letters and the plan, and want them sent.", "Ik heb de brieven en het plan gelezen en wil dat ze verstuurd worden.";
    withdraw: "Withdraw", "Intrekken";
    start: "Start sending", "Beginnen met versturen";
    start_waits: "Sending was asked for and begins within seconds.", "Het versturen is gevraagd en begint binnen enkele seconden.";
    start_failed: "It did not begin:", "Het is niet begonnen:";
    start_elsewhere: "This page only shows. `postduif run` in a terminal sends what was approved.", "Deze pagina kijkt alleen mee. `postduif run` in een terminal verstuurt wat is goedgekeurd.";
    nothing_to_send: "There is nothing to send.", "Er is niets te versturen.";
    // Progress.
    gone_of: "of", "van de";
    letters_gone: "letters gone", "brieven weg";
    last_happened: "What happened last", "Wat het laatst gebeurde";
    pause: "Pause", "Pauzeren";
    pause_explained: "Nothing more goes out until you let it go on; letters on their way at this moment arrive.", "Er gaat niets meer uit tot je het weer laat gaan; brieven die nu onderweg zijn, komen aan.";
    resume: "Go on", "Verder gaan";
    cancel: "Stop for good", "Voorgoed stoppen";
    cancel_explained: "What is still queued is never sent. This cannot be taken back.", "Wat nog in de wachtrij staat, wordt nooit verstuurd. Dit kan niet worden teruggedraaid.";
    cancel_type_name: "To stop for good, type the name of the campaign", "Typ de naam van de campagne om voorgoed te stoppen";
    is_live: "These numbers follow the sending by themselves.", "Deze getallen volgen het versturen vanzelf.";
    // Follow-ups.
    no_sequence: "This campaign has one letter; there is nothing to follow.", "Deze campagne heeft één brief; er volgt niets.";
    due_next: "Who gets the next letter", "Wie de volgende brief krijgt";
    due_nobody: "Nobody, as things stand.", "Niemand, zoals het nu staat.";
    due_at: "Due", "Aan de beurt";
    put_off: "put off until they are back on", "uitgesteld tot zij terug zijn op";
    is_due: "due", "nu";
    hold: "Hold", "Vasthouden";
    release: "Release", "Vrijgeven";
    on_hold: "Held back by a person", "Door een mens vastgehouden";
    not_and_why: "Who gets none, and why", "Wie er geen krijgt, en waarom";
    and_more: "and more:", "en nog:";
    // Tasks.
    no_tasks: "There is nothing for a person to do.", "Er is niets voor een mens te doen.";
    tasks_explained: "These recipients take no mail. Open the text, copy it, and say here when it is done.", "Deze ontvangers krijgen geen mail. Open de tekst, kopieer haar, en meld hier als het gedaan is.";
    text_to_copy: "Text to copy", "Tekst om te kopiëren";
    overdue: "overdue", "te laat";
    limit: "At most", "Hooguit";
    mark_as_done: "Done", "Gedaan";
    how_done: "Number of receipt, or whom you spoke", "Nummer van ontvangst, of wie je sprak";
    // Answers.
    party: "Party", "Partij";
    no_answer: "no answer", "geen antwoord";
    quote: "Their words", "Hun woorden";
    source: "Where it stands", "Waar het staat";
    filed_by: "Filed by", "Vastgelegd door";
    no_points: "The settings name no points: add a [[point]] with a name and a title to config.toml for each, and start `postduif serve` again.",
        "De instellingen noemen geen punten: zet voor elk punt een [[point]] met een naam en een titel in config.toml, en start `postduif serve` opnieuw.";
    answers_explained: "Open a cell to file what a party says to a point.", "Open een vakje om vast te leggen wat een partij van een punt vindt.";
    download: "Download", "Downloaden";
    their_messages: "What they wrote", "Wat zij schreven";
    what_it_amounts_to: "What it amounts to", "Waar het op neerkomt";
    file_and_next: "File, and on to the next point", "Vastleggen, en door naar het volgende punt";
    // Report.
    report_explained: "One file with the numbers and the table of answers, for the board or the press. It holds no addresses and no names of persons.",
        "Eén bestand met de getallen en de tabel van antwoorden, voor het bestuur of de pers. Er staan geen adressen en geen namen van personen in.";
    report_print: "Print it from the browser to have it on paper or as a PDF.", "Druk het af vanuit de browser om het op papier of als PDF te hebben.";
    report_download: "Download the report", "Het verslag downloaden";
    made_at: "Made", "Gemaakt";
    begun_at: "Begun", "Begonnen";
    in_numbers: "In numbers", "In getallen";
    to_each_point: "To each point", "Op elk punt";
    compared: "The parties compared", "De partijen vergeleken";
    // What is typeset.
    picture: "Picture", "Afbeelding";
    report_pdf: "Download it as a PDF", "Als PDF downloaden";
    no_typesetter: "A second program makes the PDF of the report and the picture of the table, and it is not installed. Who set up this computer types, in the folder of the program's source:",
        "Een tweede programma maakt de PDF van het verslag en de afbeelding van de tabel, en dat is niet geïnstalleerd. Wie deze computer heeft ingericht typt, in de map met de broncode:";
    not_typeset: "It could not be typeset:", "Het zetten lukte niet:";
    more_party: "more party is only in the files HTML, CSV and XLSX.", "partij meer staat alleen in de bestanden HTML, CSV en XLSX.";
    more_parties: "more parties are only in the files HTML, CSV and XLSX.", "partijen meer staan alleen in de bestanden HTML, CSV en XLSX.";
    signs_replaced: "□ stands for a sign that no font here has.", "□ staat voor een teken dat hier in geen lettertype zit.";
}

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    English,
    Dutch,
}

const MONTHS: [[&str; 12]; 2] = [
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"],
];
const DAYS: [[&str; 7]; 2] =
    [["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ["ma", "di", "wo", "do", "vr", "za", "zo"]];

impl Lang {
    /// Returns the language that a browser asks for first, of those that there are (RFC 9110 §12.5.4).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let weighed = asked.split(',').filter_map(|choice| {
            let (tag, rest) = choice.split_once(';').unwrap_or((choice, ""));
            let lang = match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
                "nl" => Lang::Dutch,
                "en" => Lang::English,
                _ => return None,
            };
            let weight =
                rest.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f32>().ok())?;
            (weight > 0.0).then_some((lang, weight))
        });
        // The first of those with the greatest weight.
        let best = weighed.fold(None, |best: Option<(Lang, f32)>, next| match best {
            Some((_, weight)) if weight >= next.1 => best,
            _ => Some(next),
        });
        best.map_or(Lang::English, |(lang, _)| lang)
    }

    pub(super) fn code(self) -> &'static str {
        self.either("en", "nl")
    }

    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Lang::English => &ENGLISH,
            Lang::Dutch => &DUTCH,
        }
    }

    pub(super) fn either<'a>(self, english: &'a str, dutch: &'a str) -> &'a str {
        match self {
            Lang::English => english,
            Lang::Dutch => dutch,
        }
    }

    /// Writes a number with its thousands apart.
    pub(super) fn number(self, number: u64) -> String {
        let mark = match self {
            Lang::English => ',',
            Lang::Dutch => '.',
        };
        grouped(number, mark)
    }

    /// `27 recipients`.
    pub(super) fn count(self, number: u64, one: &str, many: &str) -> String {
        format!("{} {}", self.number(number), if number == 1 { one } else { many })
    }

    /// `Tue 25 Nov 2025`.
    pub(super) fn day(self, day: Date) -> String {
        let at = usize::from(self == Lang::Dutch);
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        let month = usize::try_from(day.month() - 1).unwrap_or(0);
        format!("{} {} {} {}", DAYS[at][weekday.min(6)], day.day(), MONTHS[at][month.min(11)], day.year())
    }

    /// `Tue 25 Nov 2025, 14:03`.
    pub(super) fn moment(self, at: Timestamp, zone: &TimeZone) -> String {
        let local = at.to_zoned_datetime(zone.clone());
        format!("{}, {:02}:{:02}", self.day(local.date()), local.hour(), local.minute())
    }

    pub(super) fn standing(self, standing: Standing) -> &'static str {
        let (english, dutch) = match standing {
            Standing::Queued => ("queued", "in de wachtrij"),
            Standing::InFlight => ("on its way", "onderweg"),
            Standing::AwaitingReply => ("awaiting an answer", "wacht op antwoord"),
            Standing::Replied => ("answered", "geantwoord"),
            Standing::AutoReplied => ("automatic answer", "automatisch antwoord"),
            Standing::OptedOut => ("wants no letters", "wil geen brieven"),
            Standing::Complained => ("called it spam", "noemde het spam"),
            Standing::Review => ("to be judged", "te beoordelen"),
            Standing::Refused => ("refused", "geweigerd"),
            Standing::Bounced => ("bounced", "teruggekomen"),
            Standing::Expired => ("given up", "opgegeven"),
            Standing::InDoubt => ("in doubt", "in twijfel"),
            Standing::Suppressed => ("suppressed", "krijgt geen post"),
            Standing::Cancelled => ("withdrawn", "ingetrokken"),
            Standing::Lapsed => ("too late", "te laat"),
            Standing::Task => ("task", "taak"),
            Standing::Done => ("done by hand", "met de hand gedaan"),
            Standing::OffRoster => ("off the list", "van de lijst"),
        };
        self.either(english, dutch)
    }

    pub(super) fn state(self, state: State) -> &'static str {
        let (english, dutch) = match state {
            State::Queued => ("queued", "in de wachtrij"),
            State::InFlight => ("on its way", "onderweg"),
            State::Accepted => ("accepted", "aangenomen"),
            State::Refused => ("refused", "geweigerd"),
            State::Expired => ("given up", "opgegeven"),
            State::InDoubt => ("in doubt", "in twijfel"),
            State::Bounced => ("bounced", "teruggekomen"),
            State::Cancelled => ("withdrawn", "ingetrokken"),
            State::Lapsed => ("too late", "te laat"),
            State::Task => ("task", "taak"),
            State::Done => ("done by hand", "met de hand gedaan"),
        };
        self.either(english, dutch)
    }

    pub(super) fn kind(self, kind: Kind) -> &'static str {
        let (english, dutch) = match kind {
            Kind::Reply => ("an answer", "een antwoord"),
            Kind::AutoReply => ("an automatic answer", "een automatisch antwoord"),
            Kind::Bounce => {
                ("a report that the letter did not arrive", "een melding dat de brief niet aankwam")
            }
            Kind::Complaint => ("a complaint about spam", "een klacht over spam"),
            Kind::Unsubscribe => ("a wish for no more letters", "een wens om geen brieven meer te krijgen"),
            Kind::Receipt => ("a receipt", "een ontvangstbevestiging"),
            Kind::Unrelated => ("something else", "iets anders"),
        };
        self.either(english, dutch)
    }

    pub(super) fn auto_reply(self, kind: AutoReply) -> &'static str {
        let dutch = match kind {
            AutoReply::Away => "zij zijn afwezig",
            AutoReply::Acknowledgement => "de ontvangst wordt bevestigd",
            AutoReply::LeftOrganisation => "de persoon werkt er niet meer",
            AutoReply::AddressRetired => "het adres is niet meer in gebruik",
            AutoReply::Challenge => "de afzender moet eerst iets bewijzen",
            AutoReply::UseOurForm => "zij willen iets anders dan een brief, zoals een formulier",
            AutoReply::Other => "een automatisch antwoord zonder bijzonderheden",
        };
        self.either(kind.words(), dutch)
    }

    pub(super) fn evidence(self, by: Evidence) -> &'static str {
        let dutch = match by {
            Evidence::Token => "het kenmerk in het adres",
            Evidence::MessageId => "de Message-ID",
            Evidence::EnvelopeId => "het kenmerk van de envelop",
            Evidence::Reference => "het kenmerk in de tekst",
            Evidence::Recipient => "het adres in de melding",
            Evidence::From => "de afzender",
            Evidence::Organisation => "het domein van de afzender en het onderwerp",
            Evidence::Word => "het woord van",
        };
        self.either(by.words(), dutch)
    }

    pub(super) fn errand(self, errand: Errand) -> &'static str {
        let dutch = match errand {
            Errand::WebForm => "webformulier",
            Errand::Post => "post",
            Errand::Phone => "telefoon",
        };
        self.either(errand.words(), dutch)
    }

    pub(super) fn campaign(self, state: &CampaignState) -> &'static str {
        let (english, dutch) = match state {
            CampaignState::Running => ("running", "loopt"),
            CampaignState::Paused { .. } => ("paused", "gepauzeerd"),
            CampaignState::Finished => ("finished", "afgelopen"),
            CampaignState::Cancelled => ("stopped for good", "voorgoed gestopt"),
        };
        self.either(english, dutch)
    }

    /// Says limits.
    pub(super) fn pace(self, pace: &Pace) -> String {
        let mut parts: Vec<String> = pace
            .limits
            .iter()
            .map(|limit| {
                let letters = self.number(limit.letters.into());
                match limit.window {
                    Pace::MINUTE => format!("{letters} {}", self.either("a minute", "per minuut")),
                    Pace::HOUR => format!("{letters} {}", self.either("an hour", "per uur")),
                    Pace::DAY => format!("{letters} {}", self.either("a day", "per dag")),
                    window => format!("{letters} {} {} s", self.either("in", "per"), window.as_secs_f64()),
                }
            })
            .collect();
        if let Some(limit) = &pace.per_domain {
            let letters = self.number(limit.letters.into());
            parts.push(format!(
                "{letters} {}",
                self.either("a minute to one domain", "per minuut naar één domein")
            ));
        }
        if parts.is_empty() {
            parts.push(self.either("no limit", "geen grens").to_owned());
        }
        parts.join(", ")
    }

    /// The word of an event of the history.
    pub(super) fn event(self, event: &str) -> &str {
        let (english, dutch) = match event {
            "accepted" => ("accepted", "aangenomen"),
            "deferred" => ("put off", "uitgesteld"),
            "refused" => ("refused", "geweigerd"),
            "expired" => ("given up", "opgegeven"),
            "in-doubt" => ("in doubt", "in twijfel"),
            "requeued" => ("queued again", "opnieuw in de wachtrij"),
            "settled" => ("doubt settled", "twijfel opgelost"),
            "cancelled" => ("withdrawn", "ingetrokken"),
            "lapsed" => ("too late", "te laat"),
            "done" => ("done by hand", "met de hand gedaan"),
            "open" => ("taken back", "teruggedraaid"),
            "corrected" => ("address corrected", "adres verbeterd"),
            "updated" => ("row changed", "regel veranderd"),
            "replied" => ("answered", "geantwoord"),
            "auto-replied" => ("automatic answer", "automatisch antwoord"),
            "bounced" => ("bounced", "teruggekomen"),
            "delayed" => ("still being tried", "wordt nog geprobeerd"),
            "complained" => ("called it spam", "noemde het spam"),
            "opted-out" => ("wants no letters", "wil geen brieven"),
            "receipt" => ("receipt", "ontvangstbevestiging"),
            "review" => ("to be judged", "te beoordelen"),
            "noted" | "note" => ("note", "aantekening"),
            "held" => ("held", "vastgehouden"),
            "released" => ("released", "vrijgegeven"),
            "due" => ("due", "aan de beurt"),
            "queued" => ("queued", "in de wachtrij"),
            "launched" => ("begun", "begonnen"),
            "refrozen" => ("letter changed before it went", "brief veranderd voor hij ging"),
            "paused" => ("paused", "gepauzeerd"),
            "resumed" => ("goes on", "gaat verder"),
            "finished" => ("finished", "afgelopen"),
            other => (other, other),
        };
        self.either(english, dutch)
    }

    pub(super) fn answer(self, word: AnswerWord) -> &'static str {
        let (english, dutch) = match word {
            AnswerWord::Yes => ("yes", "ja"),
            AnswerWord::Partly => ("partly", "deels"),
            AnswerWord::No => ("no", "nee"),
            AnswerWord::Unclear => ("unclear", "onduidelijk"),
            AnswerWord::None => ("no answer", "geen antwoord"),
        };
        self.either(english, dutch)
    }

    pub(super) fn left_out(self, why: &LeftOut) -> &'static str {
        let dutch = match why {
            LeftOut::AlreadyAccepted => "al aangenomen door de mailserver",
            LeftOut::AlreadyEnded => "eerder geweigerd, teruggekomen of opgegeven",
            LeftOut::InDoubt => "in twijfel",
            LeftOut::Suppressed => "op de lijst van wie geen post krijgt",
            LeftOut::Cancelled => "eerder ingetrokken",
            LeftOut::TooLate => "te laat: de uiterste dag is voorbij",
            LeftOut::Done => "met de hand gedaan",
            LeftOut::Answered => "hun organisatie heeft geantwoord",
            LeftOut::Duplicate => "dezelfde persoon als een andere regel",
            LeftOut::NotAsked => "niet gevraagd",
        };
        let english = if *why == LeftOut::InDoubt { "in doubt" } else { why.words() };
        self.either(english, dutch)
    }

    /// Why somebody gets no further letter.
    pub(super) fn reason(self, reason: &Reason) -> &'static str {
        let (english, dutch) = match reason {
            Reason::Completed => ("has had every letter", "heeft alle brieven gehad"),
            Reason::Replied => ("answered", "heeft geantwoord"),
            Reason::ColleagueReplied(_) => (
                "somebody of the same organisation answered",
                "iemand van dezelfde organisatie heeft geantwoord",
            ),
            Reason::OptedOut => ("wants no more letters", "wil geen brieven meer"),
            Reason::Complained => ("called a letter spam", "noemde een brief spam"),
            Reason::Bounced => ("the letter before came back", "de vorige brief kwam terug"),
            Reason::NotSent => ("the letter before did not go out", "de vorige brief is niet verstuurd"),
            Reason::Suppressed => ("on the suppression list", "op de lijst van wie geen post krijgt"),
            Reason::InDoubt => ("the letter before is in doubt", "de vorige brief is in twijfel"),
            Reason::NotBegun => ("nothing is planned yet", "er is nog niets gepland"),
            Reason::Queued(_) => ("the letter is queued", "de brief staat in de wachtrij"),
            Reason::Review => ("something waits for judgement", "er wacht iets op een oordeel"),
            Reason::ColleagueUnderReview => (
                "something of a colleague waits for judgement",
                "er wacht iets van een collega op een oordeel",
            ),
            Reason::OnHold => ("held back by a person", "door een mens vastgehouden"),
            Reason::OffRoster => ("no longer on the list", "niet meer op de lijst"),
            Reason::ByHand => ("takes no mail", "krijgt geen mail"),
            Reason::TooLate(_) => ("it would come too late", "het zou te laat komen"),
            Reason::Condition(_) => {
                ("left out by the rule of the letter", "overgeslagen door de regel van de brief")
            }
        };
        self.either(english, dutch)
    }

    pub(super) fn verdict(self, verdict: Verdict) -> &'static str {
        let texts = self.texts();
        match verdict {
            Verdict::Reply => texts.verdict_reply,
            Verdict::AutoReply => texts.verdict_auto_reply,
            Verdict::Away(_) => texts.verdict_away,
            Verdict::Bounced => texts.verdict_bounced,
            Verdict::WrongAddress => texts.verdict_wrong_address,
            Verdict::SendAgain => texts.verdict_send_again,
            Verdict::OptedOut => texts.verdict_opted_out,
            Verdict::Complaint => texts.verdict_complaint,
            Verdict::Nothing => texts.verdict_nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        // The same word in both.
        const ALIKE: [&str; 2] = ["message_id", "later"];
        assert!(ALL.len() > 100);
        for (name, english, dutch) in ALL {
            assert!(!english.trim().is_empty() && !dutch.trim().is_empty(), "{name}");
            assert!(english != dutch || ALIKE.contains(name), "{name} is not translated");
            let full_stop = |text: &str| text.ends_with('.');
            assert_eq!(full_stop(english), full_stop(dutch), "{name}");
        }
        for kind in Kind::ALL {
            assert_ne!(Lang::English.kind(kind), Lang::Dutch.kind(kind));
        }
    }

    #[test]
    fn the_templates_hold_no_text_of_their_own() {
        let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/dashboard/pages");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(pages).unwrap() {
            let path = entry.unwrap().path();
            let template = std::fs::read_to_string(&path).unwrap();
            let mut bare = String::new();
            let mut rest = template.as_str();
            // Takes out what is no text: expressions, statements, remarks and tags.
            while let Some(at) = rest.find(['{', '<']) {
                bare.push_str(&rest[..at]);
                bare.push(' ');
                let close = match &rest[at..at + 2] {
                    "{{" => "}}",
                    "{%" => "%}",
                    "{#" => "#}",
                    _ if rest[at..].starts_with('<') => ">",
                    _ => "{",
                };
                let end = rest[at..].find(close).map_or(rest.len(), |end| at + end + close.len());
                rest = &rest[end..];
            }
            bare.push_str(rest);
            let words =
                bare.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1);
            // Names are the same everywhere; entities are signs.
            const NAMES: [&str; 4] = ["Postduif", "HTML", "CSV", "XLSX"];
            let words: Vec<&str> =
                words.filter(|word| !NAMES.contains(word) && !word.starts_with('&')).collect();
            if !words.is_empty() {
                found.push(format!("{}: {words:?}", path.display()));
            }
            for attribute in ["title=\"", "aria-label=\"", "placeholder=\"", "alt=\""] {
                for (at, _) in template.match_indices(attribute) {
                    let value = &template[at + attribute.len()..];
                    assert!(
                        value.starts_with("{{") || value.starts_with('"'),
                        "{}: {attribute}{value:.40}",
                        path.display()
                    );
                }
            }
        }
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn the_browser_says_the_language() {
        let asks = |value: &str| Lang::of(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, value.parse().unwrap())]));
        assert_eq!(asks("nl"), Lang::Dutch);
        assert_eq!(asks("nl-NL,nl;q=0.9,en;q=0.8"), Lang::Dutch);
        assert_eq!(asks("fr, en;q=0.5, nl;q=0.7"), Lang::Dutch);
        assert_eq!(asks("en-GB,nl;q=0.9"), Lang::English);
        assert_eq!(asks("nl;q=0, fr"), Lang::English);
        assert_eq!(Lang::of(&HeaderMap::new()), Lang::English);
    }

    #[test]
    fn days_and_numbers_are_told_as_people_say_them() {
        let at = "2025-03-04T23:30:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        assert_eq!(Lang::Dutch.moment(at, &zone), "wo 5 mrt 2025, 00:30");
        assert_eq!(Lang::English.moment(at, &zone), "Wed 5 Mar 2025, 00:30");
        assert_eq!(
            (Lang::English.number(1_234_567), Lang::Dutch.number(1_234)),
            ("1,234,567".into(), "1.234".into())
        );
        assert_eq!(Lang::English.count(1, "letter", "letters"), "1 letter");
    }
}

//! What others try: other hosts, other places, forms of their own, script in every word they can choose.

use crate::stage::{DESK, Stage, perhaps, reply, sent, text};
use crate::support::browser::Browser;
use crate::support::town::Campaign;

/// What every field holds: it breaks out of text, of attributes, of scripts, and says when it runs.
const SCRIPT: &str =
    "'\"--></title></script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>";

/// The token that stands in the forms of a page.
pub(crate) fn csrf(body: &str) -> String {
    let at = body.find("name=\"csrf\" value=\"").unwrap() + 19;
    body[at..].split('"').next().unwrap().to_owned()
}

fn waiting() -> Campaign {
    let (campaign, mail) = sent();
    mail.deliver("", perhaps(1, "Bo <bo@twee.example>", "Re: A letter to Partij Twee", "Ja.").as_bytes());
    campaign.run(["inbox"]).success();
    campaign
}

#[test]
fn nobody_gets_in_without_the_token_or_the_cookie() {
    let stage = Stage::of(waiting(), &[]);
    for path in ["/", "/recipients", "/recipients/EEN", "/review", "/nowhere", "/?token=guess", "/?token="] {
        let answer = stage.get(path, "");
        assert_eq!(answer.code, 401, "{path}");
        assert!(!answer.body.contains("TWEE") && !answer.body.contains("csrf"), "{path}");
        assert!(!answer.head.contains("set-cookie"), "{path}");
    }
    let answer =
        stage.post("/review/1", &format!("Origin: http://{}\r\n", stage.host), "verdict=reply&csrf=x");
    assert_eq!(answer.code, 401);
    let answer = stage.get("/", "Cookie: postduif=guess\r\n");
    assert_eq!(answer.code, 401);
}

#[test]
fn another_host_or_place_is_turned_away() {
    let stage = Stage::of(waiting(), &[]);
    let cookie = stage.cookie();
    let rebound =
        stage.ask(&format!("GET / HTTP/1.1\r\nHost: evil.example\r\n{cookie}Connection: close\r\n\r\n"));
    assert_eq!(rebound.code, 421);
    let csrf = csrf(&stage.get("/review", &cookie).body);
    let form = format!("verdict=reply&csrf={csrf}");
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"] {
        let answer = stage.post("/review/1", &format!("{cookie}Origin: {origin}\r\n"), &form);
        assert_eq!(answer.code, 403, "{origin}");
    }
    assert_eq!(stage.post("/review/1", &cookie, &form).code, 403, "no origin at all");
    let framed = stage.get(
        "/",
        &format!(
            "{cookie}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"
        ),
    );
    assert_eq!(framed.code, 403);
    let open = stage.campaign.run(["review", "--json"]).success().out;
    assert_eq!(open.lines().count(), 1, "nothing was judged");
}

#[test]
fn a_change_needs_the_token_of_our_forms() {
    let stage = Stage::of(waiting(), &[]);
    let cookie = stage.cookie();
    let origin = format!("{cookie}Origin: http://{}\r\n", stage.host);
    let own = csrf(&stage.get("/review", &cookie).body);
    let other = csrf(&stage.get("/review", &stage.cookie()).body);
    for form in [
        "verdict=reply",
        "verdict=reply&csrf=",
        "verdict=reply&csrf=guess",
        &format!("verdict=reply&csrf={other}"),
    ] {
        for path in [
            "/review/1",
            "/recipients/EEN/mark",
            "/recipients/EEN/suppress",
            "/recipients/EEN/settle",
            "/recipients/EEN/address",
            "/preview/EEN/test?step=1",
            "/approve",
            "/start",
            "/pause",
            "/cancel",
            "/follow-ups/EEN",
            "/answers/one",
        ] {
            assert_eq!(stage.post(path, &origin, form).code, 403, "{path} {form}");
        }
    }
    assert_eq!(stage.get("/review/1?verdict=reply", &cookie).code, 405);
    let right = stage.post("/review/1", &origin, &format!("verdict=reply&csrf={own}"));
    assert_eq!(right.code, 303, "{right:?}");
    assert!(right.head.to_ascii_lowercase().contains("location: /review?done=judged"), "{}", right.head);
}

#[test]
fn every_answer_keeps_to_itself() {
    let stage = Stage::of(waiting(), &[]);
    let cookie = stage.cookie();
    for (path, fields) in [("/", cookie.as_str()), ("/", ""), ("/assets/page.js", ""), ("/nowhere", &cookie)]
    {
        let head = stage.get(path, fields).head.to_ascii_lowercase();
        for wanted in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(wanted), "{path}: {wanted}\n{head}");
        }
        assert!(!head.contains("unsafe"), "{path}");
    }
}

#[test]
fn a_page_says_only_what_was_done_and_never_what_its_address_says() {
    let stage = Stage::of(waiting(), &[]);
    let answer = stage.get("/?done=%3Cscript%3Ealert(1)%3C/script%3E", &stage.cookie());
    assert_eq!(answer.code, 200);
    assert!(!answer.body.contains("alert(1)") && !answer.body.contains("role=\"status\""), "{}", answer.body);
}

#[test]
fn no_word_of_a_stranger_becomes_script() {
    let Some(mut browser) = Browser::start() else { return };
    let campaign = Campaign::new();
    let quoted = SCRIPT.replace('"', "\"\"");
    campaign.write(
        "recipients.csv",
        format!(
            "afkorting,partij,naam,e-mail\n\"K{quoted}\",\"P{quoted}\",\"N{quoted}\",een@een.example\nTWEE,Partij Twee,Bo,twee@twee.example\n"
        ),
    );
    campaign.configure("[ledger]", "[inbox]\nkind = \"maildir\"\npath = \"Maildir\"\n\n[ledger]");
    let mail = crate::support::maildir::MaildirFolders::at(campaign.file("Maildir"), None);
    campaign.run(["send", "--yes"]).success();
    let answer = reply(
        &campaign,
        "TWEE",
        &format!("\"{}\" <x@twee.example>", SCRIPT.replace('"', "")),
        SCRIPT,
        SCRIPT,
    );
    let with_file = answer.replace(
        "Content-Type: text/plain; charset=utf-8\n\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n",
    ) + "--x\nContent-Type: image/svg+xml\nContent-Disposition: attachment; filename=\"<img src=x onerror=window.pwned=1>.svg\"\n\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"window.pwned=1\"/>\n--x--\n";
    mail.deliver("", with_file.as_bytes());
    mail.deliver(
        "",
        perhaps(1, "Bo <bo@een.example>", &format!("Re: A letter to {SCRIPT}"), SCRIPT).as_bytes(),
    );
    campaign.run(["inbox"]).success();
    let stage = Stage::of(campaign, &[]);
    let mut page = stage.enter(&mut browser, DESK, "en");
    page.goto(&stage.at("/recipients"));
    assert!(text(&mut page, "main").contains(&format!("K{SCRIPT}")), "{}", text(&mut page, "main"));
    let paths = page.eval("[...document.querySelectorAll('.list a')].map(a => a.getAttribute('href'))");
    let mut paths: Vec<String> =
        paths.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect();
    paths.extend(["/", "/review", "/recipients?q=%3Cscript%3E&sort=%22%3E"].map(str::to_owned));
    page.goto(&stage.at("/preview"));
    let letters =
        page.eval("[...document.querySelectorAll('.letters tbody a')].map(a => a.getAttribute('href'))");
    for letter in letters.as_array().unwrap().iter().map(|path| path.as_str().unwrap()) {
        paths.extend([letter.to_owned(), format!("{letter}/letter?step=1")]);
    }
    let mut seen = 0;
    for path in paths {
        page.goto(&stage.at(&path));
        assert_eq!(page.eval("window.pwned === undefined && document.querySelectorAll('main script, main img').length === 0"), true, "{path}");
        seen += text(&mut page, "main").matches("<script>").count();
    }
    assert!(seen > 3, "the words were shown as words: {seen}");
    page.goto(&stage.at("/"));
    let file = page.eval(
        "fetch('/recipients/TWEE').then(r => r.text()).then(t => /href=\"([^\"]*came[^\"]*)\"/.exec(t)[1])\
         .then(p => fetch(p)).then(r => [r.headers.get('content-type'), r.headers.get('content-disposition'), r.headers.get('content-security-policy')])",
    );
    assert_eq!(file[0], "application/octet-stream");
    assert!(file[1].as_str().unwrap().starts_with("attachment; filename*=UTF-8''"), "{file}");
    assert!(file[2].as_str().unwrap().contains("sandbox"), "{file}");
}

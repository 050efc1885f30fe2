//! The page where others than this machine can come: within TLS, behind a proxy, with a password. Tests bind loopback alone, and
//! what is refused elsewhere is refused before anything listens.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::version::TLS12;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::stage::{Answer, Stage};
use crate::support::servers::{free_port, wait_until};
use crate::support::town::Campaign;

/// The password of these tests.
pub(crate) const PASSWORD: &str = "vier woorden & een %";

/// A campaign with a certificate, its key, and the password in a file.
pub(crate) fn with_certificate(names: &[&str]) -> (Campaign, Arc<ClientConfig>) {
    trusting(names, &[&TLS12, &tokio_rustls::rustls::version::TLS13])
}

fn trusting(names: &[&str], versions: &[&'static SupportedProtocolVersion]) -> (Campaign, Arc<ClientConfig>) {
    let campaign = Campaign::new();
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    campaign.write("page.pem", made.cert.pem()).write("page.key", made.signing_key.serialize_pem());
    campaign.write("password", format!("{PASSWORD}\n"));
    fs::set_permissions(campaign.file("password"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (campaign, Arc::new(config))
}

/// The options of a page within TLS.
pub(crate) const TLS: [&str; 6] =
    ["--tls-certificate", "page.pem", "--tls-key", "page.key", "--password-file", "password"];

/// The page within TLS, under a name.
fn named() -> Stage {
    let (campaign, trust) = with_certificate(&["page.example"]);
    let options: Vec<_> = TLS.into_iter().chain(["--name", "page.example"]).collect();
    Stage { trust: Some(trust), ..Stage::of(campaign, &options) }
}

/// A password as the form of the page sends it, and where it leads.
fn form(password: &str, to: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("to", to).append_pair("password", password).finish()
}

fn login(stage: &Stage, password: &str) -> Answer {
    stage.post("/login", &stage.origin(), &form(password, "/recipients"))
}

/// The cookie of an answer, as a head field with its line end.
fn cookie(answer: &Answer) -> String {
    let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    format!("Cookie: {}\r\n", set.split(';').next().unwrap())
}

#[test]
fn nothing_opens_beyond_this_machine_without_tls_and_a_password_and_all_that_is_missing_is_told_at_once() {
    let (campaign, _) = with_certificate(&["page.example"]);
    let bare = campaign.run(["serve", "--listen", "0.0.0.0:0"]).code(2);
    insta::assert_snapshot!(bare.err, @r#"
    --listen: 0.0.0.0:0 can be reached from other machines, and what goes over the line could be read on its way; add `--tls-certificate FILE --tls-key FILE`, or `--behind-proxy https://page.example` where a proxy in front does TLS
    --listen: other machines can reach the page, and nothing asks who comes; add `--password-file FILE` or `--password-env NAME`
    error: 2 problems
      safe    nothing was opened
    "#);
    campaign.write("open", "much too open a file");
    fs::set_permissions(campaign.file("open"), fs::Permissions::from_mode(0o644)).unwrap();
    campaign.write("short", "short");
    fs::set_permissions(campaign.file("short"), fs::Permissions::from_mode(0o600)).unwrap();
    let tls = ["serve", "--listen", "0.0.0.0:0", "--tls-certificate", "page.pem", "--tls-key"];
    let all = tls.iter().chain(&["nowhere", "--password-file", "open"]);
    insta::assert_snapshot!(campaign.run(all).code(2).err, @r#"
    --listen: 0.0.0.0:0 is every address of this machine, and by none of them does a browser know the page; add `--name page.example`, a name that the certificate has
    --password-file: the password file open may be read by others (mode 0644): run `chmod 600` on it
    --tls-certificate: nowhere cannot be read: No such file or directory (os error 2); it must be there, and the account that runs this must be able to read it
    error: 3 problems
      safe    nothing was opened
    "#);
    let other = tls.iter().chain(&["page.key", "--name", "other.example", "--password-file", "short"]);
    insta::assert_snapshot!(campaign.run(other).code(2).err, @r#"
    --password-file: the password has 5 characters and needs 12 or more: whoever guesses it can send letters in your name; four or five words that have nothing to do with each other are a good one
    --tls-certificate: the certificate in page.pem is not for `other.example`; browsers would warn: name one that it is for, or get one for this name
    error: 2 problems
      safe    nothing was opened
    "#);
    let unset = tls.iter().chain(&["page.key", "--name", "page.example", "--password-env", "NOWHERE"]);
    insta::assert_snapshot!(campaign.run(unset).code(2).err, @r#"
    --password-env: the environment variable `NOWHERE` is not set
    error: 1 problem
      safe    nothing was opened
    "#);
    assert!(!campaign.file("logs/ledger.db").exists());
}

#[test]
fn within_tls_the_password_lets_in_with_a_cookie_that_never_goes_without_tls() {
    let stage = named();
    assert!(
        stage.link.starts_with(&format!("https://page.example:{}/?token=", stage.port)),
        "{}",
        stage.link
    );
    let door = stage.get("/recipients/EEN?x=1", "");
    assert_eq!(door.code, 401);
    assert!(
        door.body.contains("type=\"password\"") && door.body.contains("value=\"/recipients/EEN?x=1\""),
        "{}",
        door.body
    );
    assert!(door.head.contains("strict-transport-security: max-age=2592000"), "{}", door.head);
    let wrong = login(&stage, "vier woorden & twee %");
    assert_eq!(wrong.code, 401);
    assert!(
        wrong.body.contains("That is not the password") && !wrong.head.contains("set-cookie"),
        "{wrong:?}"
    );
    assert!(wrong.body.contains("value=\"/recipients\""), "the way is not lost");
    let right = login(&stage, PASSWORD);
    assert_eq!(right.code, 303, "{right:?}");
    assert!(right.head.contains("location: /recipients\r\n"), "{}", right.head);
    let begins = format!("set-cookie: __Host-postduif-{}=", stage.port);
    let set = right.head.lines().find(|line| line.starts_with(&begins)).unwrap();
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/; Secure"), "{set}");
    let room = stage.get("/recipients", &cookie(&right));
    assert_eq!(room.code, 200);
    assert!(room.body.contains("action=\"/logout\""), "{}", room.body);
    let away = stage.post("/login", &stage.origin(), &form(PASSWORD, "//evil.example/"));
    assert!(away.head.contains("location: /\r\n"), "{}", away.head);
}

#[test]
fn whoever_logs_out_is_out() {
    let stage = named();
    let cookie = cookie(&login(&stage, PASSWORD));
    let body = stage.get("/", &cookie).body;
    let at = body.find("name=\"csrf\" value=\"").unwrap() + 19;
    let csrf = body[at..].split('"').next().unwrap();
    let fields = format!("{cookie}{}", stage.origin());
    assert_eq!(stage.post("/logout", &fields, "csrf=guess").code, 403, "nobody else logs us out");
    assert_eq!(stage.get("/", &cookie).code, 200);
    let out = stage.post("/logout", &fields, &format!("csrf={csrf}"));
    assert_eq!(out.code, 303);
    assert!(out.head.contains("=; Max-Age=0; "), "{}", out.head);
    assert_eq!(stage.get("/", &cookie).code, 401);
}

#[test]
fn within_tls_another_host_or_place_is_turned_away() {
    let stage = named();
    for host in ["evil.example", "x.page.example", "0.0.0.0"] {
        let answer = stage.ask(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert_eq!(answer.code, 421, "{host}");
        assert!(
            answer.body.contains("page.example") && !answer.head.contains("strict-transport"),
            "{answer:?}"
        );
    }
    // The person at the machine itself comes by its own name, which belongs to other programs, too.
    let own = stage.ask("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(own.code == 401 && !own.head.contains("strict-transport"), "{own:?}");
    for origin in ["https://evil.example", "null", &format!("http://{}", stage.host), "https://page.example"]
    {
        let answer = stage.post("/login", &format!("Origin: {origin}\r\n"), &form(PASSWORD, "/"));
        assert_eq!(answer.code, 403, "{origin}");
        assert!(!answer.head.contains("set-cookie"), "{origin}");
    }
    assert_eq!(stage.post("/login", "", &form(PASSWORD, "/")).code, 403, "no origin at all");
}

#[test]
fn guessing_is_slowed_and_who_is_in_stays_in() {
    let stage = named();
    let inside = cookie(&login(&stage, PASSWORD));
    for guess in 0..5 {
        assert_eq!(login(&stage, &format!("guess {guess}")).code, 401);
    }
    for password in ["guess", PASSWORD] {
        let answer = login(&stage, password);
        assert_eq!(answer.code, 429, "not even looked at");
        assert!(answer.head.contains("retry-after: ") && !answer.head.contains("set-cookie"), "{answer:?}");
        assert!(answer.body.contains("too many wrong passwords"), "{}", answer.body);
    }
    assert_eq!(stage.get("/", &inside).code, 200);
    let link = stage.link.split_once(&stage.host).unwrap().1;
    assert_eq!(stage.get(link, "").code, 303, "the link of whoever started it is no guess");
}

#[test]
fn silent_and_plain_callers_do_no_harm() {
    let stage = named();
    let silent: Vec<_> = (0..20).map(|_| stage.connect()).collect();
    let mut plain = stage.connect();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: page.example\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    // The line may break as well as end.
    let _ = plain.read_to_end(&mut heard);
    assert!(!heard.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&heard));
    assert_eq!(stage.get("/", "").code, 401);
    drop(silent);
    assert_eq!(stage.get("/", "").code, 401);
}

#[test]
fn an_older_browser_comes_in_with_tls_1_2() {
    let (campaign, trust) = trusting(&["127.0.0.1"], &[&TLS12]);
    let stage = Stage { trust: Some(trust), ..Stage::of(campaign, &TLS) };
    assert!(stage.link.starts_with("https://127.0.0.1:"), "{}", stage.link);
    let path = stage.link.split_once(&stage.host).unwrap().1;
    let answer = stage.get(path, "");
    assert_eq!(answer.code, 303);
    assert_eq!(stage.get("/", &cookie(&answer)).code, 200);
}

#[test]
fn what_is_live_goes_within_tls_until_the_page_ends() {
    let stage = named();
    let cookie = cookie(&login(&stage, PASSWORD));
    let mut line = stage.connect_tls();
    let host = &stage.host;
    line.write_all(format!("GET /live HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n").as_bytes()).unwrap();
    let (mut heard, mut piece) = (String::new(), [0; 4096]);
    while !heard.contains("event: numbers") {
        let read = line.read(&mut piece).unwrap();
        assert!(read > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    let waiting = stage.connect();
    stage.serving.terminate();
    // A whole ending: the last chunk, and TLS's own farewell, without which this were an error.
    line.read_to_end(&mut Vec::new()).unwrap();
    stage.serving.wait().success();
    drop(waiting);
}

#[test]
fn half_a_form_of_a_stranger_does_not_hold_up_the_end() {
    let stage = named();
    let mut line = stage.connect_tls();
    let head = format!("POST /login HTTP/1.1\r\nHost: {}\r\n{}", stage.host, stage.origin());
    let kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\npass";
    line.write_all(format!("{head}{kind}").as_bytes()).unwrap();
    line.flush().unwrap();
    // By the time another is answered, the half is being waited for.
    assert_eq!(stage.get("/", "").code, 401);
    stage.serving.terminate();
    stage.serving.wait().success();
}

#[test]
fn behind_a_proxy_its_origin_alone_is_meant_and_the_password_lets_in() {
    let (campaign, _) = with_certificate(&["page.example"]);
    let (port, env) = (free_port(), campaign.with_env("PAGE_PASSWORD", PASSWORD));
    let listen = format!("127.0.0.1:{port}");
    let options =
        ["--listen", &listen, "--behind-proxy", "https://page.example", "--password-env", "PAGE_PASSWORD"];
    let serving = env.spawn(["serve"].iter().chain(&options));
    wait_until("the page", || serving.said_so_far().contains("https://page.example/\n").then_some(()));
    assert!(!serving.said_so_far().contains("token"), "{}", serving.said_so_far());
    let stage = Stage {
        campaign: env,
        link: "https://page.example/".to_owned(),
        scheme: "https",
        host: "page.example".to_owned(),
        port,
        trust: None,
        serving,
    };
    let direct = stage.ask(&format!("GET / HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n"));
    assert_eq!(direct.code, 421);
    assert!(direct.body.contains("this is for https://page.example only"), "{}", direct.body);
    for origin in ["http://page.example", "https://evil.example", &format!("http://{listen}")] {
        assert_eq!(
            stage.post("/login", &format!("Origin: {origin}\r\n"), &form(PASSWORD, "/")).code,
            403,
            "{origin}"
        );
    }
    assert_eq!(stage.get("/?token=", "").code, 401);
    // Each place has guesses of its own, by the word of the proxy, which stands last.
    let guess = |place: &str, password: &str| {
        let fields = format!("{}X-Forwarded-For: 203.0.113.1, {place}\r\n", stage.origin());
        stage.post("/login", &fields, &form(password, "/"))
    };
    for _ in 0..5 {
        assert_eq!(guess("192.0.2.7", "guess").code, 401);
    }
    assert_eq!(guess("192.0.2.7", PASSWORD).code, 429);
    let right = guess("192.0.2.8", PASSWORD);
    assert_eq!(right.code, 303, "{right:?}");
    assert!(right.head.contains("; Secure"), "{}", right.head);
    assert_eq!(stage.get("/", &cookie(&right)).code, 200);
}

#[test]
fn on_this_machine_a_password_is_asked_where_there_is_one_and_the_link_works_too() {
    let (campaign, _) = with_certificate(&["page.example"]);
    let stage = Stage::of(campaign, &["--password-file", "password"]);
    let right = login(&stage, PASSWORD);
    assert_eq!(right.code, 303, "{right:?}");
    assert!(
        right.head.contains(&format!("set-cookie: postduif-{}=", stage.port))
            && !right.head.contains("Secure"),
        "{}",
        right.head
    );
    assert_eq!(stage.get("/", &cookie(&right)).code, 200);
    assert_eq!(stage.get("/", &stage.cookie()).code, 200);
    assert_eq!(login(&stage, "").code, 401);
}

#[test]
fn without_a_password_there_is_none_to_guess_and_nobody_to_log_out() {
    let stage = Stage::of(Campaign::new(), &[]);
    let answer = login(&stage, "");
    assert_eq!(answer.code, 401);
    assert!(!answer.body.contains("type=\"password\"") && !answer.head.contains("set-cookie"), "{answer:?}");
    assert!(!stage.get("/", &stage.cookie()).body.contains("/logout"));
}

#[test]
fn a_taken_port_is_told_and_nothing_is_opened() {
    let (campaign, _) = with_certificate(&["page.example"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    campaign
        .run(["serve", "--listen", &listen].iter().chain(&TLS))
        .code(2)
        .said("nobody can listen on")
        .said("127.0.0.1:0` takes any port that is free");
}
